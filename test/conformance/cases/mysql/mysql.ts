/** What applications do with mysql, the older driver: it knows mysql_native_password alone, and no prepared statements. */
import { type Connection, createConnection, createPool, type FieldInfo } from 'mysql';
import { type Cases, errorOf } from '../../case.ts';

export const mysqlCases: Cases = {
  'query with and without parameters, several result columns, errors': (url) =>
    withConnection(url, async (query) => [
      await query("select 1 as one, 'text' as text, null as nothing"),
      await query('select ? as n, ? as t, ?? from (select 3 as x) t', [42, "it's", 'x']),
      await errorOf(query('selec 1')),
      await errorOf(query('select * from nowhere')),
      await query("select 'still works' as t"),
    ]),

  'transactions, inserts and what they count': (url) =>
    withConnection(url, async (query) => {
      await query('create table old (id int auto_increment primary key, t varchar(20))');
      try {
        await query('start transaction');
        const inserted = await query('insert into old set ?', [{ t: 'ünïcödé' }]);
        await query('rollback');
        const again = await query('insert into old (t) values ?', [[['a'], ['b']]]);
        return [inserted, again, await query('update old set t = "b"'), await query('select * from old')];
      } finally {
        await query('drop table old');
      }
    }),

  'several statements, and a pool': async (url) => {
    const severalUrl = new URL(url);
    severalUrl.searchParams.set('multipleStatements', 'true');
    const several = await withConnection(severalUrl.href, (query) =>
      query('select 1 as a; select 2 as b; do 1'),
    );
    const pool = createPool(url);
    const asked = Array.from({ length: 30 }, (_, n) =>
      promised((done) => pool.query('select ? as n', [n], done)),
    );
    const pooled = await Promise.all(asked);
    await new Promise((resolve) => pool.end(resolve));
    return [several, pooled];
  },

  'rows arrive one by one': async (url) => {
    const connection = createConnection(url);
    const rows: unknown[] = [];
    await new Promise((resolve, reject) => {
      connection
        .query('select 1 as n union select 2 union select 3')
        .on('result', (row) => rows.push(row))
        .on('error', reject)
        .on('end', resolve);
    });
    connection.end();
    return rows;
  },
};

type Query = (sql: string, values?: unknown[]) => Promise<unknown>;

async function withConnection(url: string, run: (query: Query) => Promise<unknown>): Promise<unknown> {
  const connection: Connection = createConnection(url);
  try {
    return await run((sql, values = []) => promised((done) => connection.query(sql, values, done)));
  } finally {
    await new Promise((resolve) => connection.end(resolve));
  }
}

type Done = (error: Error | null, result: unknown, fields?: FieldInfo[]) => void;

function promised(start: (done: Done) => void): Promise<unknown> {
  return new Promise((resolve, reject) =>
    start((error, result, fields) => {
      if (error) reject(error);
      else resolve({ result, fields: fields?.flat().map((field) => field && { ...field }) });
    }),
  );
}
