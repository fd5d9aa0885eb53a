/**
 * Everything that a test of the whole needs: real database servers, each behind a delay proxy (no delay unless
 * asked for), and Warmpool under `wrangler dev`. All on free ports, all gone after `stop`.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { connectionString } from '../../src/cli/config.ts';
import { makeTemporaryFolder } from '../../src/cli/leftovers.ts';
import { findFreePort } from '../../src/cli/ports.ts';
import { startWarmpool, type Warmpool, type WarmpoolOptions } from '../../src/cli/warmpool-server.ts';
import type { DelayProxy } from '../../src/demo/delay-proxy.ts';
import { Edges } from './edges.ts';
import {
  askOrigin,
  type Origin,
  originUrl,
  protocolOf,
  startOrigin,
  stopOrigin,
  type Version,
} from './origins.ts';

const START_ATTEMPTS_MAX = 3;
const ACCOUNT = 'local';
const USER = 'app';

/** A database of its own, and the two ways to it. */
export interface Target {
  configId: string;
  /** The config's name, and the database's. */
  name: string;
  /** Straight to the server. */
  direct: string;
  /** To the same database through Warmpool. */
  pooled: string;
  /** What Warmpool logs in to: the proxy's counts are its traffic. */
  proxy: DelayProxy;
}

/** Fields of a config as the API takes them. */
export interface ConfigFields {
  origin_connection_limit?: number;
  pool?: Record<string, number>;
  mtls?: { sslmode: string };
  /** Off, where a test does not ask for it. */
  caching?: Record<string, unknown>;
}

export interface Harness {
  warmpool: Warmpool;
  origin(version: Version): Origin;
  createTarget(options?: { version?: Version; config?: ConfigFields }): Promise<Target>;
  /** To the target through each edge; the first is `pooled`. Further ones are asked for with `startHarness`. */
  throughEdges(target: Target): string[];
  /** Asks a target's origin on a connection of its own, past Warmpool. */
  ask(target: Target, sql: string): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

/** `edges`: how many isolates of one process answer drivers, each on a port of its own. */
export async function startHarness(
  options: { versions?: readonly Version[]; edges?: number } = {},
): Promise<Harness> {
  const folder = await makeTemporaryFolder('warmpool-test');
  const further = await Edges.prepare({
    count: (options.edges ?? 1) - 1,
    folder: join(folder.path, 'edges'),
    protocol: protocolOf(options.versions?.[0] ?? '18'),
  });
  const [warmpool, ...origins] = await Promise.all([
    startOnFreePorts({
      persistDir: join(folder.path, 'warmpool'),
      beside: (worker) => further.writeConfigs(worker),
      // What Warmpool itself prints, for whoever looks for a fault: WARMPOOL_TEST_LOG=1.
      ...(process.env['WARMPOOL_TEST_LOG'] ? { log: (text: string) => void process.stderr.write(text) } : {}),
    }),
    ...(options.versions ?? ['18']).map(startOrigin),
  ]);
  await further.ready();
  const origin = (version: Version): Origin => {
    const found = origins.find((candidate) => candidate.version === version);
    if (found === undefined) throw new Error(`The server ${version} was not asked for.`);
    return found;
  };
  return {
    warmpool,
    origin,
    createTarget: ({ version = '18', config = {} } = {}) =>
      createTarget({ warmpool, origin: origin(version), config }),
    throughEdges: ({ pooled }) => [pooled, ...further.urlsOf(pooled)],
    ask: (target, sql) => askOrigin(target.direct, sql),
    async stop() {
      await warmpool.stop();
      await Promise.all(origins.map(stopOrigin));
      await folder.remove();
    },
  };
}

/** A port that was free may be somebody else's when Warmpool, seconds later, listens: then others are tried. */
export async function startOnFreePorts(
  options: Omit<WarmpoolOptions, 'httpPort' | 'postgresPort' | 'mysqlPort'>,
): Promise<Warmpool> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const [httpPort, postgresPort] = [await findFreePort(), await findFreePort()];
      const mysqlPort = await findFreePort();
      return await startWarmpool({ ...options, httpPort, postgresPort, mysqlPort });
    } catch (error) {
      if (attempt === START_ATTEMPTS_MAX || !/address already in use/i.test(String(error))) throw error;
    }
  }
}

async function createTarget(options: {
  warmpool: Warmpool;
  origin: Origin;
  config: ConfigFields;
}): Promise<Target> {
  const { warmpool, origin, config } = options;
  const { protocol, server, proxy } = origin;
  const name = `test_${randomBytes(6).toString('hex')}`;
  await askOrigin(originUrl(origin, server.database), `create database ${name}`);
  const created = await post(warmpool, '', {
    name,
    origin: {
      scheme: protocol,
      host: '127.0.0.1',
      port: proxy.port,
      database: name,
      user: server.user,
      password: server.password,
    },
    caching: { disabled: true },
    // MySQL offers TLS with a certificate of its own making.
    ...(protocol === 'mysql' ? { mtls: { sslmode: 'disable' } } : {}),
    ...config,
  });
  const configId = String(created.id);
  const { token } = await post(warmpool, `/${configId}/tokens`, { user: USER });
  const port = protocol === 'mysql' ? warmpool.mysqlPort : warmpool.postgresPort;
  const pooled = connectionString({
    protocol,
    user: USER,
    token: String(token),
    host: '127.0.0.1',
    port,
    config: name,
  });
  return { configId, name, direct: originUrl(origin, name), pooled, proxy };
}

async function post(warmpool: Warmpool, path: string, body: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(`${warmpool.apiBase}/accounts/${ACCOUNT}/hyperdrive/configs${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${warmpool.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const envelope = (await response.json()) as { success: boolean; result: Record<string, unknown> };
  if (!envelope.success) throw new Error(`The API refused: ${JSON.stringify(envelope)}`);
  return envelope.result;
}
