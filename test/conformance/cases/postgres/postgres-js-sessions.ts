/** What postgres.js does beyond asking and answering: streams, COPY, notices, LISTEN, settings, cancelling. */
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type postgres from 'postgres';
import { type Cases, errorOf } from '../../case.ts';
import { withSql } from './with-sql.ts';

export const postgresJsSessionCases: Cases = {
  'a cursor hands out rows in pieces': (url) =>
    withSql(url, { max: 1 }, async (sql) => {
      const sizes: number[] = [];
      for await (const rows of sql`select generate_series(1, 95) as n`.cursor(10)) sizes.push(rows.length);
      return [sizes, await sql`select 'next' as state`];
    }),

  'a cursor may be left before its end': (url) =>
    withSql(url, { max: 1 }, async (sql) => {
      const seen: unknown[] = [];
      for await (const [row] of sql`select generate_series(1, 1000) as n`.cursor()) {
        seen.push(row);
        if (seen.length === 3) break;
      }
      await sql`select generate_series(1, 100) as n`.cursor(7, (rows) => {
        seen.push(rows.length);
        return seen.length > 6 ? sql.CLOSE : undefined;
      });
      return [seen, await sql`select 'next' as state`];
    }),

  'a cursor that runs into an error tells it': (url) =>
    withSql(url, { max: 1 }, async (sql) => {
      const seen: number[] = [];
      const error = await errorOf(
        sql`select 10 / (50 - n) as n from generate_series(1, 100) n`.cursor(10, (rows) => {
          seen.push(rows.length);
        }),
      );
      return [seen, error, await sql`select 'next' as state`];
    }),

  'forEach streams rows': (url) =>
    withSql(url, { max: 1 }, async (sql) => {
      let sum = 0;
      const { count } = await sql`select generate_series(1, 5000) as n`.forEach((row) => {
        sum += Number(row['n']);
      });
      return [sum, count];
    }),

  'COPY in, as text': (url) =>
    withCopyTable(url, async (sql) => {
      const lines = Array.from({ length: 3000 }, (_, n) => `${n}\tline ${n}\n`);
      await pipeline(lines, await sql`copy copies from stdin`.writable());
      return sql`select count(*), sum(id), md5(string_agg(name, '' order by id)) from copies`;
    }),

  'COPY in, as CSV': (url) =>
    withCopyTable(url, async (sql) => {
      const lines = ['id,name\n', '1,"with, comma"\n', '2,"with ""quote"""\n'];
      await pipeline(lines, await sql`copy copies from stdin with (format csv, header)`.writable());
      return sql`select * from copies order by id`;
    }),

  'an error in the middle of COPY is told and the connection lives on': (url) =>
    withCopyTable(url, async (sql) => {
      const writable = await sql`copy copies from stdin`.writable();
      return [await writeBadRows(writable), await sql`select count(*) from copies`];
    }),

  'notices arrive with all their fields': async (url) => {
    const notices: unknown[] = [];
    const onnotice = ({ severity, code, message, detail, hint }: postgres.Notice): void => {
      notices.push({ severity, code, message, detail, hint });
    };
    await withSql(url, { max: 1, onnotice }, async (sql) => {
      await sql`do $$ begin
        raise notice 'one' using detail = 'd', hint = 'h', errcode = '01234'; raise warning 'two'; raise info 'three';
      end $$`;
      await sql`drop table if exists there_is_no_such_table`;
    });
    return notices;
  },

  'LISTEN hears what another connection notifies': (url) =>
    withSql(url, async (sql) => {
      const { promise, resolve } = Promise.withResolvers<string>();
      const { unlisten, state } = await sql.listen('cases', resolve);
      await sql.notify('cases', 'hello');
      const payload = await promise;
      await unlisten();
      return [payload, state.pid > 0];
    }),

  'a running query is cancelled': (url) =>
    withSql(url, { max: 1 }, async (sql) => {
      await sql`select 1`;
      const sleeping = sql`select pg_sleep(30)`;
      const failed = errorOf(sleeping);
      await isSleeping(url);
      sleeping.cancel();
      return [await failed, await sql`select 'next' as state`];
    }),

  'settings of the connection string and of SET hold': (url) =>
    withSql(
      url,
      { max: 1, connection: { application_name: 'cases', TimeZone: 'Asia/Tokyo' } },
      async (sql) => {
        const atStart =
          await sql`select current_setting('application_name') as name, current_setting('timezone') as zone`;
        await sql`set statement_timeout = 4321`;
        await sql`select set_config('work_mem', '5MB', false)`;
        await sql`set search_path = pg_catalog, public`;
        const after = await sql`select current_setting('statement_timeout') as timeout,
        current_setting('work_mem') as memory, current_setting('search_path') as path`;
        await sql.begin(async (tx) => {
          await tx`set local work_mem = '6MB'`;
        });
        const [end] =
          await sql`select current_setting('work_mem') as memory, '2026-01-01 00:00Z'::timestamptz::text as at`;
        return [atStart, after, end, sql.parameters['TimeZone'], sql.parameters['application_name']];
      },
    ),

  'the server reports the same parameters': (url) =>
    withSql(url, { max: 1 }, async (sql) => {
      await sql`select 1`;
      return sql.parameters;
    }),

  'a reserved connection keeps its temporary table, lock and prepared statement': (url) =>
    withSql(url, { max: 3 }, async (sql) => {
      const reserved = await sql.reserve();
      try {
        await reserved`create temporary table notes (id int)`;
        await reserved`insert into notes values (1), (2)`;
        await reserved`select pg_advisory_lock(4711)`;
        await reserved.unsafe('prepare mine (int) as select $1 + 1 as n');
        const others = await Promise.all(
          Array.from(
            { length: 8 },
            () => sql`select pg_try_advisory_xact_lock(4711) as got, to_regclass('notes') as t`,
          ),
        );
        const [ran] = await reserved.unsafe('execute mine (41)');
        const unlocked = await reserved`select pg_advisory_unlock(4711) as unlocked`;
        return [others, ran, unlocked, await reserved`select count(*) from notes`];
      } finally {
        reserved.release();
      }
    }),
};

/** Not in Workers: there postgres.js 3.4.9 reads a COPY by `socket.resume()`, which its socket does not have. */
export const postgresJsInNodeCases: Cases = {
  'COPY out by postgres.js, and the next query works': (url) =>
    withSql(url, { max: 1 }, async (sql) => {
      const out = await textOf(
        await sql`copy (select n, 'line ' || n from generate_series(1, 20000) n) to stdout`.readable(),
      );
      const csv = await textOf(
        await sql`copy (select 1, 'a,b', null) to stdout with (format csv)`.readable(),
      );
      return [out.length, out.slice(-20), csv, await sql`select 'next' as state`];
    }),
};

async function withCopyTable(url: string, run: (sql: postgres.Sql) => Promise<unknown>): Promise<unknown> {
  return withSql(url, { max: 1 }, async (sql) => {
    await sql`drop table if exists copies`;
    await sql`create table copies (id int, name text)`;
    // Not in `finally`: after an error it would fail too, and hide it. The next case begins by dropping.
    const saw = await run(sql);
    await sql`drop table copies`;
    return saw;
  });
}

async function textOf(readable: Readable): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readable) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString();
}

/** The server tells the error at once; what the driver then says to end its COPY comes too late and means nothing. */
function writeBadRows(writable: Writable): Promise<Record<string, unknown>> {
  return errorOf(
    new Promise<void>((_, reject) => {
      writable.once('error', reject);
      writable.write('1\tgood\n');
      writable.write('not a number\tbad\n');
    }),
  );
}

/** Another connection sees the query run: then it can be cancelled. */
async function isSleeping(url: string): Promise<void> {
  await withSql(url, { max: 1, fetch_types: false }, async (sql) => {
    for (;;) {
      const [row] = await sql`select from pg_stat_activity
        where datname = current_database() and state = 'active' and query = 'select pg_sleep(30)'`;
      if (row) return;
    }
  });
}
