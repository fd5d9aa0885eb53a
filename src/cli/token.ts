/** `warmpool token`: who may use the API, and (with --config) who may connect to a config over TCP. */
import { Command, Option } from 'commander';
import { type Api, apiFromEnv } from './api.ts';

const SCOPES = ['admin', 'read-only'];

interface CreateOptions {
  config?: string;
  scope?: string;
  json?: boolean;
}

interface ListOptions {
  config?: string;
  json?: boolean;
}

export function tokenCommand(): Command {
  const command = new Command('token')
    .description('tokens for the API; with --config tokens with which drivers log in')
    .addHelpText(
      'after',
      `
Examples:
  $ npx warmpool token create ci                       an admin token for the API, on stdout
  $ npx warmpool token create grafana --scope read-only
  $ npx warmpool token create reporting --config mydb  what user "reporting" logs in with
  $ npx warmpool token list --config mydb --json
  $ npx warmpool token revoke reporting --config mydb`,
    );
  const config = (): Option =>
    new Option('--config <name>', 'name or id of the config that drivers log in to');
  command
    .command('create')
    .description('make a token; it is shown this once')
    .argument('<name>', 'name of the token; with --config the user that logs in with it')
    .addOption(config())
    .addOption(new Option('--scope <scope>', 'what it may do at the API (default: admin)').choices(SCOPES))
    .option('--json', 'print an object with id, name or user, and token')
    .action(create);
  command
    .command('list')
    .description('list tokens, without the tokens themselves')
    .addOption(config())
    .option('--json', 'print an array of objects')
    .action(list);
  command
    .command('revoke')
    .description('end a token')
    .argument('<name>', 'name of the token; with --config the user')
    .addOption(config())
    .action(revoke);
  return command;
}

async function create(name: string, options: CreateOptions): Promise<void> {
  if (options.config !== undefined && options.scope !== undefined) {
    throw new Error('--scope is for tokens of the API; a token with --config only logs in to that config.');
  }
  const api = apiFromEnv();
  const created =
    options.config === undefined
      ? await api.createAdminToken({ name, scope: options.scope ?? 'admin' })
      : await api.createToken(await api.findConfigId(options.config), name);
  console.log(options.json ? JSON.stringify(created) : created.token);
}

async function list(options: ListOptions): Promise<void> {
  const api = apiFromEnv();
  const isForApi = options.config === undefined;
  const admin = isForApi ? await api.listAdminTokens() : [];
  const client = isForApi ? [] : await api.listTokens(await api.findConfigId(options.config ?? ''));
  if (options.json) {
    console.log(JSON.stringify(isForApi ? admin : client));
    return;
  }
  for (const token of admin) {
    console.log([token.name, token.scope, `...${token.last_four}`, token.created_on].join('\t'));
  }
  for (const token of client) console.log([token.user, token.id, token.created_on ?? ''].join('\t'));
}

async function revoke(name: string, options: ListOptions): Promise<void> {
  const api = apiFromEnv();
  if (options.config === undefined) await revokeAdmin(api, name);
  else await revokeClient({ api, user: name, config: options.config });
  console.error(`Revoked: ${name}`);
}

async function revokeAdmin(api: Api, name: string): Promise<void> {
  const token = (await api.listAdminTokens()).find((one) => one.name === name);
  if (token === undefined) throw new Error(`There is no API token "${name}". For a driver's, add --config.`);
  await api.deleteAdminToken(token.id);
}

async function revokeClient(options: { api: Api; user: string; config: string }): Promise<void> {
  const { api, user, config } = options;
  const configId = await api.findConfigId(config);
  const tokens = (await api.listTokens(configId)).filter((token) => token.user === user);
  if (tokens.length === 0) throw new Error(`User "${user}" has no token for config "${config}".`);
  for (const token of tokens) await api.deleteToken(configId, token.id);
}
