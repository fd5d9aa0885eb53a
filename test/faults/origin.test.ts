/** The origin restarts, refuses, hangs and throws us out; configs change under drivers that stay. */
import type { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ProcessGroup } from '../../src/cli/process-group.ts';
import { type ConfigFields, type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { postToConfig } from './config-api.ts';
import {
  backendsOf,
  changeConfig,
  failureOf,
  firstValue,
  openDriver,
  openObserver,
  until,
} from './drivers.ts';
import { stopServer } from './restart.ts';

const SOON_MS = 5_000;
/** Of the pool: how long it waits at least, and at most, before it dials again. */
const BACKOFF_FIRST_MS = 100;

let harness: Harness;
let observer: Client;
let restarted: ProcessGroup | undefined;

beforeAll(async () => {
  harness = await startHarness();
  observer = await openObserver(harness);
});

afterAll(async () => {
  try {
    await observer.end();
    await restarted?.stop();
  } finally {
    await harness.stop();
  }
});

describe('a connection is lost', () => {
  let target: Target;
  let driver: Client;

  beforeEach(async () => {
    target = await harness.createTarget({ config: { origin_connection_limit: 2 } });
    driver = await openDriver(target.pooled);
    await driver.query('select 1');
  });

  test('pooled ones are ended by the administrator: the next query works', async () => {
    for (let round = 0; round < 10; round += 1) {
      await terminateAll(target);
      expect(await firstValue(driver, `select ${round}`)).toBe(round);
    }
    await driver.end();
  });

  test('pooled ones are reset by the network: the next query works', async () => {
    for (let round = 0; round < 10; round += 1) {
      target.proxy.dropAll();
      await until(() => target.proxy.stats().openConnections === 0, SOON_MS);
      expect(await firstValue(driver, `select ${round}`)).toBe(round);
    }
    await driver.end();
  });

  test('a busy one is ended by the administrator: its driver hears 57P01, a new one is served', async () => {
    const running = failureOf(driver.query('select pg_sleep(62)'));
    await until(
      async () => (await backendsOf(observer, target)).some(({ query }) => query.includes('62')),
      SOON_MS,
    );
    await terminateAll(target);
    expect(await running).toMatchObject({ code: '57P01' });
    await expectServed(target);
  });

  test('a busy one is reset by the network: its driver hears 08006', async () => {
    const running = failureOf(driver.query('select pg_sleep(62)'));
    await until(
      async () => (await backendsOf(observer, target)).some(({ query }) => query.includes('62')),
      SOON_MS,
    );
    target.proxy.dropAll();
    expect(await running).toMatchObject({ code: '08006' });
    await expectServed(target);
  });

  test('one in a transaction: its driver hears of it, and is not moved silently', async () => {
    const heard: (string | undefined)[] = [];
    driver.on('error', (error: Error & { code?: string }) => heard.push(error.code));
    await driver.query('begin; create table half_done (n int)');
    await terminateAll(target);
    heard.push((await failureOf(driver.query('insert into half_done values (1); commit'))).code);
    expect(heard).toContain('57P01');
    await expectServed(target);
    expect(await harness.ask(target, `select to_regclass('half_done') as found`)).toEqual([{ found: null }]);
  });

  test('one that a driver is tied to: it hears of it, and does not go on without its table', async () => {
    await driver.query('create temp table mine as select 1');
    await terminateAll(target);
    await failureOf(driver.query('select * from mine'));
    expect((await failureOf(driver.query('select 1'))).message).not.toBe('');
    await expectServed(target);
  });
});

describe('the origin restarts', () => {
  test('while connections are pooled: the next query works; in mid-query: a clear error, then a new driver works', async () => {
    const target = await harness.createTarget({ config: { origin_connection_limit: 3 } });
    const drivers = await Promise.all([1, 2, 3].map(() => openDriver(target.pooled)));
    await Promise.all(drivers.map((driver) => driver.query('select pg_sleep(0.1)')));
    await restart(target);
    for (const [n, driver] of drivers.entries()) expect(await firstValue(driver, `select ${n}`)).toBe(n);

    const [busy, ...idle] = drivers;
    const failure = failureOf(busy?.query('select pg_sleep(63)') ?? Promise.resolve());
    await until(
      async () => (await backendsOf(observer, target)).some(({ query }) => query.includes('63')),
      SOON_MS,
    );
    await restart(target);
    expect(await failure).toMatchObject({ code: '57P01' });
    for (const driver of idle) expect(await firstValue(driver, 'select 1')).toBe(1);
    await expectServed(target);
    await Promise.all(idle.map((driver) => driver.end()));
  }, 60_000);
});

describe('the origin cannot be reached', () => {
  test('it refuses: 58000, dialled ever more slowly, and found again', async () => {
    const target = await harness.createTarget({ config: { origin_connection_limit: 5 } });
    const driver = await openDriver(target.pooled);
    await driver.query('select 1');
    const stopped = await stopAll(target);
    target.proxy.reset();
    const until2s = performance.now() + 2_000;
    let refusals = 0;
    while (performance.now() < until2s) {
      const failure = await failureOf(driver.query('select 1'));
      expect(failure.code).toBe('58000');
      expect(failure.message).toMatch(/^Server connection attempt failed: /);
      refusals += 1;
    }
    const dials = target.proxy.stats().connections;
    console.log(`${refusals} refusals with ${dials} dials in 2 s`);
    expect(dials).toBeLessThanOrEqual(2_000 / BACKOFF_FIRST_MS);
    expect(dials).toBeGreaterThan(0);
    await stopped();
    await until(async () => (await firstValue(driver, 'select 1').catch(() => 0)) === 1, 15_000);
    await driver.end();
  }, 60_000);

  test('nothing listens: what must be asked of the origin is answered so, and works again', async () => {
    const cached = await harness.createTarget({ config: { caching: { disabled: false } } });
    cached.proxy.refuse(true);
    const why = (): Promise<void> =>
      postToConfig(harness, cached, { action: 'why', body: { query: 'select 1' } });
    try {
      expect((await failureOf(why())).message).toMatch(
        /"code":1015,"message":"The catalog of the origin could not/,
      );
    } finally {
      cached.proxy.refuse(false);
    }
    await until(
      () =>
        why().then(
          () => true,
          () => false,
        ),
      15_000,
    );
  });

  test('nothing listens: connection_refused', async () => {
    const target = await harness.createTarget({ config: { origin_connection_limit: 1 } });
    const driver = await openDriver(target.pooled);
    target.proxy.refuse(true);
    target.proxy.dropAll();
    try {
      const failure = await failureOf(driver.query('select 1'));
      expect(failure.code).toBe('58000');
      expect(failure.message).toMatch(/^Server connection attempt failed: connection_(refused|lost)$/);
    } finally {
      target.proxy.refuse(false);
    }
    await until(async () => (await firstValue(driver, 'select 1').catch(() => 0)) === 1, SOON_MS);
    await driver.end();
  });

  test('it takes the connection and says nothing: the connect timeout ends it', async () => {
    const target = await harness.createTarget({
      config: { origin_connection_limit: 1, pool: { connect_timeout_ms: 700, acquire_timeout_ms: 10_000 } },
    });
    const driver = await openDriver(target.pooled);
    target.proxy.dropAll();
    target.proxy.pause();
    const beganAt = performance.now();
    try {
      const failure = await failureOf(driver.query('select 1'));
      expect(failure).toEqual({ code: '58000', message: 'Server connection attempt failed: timeout' });
      expect(performance.now() - beganAt).toBeLessThan(3_000);
    } finally {
      target.proxy.resume();
    }
    await until(async () => (await firstValue(driver, 'select 1').catch(() => 0)) === 1, SOON_MS);
    await driver.end();
  });
});

describe('the origin does not let us in: its own words', () => {
  let role = 0;

  /** A config that logs in as a role of its own, which is no superuser. */
  async function createOwnTarget(config: ConfigFields = {}): Promise<{ target: Target; name: string }> {
    const target = await harness.createTarget({ config: { origin_connection_limit: 1, ...config } });
    role += 1;
    const name = `origin_role_${role}`;
    await observer.query(`create role ${name} login password 'first'`);
    await changeConfig(harness, target, {
      method: 'PATCH',
      body: { origin: { user: name, password: 'first' } },
    });
    return { target, name };
  }

  const cases: { what: string; code: string; change: (name: string, target: Target) => Promise<unknown> }[] =
    [
      {
        what: 'another password',
        code: '28P01',
        change: (name) => observer.query(`alter role ${name} password 'second'`),
      },
      {
        what: 'no login any more',
        code: '28000',
        change: (name) => observer.query(`alter role ${name} nologin`),
      },
      {
        what: 'too many connections of the role',
        code: '53300',
        change: (name) => observer.query(`alter role ${name} connection limit 0`),
      },
      {
        what: 'a dropped database',
        code: '3D000',
        change: (_, target) => observer.query(`drop database ${target.name} with (force)`),
      },
    ];

  test.each(cases)('$what: $code', async ({ change, code }) => {
    const { target, name } = await createOwnTarget();
    const driver = await openDriver(target.pooled);
    await driver.query('select 1');
    await change(name, target);
    await terminateAll(target);
    target.proxy.reset();
    const failure = await failureOf(driver.query('select 1'));
    expect(failure.code).toBe(code);
    const again = await openDriver(target.pooled);
    expect((await failureOf(again.query('select 1'))).code).toBe(code);
    expect(target.proxy.stats().connections).toBeLessThanOrEqual(2);
  });

  test('other connections go on while new ones are refused', async () => {
    const { target, name } = await createOwnTarget({ origin_connection_limit: 4 });
    const drivers = await Promise.all([1, 2, 3, 4].map(() => openDriver(target.pooled)));
    // One connection is there: who waits for more is served by it.
    await drivers[0]?.query('select 1');
    await observer.query(`alter role ${name} connection limit 1`);
    await Promise.all(drivers.map((driver) => driver.query('select pg_sleep(0.1)')));
    expect(await backendsOf(observer, target)).toHaveLength(1);
    await Promise.all(drivers.map((driver) => driver.end()));
  });
});

describe('the config changes while drivers are connected', () => {
  test('deleted: each hears a clear error on its next query, soon', async () => {
    const target = await harness.createTarget({ config: { origin_connection_limit: 2 } });
    const [idle, busy, fresh, inTransaction] = await Promise.all(
      [1, 2, 3, 4].map(() => openDriver(target.pooled)),
    );
    if (!idle || !busy || !fresh || !inTransaction) throw new Error('four were opened');
    await idle.query('select 1');
    await inTransaction.query('begin');
    const running = firstValue(busy, 'select 7 from pg_sleep(0.5)');
    await until(
      async () => (await backendsOf(observer, target)).filter(({ state }) => state !== 'idle').length === 2,
      SOON_MS,
    );
    await changeConfig(harness, target, { method: 'DELETE' });
    const beganAt = performance.now();
    for (const driver of [idle, fresh]) {
      const failure = await failureOf(driver.query('select 1'));
      expect(failure).toMatchObject({ code: '3D000', message: expect.stringContaining('deleted') });
    }
    expect(performance.now() - beganAt).toBeLessThan(SOON_MS);
    expect(await running).toBe(7);
    expect(await firstValue(inTransaction, 'select 8')).toBe(8);
    await inTransaction.query('commit');
    expect((await failureOf(inTransaction.query('select 1'))).code).toBe('3D000');
    expect((await failureOf(openDriver(target.pooled))).code).toBe('28P01');
    await until(async () => (await backendsOf(observer, target)).length === 0, SOON_MS);
  });

  test('updated: drivers go on, in the new pool and with their settings', async () => {
    const target = await harness.createTarget({ config: { origin_connection_limit: 5 } });
    const drivers = await Promise.all([1, 2, 3, 4, 5].map(() => openDriver(target.pooled)));
    const [first] = drivers;
    if (!first) throw new Error('five were opened');
    await first.query(`set app.tenant = 'first'`);
    const named = { name: 'kept', text: 'select $1::int as n', values: [1] };
    await first.query(named);
    await Promise.all(drivers.map((driver) => driver.query('select pg_sleep(0.1)')));
    const before = await backendsOf(observer, target);
    await changeConfig(harness, target, { method: 'PATCH', body: { origin_connection_limit: 1 } });
    await Promise.all(drivers.map((driver) => driver.query('select pg_sleep(0.05)')));
    expect(await firstValue(first, `select current_setting('app.tenant')`)).toBe('first');
    expect((await first.query(named)).rows).toEqual([{ n: 1 }]);
    const after = await backendsOf(observer, target);
    expect(before.length).toBeGreaterThan(1);
    expect(after).toHaveLength(1);
    expect(before.map(({ pid }) => pid)).not.toContain(after[0]?.pid);
    await Promise.all(drivers.map((driver) => driver.end()));
  });

  test('updated in mid-transaction: it is finished where it began', async () => {
    const target = await harness.createTarget({ config: { origin_connection_limit: 1 } });
    const driver = await openDriver(target.pooled);
    await driver.query('begin; create table kept (n int)');
    await changeConfig(harness, target, { method: 'PATCH', body: { origin_connection_limit: 2 } });
    await driver.query('insert into kept values (1); commit');
    expect(await firstValue(driver, 'select count(*) from kept')).toBe('1');
    await driver.end();
  });
});

/** A query that crosses the origin's last words on the wire has to hear them, so they must have arrived. */
async function terminateAll(target: Target): Promise<void> {
  const { openConnections } = target.proxy.stats();
  const ended = (await backendsOf(observer, target)).length;
  await observer.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
    target.name,
  ]);
  await until(async () => (await backendsOf(observer, target)).length === 0, SOON_MS);
  await until(() => target.proxy.stats().openConnections <= openConnections - ended, SOON_MS);
}

async function expectServed(target: Target): Promise<void> {
  const driver = await openDriver(target.pooled);
  expect(await firstValue(driver, 'select 9')).toBe(9);
  await driver.end();
}

async function restart(target: Target): Promise<void> {
  const start = await stopAll(target);
  await start();
}

/** Stops the server; returns what starts it again. */
async function stopAll(target: Target): Promise<() => Promise<void>> {
  await observer.end();
  const stopped = await stopServer(harness, target);
  return async () => {
    restarted = await stopped.start();
    observer = await openObserver(harness);
  };
}
