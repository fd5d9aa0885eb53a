/** Connections of several dialects under one limit: nobody is passed over, and nobody waits for ever. */
import { expect, test } from 'vitest';
import { OriginConnection } from '../../src/endpoint/origin-connection.ts';
import { type Need, Pool } from '../../src/endpoint/pool.ts';
import { PostgresEndpointSide } from '../../src/protocols/postgres/endpoint-side.ts';

const LOGIN = { user: '', password: '', database: '', tls: 'disable', random: new Uint8Array() } as const;

/** Its origin says nothing. */
function connect(dialect: string, settingsKey = ''): OriginConnection {
  const dialed = {
    stream: {
      read: () => new Promise<never>(() => {}),
      recycle: () => {},
      write: () => undefined,
      close: () => {},
      onBroken: () => {},
    },
    session: { dialect, settingsKey },
    facts: { serverVersion: '', parameters: {} },
    isSecure: false,
  };
  const side = new PostgresEndpointSide({ statementsMax: 1 });
  const transport = { open: () => Promise.reject(new Error('there is no origin')) };
  const login = { ...LOGIN, dialect };
  return new OriginConnection(side, dialed, { transport, closeAfter: Infinity, login });
}

/** A pool whose logins end when the test says so. */
class Bench {
  readonly opened: string[] = [];
  openMost = 0;
  readonly #logins: (() => void)[] = [];
  readonly pool: Pool;
  readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
    this.pool = new Pool({
      open: (dialect) => this.#login(dialect),
      connectionLimit: limit,
      acquireTimeoutMs: 5_000,
      idleTimeoutMs: 60_000,
      othersOpen: () => 0,
      onClosed: () => {},
    });
  }

  #login(dialect: string): Promise<OriginConnection> {
    this.opened.push(dialect);
    const { size, opening } = this.pool.stats;
    this.openMost = Math.max(this.openMost, size + opening);
    return new Promise((resolve) => this.#logins.push(() => resolve(connect(dialect))));
  }

  /** Lets all logins end that are under way, and what follows from them. */
  async settle(): Promise<void> {
    while (this.#logins.length > 0) {
      this.#logins.shift()?.();
      await Promise.resolve();
      await new Promise((resolve) => queueMicrotask(() => resolve(undefined)));
    }
  }

  async acquire(need: Partial<Need>): Promise<OriginConnection> {
    const connection = this.pool.acquire({ dialect: 'a', settingsKey: '', ...need });
    await this.settle();
    return connection;
  }
}

test('a connection serves only drivers of its dialect', async () => {
  const bench = new Bench(2);
  bench.pool.release(await bench.acquire({ dialect: 'a' }));
  expect(bench.pool.take({ dialect: 'b', settingsKey: '' })).toBeUndefined();
  expect((await bench.acquire({ dialect: 'b' })).session.dialect).toBe('b');
  expect(bench.pool.take({ dialect: 'a', settingsKey: '' })?.session.dialect).toBe('a');
  expect(bench.opened).toEqual(['a', 'b']);
});

test('any connection will do for questions of our own', async () => {
  const bench = new Bench(1);
  bench.pool.release(await bench.acquire({ dialect: 'b' }));
  expect((await bench.acquire({ dialect: undefined })).session.dialect).toBe('b');
});

test('a full pool closes its oldest idle connection for a dialect that it lacks', async () => {
  const bench = new Bench(2);
  const [first, second] = [await bench.acquire({}), await bench.acquire({})];
  bench.pool.release(second);
  bench.pool.release(first);
  const other = await bench.acquire({ dialect: 'b' });
  expect([first.isOpen, second.isOpen]).toEqual([true, false]);
  expect(other.session.dialect).toBe('b');
  expect(bench.openMost).toBe(2);
});

test('a full pool where all is in use makes room with the next that comes back', async () => {
  const bench = new Bench(1);
  const first = await bench.acquire({});
  const other = bench.pool.acquire({ dialect: 'b', settingsKey: '' });
  const later = bench.pool.acquire({ dialect: 'a', settingsKey: '' });
  bench.pool.release(first);
  await bench.settle();
  expect(first.isOpen).toBe(false);
  bench.pool.release(await other);
  await bench.settle();
  expect((await later).session.dialect).toBe('a');
  expect(bench.opened).toEqual(['a', 'b', 'a']);
  expect(bench.openMost).toBe(1);
});

test('who waits for a login that is under way takes what fits and comes back earlier', async () => {
  const bench = new Bench(2);
  const first = await bench.acquire({});
  const waiting = bench.pool.acquire({ dialect: 'a', settingsKey: '' });
  bench.pool.release(first);
  expect(await waiting).toBe(first);
});

test('a minority is served in its turn, and the limit holds', async () => {
  const bench = new Bench(2);
  const served: string[] = [];
  const work = Array.from({ length: 40 }, async (_, at) => {
    const dialect = at % 8 === 7 ? 'rare' : 'common';
    const connection = await bench.pool.acquire({ dialect, settingsKey: '' });
    expect(connection.session.dialect).toBe(dialect);
    served.push(`${dialect} ${at}`);
    await Promise.resolve();
    bench.pool.release(connection);
    await bench.settle();
  });
  await bench.settle();
  await Promise.all(work);
  const places = served.flatMap((name, at) => (name.startsWith('rare') ? [at] : []));
  // Each rare one came as the eighth of eight: two connections let nobody run far ahead of it.
  expect(places.every((place, index) => place <= index * 8 + 7 + 8)).toBe(true);
  expect(bench.openMost).toBeLessThanOrEqual(2);
});

test('the driver’s last connection is preferred, while its settings are the same', async () => {
  const bench = new Bench(2);
  const [first, second] = [await bench.acquire({}), await bench.acquire({})];
  bench.pool.release(first);
  bench.pool.release(second);
  expect(bench.pool.take({ dialect: 'a', settingsKey: '', last: first })).toBe(first);
  bench.pool.release(first);
  expect(bench.pool.take({ dialect: 'a', settingsKey: 'x', last: second })).toBe(first);
});
