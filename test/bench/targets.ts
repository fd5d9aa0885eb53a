/** Starts PostgreSQL, PgBouncer where it is installed, and Warmpool: three ways to one database. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { Api } from '../../src/cli/api.ts';
import { makeTemporaryFolder } from '../../src/cli/leftovers.ts';
import { findFreePort } from '../../src/cli/ports.ts';
import { runStep } from '../../src/cli/steps.ts';
import { startWarmpool, type Warmpool } from '../../src/cli/warmpool-server.ts';
import { type WranglerConfig, writeConfig } from '../../src/cli/wrangler-dev.ts';
import { startDelayProxy } from '../../src/demo/delay-proxy.ts';
import { startMySqlServer } from '../../src/demo/mysql-server.ts';
import { type PostgresServer, startPostgresServer } from '../../src/demo/postgres-server.ts';
import { Edges } from '../fakes/edges.ts';
import { clientOf } from './handshake.ts';
import { findDescendants } from './memory.ts';
import { type MySqlTargets, versionOfMySql } from './mysql.ts';
import { startPgBouncer } from './pgbouncer.ts';
import type { Target } from './target.ts';

/** Hyperdrive's default. PgBouncer gets the same. */
const POOL_SIZE = 20;
/** 64 clients directly, and two pools. */
const ORIGIN_CONNECTIONS = '200';
/** As in the demo. */
const FAR_MS = 60;
const FAR_CONFIG = 'far';
const ACCOUNT = 'local';

const Created = v.object({ result: v.object({ id: v.string() }) });

export interface Targets {
  direct: Target;
  /** Undefined: not installed. */
  pgbouncer: Target | undefined;
  /** Caching is off. */
  warmpool: Target;
  caching: CachingTargets;
  /** Starts a MySQL, and makes it reachable through the same Warmpool. */
  startMySql(): Promise<MySqlTargets>;
}

/** The same database with caching on. */
export interface CachingTargets {
  session: Target;
  /** Each read asks the endpoint. */
  strict: Target;
  /** The same database, a round trip of so many milliseconds away. */
  far: {
    rttMs: number;
    direct: Target;
    session: Target;
    /** The same config through another isolate of the same data centre. */
    otherEdge: Target;
    /** The same by a bound capability, as a Worker has it: without a password. */
    bound: Target;
  };
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
  const { pooler, ...ways } = await runStep('Warmpool', () => startWarmpoolTargets(origin, direct));
  return { direct, pgbouncer, ...ways, startMySql: () => startMySqlTargets(pooler) };
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

async function startWarmpoolTargets(
  origin: PostgresServer,
  direct: Target,
): Promise<Pick<Targets, 'warmpool' | 'caching'> & { pooler: Warmpool }> {
  const folder = await makeTemporaryFolder('warmpool-bench');
  const boundPort = await findFreePort();
  const edges = await Edges.prepare({
    count: 1,
    folder: join(folder.path, 'edges'),
    protocol: 'postgres',
  });
  const warmpool = await startWarmpool({
    httpPort: await findFreePort(),
    postgresPort: await findFreePort(),
    mysqlPort: await findFreePort(),
    persistDir: join(folder.path, 'warmpool'),
    beside: async (worker) => [
      ...(await edges.writeConfigs(worker)),
      await writeBoundConfig({
        worker: worker.config.name,
        folder: join(folder.path, 'bound'),
        port: boundPort,
      }),
    ],
  });
  await edges.ready();
  const proxy = await startDelayProxy({ targetPort: origin.port, rttMs: FAR_MS });
  const off = await createTarget(warmpool, origin, { name: 'bench', caching: { disabled: true } });
  const session = await createTarget(warmpool, origin, { name: 'cached', caching: { disabled: false } });
  const strict = await createTarget(warmpool, origin, { name: 'strict', caching: { consistency: 'strict' } });
  const farOrigin = { ...origin, port: proxy.port };
  const far = await createTarget(warmpool, farOrigin, { name: FAR_CONFIG, caching: { disabled: false } });
  const [otherPort = 0] = edges.ports;
  return {
    pooler: warmpool,
    warmpool: off,
    caching: {
      session,
      strict,
      far: {
        rttMs: FAR_MS,
        direct: { ...direct, port: proxy.port },
        session: far,
        otherEdge: { ...far, port: otherPort },
        bound: { ...far, port: boundPort },
      },
    },
  };
}

async function startMySqlTargets(warmpool: Warmpool): Promise<MySqlTargets> {
  const server = await startMySqlServer({
    flavour: 'mysql',
    settings: { 'max-connections': ORIGIN_CONNECTIONS },
  });
  const origin = { ...server, scheme: 'mysql' };
  const pooled = await createTarget(warmpool, origin, { name: 'mysql', caching: { disabled: true } });
  const cached = await createTarget(warmpool, origin, { name: 'mysql-cached', caching: { disabled: false } });
  return {
    direct: { ...server, name: 'direct', version: await versionOfMySql(server), pids: () => [] },
    pooled,
    cached,
  };
}

function writeBoundConfig(options: { worker: string; folder: string; port: number }): Promise<string> {
  const { worker, folder, port } = options;
  const config: WranglerConfig = {
    name: 'bound',
    main: join(import.meta.dirname, 'bound-worker.ts'),
    compatibility_date: '2026-10-20',
    services: [{ binding: 'POOLER', service: worker, entrypoint: 'Pooler', props: { config: FAR_CONFIG } }],
    connect: [{ protocol: 'tcp', port, address: '127.0.0.1' }],
  };
  return writeConfig({ config, folder, secrets: {} });
}

type Origin = Pick<PostgresServer, 'port' | 'user' | 'password' | 'database'> & { scheme?: string };

async function createTarget(
  warmpool: Warmpool,
  origin: Origin,
  config: { name: string; caching: Record<string, unknown> },
): Promise<Target> {
  const configId = await createConfig(warmpool, origin, config);
  const api = new Api({ base: warmpool.apiBase, token: warmpool.adminToken, account: ACCOUNT });
  const { user, token } = await api.createToken(configId, 'app');
  return {
    name: 'warmpool',
    port: origin.scheme === 'mysql' ? warmpool.mysqlPort : warmpool.postgresPort,
    user,
    password: token,
    database: config.name,
    version: `${installedVersion('wrangler')} (wrangler), ${installedVersion('workerd')} (workerd)`,
    pids: () => findDescendants('workerd'),
  };
}

async function createConfig(
  warmpool: Warmpool,
  origin: Origin,
  config: { name: string; caching: Record<string, unknown> },
): Promise<string> {
  const { scheme = 'postgres', port, user, password, database } = origin;
  const response = await fetch(`${warmpool.apiBase}/accounts/${ACCOUNT}/hyperdrive/configs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${warmpool.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      ...config,
      origin: { scheme, host: '127.0.0.1', port, user, password, database },
      origin_connection_limit: POOL_SIZE,
      // MySQL offers TLS with a certificate of its own making.
      ...(scheme === 'mysql' ? { mtls: { sslmode: 'disable' } } : {}),
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
