/** What applications do with the mariadb connector: pipelining, batches, streams, files. */
import {
  type Connection,
  type ConnectionConfig,
  createConnection,
  createPool,
  type FieldInfo,
} from 'mariadb';
import { type Cases, errorOf } from '../../case.ts';

export const mariadbCases: Cases = {
  'query and execute, with and without parameters': (url) =>
    withConnection(url, async (connection) => [
      facts(await connection.query("select 1 as one, 'text' as text, null as nothing")),
      facts(await connection.query('select ? as n, ? as t, ? as nothing', [42, "it's", null])),
      facts(await connection.execute('select ? + 1 as n, ? as t, ? as nothing', [42, "it's", null])),
      facts(
        await connection.query({ sql: 'select :a as a, :b as b', namedPlaceholders: true }, { a: 1, b: 2 }),
      ),
      await failure(connection.query('selec 1')),
      await failure(connection.execute('select * from nowhere where id = ?', [1])),
      facts(await connection.query("select 'still works' as t")),
    ]),

  'queries run one behind the other down the connection, errors among them': (url) =>
    withConnection(url, async (connection) =>
      Promise.all(
        Array.from({ length: 60 }, async (_, n) => {
          if (n % 20 === 7) return failure(connection.query('selec'));
          const rows =
            n % 2 === 0 ? connection.query(`select ${n} as n`) : connection.execute('select ? as n', [n]);
          return facts(await rows);
        }),
      ),
    ),

  'a batch is inserted at once, with what each row was given': (url) =>
    withConnection(url, async (connection) => {
      await connection.query(
        'create table batches (id int auto_increment primary key, n int, t varchar(50), b blob, d datetime(3))',
      );
      try {
        const rows = Array.from({ length: 500 }, (_, n) => [
          n % 7 === 0 ? null : n,
          `text ${n} 🐬`,
          n % 3 === 0 ? null : Buffer.from([n % 256, 0, 255]),
          new Date(Date.UTC(2026, 1, 28, 12, 0, 0, n)),
        ]);
        const sql = 'insert into batches (n, t, b, d) values (?, ?, ?, ?)';
        const inserted = await connection.batch(sql, rows);
        const failed = await failure(connection.batch('insert into batches (id) values (?)', [[1], [2]]));
        const updated = await connection.batch('update batches set n = ? where id = ?', [
          [1, 1],
          [2, 2],
          [3, 999],
        ]);
        const seen = await connection.query(
          'select count(*) as c, count(b) as b, sum(n) as n, sum(crc32(t)) as t, max(d) as d from batches',
        );
        return [plain(inserted), failed, plain(updated), facts(seen)];
      } finally {
        await connection.query('drop table batches');
      }
    }),

  'compression may be asked for, and nothing is lost without it': (url) =>
    withConnection(
      url,
      async (connection) => facts(await connection.query("select repeat('x', 100000) as x")),
      { compress: true },
    ),

  'rows arrive as a stream, and prepared statements too': (url) =>
    withConnection(url, async (connection) => {
      const sql =
        'with recursive r as (select 1 as n union all select n + 1 from r where n < 900) select * from r';
      const seen: unknown[] = [];
      for await (const row of connection.queryStream(sql)) seen.push(Number(row.n));
      const prepared = await connection.prepare(`${sql} where n > ?`);
      for await (const row of prepared.executeStream([890])) seen.push(Number(row.n));
      const counts = [(await prepared.execute([899])).length, (await prepared.execute([1])).length];
      prepared.close();
      return [seen.length, seen.slice(-10), counts];
    }),

  'several statements, procedures and transactions': (url) =>
    withConnection(
      url,
      async (connection) => {
        const several = await connection.query('select 1 as a; do 1; select 2 as b');
        await connection.query('create procedure two() begin select 1 as x; select 2 as y, 3 as z; end');
        await connection.query('create table moves (id int primary key)');
        try {
          const called = await connection.query('call two()');
          const executed = await connection.execute('call two()');
          await connection.beginTransaction();
          await connection.query('insert into moves values (1)');
          await connection.rollback();
          await connection.beginTransaction();
          await connection.query('insert into moves values (2)');
          await connection.commit();
          return [
            plain(several),
            plain(called),
            plain(executed),
            plain(await connection.query('select * from moves')),
          ];
        } finally {
          await connection.query('drop procedure two');
          await connection.query('drop table moves');
        }
      },
      { multipleStatements: true },
    ),

  'a pool, resets, and changes of user': async (url) => {
    const pool = createPool({ ...config(url), connectionLimit: 4 });
    try {
      const asked = Array.from({ length: 50 }, (_, n) => pool.query('select ? as n', [n]));
      const answers = (await Promise.all(asked)).map(plain);
      const connection = await pool.getConnection();
      await connection.query('set @x = 1');
      await connection.reset();
      const reset = plain(await connection.query('select @x as x'));
      await connection.ping();
      const { user, password, database } = config(url);
      await connection.query('set @x = 1');
      // The connector itself does not do it with MySQL.
      const change = await connection.changeUser({ user, password, database }).then(
        () => 'changed',
        (error) => error.errno,
      );
      const changed = plain(await connection.query('select @x as x, database() as d'));
      await connection.release();
      return [answers, reset, change, changed];
    } finally {
      await pool.end();
    }
  },
};

function config(url: string): ConnectionConfig & { user: string; password: string; database: string } {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    host: hostname,
    port: Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
    // MySQL's key for a password without TLS.
    allowPublicKeyRetrieval: true,
  };
}

async function withConnection(
  url: string,
  run: (connection: Connection) => Promise<unknown>,
  more: ConnectionConfig = {},
): Promise<unknown> {
  const connection = await createConnection({ ...config(url), ...more });
  try {
    return await run(connection);
  } finally {
    await connection.end();
  }
}

/** Its messages begin with the connection's id. */
async function failure(promise: Promise<unknown>): Promise<unknown> {
  const { message, ...facts } = await errorOf(promise);
  return { ...facts, message: String(message).replace(/conn:-?\d+/, 'conn') };
}

/** Rows with what the server says of their columns. */
function facts(rows: Record<string, unknown>[] & { meta: FieldInfo[] }): unknown {
  const columns = rows.meta.map((column) => ({
    names: [column.name(), column.orgName(), column.table(), column.orgTable(), column.db()],
    facts: [column.type, column.columnType, column.columnLength, column.flags, column.scale],
  }));
  return { rows: plain(rows), columns };
}

/** As JSON has it, which knows no big integers. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part)));
}
