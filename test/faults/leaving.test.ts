/** Drivers leave at the worst moment. The origin is left as if they had never come, and the pool as it was. */
import type { Client } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import {
  type Backend,
  backendsOf,
  failureOf,
  firstValue,
  openDriver,
  openObserver,
  until,
} from './drivers.ts';
import { logIn } from './login.ts';
import { int32, message, messagesOf } from './wire.ts';

const LIMIT = 2;
const KILLS = 200;
const SOON_MS = 5_000;

let harness: Harness;
let target: Target;
let observer: Client;
/** Comes after whoever left. */
let next: Client;

beforeAll(async () => {
  harness = await startHarness();
  target = await harness.createTarget({ config: { origin_connection_limit: LIMIT } });
  await harness.ask(target, 'create table left_behind (n int)');
  observer = await openObserver(harness);
});

afterAll(async () => {
  try {
    await observer.end();
  } finally {
    await harness.stop();
  }
});

beforeEach(async () => {
  next = await openDriver(target.pooled);
  await harness.ask(target, 'truncate left_behind');
});

afterEach(async () => {
  await next.end();
  await untilAllIdle();
});

describe('a driver is killed', () => {
  test('in mid-query: the query is cancelled soon', async () => {
    const driver = await openDriver(target.pooled);
    void driver.query('select pg_sleep(61)').catch(() => {});
    await until(async () => (await running('select pg_sleep(61)')) === 1, SOON_MS);
    kill(driver);
    const killedAt = performance.now();
    await until(async () => (await running('select pg_sleep(61)')) === 0, SOON_MS);
    console.log(`cancelled ${Math.round(performance.now() - killedAt)} ms after the driver was killed`);
    expect(await firstValue(next, 'select 1')).toBe(1);
  });

  test('in mid-transaction: it is rolled back, locks are gone', async () => {
    const driver = await openDriver(target.pooled);
    await driver.query(
      'begin; lock table left_behind in access exclusive mode; insert into left_behind values (1)',
    );
    kill(driver);
    expect(await firstValue(next, 'select count(*) from left_behind')).toBe('0');
  });

  test('while it waits for a lock in a transaction', async () => {
    const [holder, waiter] = await Promise.all([openDriver(target.direct), openDriver(target.pooled)]);
    await holder.query('begin; lock table left_behind');
    await waiter.query('begin');
    void waiter.query('insert into left_behind values (1)').catch(() => {});
    await until(async () => (await backends()).some(({ waits }) => waits === 'Lock'), SOON_MS);
    kill(waiter);
    await until(async () => !(await backends()).some(({ waits }) => waits === 'Lock'), SOON_MS);
    await holder.end();
    expect(await firstValue(next, 'select count(*) from left_behind')).toBe('0');
  });

  test('while it waits for a connection: its place is given up, its statement never runs', async () => {
    const holders = await Promise.all([openDriver(target.pooled), openDriver(target.pooled)]);
    for (const holder of holders) await holder.query('begin');
    const driver = await openDriver(target.pooled);
    void driver.query('insert into left_behind values (1)').catch(() => {});
    const state = (): Promise<{ pool: { waiting: number } }> => stateOf(target);
    await until(async () => (await state()).pool.waiting === 1, SOON_MS);
    kill(driver);
    await until(async () => (await state()).pool.waiting === 0, SOON_MS);
    for (const holder of holders) await holder.query('commit');
    expect(await firstValue(next, 'select count(*)::int from left_behind')).toBe(0);
    for (const holder of holders) await holder.end();
  });

  test('in mid-COPY to the origin: nothing of it stays', async () => {
    const driver = await openDriver(target.pooled);
    const copying = driver.query(copyFrom('copy left_behind from stdin'));
    copying.on('error', () => {});
    await new Promise((resolve) => copying.write('1\n2\n3\n', resolve));
    await until(async () => (await running('copy left_behind from stdin')) === 1, SOON_MS);
    kill(driver);
    await until(async () => (await running('copy left_behind from stdin')) === 0, SOON_MS);
    expect(await firstValue(next, 'select count(*) from left_behind')).toBe('0');
  });

  test('in mid-COPY from the origin, and in the middle of rows', async () => {
    for (const sql of [
      'copy (select * from generate_series(1, 50000000)) to stdout',
      'select * from generate_series(1, 50000000)',
    ]) {
      const driver = await openDriver(target.pooled);
      if (sql.startsWith('copy')) {
        const copying = driver.query(copyTo(sql));
        copying.on('error', () => {});
        await new Promise((resolve) => copying.once('data', resolve));
      } else {
        void driver.query(sql).catch(() => {});
        await until(async () => (await running(sql)) === 1, SOON_MS);
      }
      kill(driver);
      await until(async () => (await running(sql)) === 0, SOON_MS);
      expect(await firstValue(next, 'select 42')).toBe(42);
    }
  });

  test.each([
    {
      where: 'half-way through a Query',
      bytes: message('Q', 'insert into left_behind values (1)\0').subarray(0, 20),
    },
    { where: 'half-way through a header', bytes: Buffer.from('Q\0\0') },
    {
      where: 'half-way through a Bind behind a Parse',
      bytes: Buffer.concat([
        message('P', '\0select $1\0', Buffer.alloc(2)),
        Buffer.from('B'),
        int32(1000),
        Buffer.from('\0\0abc'),
      ]),
    },
    {
      where: 'half-way through CopyData',
      bytes: Buffer.concat([
        message('Q', 'copy left_behind from stdin\0'),
        Buffer.from('d'),
        int32(1000),
        Buffer.from('1\n'),
      ]),
    },
    {
      where: 'behind messages without a Sync',
      bytes: Buffer.concat([
        message('P', '\0insert into left_behind values (1)\0', Buffer.alloc(2)),
        message('B', '\0\0', Buffer.alloc(6)),
        message('E', '\0', int32(0)),
        message('H'),
      ]),
    },
  ])('$where', async ({ where, bytes }) => {
    const wire = await logIn({ url: target.pooled });
    wire.send(bytes);
    if (where.includes('Sync'))
      await wire.hear((heard) => messagesOf(heard).some(({ type }) => type === 'C'), SOON_MS);
    wire.socket.resetAndDestroy();
    for (let round = 0; round < 2 * LIMIT; round += 1)
      expect(await firstValue(next, `select ${round}`)).toBe(round);
    await untilAllIdle();
    expect(['0', '1']).toContain(await firstValue(next, 'select count(*) from left_behind'));
  });
});

describe('a driver says goodbye without waiting', () => {
  const insert = 'insert into left_behind values (1)\0';
  test.each([
    { what: 'a simple INSERT', bytes: message('Q', insert) },
    {
      what: 'an INSERT in the extended protocol',
      bytes: Buffer.concat([
        message('P', '\0', insert, Buffer.alloc(2)),
        message('B', '\0\0', Buffer.alloc(6)),
        message('E', '\0', int32(0)),
        message('S'),
      ]),
    },
    { what: 'a slow INSERT', bytes: message('Q', 'insert into left_behind select 1 from pg_sleep(1)\0') },
  ])('$what is committed', async ({ bytes }) => {
    const wire = await logIn({ url: target.pooled });
    wire.send(bytes, message('X'));
    wire.socket.end();
    await until(async () => (await firstValue(next, 'select count(*) from left_behind')) === '1', SOON_MS);
  });

  test('an open transaction is not', async () => {
    const wire = await logIn({ url: target.pooled });
    wire.send(message('Q', 'begin\0'), message('Q', insert), message('X'));
    wire.socket.end();
    await wire.answer(SOON_MS);
    await untilAllIdle();
    expect(await firstValue(next, 'select count(*) from left_behind')).toBe('0');
  });

  test('quitting in a transaction does not throw the connection away', async () => {
    await next.query('select 1');
    await untilAllIdle();
    target.proxy.reset();
    for (let round = 0; round < 20; round += 1) {
      const driver = await openDriver(target.pooled);
      await driver.query('begin; insert into left_behind values (1)');
      await driver.end();
    }
    expect(await firstValue(next, 'select count(*) from left_behind')).toBe('0');
    expect(target.proxy.stats().connections).toBeLessThanOrEqual(LIMIT);
  });
});

test(`${KILLS} drivers killed at random moments leave nothing`, async () => {
  const seed = Date.now();
  console.log(`seed ${seed}`);
  const random = randomOf(seed);
  target.proxy.reset();
  const kinds = [
    'select pg_sleep(5)',
    'begin; insert into left_behind values (1)',
    'select * from generate_series(1, 100000)',
    'create temp table t as select 1',
    `set work_mem = '7MB'`,
    'select pg_advisory_lock(7)',
    'insert into left_behind select 1 from pg_sleep(5)',
  ];
  const killOne = async (): Promise<void> => {
    const driver = await openDriver(target.pooled);
    const sql = kinds[Math.floor(random() * kinds.length)] ?? '';
    const running = driver.query(sql).catch(() => {});
    const waited = new Promise((resolve) => setTimeout(resolve, random() * 30));
    await Promise.race([running, waited]);
    kill(driver);
    // A bystander gets what it asked for, whatever the connection was last used for.
    const n = Math.floor(random() * 1e6);
    expect((await next.query('select $1::int as n', [n])).rows).toEqual([{ n }]);
    expect((await backends()).length).toBeLessThanOrEqual(LIMIT);
  };
  for (let killed = 0; killed < KILLS; killed += 4) await Promise.all(Array.from({ length: 4 }, killOne));
  await untilAllIdle();
  expect(await firstValue(next, 'select count(*) from left_behind')).toBe('0');
  expect(await firstValue(next, `select current_setting('work_mem')`)).toBe('4MB');
  expect(await firstValue(next, `select count(*) from pg_locks where locktype = 'advisory'`)).toBe('0');
  expect(await failureOf(next.query('select * from t'))).toMatchObject({ code: '42P01' });
  console.log(`origin connections opened meanwhile: ${target.proxy.stats().connections}`);
}, 120_000);

function kill(driver: Client): void {
  const { stream } = (driver as unknown as { connection: { stream: { resetAndDestroy(): void } } })
    .connection;
  stream.resetAndDestroy();
}

function backends(): Promise<Backend[]> {
  return backendsOf(observer, target);
}

async function running(sql: string): Promise<number> {
  return (await backends()).filter(({ query, state }) => query === sql && state === 'active').length;
}

/** No transaction is open, nothing runs, and there are no more connections than there may be. */
async function untilAllIdle(): Promise<void> {
  await until(async () => (await backends()).every(({ state }) => state === 'idle'), 2 * SOON_MS);
  expect((await backends()).length).toBeLessThanOrEqual(LIMIT);
}

/** mulberry32: the printed seed makes a run again. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

async function stateOf({ configId }: Target): Promise<{ pool: { waiting: number } }> {
  const { apiBase, adminToken } = harness.warmpool;
  const response = await fetch(`${apiBase}/accounts/local/hyperdrive/configs/${configId}/state`, {
    headers: { authorization: `Bearer ${adminToken}` },
  });
  return ((await response.json()) as { result: { pool: { waiting: number } } }).result;
}
