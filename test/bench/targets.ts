/** Starts PostgreSQL, PgBouncer where it is installed, and Warmpool: three ways to one database. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { Api } from '../../src/cli/api.ts';
import { makeTemporaryFolder } from '../../src/cli/leftovers.ts';
import { findFreePort } from '../../src/cli/ports.ts';
import { runStep } from '../../src/cli/steps.ts';
import { startWarmpool, type Warmpool } from '../../src/cli/warmpool-server.ts';
import { type PostgresServer, startPostgresServer } from '../../src/demo/postgres-server.ts';
import { clientOf } from './handshake.ts';
import { findDescendants } from './memory.ts';
import { startPgBouncer } from './pgbouncer.ts';
import type { Target } from './target.ts';

/** Hyperdrive's default. PgBouncer gets the same. */
const POOL_SIZE = 20;
/** 64 clients directly, and two pools. */
const ORIGIN_CONNECTIONS = '200';
const CONFIG_NAME = 'bench';
const ACCOUNT = 'local';

const Created = v.object({ result: v.object({ id: v.string() }) });

export interface Targets {
  direct: Target;
  /** Undefined: not installed. */
  pgbouncer: Target | undefined;
  warmpool: Target;
}

export async function startTargets(): Promise<Targets> {
  const origin = await runStep('PostgreSQL 18', () =>
    startPostgresServer({ settings: { max_connections: ORIGIN_CONNECTIONS } }),
  );
  const { version, verifier } = await askOrigin(origin);
  const direct: Target = { ...origin, name: 'direct', version, pids: () => [] };
  const pgbouncer = await runStep('PgBouncer', () =>
    startPgBouncer({ origin, verifier, poolSize: POOL_SIZE }),
  );
  return { direct, pgbouncer, warmpool: await runStep('Warmpool', () => startWarmpoolTarget(origin)) };
}

async function askOrigin(origin: PostgresServer): Promise<{ version: string; verifier: string }> {
  const client = clientOf({ ...origin, name: 'direct', version: '', pids: () => [] });
  await client.connect();
  const { rows } = await client.query(
    "SELECT current_setting('server_version') AS version, rolpassword AS verifier FROM pg_authid WHERE rolname = $1",
    [origin.user],
  );
  await client.end();
  return v.parse(v.object({ version: v.string(), verifier: v.string() }), rows[0]);
}

async function startWarmpoolTarget(origin: PostgresServer): Promise<Target> {
  const folder = await makeTemporaryFolder('warmpool-bench');
  const warmpool = await startWarmpool({
    httpPort: await findFreePort(),
    postgresPort: await findFreePort(),
    persistDir: join(folder.path, 'warmpool'),
  });
  const configId = await createConfig(warmpool, origin);
  const api = new Api({ base: warmpool.apiBase, token: warmpool.adminToken, account: ACCOUNT });
  const { user, token } = await api.createToken(configId, 'app');
  return {
    name: 'warmpool',
    port: warmpool.postgresPort,
    user,
    password: token,
    database: CONFIG_NAME,
    version: `${installedVersion('wrangler')} (wrangler), ${installedVersion('workerd')} (workerd)`,
    pids: () => findDescendants('workerd'),
  };
}

async function createConfig(warmpool: Warmpool, origin: PostgresServer): Promise<string> {
  const { port, user, password, database } = origin;
  const response = await fetch(`${warmpool.apiBase}/accounts/${ACCOUNT}/hyperdrive/configs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${warmpool.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      name: CONFIG_NAME,
      origin: { scheme: 'postgres', host: '127.0.0.1', port, user, password, database },
      caching: { disabled: true },
      origin_connection_limit: POOL_SIZE,
    }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`Warmpool's API refused the config (${response.status}): ${text}`);
  return v.parse(Created, JSON.parse(text)).result.id;
}

function installedVersion(name: string): string {
  const path = join(import.meta.dirname, '../../node_modules', name, 'package.json');
  return v.parse(v.object({ version: v.string() }), JSON.parse(readFileSync(path, 'utf8'))).version;
}
