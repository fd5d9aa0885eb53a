/** Each limit is reached: memory, waiting, running, idling, ageing. What is stated here was measured by the test. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { backendsOf, failureOf, firstValue, openDriver, openObserver, until } from './drivers.ts';
import { logIn } from './login.ts';
import { expectBounded, residentBytes, watchResident } from './resident.ts';
import { int32, message, messagesOf, packet, Wire } from './wire.ts';

const MEBIBYTE = 2 ** 20;
const RESULT_ROWS = 200;
/** A row of 1 MiB each. */
const RESULT = `select repeat('x', ${MEBIBYTE}) from generate_series(1, ${RESULT_ROWS})`;
const PARAMETER_BYTES = 64 * MEBIBYTE;
const IDLE_DRIVERS = 1_000;
const READER_STOPS_MS = 5_000;
/** Below it a ratio of latencies says more about this machine than about us. */
const LATENCY_FLOOR_MS = 20;
/** An object without a timer was gone after 40 s (seen on workerd 1.20261023.1). */
const ALONE_MS = 75_000;

let harness: Harness;
let observer: Client;

/** Asked once at the beginning and once at the end: its endpoint has nothing to do in between. */
let alone: { target: Target; pid: unknown; sinceMs: number };

beforeAll(async () => {
  harness = await startHarness();
  observer = await openObserver(harness);
  const target = await harness.createTarget({ config: { origin_connection_limit: 1 } });
  alone = { target, pid: await askPid(target), sinceMs: performance.now() };
});

afterAll(async () => {
  try {
    await observer.end();
  } finally {
    await harness.stop();
  }
});

describe('memory', () => {
  let target: Target;

  beforeAll(async () => {
    target = await harness.createTarget({ config: { origin_connection_limit: 3 } });
    // Code and buffers that come with the first use are there; nothing large has passed yet.
    const driver = await openDriver(target.pooled);
    for (let n = 0; n < 200; n += 1) await latencyMs(driver);
    await driver.end();
  });

  test(`a parameter of ${PARAMETER_BYTES / MEBIBYTE} MiB passes`, async () => {
    const value = Buffer.alloc(PARAMETER_BYTES, 'warmpool');
    const driver = await openDriver(target.pooled);
    const watch = watchResident();
    const { rows } = await driver.query('select length($1::bytea) as n, md5($1::bytea) as hash', [value]);
    expectBounded(watch.stop(), `a parameter of ${PARAMETER_BYTES / MEBIBYTE} MiB`);
    expect(rows).toEqual([{ n: PARAMETER_BYTES, hash: createHash('md5').update(value).digest('hex') }]);
    await driver.end();
  });

  test(`a result of ${RESULT_ROWS} MiB passes`, async () => {
    const watch = watchResident();
    const bytes = await readAll(target);
    expect(bytes).toBeGreaterThan(RESULT_ROWS * MEBIBYTE);
    expectBounded(watch.stop(), `a result of ${RESULT_ROWS} MiB`);
  });

  test('a reader that stops in the middle neither fills the memory nor slows others', async () => {
    const other = await openDriver(target.pooled);
    // So many small queries let V8's heap grow by 80 MB to where it collects: that is not the reader's doing.
    const before = median(await latenciesFor(other, READER_STOPS_MS));
    const watch = watchResident();
    const reader = await logIn({ url: target.pooled });
    // Counted, not kept: what this process holds is not what is measured.
    reader.socket.removeAllListeners('data');
    let received = 0;
    reader.socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received > 10 * MEBIBYTE && !hasStopped) {
        hasStopped = true;
        reader.socket.pause();
      }
    });
    let hasStopped = false;
    reader.send(message('Q', `${RESULT}\0`));
    await until(() => hasStopped, 10_000);
    const during = median(await latenciesFor(other, READER_STOPS_MS));
    const receivedBefore = received;
    reader.socket.resume();
    await until(() => received > RESULT_ROWS * MEBIBYTE, 20_000);
    reader.socket.destroy();
    await other.end();
    console.log(
      `median latency ${before.toFixed(2)} ms before, ${during.toFixed(2)} ms beside a stopped reader`,
    );
    expect(receivedBefore).toBeLessThan((RESULT_ROWS * MEBIBYTE) / 2);
    expect(during).toBeLessThan(3 * Math.max(before, LATENCY_FLOOR_MS));
    expectBounded(watch.stop(), 'a reader that stops');
  });

  test(`${IDLE_DRIVERS} idle drivers stay connected on 3 origin connections`, async () => {
    const before = residentBytes();
    const drivers: Client[] = [];
    try {
      while (drivers.length < IDLE_DRIVERS) {
        const more = await Promise.all(Array.from({ length: 25 }, () => openDriver(target.pooled)));
        await Promise.all(more.map((driver) => driver.query('select 1')));
        drivers.push(...more);
      }
      const perDriver = (residentBytes() - before) / IDLE_DRIVERS / 1024;
      console.log(`${IDLE_DRIVERS} idle drivers: ${perDriver.toFixed(1)} KiB each`);
      const answers = await Promise.all(drivers.map((driver, n) => firstValue(driver, `select ${n}`)));
      expect(answers).toEqual(drivers.map((_, n) => n));
      expect((await backendsOf(observer, target)).length).toBeLessThanOrEqual(3);
      expect(perDriver).toBeLessThan(256);
    } finally {
      await Promise.all(drivers.map((driver) => driver.end()));
    }
  });
});

describe('waiting', () => {
  test('the acquire timeout ends it: 58000, in Hyperdrive’s words; the session goes on', async () => {
    const target = await harness.createTarget({
      config: { origin_connection_limit: 1, pool: { acquire_timeout_ms: 300 } },
    });
    const [holder, waiter] = await openTwo(target);
    await holder.query('begin');
    const beganAt = performance.now();
    expect(await failureOf(waiter.query('select 1'))).toEqual({
      code: '58000',
      message: 'Timed out while waiting for an open slot in the pool.',
    });
    expect(performance.now() - beganAt).toBeGreaterThan(290);
    expect((await failureOf(waiter.query('select $1::int', [1]))).code).toBe('58000');
    await holder.query('commit');
    expect((await waiter.query('select $1::int as n', [1])).rows).toEqual([{ n: 1 }]);
    await Promise.all([holder.end(), waiter.end()]);
  });

  test('first come, first served', async () => {
    const target = await harness.createTarget({ config: { origin_connection_limit: 1 } });
    const holder = await openDriver(target.pooled);
    await holder.query('begin');
    const waiters = await Promise.all(Array.from({ length: 20 }, () => openDriver(target.pooled)));
    const order: number[] = [];
    const answers: Promise<unknown>[] = [];
    await harness.ask(target, 'create sequence turns');
    for (const [n, waiter] of waiters.entries()) {
      answers.push(
        waiter.query(`select nextval('turns')`).then(({ rows }) => (order[n] = Number(rows[0].nextval))),
      );
      // The next one comes after this one has come: a login behind it has been through the same edge.
      await (await openDriver(target.pooled)).end();
    }
    await holder.query('commit');
    await Promise.all(answers);
    expect(order).toEqual(waiters.map((_, n) => n + 1));
    await Promise.all([holder, ...waiters].map((driver) => driver.end()));
  });

  test('a cancel request reaches a driver in the queue: 57014, and its statement never runs', async () => {
    const target = await harness.createTarget({ config: { origin_connection_limit: 1 } });
    await harness.ask(target, 'create table ran (n int)');
    const holder = await openDriver(target.pooled);
    await holder.query('begin');
    const waiter = await logIn({ url: target.pooled });
    const key = messagesOf(waiter.heard).find(({ type }) => type === 'K')?.body ?? Buffer.alloc(0);
    waiter.send(message('Q', 'insert into ran values (1)\0'));
    await until(async () => {
      const canceller = await Wire.open(harness.warmpool.postgresPort);
      canceller.send(packet(int32(80877102), key));
      await canceller.answer(5_000);
      return waiter.heard.includes('57014');
    }, 5_000);
    await holder.query('commit');
    expect(await firstValue(holder, 'select count(*) from ran')).toBe('0');
    waiter.send(message('Q', `select 'alive'\0`));
    await waiter.hear((heard) => heard.includes('alive'), 5_000);
    waiter.send(message('X'));
    await holder.end();
  });
});

describe('running and idling', () => {
  test('the statement timeout cancels: 57014, and both driver and connection are fine', async () => {
    const target = await harness.createTarget({
      config: { origin_connection_limit: 1, pool: { statement_timeout_ms: 500 } },
    });
    const [driver, other] = await openTwo(target);
    const pid = await firstValue(driver, 'select pg_backend_pid()');
    const beganAt = performance.now();
    const failure = await failureOf(driver.query('select pg_sleep(30)'));
    const tookMs = performance.now() - beganAt;
    console.log(`a statement timeout of 500 ms ended a query after ${Math.round(tookMs)} ms`);
    expect(failure).toEqual({ code: '57014', message: 'canceling statement due to statement timeout' });
    expect(tookMs).toBeGreaterThan(490);
    expect(tookMs).toBeLessThan(5_000);
    for (const asker of [driver, other]) expect(await firstValue(asker, 'select pg_backend_pid()')).toBe(pid);
    await Promise.all([driver.end(), other.end()]);
  });

  test('the idle-in-transaction timeout ends the session: 25P03, and the transaction', async () => {
    const target = await harness.createTarget({
      config: { origin_connection_limit: 1, pool: { idle_in_transaction_timeout_ms: 500 } },
    });
    const [driver, other] = await openTwo(target);
    await driver.query('begin; create table undone (n int)');
    const heard = new Promise<string | undefined>((resolve) =>
      driver.once('error', (error: Error & { code?: string }) => resolve(error.code)),
    );
    expect(await firstValue(other, `select to_regclass('undone')`)).toBe(null);
    expect(await heard).toBe('25P03');
    await other.end();
  });

  test('the idle timeout closes what nobody uses, the pool opens again on demand', async () => {
    const target = await harness.createTarget({ config: { pool: { idle_timeout_ms: 1_000 } } });
    const driver = await openDriver(target.pooled);
    const before = await firstValue(driver, 'select pg_backend_pid()');
    await until(async () => (await backendsOf(observer, target)).length === 0, 10_000);
    expect(await firstValue(driver, 'select pg_backend_pid()')).not.toBe(before);
    await driver.end();
  });

  test('the maximum lifetime closes what is used all the time, at a moment when nobody notices', async () => {
    const target = await harness.createTarget({
      config: { origin_connection_limit: 1, pool: { max_lifetime_ms: 1_000 } },
    });
    const driver = await openDriver(target.pooled);
    const pids = new Set<unknown>();
    const beganAt = performance.now();
    while (performance.now() - beganAt < 3_500) pids.add(await firstValue(driver, 'select pg_backend_pid()'));
    expect(pids.size).toBeGreaterThanOrEqual(3);
    expect(pids.size).toBeLessThanOrEqual(6);
    await driver.end();
  });
});

test('the endpoint stays in memory: origin connections outlive 75 s without any driver', async () => {
  const { target, pid, sinceMs } = alone;
  await sleep(Math.max(0, sinceMs + ALONE_MS - performance.now()));
  expect(await askPid(target)).toBe(pid);
  expect(await backendsOf(observer, target)).toHaveLength(1);
}, 120_000);

async function askPid(target: Target): Promise<unknown> {
  const driver = await openDriver(target.pooled);
  const pid = await firstValue(driver, 'select pg_backend_pid()');
  await driver.end();
  return pid;
}

async function openTwo(target: Target): Promise<[Client, Client]> {
  return Promise.all([openDriver(target.pooled), openDriver(target.pooled)]);
}

/** Reads the large result without keeping it. Returns how many bytes came. */
async function readAll(target: Target): Promise<number> {
  const wire = await logIn({ url: target.pooled });
  wire.socket.removeAllListeners('data');
  let received = 0;
  const ended = new Promise<void>((resolve) => wire.socket.once('close', () => resolve()));
  wire.socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received > RESULT_ROWS * MEBIBYTE) wire.send(message('X'));
  });
  wire.send(message('Q', `${RESULT}\0`));
  await ended;
  return received;
}

async function latencyMs(driver: Client): Promise<number> {
  const beganAt = performance.now();
  await driver.query('select 1');
  return performance.now() - beganAt;
}

async function latenciesFor(driver: Client, ms: number): Promise<number[]> {
  const latencies: number[] = [];
  const beganAt = performance.now();
  while (performance.now() - beganAt < ms) latencies.push(await latencyMs(driver));
  return latencies;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** Looks at workerd's resident memory every few milliseconds: a peak is what counts. */
