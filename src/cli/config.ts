/** `warmpool config`: what wrangler does not do for a config. Create, list and delete are wrangler's. */
import { Command } from 'commander';
import { apiFromEnv } from './api.ts';
import { showConfig } from './config-show.ts';
import { parsePort } from './options.ts';

interface UrlOptions {
  user: string;
  host: string;
  port: number;
  json?: boolean;
}

export function configCommand(): Command {
  const command = new Command('config')
    .description('look at configs and connect to them')
    .addHelpText('after', "\nCreate, update and delete are wrangler's: npx wrangler hyperdrive --help");
  command
    .command('show')
    .description('print a config and what its pool is doing right now')
    .argument('<name>', 'name or id of the config')
    .option('--json', 'print one object')
    .addHelpText('after', '\nExample:\n  $ npx warmpool config show mydb --json')
    .action(showConfig);
  command
    .command('url')
    .description('print a connection string with a new token, and nothing else')
    .argument('<name>', 'name or id of the config')
    .option('--user <user>', 'whose token; an earlier one of that user ends', 'app')
    .option('--host <host>', "host of Warmpool's PostgreSQL port", '127.0.0.1')
    .option('--port <port>', "Warmpool's PostgreSQL port", parsePort, 6432)
    .option('--json', 'print an object with url, user and token')
    .addHelpText(
      'after',
      `
Examples:
  $ psql "$(npx warmpool config url mydb)"
  $ DATABASE_URL=$(npx warmpool config url mydb --user migrations) npx drizzle-kit migrate`,
    )
    .action(printUrl);
  return command;
}

export function connectionString(parts: {
  user: string;
  token: string;
  host: string;
  port: number;
  config: string;
}): string {
  const [user, token, config] = [parts.user, parts.token, parts.config].map(encodeURIComponent);
  return `postgres://${user}:${token}@${parts.host}:${parts.port}/${config}`;
}

async function printUrl(name: string, options: UrlOptions): Promise<void> {
  const api = apiFromEnv();
  const { user, token } = await api.replaceToken(await api.findConfigId(name), options.user);
  const url = connectionString({ user, token, host: options.host, port: options.port, config: name });
  console.log(options.json ? JSON.stringify({ url, user, token }) : url);
}
