/** Definitions change while replies, statements and descriptions of them are cached: nobody is given the old ones. */
import postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CACHING, DebugClient, untilCacheable, untilHit, withDebugClient } from '../fakes/caching.ts';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';

const CHANGES: Record<string, { change: string; read: string }> = {
  'a column is added': {
    change: 'alter table books add column pages int default 7',
    read: 'select * from books',
  },
  'a column is dropped': { change: 'alter table books drop column price', read: 'select * from books' },
  'a column gets another type': {
    change: "alter table books alter column price type text using 'price ' || price",
    read: 'select price from books',
  },
  'a column is renamed': { change: 'alter table books rename price to cost', read: 'select * from books' },
  'a column is renamed away': {
    change: 'alter table books rename price to cost',
    read: 'select price from books',
  },
  'a table is replaced': {
    change: "alter table books rename to old; create table books as select 1 as id, 'new' as title",
    read: 'select * from books',
  },
  'a view is replaced': {
    change: "create or replace view titles as select id, 'view ' || title as title from books",
    read: 'select * from titles',
  },
  'a function is replaced': {
    change:
      "create or replace function shown(text) returns text immutable language sql as $$ select 'new ' || $1 $$",
    read: 'select shown(title) from books',
  },
  'a table comes earlier in the search path': {
    change: "create schema first; create table first.books as select 1 as id, 'first' as title",
    read: 'select * from books',
  },
  'a policy hides rows': {
    change: 'alter table books enable row level security; alter table books force row level security',
    read: 'select * from books',
  },
};

let harness: Harness;
let target: Target;

beforeAll(async () => {
  harness = await startHarness();
  target = await harness.createTarget({ config: CACHING });
  await harness.ask(target, `alter database ${target.name} set search_path = first, public`);
  await untilCacheable(target);
});

afterAll(() => harness.stop());

beforeEach(async () => {
  await withDebugClient(target.pooled, (client) =>
    client.query(
      `drop schema if exists first cascade; drop schema public cascade; create schema public;
       create table books (id int primary key, title text, price int);
       insert into books values (1, 'One', 10), (2, 'Two', 20);
       create view titles as select id, title from books;
       create function shown(text) returns text immutable language sql as $$ select 'old ' || $1 $$;
       create table log (id int, what text)`,
    ),
  );
  await untilCacheable(target);
});

describe.each(Object.entries(CHANGES))('%s', (_, { change, read }) => {
  test.each(['itself', 'another driver'])('by %s', async (by) => {
    const client = await DebugClient.connect(target.pooled);
    const other = by === 'itself' ? client : await DebugClient.connect(target.pooled);
    const sql = postgres(target.pooled, { max: 1, fetch_types: false });
    try {
      const ask = (text: string): Promise<unknown> => seen(client.query(text));
      const prepared = (): Promise<unknown> => seen(sql.unsafe(read, [], { prepare: true }));
      for (const _ of [1, 2]) {
        await ask(read);
        await client.query({ text: read, values: [] });
        await prepared();
      }
      await untilHit(client, read);
      await other.query(change);
      const now = await seen(harness.ask(target, read));
      expect(await ask(read)).toEqual(now);
      expect(await prepared()).toEqual(now);
      expect(await withDebugClient(target.pooled, (third) => seen(third.query(read)))).toEqual(now);
    } finally {
      await sql.end();
      await other.end();
      if (other !== client) await client.end();
    }
  });
});

test('a new trigger writes elsewhere: what is read there is fresh', async () => {
  await withDebugClient(target.pooled, async (client) => {
    await client.query(
      `create function noted() returns trigger language plpgsql as
         $$ begin insert into log values (new.id, 'noted'); return new; end $$;
       create trigger noting after insert on books for each row execute function noted()`,
    );
    await untilHit(client, 'select count(*)::int as n from log');
    await client.query("insert into books values (3, 'Three', 30)");
    expect((await client.ask('select count(*)::int as n from log')).rows).toEqual([{ n: 1 }]);
  });
});

test('a cascade and a rule write elsewhere: what is read there is fresh', async () => {
  await withDebugClient(target.pooled, async (client) => {
    await client.query(
      `create table notes (book int references books on delete cascade);
       insert into notes values (1), (2);
       create rule noting as on delete to books do also insert into log values (old.id, 'gone')`,
    );
    for (const table of ['notes', 'log', 'titles'])
      await untilHit(client, `select count(*)::int as n from ${table}`);
    await client.query('delete from books where id = 1');
    const counts = [];
    for (const table of ['notes', 'log', 'titles'])
      counts.push((await client.ask(`select count(*)::int as n from ${table}`)).rows[0]?.['n']);
    expect(counts).toEqual([1, 1, 1]);
  });
});

/** Rows, or the error: both are what a driver sees. */
async function seen(answer: PromiseLike<unknown>): Promise<unknown> {
  try {
    const result = await answer;
    return rowsOf(result).map((row) => ({ ...(row as object) }));
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return { code, message };
  }
}

function rowsOf(result: unknown): unknown[] {
  return Array.isArray(result) ? result : (result as { rows: unknown[] }).rows;
}

test('drivers that never pause do not keep the catalog from being read: their own queries become hits', async () => {
  const fresh = await harness.createTarget({ config: CACHING });
  const drivers = await Promise.all(Array.from({ length: 4 }, () => DebugClient.connect(fresh.pooled)));
  const until = Date.now() + 20_000;
  let isHit = false;
  const run = async (driver: DebugClient): Promise<void> => {
    while (!isHit && Date.now() < until)
      isHit ||= (await driver.ask('select 1 as one;')).status.startsWith('hit');
  };
  await Promise.all(drivers.map(run));
  await Promise.all(drivers.map((driver) => driver.end()));
  expect(isHit).toBe(true);
}, 40_000);
