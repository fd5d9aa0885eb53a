/** The cache as drivers see it, on a real server 100 ms away. Round trips are counted in the proxy, not timed. */
import { Client } from 'pg';
import postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';

const RTT_MS = 100;

let harness: Harness;
let target: Target;

beforeAll(async () => {
  harness = await startHarness();
  target = await harness.createTarget({ config: { caching: { disabled: false } } });
  await harness.ask(target, 'create table books (id int primary key, title text not null)');
  await harness.ask(target, `insert into books select n, 'Book ' || n from generate_series(1, 100) n`);
  target.proxy.setRtt(RTT_MS);
  // The first driver has the pool opened and the catalog read.
  await untilCacheable();
});

afterAll(() => harness.stop());

beforeEach(() => target.proxy.reset());

test('a read that was made before costs no round trip, by whichever driver', async () => {
  const text = 'select title from books where id = 1';
  expect(await byNodePostgres(text)).toEqual([{ title: 'Book 1' }]);
  expect(target.proxy.stats().roundTrips).toBe(1);
  expect(await byNodePostgres(text)).toEqual([{ title: 'Book 1' }]);
  expect(await byNodePostgres(`/* a comment */ ${text}`)).toEqual([{ title: 'Book 1' }]);
  expect(target.proxy.stats().roundTrips).toBe(1);
});

test('a new postgres.js connection and a parameterised query that nobody made cost one round trip', async () => {
  await byPostgresJs((sql) => sql`select title from books where id = ${2}`);
  target.proxy.reset();
  expect(await byPostgresJs((sql) => sql`select title from books where id = ${3}`)).toEqual([
    { title: 'Book 3' },
  ]);
  expect(target.proxy.stats().roundTrips).toBe(1);
  target.proxy.reset();
  expect(await byPostgresJs((sql) => sql`select title from books where id = ${3}`)).toEqual([
    { title: 'Book 3' },
  ]);
  expect(target.proxy.stats().roundTrips).toBe(0);
});

test('a read after a write is fresh, for the writer and for a new driver', async () => {
  const read = (): Promise<unknown> => byNodePostgres('select title from books where id = $1', [4]);
  expect(await read()).toEqual([{ title: 'Book 4' }]);
  expect(await read()).toEqual([{ title: 'Book 4' }]);
  const client = new Client(target.pooled);
  await client.connect();
  await client.query("update books set title = 'New' where id = 4");
  expect((await client.query('select title from books where id = $1', [4])).rows).toEqual([{ title: 'New' }]);
  expect(await read()).toEqual([{ title: 'New' }]);
  await client.end();
});

async function byNodePostgres(text: string, values: unknown[] = []): Promise<unknown> {
  const client = new Client(target.pooled);
  await client.connect();
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
}

async function byPostgresJs(run: (sql: postgres.Sql) => Promise<unknown>): Promise<unknown> {
  const sql = postgres(target.pooled, { max: 1, fetch_types: false });
  try {
    return await run(sql);
  } finally {
    await sql.end();
  }
}

async function untilCacheable(): Promise<void> {
  const client = new Client(target.pooled);
  await client.connect();
  const notices: string[] = [];
  client.on('notice', ({ message }) => notices.push(message ?? ''));
  await client.query('set warmpool.debug = on');
  while (!notices.some((text) => text.startsWith('warmpool: hit'))) {
    await client.query('select count(*) from books');
    console.log(notices.at(-1));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await client.end();
}
