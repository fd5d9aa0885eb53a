/** What applications do with node-postgres: Client, Pool, named statements, cursors, notices, LISTEN. */
import { createHash } from 'node:crypto';
import { Client, type ClientConfig, Pool, type QueryResult } from 'pg';
import Cursor from 'pg-cursor';
import { type Cases, errorFacts, errorOf } from '../../case.ts';

const POOL_MAX = 5;

export const nodePostgresCases: Cases = {
  'a Client asks with and without parameters': (url) =>
    withClient(url, async (client) => [
      facts(await client.query("select 1 as one, 'text' as text")),
      facts(await client.query('select $1::int as n, $2::text as t, $3::text as nothing', [42, 'x', null])),
      facts(await client.query({ text: 'select 1 as a, 2 as a', rowMode: 'array' })),
      facts(await client.query('select 1 where false')),
      facts(await client.query('')),
    ]),

  'types come back as they went': (url) =>
    withClient(url, async (client) => {
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
      const { rows } = await client.query(
        `select $1::int[] as ints, $2::text[] as texts, $3::jsonb as json, $4::bytea as bytes,
          $5::timestamptz as at, $6::numeric as number, $7::int as nothing, $8::bool as yes, $9::int8 as big`,
        [
          [1, null, 3],
          ['a', 'b,c', '"d"', null],
          { a: [1, 'two', null] },
          bytes,
          new Date('2026-02-28T12:34:56.789Z'),
          '12345678901234567890.0123456789',
          null,
          true,
          '9007199254740993',
        ],
      );
      const inBinary = {
        text: 'select 4711 as n, $1::text as t',
        values: ['t'],
        binary: true,
      };
      const binary = await client.query(inBinary);
      return [rows, binary.rows];
    }),

  'named statements are parsed once and run often': (url) =>
    withClient(url, async (client) => {
      const answers = [];
      for (let n = 0; n < 20; n += 1) {
        const query = { name: `even ${n % 2}`, text: `select $1::int * ${(n % 2) + 1} as n`, values: [n] };
        answers.push((await client.query(query)).rows[0]);
      }
      return answers;
    }),

  'two Clients give one name to different statements': (url) =>
    withClient(url, async (one) =>
      withClient(url, async (other) => {
        const answers = [];
        for (let n = 0; n < 6; n += 1) {
          const first = one.query({ name: 'same', text: 'select $1::int as one', values: [n] });
          const second = other.query({ name: 'same', text: 'select $1::text as other', values: [`${n}`] });
          answers.push((await first).rows, (await second).rows);
        }
        return answers;
      }),
    ),

  'a named statement that fails to parse can be tried again': (url) =>
    withClient(url, async (client) => [
      await errorOf(client.query({ name: 'late', text: 'select * from late_table', values: [] })),
      facts(await client.query('create table late_table (id int)')),
      facts(await client.query({ name: 'late', text: 'select * from late_table', values: [] })),
      facts(await client.query('drop table late_table')),
    ]),

  'a Pool serves more queries than it has connections': (url) =>
    withPool(url, async (pool) => {
      const answers = Array.from({ length: 200 }, (_, n) => pool.query('select $1::int as n', [n]));
      return (await Promise.all(answers)).map(({ rows }) => rows[0]);
    }),

  'transactions of a Pool commit and roll back': (url) =>
    withPool(url, async (pool) => {
      await pool.query('create table moves (id int primary key)');
      try {
        const client = await pool.connect();
        try {
          await client.query('begin');
          await client.query('insert into moves values (1)');
          await client.query('commit');
          await client.query('begin');
          await client.query('insert into moves values (2)');
          const failed = await errorOf(client.query('insert into moves values (1)'));
          const aborted = await errorOf(client.query('select 1'));
          const end = facts(await client.query('commit'));
          return [failed, aborted, end, (await pool.query('select * from moves')).rows];
        } finally {
          client.release();
        }
      } finally {
        await pool.query('drop table moves');
      }
    }),

  'many statements in one text answer each': (url) =>
    withClient(url, async (client) => {
      const results = await client.query("select 1 as a; select 'b' as b, 2 as c; select 1 where false");
      return [
        (results as unknown as QueryResult[]).map(facts),
        await errorOf(client.query('select 1; selec 2')),
      ];
    }),

  'errors carry SQLSTATE, position and place': (url) =>
    withClient(url, async (client) => {
      await client.query('create table strict (id int not null check (id > 0), unique (id))');
      try {
        await client.query('insert into strict values (1)');
        return [
          await errorOf(client.query('insert into strict values ($1)', [1])),
          await errorOf(client.query('insert into strict values ($1)', [-1])),
          await errorOf(client.query('insert into strict values ($1)', [null])),
          await errorOf(client.query('select $1::int', ['x'])),
          await errorOf(client.query('select 1 from nowhere')),
          facts(await client.query('select 1 as still_works')),
        ];
      } finally {
        await client.query('drop table strict');
      }
    }),

  'a cursor hands out rows in pieces and may be closed early': (url) =>
    withClient(url, async (client) => {
      const cursor = client.query(new Cursor('select n from generate_series(1, $1::int) n', [1000]));
      const sizes = [(await cursor.read(10)).length, (await cursor.read(300)).length];
      await cursor.close();
      const whole = client.query(new Cursor('select n from generate_series(1, 25) n'));
      for (let rows = await whole.read(10); rows.length > 0; rows = await whole.read(10))
        sizes.push(rows.length);
      await whole.close();
      return [sizes, facts(await client.query('select 1 as next'))];
    }),

  'a cursor in a transaction': (url) =>
    withClient(url, async (client) => {
      await client.query('begin');
      const cursor = client.query(new Cursor('select n from generate_series(1, 100) n'));
      const first = await cursor.read(2);
      await cursor.close();
      await client.query('declare c cursor for select n from generate_series(1, 5) n');
      const { rows } = await client.query('fetch 2 from c');
      await client.query('commit');
      return [first, rows];
    }),

  'a result of 20 MB arrives whole': (url) =>
    withClient(url, async (client) => {
      const text = 'select repeat(md5(n::text), 320) as t from generate_series(1, 2000) n';
      const hash = createHash('md5');
      const { rows } = await client.query<{ t: string }>(text);
      for (const { t } of rows) hash.update(t);
      return [rows.length, hash.digest('hex')];
    }),

  'notices and notifications arrive': (url) =>
    withClient(url, async (client) => {
      const notices: unknown[] = [];
      client.on('notice', (notice) => notices.push({ ...errorFacts(notice), text: notice.message }));
      await client.query("do $$ begin raise notice 'one' using detail = 'd'; raise warning 'two'; end $$");
      const heard = new Promise((resolve) => client.once('notification', resolve));
      await client.query('listen cases_pg');
      await withClient(url, (other) => other.query("select pg_notify('cases_pg', 'hello')"));
      const { channel, payload } = (await heard) as { channel: string; payload: string };
      await client.query('unlisten *');
      return [notices, channel, payload];
    }),

  'settings of the driver hold': (url) =>
    withClient(
      { connectionString: url, statement_timeout: 200, application_name: 'cases' },
      async (client) => [
        facts(await client.query("select current_setting('application_name') as name")),
        await errorOf(client.query('select pg_sleep(30)')),
        facts(await client.query('show statement_timeout')),
      ],
    ),
};

async function withClient(
  options: string | ClientConfig,
  run: (client: Client) => Promise<unknown>,
): Promise<unknown> {
  const client = new Client(options);
  await client.connect();
  try {
    return await run(client);
  } finally {
    await client.end();
  }
}

async function withPool(url: string, run: (pool: Pool) => Promise<unknown>): Promise<unknown> {
  const pool = new Pool({ connectionString: url, max: POOL_MAX });
  try {
    return await run(pool);
  } finally {
    await pool.end();
  }
}

function facts({ command, rowCount, rows, fields }: QueryResult): unknown {
  return {
    command,
    rowCount,
    rows,
    fields: fields.map(({ name, dataTypeID, format }) => [name, dataTypeID, format]),
  };
}
