/**
 * One PostgreSQL, seen from seven regions: five behind delay proxies of different round trips, one that may fall
 * silent, one where nothing listens. The regions are measured through real sockets.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Api } from '../../src/cli/api.ts';
import { connectionString } from '../../src/cli/config.ts';
import { makeTemporaryFolder } from '../../src/cli/leftovers.ts';
import { readPlacement } from '../../src/cli/place.ts';
import { findFreePort, waitUntil } from '../../src/cli/ports.ts';
import { startWarmpool, type Warmpool } from '../../src/cli/warmpool-server.ts';
import { type DelayProxy, startDelayProxy } from '../../src/demo/delay-proxy.ts';
import { type PostgresServer, startPostgresServer } from '../../src/demo/postgres-server.ts';
import { DebugClient, untilHit } from '../fakes/caching.ts';

const DISTANCES_MS = { wnam: 80, enam: 60, weur: 10, eeur: 25, apac: 40, oc: 70 };
type Near = keyof typeof DISTANCES_MS;
/** Nothing listens there. */
const CLOSED = 'me';
/** Of a query on its way through a proxy and a busy machine. */
const NOISE_MS = 50;
const PLACE_MS_MAX = 10_000;
/** Edges keep what they know for 5 s. The rest is for a busy machine. */
const EDGE_KNOWS_MS = 7_000;
const WAIT_MS = 30_000;
const PG_CANCELED = '57014';
const PG_NO_SUCH_DATABASE = '3D000';

interface Config {
  id: string;
  name: string;
  placement?: {
    hint?: string;
    endpoint_hint?: string;
    chosen?: string;
    measured_on?: string;
    regions?: Record<string, { connect_ms?: number; query_ms?: number; error?: string }>;
  };
}

let origin: PostgresServer;
let warmpool: Warmpool;
let api: Api;
let proxies: Record<Near, DelayProxy>;
let config: Config;
/** The database of the test's config: what is connected to it is this config's. */
let database: string;
let pooled: string;
let cleanUp: () => Promise<void>;

beforeAll(async () => {
  const folder = await makeTemporaryFolder('warmpool-placement');
  origin = await startPostgresServer();
  const target = { targetPort: origin.port };
  proxies = {
    wnam: await startDelayProxy({ ...target, rttMs: 0 }),
    enam: await startDelayProxy({ ...target, rttMs: 0 }),
    weur: await startDelayProxy({ ...target, rttMs: 0 }),
    eeur: await startDelayProxy({ ...target, rttMs: 0 }),
    apac: await startDelayProxy({ ...target, rttMs: 0 }),
    oc: await startDelayProxy({ ...target, rttMs: 0 }),
  };
  const ports = { ...mapProxies((proxy) => proxy.port), [CLOSED]: await findFreePort() };
  const routes = Object.fromEntries(
    Object.entries(ports).map(([hint, port]) => [hint, { host: '127.0.0.1', port }]),
  );
  warmpool = await startWarmpool({
    httpPort: await findFreePort(),
    postgresPort: await findFreePort(),
    mysqlPort: await findFreePort(),
    persistDir: join(folder.path, 'warmpool'),
    env: { PLACEMENT_ROUTES: JSON.stringify(routes) },
  });
  api = new Api({ base: warmpool.apiBase, token: warmpool.adminToken, account: 'local' });
  cleanUp = async () => {
    await warmpool.stop();
    await Promise.all(Object.values(proxies).map((proxy) => proxy.stop()));
    await origin.stop();
    await folder.remove();
  };
});

afterAll(() => cleanUp());

/** Each test has a config of its own, nearest to weur and placed there. */
beforeEach(async () => {
  setDistances(DISTANCES_MS);
  database = `placed_${randomBytes(6).toString('hex')}`;
  await ask(`create database ${database}`);
  config = await create(database);
  expect(config.placement).toBeUndefined();
  await untilPlaced((placement) => placement.endpoint_hint !== undefined);
  const { token } = await api.createToken(config.id, 'app');
  const address = { host: '127.0.0.1', port: warmpool.postgresPort };
  pooled = connectionString({ protocol: 'postgres', user: 'app', token, config: config.id, ...address });
});

test('a new config finds the nearest region by itself', async () => {
  const { placement } = await read();
  expect(placement).toMatchObject({ endpoint_hint: 'weur', chosen: 'weur' });
  for (const [hint, rttMs] of Object.entries(DISTANCES_MS)) {
    const { query_ms: queryMs = 0, connect_ms: connectMs = 0 } = placement?.regions?.[hint] ?? {};
    expect(queryMs, hint).toBeGreaterThanOrEqual(rttMs - 1);
    expect(queryMs, hint).toBeLessThan(rttMs + NOISE_MS);
    // TCP, then at least the startup packet and its answer.
    expect(connectMs, hint).toBeGreaterThanOrEqual(2 * rttMs - 1);
  }
  expect(Object.keys(placement?.regions ?? {})).toHaveLength(7);
  expect(placement?.regions?.[CLOSED]).toEqual({ error: expect.stringContaining('connection_refused') });
  console.log('placement of a new config', JSON.stringify(placement?.regions));
});

test('the database moves: so does the endpoint, and drivers in a transaction notice nothing', async () => {
  const staying = postgres(pooled, { max: 1, fetch_types: false });
  const inTransaction = await connected();
  await inTransaction.query('begin');
  const before = await backendOf(inTransaction);
  await staying`select 1`;
  expect((await state()).sessions).toBe(2);

  setDistances({ ...DISTANCES_MS, weur: 90, apac: 5 });
  expect(await place()).toMatchObject({ endpoint_hint: 'apac', chosen: 'apac' });

  // The new endpoint serves nobody yet, and is warm.
  expect(await state()).toMatchObject({ sessions: 0, pool: { size: 1, idle: 1, opened: 1 } });
  expect(await backendOf(inTransaction)).toBe(before);
  const newcomer = await connected();
  expect(await backendOf(newcomer)).not.toBe(before);
  expect(await state()).toMatchObject({ sessions: 1, pool: { opened: 1 } });

  // The old one goes on: in the transaction, after it, and for a cancel request.
  await inTransaction.query('commit');
  expect(await backendOf(inTransaction)).toBeGreaterThan(0);
  const slow = staying`select pg_sleep(${WAIT_MS / 1_000})`.execute();
  await until(async () => (await originConnections('and state = $$active$$')) > 0);
  slow.cancel();
  await expect(slow).rejects.toMatchObject({ code: PG_CANCELED });
  expect(await staying`select 2 as n`).toEqual([{ n: 2 }]);

  // With its last driver it leaves the origin.
  await inTransaction.end();
  await staying.end();
  await until(async () => (await originConnections()) === 1);
  expect((await newcomer.query('select 3 as n')).rows).toEqual([{ n: 3 }]);
  await newcomer.end();
});

test('an edge leads new drivers to the new endpoint within 5 s, and no earlier driver away from the old', async () => {
  const early = await connected();
  // This edge has just read where the endpoint is, and nobody tells it of a move in the background.
  await call('PATCH', `/${config.id}`, { placement: { hint: 'oc' } });
  const knowing = await connected();
  await knowing.query('select 1');
  await untilPlaced(({ endpoint_hint: here }) => here === 'oc');
  const movedAt = performance.now();
  const later: Client[] = [];
  await until(async () => {
    const client = await connected();
    later.push(client);
    await client.query('select 1');
    return (await state()).sessions > 0;
  });
  expect(performance.now() - movedAt).toBeLessThan(EDGE_KNOWS_MS);
  console.log(`new drivers came to the new endpoint after ${Math.round(performance.now() - movedAt)} ms`);
  // The second driver may have come before or after the move; once it has left, only later ones are there.
  await knowing.end();
  await until(async () => (await state()).sessions <= later.length);
  expect((await early.query('select 2 as n')).rows).toEqual([{ n: 2 }]);
  await Promise.all([early, ...later].map((client) => client.end()));
});

test('drivers at an endpoint before hear that the config was deleted', async () => {
  const client = await connected();
  await client.query('select 1');
  setDistances({ ...DISTANCES_MS, weur: 90 });
  expect((await place()).endpoint_hint).toBe('eeur');
  await client.query('select 1');
  await call('DELETE', `/${config.id}`);
  await expect(client.query('select 1')).rejects.toMatchObject({ code: PG_NO_SUCH_DATABASE });
  await until(async () => (await originConnections()) === 0);
});

test('while drivers stay at the old endpoint nothing is cached, and nobody reads what is stale', async () => {
  const read = 'select n from counted';
  await call('PATCH', `/${config.id}`, { caching: { disabled: false, consistency: 'strict' } });
  // It logs in, and says nothing before the endpoint has moved.
  const late = await connected();
  const old = await DebugClient.connect(pooled);
  await old.query('create table counted (n int); insert into counted values (1)');
  await untilHit(old, read);

  setDistances({ ...DISTANCES_MS, weur: 90, apac: 5 });
  expect(await place()).toMatchObject({ endpoint_hint: 'apac' });
  const newcomer = await DebugClient.connect(pooled);
  const write = async (client: Client): Promise<void> => {
    await client.query('update counted set n = n + 1');
    n += 1;
  };
  const seen = async (): Promise<unknown[]> =>
    Promise.all([old, newcomer].map(async (client) => (await client.ask(read)).rows[0]?.['n']));
  let n = 1;
  for (let round = 0; round < 5; round += 1) {
    for (const { client } of [old, newcomer]) {
      await write(client);
      expect(await seen()).toEqual([n, n]);
    }
    expect([old.status, newcomer.status]).toEqual(['unready', 'unready']);
  }

  await old.end();
  await untilHit(newcomer, read);
  await write(late);
  expect((await newcomer.ask(read)).rows).toEqual([{ n }]);
  await late.end();
  await untilHit(newcomer, read);
  await newcomer.end();
});

test('what drivers that stay leave unused is closed while they stay', async () => {
  const staying = await Promise.all([connected(), connected(), connected()]);
  await Promise.all(staying.map((client) => client.query('select pg_sleep(0.2)')));
  setDistances({ ...DISTANCES_MS, weur: 90 });
  expect((await place()).endpoint_hint).toBe('eeur');
  await until(async () => (await originConnections()) === 1);
  // They are served all the same, and what they were served by is closed again.
  for (const client of staying) expect((await client.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
  expect(await originConnections()).toBeGreaterThan(1);
  await until(async () => (await originConnections()) === 1);
  await Promise.all(staying.map((client) => client.end()));
});

test('drivers that come while the endpoint moves are all served', async () => {
  setDistances({ ...DISTANCES_MS, weur: 90 });
  let isMoving = true;
  let served = 0;
  const driver = async (): Promise<void> => {
    while (isMoving) {
      const client = await connected();
      expect((await client.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
      await client.end();
      served += 1;
    }
  };
  const drivers = Array.from({ length: 5 }, driver);
  expect((await place()).endpoint_hint).toBe('eeur');
  isMoving = false;
  await Promise.all(drivers);
  expect(served).toBeGreaterThan(10);
});

test('a region that never answers is given up in time and excluded', async () => {
  proxies.weur.pause();
  try {
    const startedAt = performance.now();
    const placement = await place();
    const tookMs = performance.now() - startedAt;
    expect(tookMs).toBeLessThan(PLACE_MS_MAX);
    expect(placement).toMatchObject({ endpoint_hint: 'eeur', chosen: 'eeur' });
    expect(placement.regions?.['weur']).toEqual({ error: expect.stringContaining('timeout') });
    console.log(`placed with a silent region in ${Math.round(tookMs)} ms`);
  } finally {
    proxies.weur.resume();
  }
});

test('where no region reaches the origin the endpoint stays', async () => {
  for (const proxy of Object.values(proxies)) proxy.refuse(true);
  try {
    const placement = await place();
    expect(placement.endpoint_hint).toBe('weur');
    for (const region of Object.values(placement.regions ?? {})) expect(region.error).toBeTypeOf('string');
  } finally {
    for (const proxy of Object.values(proxies)) proxy.refuse(false);
  }
});

test('equally near is no reason to move', async () => {
  // enam stands before weur in the list and is nearer by 2 %: only that the endpoint is at weur speaks for it.
  setDistances({ ...DISTANCES_MS, wnam: 150, apac: 150, oc: 150, eeur: 150, enam: 98, weur: 100 });
  expect((await place()).endpoint_hint).toBe('weur');
  setDistances({ ...DISTANCES_MS, wnam: 150, apac: 150, oc: 150, eeur: 150, enam: 80, weur: 100 });
  expect((await place()).endpoint_hint).toBe('enam');
});

test('a pinned hint is obeyed and stays, measured or not; without it the nearest wins again', async () => {
  const client = await connected();
  await client.query('begin');
  const backend = await backendOf(client);
  await call('PATCH', `/${config.id}`, { placement: { hint: 'oc' } });
  await untilPlaced((placement) => placement.chosen === 'oc' && placement.endpoint_hint === 'oc');
  const placement = await place();
  expect(placement).toMatchObject({ hint: 'oc', endpoint_hint: 'oc', chosen: 'oc' });
  expect(placement.regions?.['weur']?.query_ms).toBeLessThan(placement.regions?.['oc']?.query_ms ?? 0);
  expect(await backendOf(client)).toBe(backend);

  // What was read may be sent back: it pins nothing more and nothing less.
  const { placement: asRead } = await read();
  expect((await call('PATCH', `/${config.id}`, { placement: asRead })).placement?.hint).toBe('oc');
  await call('PATCH', `/${config.id}`, { placement: { hint: null } });
  await untilPlaced(({ endpoint_hint: here }) => here === 'weur');
  expect((await read()).placement).not.toHaveProperty('hint');
  expect(await backendOf(client)).toBe(backend);
  await client.query('commit');
  await client.end();
});

test('a config made with a pinned hint is there from the first connection on', async () => {
  const pinned = await create(`${database}-pinned`, { placement: { hint: 'wnam' } });
  expect(pinned.placement).toMatchObject({ hint: 'wnam', endpoint_hint: 'wnam' });
});

test('a jurisdiction that cannot be kept is refused, and nothing changes', async () => {
  const before = await read();
  await expect(call('PATCH', `/${config.id}`, { placement: { jurisdiction: 'eu' } })).rejects.toThrow(
    'jurisdiction eu cannot be kept here',
  );
  await expect(
    call('PATCH', `/${config.id}`, { placement: { jurisdiction: 'eu', hint: 'wnam' } }),
  ).rejects.toThrow('Use one of: weur, eeur.');
  expect(await read()).toEqual(before);
});

test('warmpool place prints the distances, nearest first, and where the endpoint is', async () => {
  const warmpoolCommand = join(import.meta.dirname, '../../src/cli/warmpool.mjs');
  const run = async (...args: string[]): Promise<string> => {
    const env = {
      ...process.env,
      CLOUDFLARE_API_BASE_URL: warmpool.apiBase,
      CLOUDFLARE_API_TOKEN: warmpool.adminToken,
    };
    return (await promisify(execFile)(process.execPath, [warmpoolCommand, 'place', ...args], { env })).stdout;
  };
  const table = await run(config.name);
  const lines = table.trim().split('\n');
  expect(lines.map((line) => line.split(/\s+/)[0])).toEqual([
    ...['region', 'weur', 'eeur', 'apac', 'enam', 'oc', 'wnam', CLOSED],
  ]);
  expect(lines[1]).toMatch(/^weur +1\d ms +\d+ ms +endpoint$/);
  console.log(table);
  expect(JSON.parse(await run(config.id, '--json'))).toMatchObject({ endpoint_hint: 'weur' });
});

function setDistances(distancesMs: Record<Near, number>): void {
  mapProxies((proxy, hint) => proxy.setRtt(distancesMs[hint]));
}

function mapProxies<T>(run: (proxy: DelayProxy, hint: Near) => T): Record<Near, T> {
  const { wnam, enam, weur, eeur, apac, oc } = proxies;
  return {
    wnam: run(wnam, 'wnam'),
    enam: run(enam, 'enam'),
    weur: run(weur, 'weur'),
    eeur: run(eeur, 'eeur'),
    apac: run(apac, 'apac'),
    oc: run(oc, 'oc'),
  };
}

function create(name: string, fields: Record<string, unknown> = {}): Promise<Config> {
  const { port, user, password } = origin;
  return call('POST', '', {
    name,
    origin: { scheme: 'postgres', host: '127.0.0.1', port, database, user, password },
    caching: { disabled: true },
    ...fields,
  });
}

async function call<T = Config>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${warmpool.apiBase}/accounts/local/hyperdrive/configs${path}`, {
    method,
    headers: { authorization: `Bearer ${warmpool.adminToken}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const envelope = (await response.json()) as { success: boolean; result: T };
  if (!envelope.success) throw new Error(`The API refused: ${JSON.stringify(envelope)}`);
  return envelope.result;
}

async function place(): Promise<ReturnType<typeof readPlacement>> {
  return readPlacement(await api.place(config.id));
}

function read(): Promise<Config> {
  return call('GET', `/${config.id}`);
}

function state(): Promise<{ sessions: number; pool: { size: number } | null }> {
  return call('GET', `/${config.id}/state`);
}

function untilPlaced(isPlaced: (placement: NonNullable<Config['placement']>) => boolean): Promise<void> {
  return until(async () => isPlaced((await read()).placement ?? {}));
}

async function until(isReady: () => Promise<boolean>): Promise<void> {
  const isDone = await waitUntil({ isReady, isHopeless: () => false, waitMs: WAIT_MS });
  if (!isDone) throw new Error(`It did not come to pass in ${WAIT_MS} ms: ${isReady}`);
}

async function connected(): Promise<Client> {
  const client = new Client(pooled);
  client.on('error', () => {}); // Some of them are told that their config is gone; queries hear of it too.
  await client.connect();
  return client;
}

async function backendOf(client: Client): Promise<number> {
  return (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid ?? 0;
}

async function originConnections(condition = ''): Promise<number> {
  const [row] = await ask(
    `select count(*)::int as n from pg_stat_activity where datname = '${database}' ${condition}`,
  );
  return row?.n ?? 0;
}

/** Asks the origin, past Warmpool. */
async function ask(sql: string): Promise<{ n?: number }[]> {
  const { port, user, password } = origin;
  const client = new Client({ host: '127.0.0.1', port, database: origin.database, user, password });
  await client.connect();
  try {
    return (await client.query<{ n?: number }>(sql)).rows;
  } finally {
    await client.end();
  }
}
