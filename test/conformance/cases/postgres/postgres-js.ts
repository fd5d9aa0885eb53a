/** What applications do with postgres.js: queries, types, transactions. Streams and sessions are in the next files. */
import { createHash } from 'node:crypto';
import type postgres from 'postgres';
import { type Cases, errorFacts, errorOf } from '../../case.ts';
import { withSql } from './with-sql.ts';

const LARGE_ROWS = 2_000;
const LARGE_PARAMETER_BYTES = 2 * 1024 * 1024;

export const postgresJsCases: Cases = {
  'default settings, queries with and without parameters': (url) =>
    withSql(url, async (sql) => [
      await sql`select 1 as one, 'text' as text, ${42}::int as parameter`,
      await sql`select generate_series(1, 5) as n`,
      await sql`select 1 where false`,
      (await sql`select 1 as a, 2 as b`.values())[0],
      (await sql`select 1 as a, 'x' as b`.raw())[0]?.map(String),
    ]),

  'fetch_types off': (url) =>
    withSql(url, { fetch_types: false }, async (sql) => [
      await sql`select ${'a'}::text as a, ${'{1,2,3}'}::int[] as list, ${null}::int as nothing`,
      await sql`select count(*)::int as n from generate_series(1, ${1000})`,
    ]),

  'types come back as they went': (url) => withSql(url, roundTripTypes),

  'types come back as they went, unprepared': (url) => withSql(url, { prepare: false }, roundTripTypes),

  'prepare: false runs unnamed statements': (url) =>
    withSql(url, { prepare: false }, async (sql) => {
      const answers = [];
      for (let n = 0; n < 20; n += 1) answers.push(await sql`select ${n}::int as n, ${`t${n}`}::text as t`);
      return answers;
    }),

  'inserts of many rows, updates and IN lists': (url) =>
    withTable(url, async (sql) => {
      const rows = Array.from({ length: 300 }, (_, id) => ({ id, name: `name ${id}`, tags: [`t${id % 3}`] }));
      const inserted = await sql`insert into cases ${sql(rows)} returning id`;
      const updated =
        await sql`update cases set ${sql({ name: 'new' })} where id in ${sql([1, 2, 3])} returning *`;
      const deleted = await sql`delete from cases where id > ${100}`;
      return [
        inserted.length,
        [...updated],
        deleted.count,
        deleted.command,
        await sql`select count(*) from cases`,
      ];
    }),

  'transactions commit and roll back': (url) =>
    withTable(url, async (sql) => {
      await sql.begin(async (tx) => {
        await tx`insert into cases (id, name) values (1, 'committed')`;
      });
      const rolledBack = await errorOf(
        sql.begin(async (tx) => {
          await tx`insert into cases (id, name) values (2, 'rolled back')`;
          throw new Error('changed my mind');
        }),
      );
      const failed = await errorOf(
        sql.begin(async (tx) => {
          await tx`insert into cases (id, name) values (3, 'rolled back too')`;
          await tx`insert into cases (id, name) values (1, 'twice')`;
        }),
      );
      const readOnly = await errorOf(sql.begin('read only', (tx) => tx`insert into cases (id) values (4)`));
      return [rolledBack, failed, readOnly, await sql`select id, name from cases order by id`];
    }),

  'savepoints roll back alone': (url) =>
    withTable(url, async (sql) => {
      const inner: unknown[] = [];
      await sql.begin(async (tx) => {
        await tx`insert into cases (id) values (1)`;
        await tx
          .savepoint(async (point) => {
            await point`insert into cases (id) values (2)`;
            await point`select 1 / 0`;
          })
          .catch((error: unknown) => inner.push(errorFacts(error)));
        await tx.savepoint('named', (point) => point`insert into cases (id) values (3)`);
      });
      return [inner, await sql`select id from cases order by id`];
    }),

  'a transaction is pipelined': (url) =>
    withTable(url, async (sql) => {
      const results = await sql.begin((tx) => [
        tx`insert into cases (id) values (1)`,
        tx`insert into cases (id) values (2) returning id`,
        tx`select count(*)::int as n from cases`,
      ]);
      return results.map((rows) => [...rows]);
    }),

  'many queries at once on one connection answer in order': (url) =>
    withSql(url, { max: 1 }, async (sql) =>
      Promise.all(
        Array.from({ length: 500 }, async (_, n) =>
          n % 3 === 0
            ? sql`select ${n}::int as n`
            : sql.unsafe(`select ${n} as n, 'statement ${n % 70}' as s`),
        ),
      ),
    ),

  'many queries at once on many connections': (url) =>
    withSql(url, { max: 10 }, async (sql) =>
      Promise.all(Array.from({ length: 300 }, (_, n) => sql`select ${n}::int as n, ${`x${n}`}::text as x`)),
    ),

  'an error in a pipeline spoils only its own query': (url) =>
    withSql(url, { max: 1 }, async (sql) => {
      const queries = Array.from({ length: 60 }, (_, n) =>
        n % 7 === 3 ? sql`select 1 / ${0}::int as n` : sql`select ${n}::int as n`,
      );
      const settled = await Promise.allSettled(queries);
      return settled.map((one) => (one.status === 'fulfilled' ? [...one.value] : errorFacts(one.reason)));
    }),

  'errors carry SQLSTATE, position and place': (url) =>
    withTable(url, async (sql) => {
      await sql`insert into cases (id) values (1)`;
      return [
        await errorOf(sql`insert into cases (id) values (1)`),
        await errorOf(sql`insert into cases (id) values (null)`),
        await errorOf(sql`selec 1`),
        await errorOf(sql`select * from no_such_table`),
        await errorOf(sql`select ${'x'}::text::int`),
        await errorOf(sql.unsafe('select 1; select no_such_column; select 2')),
        await errorOf(
          sql`do $$ begin raise 'mine' using errcode = 'WP001', detail = 'd', hint = 'h'; end $$`,
        ),
        await sql`select 'still works' as state`,
      ];
    }),

  'many statements in one text answer each': (url) =>
    withTable(url, async (sql) => {
      const results = await sql.unsafe(
        `insert into cases (id) values (1), (2); select id from cases order by id; select 'x' as x; ; update cases set id = id + 10`,
      );
      return [results.map((rows) => [...rows]), [...(await sql`select 1 as one, 2 as two`.simple())]];
    }),

  'unsafe with parameters, prepared and not': (url) =>
    withSql(url, async (sql) => [
      await sql.unsafe('select $1::int as n, $2::text as t', [1, 'a']),
      await sql.unsafe('select $1::int as n, $2::text as t', [2, 'b'], { prepare: true }),
      await sql.unsafe('select $1::int as n, $2::text as t', [3, 'c'], { prepare: true }),
    ]),

  'statements are described without being run': (url) =>
    withSql(url, async (sql) => {
      const { types, columns } = await sql`select ${1}::int as a, 'x'::text as b, now() as c`.describe();
      return [types, columns.map(({ name, type }) => ({ name, type }))];
    }),

  'a result of 20 MB arrives whole': (url) =>
    withSql(url, async (sql) => {
      const rows = await sql<{ n: number; t: string }[]>`
        select n, repeat(md5(n::text), 320) as t from generate_series(1, ${LARGE_ROWS}) n`;
      const hash = createHash('md5');
      for (const { t } of rows) hash.update(t);
      return [rows.length, rows.at(-1)?.t.length, hash.digest('hex')];
    }),

  'a parameter of 2 MB arrives whole': (url) =>
    withSql(url, async (sql) => {
      const text = '0123456789abcdef'.repeat(LARGE_PARAMETER_BYTES / 16);
      return sql`select length(${text}::text) as length, md5(${text}::text) as md5`;
    }),

  'a statement is prepared anew when its table has changed': (url) =>
    withTable(url, async (sql) => {
      await sql`insert into cases (id) values (1)`;
      const all = () => sql`select * from cases where id = ${1}`;
      const before = await all();
      await sql`alter table cases add column added int default 7`;
      return [before, await all(), await all()];
    }),

  'two drivers with equal names for different statements': (url) =>
    withSql(url, { max: 1 }, async (one) =>
      withSql(url, { max: 1 }, async (other) => {
        const answers = [];
        for (let n = 0; n < 10; n += 1) {
          answers.push(await one`select ${n}::int as one`, await other`select ${`${n}`}::text as other`);
        }
        return answers;
      }),
    ),
};

/** Equal in each direction: parameter as sent, and as text as the server understood it. */
async function roundTripTypes(sql: postgres.Sql): Promise<unknown> {
  const when = new Date('2026-02-28T12:34:56.789Z');
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  const json = { a: [1, 'two', null, { b: true }], quote: `"'\\`, umlaut: 'äöü €' };
  const [row] = await sql`select
    ${[1, 2, 3]}::int[] as ints, ${['a', 'b,c', '"d"', 'NULL']}::text[] as texts,
    ${sql.json(json)}::jsonb as json, ${sql.json(json)}::json::text as json_text,
    ${bytes}::bytea as bytes, encode(${bytes}::bytea, 'hex') as hex,
    ${when}::timestamptz as at, ${'12345678901234567890.0123456789'}::numeric as number,
    ${null}::int as nothing, ${true}::bool as yes, ${'9007199254740993'}::int8 as big,
    ${1.1}::float8 as float, 0.1::float8 + 0.2::float8 as sum, ${'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'}::uuid as id`;
  const [constants] = await sql`select '{1,NULL,3}'::int[] as ints, '{{a,b},{c,d}}'::text[] as nested,
    '2026-02-28'::date as day, '1 day 02:03:04'::interval as span, '\\x00ff'::bytea as bytes, point '(1,2)' as point,
    int4range(1, 5) as range, 'NaN'::float8 as nan, null as nothing, ''::text as empty, 'x'::char(3) as padded`;
  return [row, constants];
}

/** With the table `cases`, for the time of the case. */
async function withTable(url: string, run: (sql: postgres.Sql) => Promise<unknown>): Promise<unknown> {
  return withSql(url, { max: 2 }, async (sql) => {
    await sql`drop table if exists cases`;
    await sql`create table cases (id int primary key, name text, tags text[])`;
    // Not in `finally`: after an error it would fail too, and hide it. The next case begins by dropping.
    const saw = await run(sql);
    await sql`drop table cases`;
    return saw;
  });
}
