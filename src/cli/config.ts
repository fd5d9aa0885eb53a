/** `warmpool config`: what wrangler does not do for a config. Create, list and delete are wrangler's. */
import { Command } from 'commander';
import { apiFromEnv } from './api.ts';
import { showConfig } from './config-show.ts';
import { defaultPortOf, type ProtocolName, protocolOfScheme } from './listeners.ts';
import { parsePort } from './options.ts';

interface UrlOptions {
  user: string;
  host: string;
  port?: number;
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
    .option('--host <host>', 'host of Warmpool', '127.0.0.1')
    .option(
      '--port <port>',
      "Warmpool's port for the config's protocol (default: 6432, MySQL 3307)",
      parsePort,
    )
    .option('--json', 'print an object with url, user and token')
    .addHelpText(
      'after',
      `
Examples:
  $ psql "$(npx warmpool config url mydb)"
  $ DATABASE_URL=$(npx warmpool config url mydb --user migrations) npx drizzle-kit migrate

The clients of MySQL and MariaDB take no URL. With a token of its own:
  $ npx warmpool token create cli --config mydb
  $ mariadb --protocol=tcp --skip-ssl -h 127.0.0.1 -P 3307 -u cli -p mydb`,
    )
    .action(printUrl);
  return command;
}

export function connectionString(parts: {
  protocol: ProtocolName;
  user: string;
  token: string;
  host: string;
  port: number;
  config: string;
}): string {
  const [user, token, config] = [parts.user, parts.token, parts.config].map(encodeURIComponent);
  return `${parts.protocol}://${user}:${token}@${parts.host}:${parts.port}/${config}`;
}

async function printUrl(name: string, options: UrlOptions): Promise<void> {
  const api = apiFromEnv();
  const { id, origin } = await api.findConfig(name);
  const { user, token } = await api.replaceToken(id, options.user);
  const protocol = protocolOfScheme(origin?.scheme ?? '');
  const { host, port = defaultPortOf(protocol) } = options;
  const url = connectionString({ protocol, user, token, host, port, config: name });
  console.log(options.json ? JSON.stringify({ url, user, token }) : url);
}
