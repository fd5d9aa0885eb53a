/** `npm run dev`: Warmpool alone, for the user's own database. */
import { join } from 'node:path';
import { Command } from 'commander';
import { defaultPortOf } from './listeners.ts';
import { parsePort } from './options.ts';
import { runStep } from './steps.ts';
import { startWarmpool } from './warmpool-server.ts';

interface DevOptions {
  port: number;
  postgresPort: number;
  mysqlPort: number;
}

export function devCommand(): Command {
  return new Command('dev')
    .description('start Warmpool for your own database')
    .option('--port <port>', 'HTTP port of API and dashboard', parsePort, 8787)
    .option('--postgres-port <port>', 'port for PostgreSQL drivers', parsePort, defaultPortOf('postgres'))
    .option('--mysql-port <port>', 'port for MySQL and MariaDB drivers', parsePort, defaultPortOf('mysql'))
    .addHelpText('after', '\nExample:\n  $ npm run dev -- --postgres-port 6433')
    .action(dev);
}

/** Configs of `npm run dev` and the key that encrypts their passwords. */
export const DEV_FOLDER: string = join(import.meta.dirname, '../../.warmpool');

async function dev(options: DevOptions): Promise<void> {
  let isUp = false;
  const warmpool = await runStep('Warmpool', () =>
    startWarmpool({
      httpPort: options.port,
      postgresPort: options.postgresPort,
      mysqlPort: options.mysqlPort,
      persistDir: DEV_FOLDER,
      log: (text) => {
        if (isUp) process.stderr.write(text);
      },
    }),
  );
  isUp = true;
  console.log(`
ready
  HTTP      http://127.0.0.1:${options.port}
  Postgres  127.0.0.1:${options.postgresPort}
  MySQL     127.0.0.1:${options.mysqlPort}

Make a config for your database (postgres:// or mysql://), then print a connection string:
  export CLOUDFLARE_API_BASE_URL=${warmpool.apiBase} CLOUDFLARE_API_TOKEN=${warmpool.adminToken} CLOUDFLARE_ACCOUNT_ID=local
  npx wrangler hyperdrive create mydb --connection-string=postgres://user:password@host:5432/database
  npx warmpool config url mydb${portOption(options)}

Stop with Ctrl-C.`);
  throw new Error(`Warmpool ended by itself:\n${await warmpool.ended}`);
}

/** The command knows the usual ports only. */
function portOption({ postgresPort, mysqlPort }: DevOptions): string {
  const isUsual = postgresPort === defaultPortOf('postgres') && mysqlPort === defaultPortOf('mysql');
  return isUsual ? '' : ' --port <that of its protocol>';
}
