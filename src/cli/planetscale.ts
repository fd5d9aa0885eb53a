/** `warmpool planetscale`: credentials of a PlanetScale branch are made, given to a config, and renewed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { apiFromEnv } from './api.ts';
import { parseInteger } from './options.ts';
import {
  type Branch,
  type Credentials,
  type DatabaseKind,
  type PlanetscaleApi,
  planetscaleFromEnv,
} from './planetscale-api.ts';

/** Enough for an application, not enough to change the schema. */
const ROLES_DEFAULT = ['pg_read_all_data', 'pg_write_all_data'];
const DRAIN_MAX_SECONDS = 3_600;
const ORIGINS: Record<DatabaseKind, { scheme: string; port: number }> = {
  postgresql: { scheme: 'postgres', port: 5432 },
  mysql: { scheme: 'mysql', port: 3306 },
};

interface ConnectOptions {
  name?: string;
  role: string[];
  port?: number;
  json?: boolean;
}

interface RotateOptions {
  name?: string;
  drain: number;
  json?: boolean;
}

export function planetscaleCommand(): Command {
  const command = new Command('planetscale')
    .description('configs whose credentials PlanetScale makes')
    .addHelpText(
      'after',
      `
Environment:
  PLANETSCALE_SERVICE_TOKEN_ID, PLANETSCALE_SERVICE_TOKEN   a service token of your organization
  PLANETSCALE_API_BASE_URL                                  default https://api.planetscale.com/v1

Examples:
  $ npx warmpool planetscale connect acme/shop/main --name shop
  $ npx warmpool planetscale rotate acme/shop/main --name shop`,
    );
  command
    .command('connect')
    .description('make credentials for a branch and a config that uses them')
    .argument('<branch>', 'organization/database/branch', parseBranch)
    .option('--name <name>', 'name of the config (default: that of the database)')
    .option('--role <role...>', 'what the new role inherits (PostgreSQL)', ROLES_DEFAULT)
    .option('--port <port>', 'port, where it is not the default one', (text) =>
      parseInteger(text, { min: 1, max: 65_535 }),
    )
    .option('--json', 'print the config')
    .action(connect);
  command
    .command('rotate')
    .description('make new credentials, change the config to them, then end the old ones')
    .argument('<branch>', 'organization/database/branch', parseBranch)
    .option('--name <name>', 'name or id of the config (default: that of the database)')
    .option('--drain <seconds>', 'how long the old credentials stay valid', parseDrain, 60)
    .option('--json', 'print the config')
    .action(rotate);
  return command;
}

function parseBranch(text: string): Branch {
  const [organization, database, branch, ...rest] = text.split('/');
  if (!organization || !database || !branch || rest.length > 0) {
    throw new InvalidArgumentError('It must be organization/database/branch.');
  }
  return { organization, database, branch };
}

function parseDrain(text: string): number {
  return parseInteger(text, { min: 0, max: DRAIN_MAX_SECONDS });
}

async function connect(branch: Branch, options: ConnectOptions): Promise<void> {
  const planetscale = planetscaleFromEnv(branch);
  const kind = await planetscale.kind();
  const name = options.name ?? branch.database;
  const credentials = await create({ planetscale, kind, roles: options.role });
  const { scheme, port } = ORIGINS[kind];
  const config = await orTakeBack({ planetscale, kind, credentials }, () =>
    apiFromEnv().createConfig({
      name,
      origin: { scheme, ...originOf(credentials), port: options.port ?? port },
    }),
  );
  say(options, config, `Created: ${config.name} (${config.id}), user ${credentials.user}`);
}

async function rotate(branch: Branch, options: RotateOptions): Promise<void> {
  const planetscale = planetscaleFromEnv(branch);
  const api = apiFromEnv();
  const config = await api.findConfig(options.name ?? branch.database);
  const kind = await planetscale.kind();
  const username = config.origin?.user ?? '';
  const old = await planetscale.find(kind, username);
  if (old === undefined) {
    throw new Error(
      `The branch has no user "${username}", which config "${config.name}" uses. Is it another branch's?`,
    );
  }
  const credentials = await create({ planetscale, kind, roles: old.inherited_roles });
  const { user, password } = originOf(credentials);
  // The config tries them first; what does not work leaves the old ones in use.
  await orTakeBack({ planetscale, kind, credentials }, () =>
    api.patchConfig(config.id, { origin: { user, password } }),
  );
  // Connections with the old ones end with their transaction.
  await sleep(options.drain * 1000);
  await planetscale.delete(kind, old.id, user);
  say(options, await api.findConfig(config.id), `Rotated: ${config.name}, user ${user}; ${username} is gone`);
}

async function create(options: {
  planetscale: PlanetscaleApi;
  kind: DatabaseKind;
  roles: string[];
}): Promise<Credentials> {
  const name = `warmpool-${new Date().toISOString().slice(0, 19).replace(/\D/g, '')}`;
  if (options.kind === 'mysql') return options.planetscale.createPassword(name);
  return options.planetscale.createRole({ name, inherited_roles: options.roles });
}

/** Credentials that no config uses must not stay behind. */
async function orTakeBack<T>(
  made: { planetscale: PlanetscaleApi; kind: DatabaseKind; credentials: Credentials },
  use: () => Promise<T>,
): Promise<T> {
  try {
    return await use();
  } catch (error) {
    const { planetscale, kind, credentials } = made;
    await planetscale.delete(kind, credentials.id);
    throw error;
  }
}

function originOf({ host, user, password, database }: Credentials): Omit<Credentials, 'id'> {
  return { host, user, password, database };
}

function say(options: { json?: boolean }, config: object, words: string): void {
  if (options.json) console.log(JSON.stringify(config));
  else console.error(words);
}
