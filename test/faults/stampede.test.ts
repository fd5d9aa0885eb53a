/**
 * Many drivers ask for the same at the same time, and it is in no cache. A lock on the table holds the first run back
 * until all have asked, so that nothing depends on how fast the machine is. Runs are counted as round trips.
 */
import type { Client } from 'pg';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { sessionsOf } from './config-api.ts';
import { failureOf, openDriver, openObserver, until } from './drivers.ts';

const WAIT_MS = 60_000;
const TEST_MS = 150_000;
const ROWS = 100;
const COUNT = 'select count(*)::int as n from numbers';
const MANY = 1_000;
const SOME = 40;
/** How many logins are under way at a time. */
const LOGINS_MAX = 50;
/** A run that is given up, what ends it, and one that leads anew. */
const RERUN_TRIPS_MAX = 8;
/** The endpoint keeps no reply that is larger, and so none to give to others. */
const TOO_LARGE_BYTES = 3 * 1024 * 1024;

vi.setConfig({ testTimeout: TEST_MS });

let harness: Harness;
let observer: Client;
let target: Target;
let table: LockedTable;
let drivers: postgres.Sql[] = [];

beforeAll(async () => {
  harness = await startHarness({ edges: 3 });
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
  target = await harness.createTarget({ config: { caching: { disabled: false } } });
  await harness.ask(target, `create table numbers as select n from generate_series(1, ${ROWS}) n`);
  await untilCacheable();
  await until(async () => (await sessionsOf(harness, target)) === 0, WAIT_MS);
  target.proxy.reset();
  table = await LockedTable.lock();
});

afterEach(async () => {
  await table.unlock();
  await Promise.all(drivers.map((driver) => driver.end({ timeout: 0 })));
  drivers = [];
});

test('1,000 drivers ask: the origin runs it once, and all get the row', async () => {
  await openDrivers(MANY);
  const asked = drivers.map((driver) => ask(driver, COUNT));
  await until(async () => (await sessionsOf(harness, target)) === MANY, WAIT_MS);
  await table.unlock();
  for (const rows of await Promise.all(asked)) expect([...rows]).toEqual([{ n: ROWS }]);
  expect(target.proxy.stats().roundTrips).toBe(1);
});

test('the driver whose query runs leaves: the others are served', async () => {
  const leaver = await openDriver(target.pooled);
  const gone = failureOf(leaver.query(COUNT));
  await table.untilWaited();
  const others = await askBehind(COUNT, await openDrivers(SOME - 1));
  leaver.connection.stream.destroy();
  await gone;
  await expectServedAnew(others);
});

test('the driver whose query runs loses its connection and hears so: the others are served', async () => {
  const leader = await openDriver(target.pooled);
  const failure = failureOf(leader.query(COUNT));
  await table.untilWaited();
  const others = await askBehind(COUNT, await openDrivers(SOME - 1));
  await observer.query('select pg_terminate_backend($1)', [table.waiter?.pid]);
  expect(await failure).toMatchObject({ code: '57P01' });
  await expectServedAnew(others);
});

test('the driver whose query runs cancels it and hears so: the others are served', async () => {
  const { first, others } = await askTogether(COUNT);
  const failure = failureOf(first);
  first.cancel();
  expect(await failure).toMatchObject({ code: '57014' });
  await expectServedAnew(others);
});

test('a driver that waits for another’s run cancels it and hears so: the others are served', async () => {
  const { first, others } = await askTogether(COUNT);
  const [cancelled, ...rest] = others;
  if (!cancelled) throw new Error('nobody waits');
  const failure = failureOf(cancelled);
  cancelled.cancel();
  expect(await failure).toMatchObject({ code: '57014' });
  await table.unlock();
  for (const rows of await Promise.all([first, ...rest])) expect([...rows]).toEqual([{ n: ROWS }]);
  expect(target.proxy.stats().roundTrips).toBe(1);
  // The cancelled one goes on too, now from a cache.
  expect([...((await (drivers[1] ?? drivers[0])?.unsafe(COUNT)) ?? [])]).toEqual([{ n: ROWS }]);
});

test('it fails by what it reads: each driver hears the error of a run that was its own', async () => {
  const { first, others } = await askTogether('select 1 / (n - 1) as one from numbers');
  const failures = [first, ...others].map(failureOf);
  await table.unlock();
  for (const failure of await Promise.all(failures)) expect(failure).toMatchObject({ code: '22012' });
});

test('its reply is too large to be shared: each driver is served', async () => {
  const size = Math.ceil(TOO_LARGE_BYTES / ROWS);
  const { first, others } = await askTogether(`select repeat('x', ${size}) as text from numbers`);
  await table.unlock();
  for (const rows of await Promise.all([first, ...others])) {
    expect(rows).toHaveLength(ROWS);
    expect(rows.every(({ text }) => text.length === size)).toBe(true);
  }
});

type Asked = postgres.PendingQuery<(postgres.Row & Iterable<postgres.Row>)[]>;

function ask(driver: postgres.Sql, query: string): Asked {
  const asked = driver.unsafe(query).simple().execute();
  // Who waits for it hears of it; who is done with it need not.
  asked.catch(() => undefined);
  return asked;
}

/** All ask the same, and the first of them is the one whose query has reached the origin. */
async function askTogether(query: string): Promise<{ first: Asked; others: Asked[] }> {
  const [leader, ...followers] = await openDrivers(SOME);
  if (!leader) throw new Error('there is no driver');
  const first = ask(leader, query);
  await table.untilWaited();
  return { first, others: await askBehind(query, followers) };
}

/** One has asked already. */
async function askBehind(query: string, followers: postgres.Sql[]): Promise<Asked[]> {
  const others = followers.map((driver) => ask(driver, query));
  await until(async () => (await sessionsOf(harness, target)) === followers.length + 1, WAIT_MS);
  return others;
}

/** Another run has begun, and serves all. */
async function expectServedAnew(others: readonly Asked[]): Promise<void> {
  await table.untilWaited();
  await table.unlock();
  for (const rows of await Promise.all(others)) expect([...rows]).toEqual([{ n: ROWS }]);
  expect(target.proxy.stats().roundTrips).toBeLessThanOrEqual(RERUN_TRIPS_MAX);
}

/** Over all edges. What they ask first is answered there: none of them has a link yet. */
async function openDrivers(count: number): Promise<postgres.Sql[]> {
  const urls = harness.throughEdges(target);
  for (let index = 0; index < count; index += 1)
    drivers.push(openPostgresJs(urls[index % urls.length] ?? ''));
  for (let index = 0; index < count; index += LOGINS_MAX)
    await Promise.all(drivers.slice(index, index + LOGINS_MAX).map((driver) => driver.unsafe('select 1')));
  return drivers;
}

/**
 * Each edge has the answer to what `openDrivers` asks first, and so needs no round trip; and the pool has a connection
 * with the settings of such drivers.
 */
async function untilCacheable(): Promise<void> {
  for (const url of harness.throughEdges(target)) {
    const driver = openPostgresJs(url);
    await until(async () => {
      target.proxy.reset();
      await driver.unsafe('select 1');
      return target.proxy.stats().roundTrips === 0;
    }, WAIT_MS);
    await driver.end();
  }
}

function openPostgresJs(url: string): postgres.Sql {
  return postgres(url, { max: 1, fetch_types: false, max_lifetime: null });
}

/** Whoever reads it waits until it is unlocked. */
class LockedTable {
  readonly #holder: Client;
  #isLocked = true;
  /** Whose query waits. */
  waiter: { pid: number; began: string } | undefined;

  private constructor(holder: Client) {
    this.#holder = holder;
  }

  static async lock(): Promise<LockedTable> {
    const holder = await openDriver(target.direct);
    await holder.query('begin; lock table numbers in access exclusive mode');
    return new LockedTable(holder);
  }

  /** A query waits that is not the one that did the last time. */
  async untilWaited(): Promise<void> {
    await until(async () => {
      const { rows } = await observer.query<{ pid: number; began: string }>(
        `select pid, query_start::text as began from pg_stat_activity
         where datname = $1 and wait_event_type = 'Lock'`,
        [target.name],
      );
      const waiter = rows.find(({ began }) => began !== this.waiter?.began);
      this.waiter = waiter ?? this.waiter;
      return waiter !== undefined;
    }, WAIT_MS);
  }

  async unlock(): Promise<void> {
    if (!this.#isLocked) return;
    this.#isLocked = false;
    await this.#holder.query('commit');
    await this.#holder.end();
  }
}
