/** `npm start`: a database far away, Warmpool, and an ordinary Worker that uses both ways to it. */
import { join } from 'node:path';
import { Command } from 'commander';
import { type DelayProxy, startDelayProxy } from '../demo/delay-proxy.ts';
import { Api } from './api.ts';
import { connectionString } from './config.ts';
import { measure } from './demo-measure.ts';
import { type DemoOrigin, MARIADB_ORIGIN, POSTGRES_ORIGIN } from './demo-origins.ts';
import { makeTemporaryFolder } from './leftovers.ts';
import { defaultPortOf, type ProtocolName } from './listeners.ts';
import { parseInteger, parsePort } from './options.ts';
import { findFreePort, requireFreePort } from './ports.ts';
import { runStep } from './steps.ts';
import { formatMs, renderBars, renderTable } from './table.ts';
import { startWarmpool, type Warmpool } from './warmpool-server.ts';
import { readConfig, runWrangler, startWranglerDev, type WranglerDev } from './wrangler-dev.ts';

const CONFIG_NAME = 'demo';
const ACCOUNT = 'local';
const RTT_MAX_MS = 5_000;
/** A median of fewer says little. */
const RUNS_MIN = 5;
const RUNS_MAX = 1_000;

interface DemoOptions {
  once?: boolean;
  mysql?: boolean;
  rtt: number;
  runs: number;
  port: number;
  postgresPort: number;
  mysqlPort: number;
}

export function demoCommand(): Command {
  return new Command('demo')
    .description('start everything for a first look and compare direct, pooled and cached')
    .option('--once', 'stop after the table')
    .option('--mysql', 'with MariaDB and mysql2, not PostgreSQL and postgres.js')
    .option('--rtt <ms>', 'how far away the database is', parseRtt, 60)
    .option('--runs <n>', 'measured runs of each', parseRuns, 7)
    .option('--port <port>', 'HTTP port of Warmpool', parsePort, 8787)
    .option('--postgres-port <port>', 'port for PostgreSQL drivers', parsePort, defaultPortOf('postgres'))
    .option('--mysql-port <port>', 'port for MySQL and MariaDB drivers', parsePort, defaultPortOf('mysql'))
    .addHelpText('after', '\nExamples:\n  $ npm start -- --once --rtt 120\n  $ npm start -- --mysql')
    .action(demo);
}

async function demo(options: DemoOptions): Promise<void> {
  // Before the first program is started, not after half of them are.
  await requireFreePort(options.port, '--port');
  await requireFreePort(options.postgresPort, '--postgres-port');
  await requireFreePort(options.mysqlPort, '--mysql-port');
  const kind = options.mysql ? MARIADB_ORIGIN : POSTGRES_ORIGIN;
  const folder = await makeTemporaryFolder('warmpool-demo');

  const origin = await runStep(kind.title, () => kind.start());
  const proxy = await startDelayProxy({ targetPort: origin.port, rttMs: options.rtt });
  const warmpool = await runStep('Warmpool', () =>
    startWarmpool({
      httpPort: options.port,
      postgresPort: options.postgresPort,
      mysqlPort: options.mysqlPort,
      persistDir: join(folder.path, 'warmpool'),
    }),
  );
  const directUrl = origin.urlOn(proxy.port);
  const pooledUrl = await runStep(`wrangler hyperdrive create ${CONFIG_NAME}`, () =>
    createConfig({ warmpool, directUrl, folder: folder.path, protocol: kind.protocol }),
  );
  const worker = await runStep('Demo Worker', () =>
    startDemoWorker({ folder: join(folder.path, 'demo'), kind, directUrl, pooledUrl }),
  );
  await compare({ worker, proxy, options, kind });
  if (options.once) return;

  sayWhere({ options, kind, pooledUrl, worker });
  throw new Error(`Warmpool ended by itself:\n${await warmpool.ended}`);
}

function parseRtt(text: string): number {
  return parseInteger(text, { min: 0, max: RTT_MAX_MS });
}

function parseRuns(text: string): number {
  return parseInteger(text, { min: RUNS_MIN, max: RUNS_MAX });
}

/** With the real wrangler, as a user does. The password is of a database that lives for this demo. */
async function createConfig(options: {
  warmpool: Warmpool;
  directUrl: string;
  folder: string;
  protocol: ProtocolName;
}): Promise<string> {
  const { protocol } = options;
  const { apiBase, adminToken, postgresPort, mysqlPort } = options.warmpool;
  await runWrangler({
    args: ['hyperdrive', 'create', CONFIG_NAME, `--connection-string=${options.directUrl}`],
    folder: options.folder,
    env: {
      CLOUDFLARE_API_BASE_URL: apiBase,
      CLOUDFLARE_API_TOKEN: adminToken,
      CLOUDFLARE_ACCOUNT_ID: ACCOUNT,
    },
  });
  const api = new Api({ base: apiBase, token: adminToken, account: ACCOUNT });
  const { user, token } = await api.replaceToken(await api.findConfigId(CONFIG_NAME), 'app');
  const port = protocol === 'mysql' ? mysqlPort : postgresPort;
  return connectionString({ protocol, user, token, host: '127.0.0.1', port, config: CONFIG_NAME });
}

async function startDemoWorker(options: {
  folder: string;
  kind: DemoOrigin;
  directUrl: string;
  pooledUrl: string;
}): Promise<WranglerDev> {
  const demoFolder = join(import.meta.dirname, '../demo');
  return startWranglerDev({
    config: {
      ...(await readConfig(join(demoFolder, 'wrangler.jsonc'))),
      main: join(demoFolder, options.kind.worker),
    },
    folder: options.folder,
    secrets: { DIRECT_URL: options.directUrl },
    httpPort: await findFreePort(),
    healthPath: '/',
    env: { CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_POOLER: options.pooledUrl },
  });
}

async function compare(demo: {
  worker: WranglerDev;
  proxy: DelayProxy;
  options: DemoOptions;
  kind: DemoOrigin;
}): Promise<void> {
  const { rtt, runs } = demo.options;
  const { rows, emptyCallMs } = await runStep(`Warm-up and ${runs} runs of each`, () =>
    measure({ demoUrl: demo.worker.url, proxy: demo.proxy, runs }),
  );
  console.log(`
One round trip to the database takes ${rtt} ms. Each run makes a new driver connection (${demo.kind.driver} in a Worker).

${renderTable(rows, rtt)}

${renderBars(rows, rtt)}

Pooled: a row that nobody has asked for before. Cached: the same row again and again; an INSERT is never cached.
Medians of ${runs} runs, whole HTTP call to the Worker (an empty one takes ${formatMs(emptyCallMs)}). Round trips are
counted on the wire; opening a TCP connection costs one more that is not in the count.`);
}

function sayWhere(up: {
  options: DemoOptions;
  kind: DemoOrigin;
  pooledUrl: string;
  worker: WranglerDev;
}): void {
  console.log(`
It stays up:
  HTTP         http://127.0.0.1:${up.options.port}
  Postgres     127.0.0.1:${up.options.postgresPort}
  MySQL        127.0.0.1:${up.options.mysqlPort}
  Demo Worker  ${up.worker.url}/run?via=pooled&job=select

  ${up.kind.shell(up.pooledUrl)}

Stop with Ctrl-C.`);
}
