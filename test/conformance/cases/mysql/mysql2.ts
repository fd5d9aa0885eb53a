/** What applications do with mysql2 in one connection: query, execute, types, streams, several statements, files. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createConnection as createCallbackConnection, type RowDataPacket } from 'mysql2';
import { type Cases, errorOf } from '../../case.ts';
import { facts, options, withConnection, withTable } from './with-connection.ts';

const MIB = 1024 * 1024;
/** The most that one packet holds; a payload of just that many bytes is followed by an empty packet. */
const PACKET_BYTES_MAX = 0xff_ff_ff;

const COLUMN_TYPES = [
  'bit(9)',
  'tinyint',
  'tinyint unsigned',
  'boolean',
  'smallint',
  'mediumint unsigned',
  'int',
  'int unsigned zerofill',
  'bigint',
  'bigint unsigned',
  'float',
  'double',
  'decimal(40,10)',
  'date',
  'datetime',
  'datetime(6)',
  'timestamp(3) null',
  'time',
  'time(6)',
  'year',
  'char(10)',
  'varchar(200)',
  'varchar(20) character set latin1',
  'varchar(20) character set ascii collate ascii_bin',
  'varchar(20) character set utf8mb4 collate utf8mb4_unicode_ci',
  'binary(8)',
  'varbinary(200)',
  'tinyblob',
  'blob',
  'mediumblob',
  'longblob',
  'tinytext',
  'text',
  'longtext',
  "enum('a','b','ü')",
  "set('x','y','z')",
  'json',
  'geometry',
  'point',
];

/** Texts of SQL, one for each of the columns. */
const ROWS = [
  `b'101010101', -128, 255, true, -32768, 16777215, -2147483648, 42, -9223372036854775808, 18446744073709551615,
   1.5, -2.2250738585072014e-308, '123456789012345678901234567890.0123456789', '1000-01-01', '2026-02-28 12:34:56',
   '2026-02-28 12:34:56.789012', '2026-02-28 12:34:56.789', '-838:59:59', '12:34:56.000001', 1901, 'char', 'ünïcödé 🐬',
   'été', 'ascii', '漢字🎉', 'bin', x'00ff10', x'00', x'0102', 'medium', 'long', '', 'text', 'longtext', 'ü', 'x,z',
   '{"a": [1, 2.5, null, "ü🐬"], "b": {}}', st_geomfromtext('POLYGON((0 0,0 3,3 3,0 0))'), point(1, -2.5)`,
  COLUMN_TYPES.map(() => 'null').join(),
];

export const mysql2Cases: Cases = {
  'query and execute, with and without parameters': (url) =>
    withConnection(url, async (connection) => [
      facts(await connection.query("select 1 as one, 'text' as text, null as nothing")),
      facts(await connection.query('select ? as n, ? as t, ? as nothing', [42, "it's", null])),
      facts(await connection.execute('select ? + 1 as n, ? as t, ? as nothing', [42, "it's", null])),
      facts(await connection.execute('select 1 as a, 2 as a')),
      facts(await connection.query({ sql: 'select 1 as a, 2 as a', rowsAsArray: true })),
      facts(await connection.query('select 1 as n from dual where false')),
      facts(await connection.execute('select 1 as n from dual where false')),
      facts(await connection.query('/* only a comment */ do 1')),
      await errorOf(connection.query('')),
    ]),

  'every type of column comes back as it went, as text and in binary': (url) =>
    withConnection(url, async (connection) => {
      const columns = COLUMN_TYPES.map((type, n) => `c${n} ${type}`).join();
      return withTable(connection, `types (${columns}) character set utf8mb4`, async () => {
        for (const row of ROWS) await connection.query(`insert into types values (${row})`);
        return [
          facts(await connection.query('select * from types')),
          facts(await connection.execute('select * from types')),
        ];
      });
    }),

  'dates and big numbers come as the driver is told to read them': (url) =>
    withConnection(
      url,
      async (connection) => {
        const sql = `select date '2026-02-28' as d, timestamp '2026-02-28 23:59:59.5' as t,
          cast(9007199254740993 as signed) as big, cast(1 as decimal(20, 5)) as number`;
        return [facts(await connection.query(sql)), facts(await connection.execute(sql))];
      },
      { dateStrings: true, supportBigNumbers: true, bigNumberStrings: true, timezone: 'Z' },
    ),

  'zero dates, which only a lax mode takes': (url) =>
    withConnection(
      url,
      async (connection) =>
        withTable(connection, 'zeros (d date, t datetime)', async () => {
          await connection.query("set sql_mode = ''");
          await connection.query("insert into zeros values ('0000-00-00', '2026-00-00 00:00:00')");
          await connection.query("set sql_mode = 'NO_ZERO_DATE,STRICT_ALL_TABLES'");
          const refused = await errorOf(
            connection.query("insert into zeros values ('0000-00-00', '2026-01-01')"),
          );
          return [
            refused,
            facts(await connection.query('select * from zeros')),
            facts(await connection.execute('select * from zeros')),
          ];
        }),
      { dateStrings: true },
    ),

  'parameters of every kind, in a text and in binary': (url) =>
    withConnection(url, async (connection) => {
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
      const values = [0, -1.5, 'a\'b"c\\d\0e', true, null, bytes, new Date('2026-02-28T12:34:56.789Z')];
      const marks = values.map((_, n) => `? as c${n}`).join();
      return [
        (await connection.query(`select ${marks}`, values))[0],
        (await connection.execute(`select ${marks}, hex(?) as h`, [...values, bytes]))[0],
        (await connection.query('select 1 in (?) as yes, ? as j', [[1, 2], JSON.stringify({ a: 1 })]))[0],
      ];
    }),

  'named placeholders': (url) =>
    withConnection(
      url,
      async (connection) => [
        (await connection.query('select :a + :b as sum, :a as a', { a: 1, b: 2 }))[0],
        (await connection.execute('select :a + :b as sum, :a as a', { a: 1, b: 2 }))[0],
      ],
      { namedPlaceholders: true },
    ),

  'nested tables, and values read by a function of the caller': (url) =>
    withConnection(url, async (connection) => {
      const sql = 'select a.x, b.x from (select 1 as x) a join (select 2 as x) b';
      return [
        (await connection.query({ sql, nestTables: true }))[0],
        (
          await connection.query({
            sql,
            typeCast: (field, next) => (field.table === 'b' ? `b: ${field.string()}` : next()),
          })
        )[0],
      ];
    }),

  'a prepared statement runs often, is closed, and its text can be prepared again': (url) =>
    withConnection(url, async (connection) => {
      const sql = 'select ? * 2 as n, ? as t';
      const answers = [];
      for (let round = 0; round < 3; round += 1) {
        const statement = await connection.prepare(sql);
        for (const n of [1, -2, 1.5, 9_007_199_254_740_991])
          answers.push((await statement.execute([n, `${n}`]))[0]);
        // `close` alone would leave the closed one in the driver's own cache.
        connection.unprepare(sql);
      }
      for (let n = 0; n < 20; n += 1)
        answers.push((await connection.execute(`select ${n % 3} as k, ? as n`, [n]))[0]);
      connection.unprepare('select 0 as k, ? as n');
      answers.push((await connection.execute('select 0 as k, ? as n', [21]))[0]);
      return answers;
    }),

  'a prepared statement sees that its table has changed': (url) =>
    withConnection(url, async (connection) =>
      withTable(connection, 'changing (a int)', async () => {
        await connection.query('insert into changing values (1)');
        const sql = 'select * from changing where a < ?';
        const before = facts(await connection.execute(sql, [9]));
        await connection.query('alter table changing add column b varchar(10) default "new"');
        const after = facts(await connection.execute(sql, [9]));
        await connection.query('alter table changing modify a bigint');
        return [before, after, facts(await connection.execute(sql, [9]))];
      }),
    ),

  'errors carry code, number and SQLSTATE, and the next query works': (url) =>
    withConnection(url, async (connection) =>
      withTable(connection, 'strict (id int not null primary key, n tinyint unsigned not null)', async () => {
        await connection.query('insert into strict values (1, 1)');
        return [
          await errorOf(connection.query('selec 1')),
          await errorOf(connection.query('select * from nowhere')),
          await errorOf(connection.execute('select * from nowhere where a = ?', [1])),
          await errorOf(connection.query('select nothing from strict')),
          await errorOf(connection.query('insert into strict values (1, 1)')),
          await errorOf(connection.execute('insert into strict values (?, ?)', [2, null])),
          await errorOf(connection.execute('insert into strict values (?, ?)', [2, 256])),
          await errorOf(connection.query('insert into strict (id) values (2)')),
          await errorOf(connection.query('kill 4000000000')),
          facts(await connection.query("select 'still works' as t")),
        ];
      }),
    ),

  'warnings are counted, and shown to whoever asks': (url) =>
    withConnection(url, async (connection) =>
      withTable(connection, 'lax (n tinyint, t varchar(3))', async () => {
        await connection.query("set sql_mode = ''");
        const inserted = facts(await connection.query("insert into lax values (1000, 'too long'), (1, 'x')"));
        const shown = facts(await connection.query('show warnings'));
        const counted = facts(await connection.query('show count(*) warnings'));
        const executed = facts(await connection.execute('insert into lax values (?, ?)', [1000, 'too long']));
        const again = facts(await connection.query('show warnings limit 1'));
        await connection.query('drop table if exists nowhere');
        const dropped = facts(await connection.query('show warnings'));
        await errorOf(connection.query('select * from nowhere'));
        return [
          inserted,
          shown,
          counted,
          executed,
          again,
          dropped,
          facts(await connection.query('show errors')),
        ];
      }),
    ),

  'insertId, affectedRows and changedRows': (url) =>
    withConnection(url, async (connection) =>
      withTable(connection, 'ids (id bigint unsigned auto_increment primary key, n int)', async () => [
        facts(await connection.query('insert into ids (n) values (1)')),
        facts(await connection.execute('insert into ids (n) values (?), (?)', [2, 3])),
        (await connection.query('select last_insert_id() as id, row_count() as n'))[0],
        facts(await connection.query('insert into ids values (18446744073709551610, 4)')),
        facts(await connection.query('update ids set n = 1 where n in (1, 2)')),
        facts(await connection.query('replace into ids values (1, 5)')),
        facts(await connection.query('insert into ids values (1, 6) on duplicate key update n = 6')),
        facts(await connection.query('update ids set n = last_insert_id(77) where n = 6')),
        facts(await connection.query('delete from ids where n > 1')),
      ]),
    ),

  'FOUND_ROWS or not: what an update counts is the choice of the driver': async (url) => {
    const count = (flags: string[]) =>
      withConnection(
        url,
        async (connection) =>
          withTable(connection, 'counted (n int)', async () => {
            await connection.query('insert into counted values (1), (2)');
            return facts(await connection.query('update counted set n = 2'));
          }),
        { flags },
      );
    return [await count(['FOUND_ROWS']), await count(['-FOUND_ROWS']), await count(['FOUND_ROWS'])];
  },

  'several statements in one text answer each, up to the first error': (url) =>
    withConnection(
      url,
      async (connection) => [
        facts(
          await connection.query(
            'select 1 as a; select 2 as b, 3 as c; do 1; select 4 as d from dual where 0',
          ),
        ),
        facts(await connection.query('set @x = 1; select @x as x; set @x = null')),
        await errorOf(connection.query('select 1; selec 2; select 3')),
        await errorOf(connection.query('select 1 as a; select * from nowhere')),
        facts(await connection.query('select 5 as e')),
      ],
      { multipleStatements: true },
    ),

  'several statements are refused where the driver did not ask for them': (url) =>
    withConnection(url, async (connection) => [
      await errorOf(connection.query('select 1; select 2')),
      facts(await connection.query('select 3 as n')),
    ]),

  'stored procedures hand out several results, in text and in binary': (url) =>
    withConnection(url, async (connection) => {
      await connection.query(`create procedure several(in a int, out b int)
        begin select a as a; select a + 1 as x, 'two' as y; set b = a * 2; select 1 as none from dual where false; end`);
      await connection.query(`create procedure failing()
        begin select 1 as first; signal sqlstate '45000' set message_text = 'on purpose', mysql_errno = 5555; end`);
      await connection.query('create function twice(n int) returns int deterministic return n * 2');
      try {
        return [
          facts(await connection.query('call several(20, @b)')),
          (await connection.query('select @b as b, twice(21) as answer'))[0],
          facts(await connection.execute('call several(?, @b)', [1])),
          await errorOf(connection.query('call failing()')),
          (await connection.query('select @b as b'))[0],
        ];
      } finally {
        await connection.query('drop procedure several');
        await connection.query('drop procedure failing');
        await connection.query('drop function twice');
      }
    }),

  'LOAD DATA LOCAL INFILE streams a file of the driver': (url) =>
    withConnection(url, async (connection) =>
      withTable(connection, 'loaded (id int, name varchar(100))', async () => {
        const pieces = Array.from({ length: 200 }, (_, n) =>
          Buffer.from(
            Array.from({ length: 100 }, (_, m) => `${n * 100 + m}\tline number ${m} 🐬\n`).join(''),
          ),
        );
        const load = (chunks: Buffer[]) =>
          connection.query({
            sql: "load data local infile 'any name' into table loaded character set utf8mb4",
            infileStreamFactory: () => Readable.from(chunks),
          });
        return [
          facts(await load(pieces)),
          (
            await connection.query('select count(*) as n, sum(id) as ids, sum(crc32(name)) as c from loaded')
          )[0],
          facts(await load([])),
          facts(await load([Buffer.from('not a number\tx\n')])),
          await errorOf(connection.query("load data local infile 'nobody gives it' into table loaded")),
          facts(await connection.query('select 1 as next')),
        ];
      }),
    ),

  'rows arrive as a stream': async (url) => {
    const connection = createCallbackConnection(options(url));
    try {
      const sql =
        'with recursive r as (select 1 as n union all select n + 1 from r where n < 900) select * from r';
      const rows: RowDataPacket[] = [];
      for await (const row of connection.query(sql).stream({ highWaterMark: 5 })) rows.push(row);
      let sum = 0;
      for await (const row of connection.execute(`${sql} where n > ?`, [10]).stream()) sum += row.n;
      return [rows.length, rows.at(-1), sum];
    } finally {
      connection.end();
    }
  },

  'packets of 16 MiB and more, in both directions': (url) =>
    withConnection(url, async (connection) =>
      withTable(connection, 'big (bytes longblob)', async () => {
        const bytes = Buffer.alloc(PACKET_BYTES_MAX + 10 * MIB, 'bytes that repeat. ');
        await connection.execute('insert into big values (?)', [bytes]);
        const [[row]] = await connection.execute<RowDataPacket[]>('select * from big');
        const isEqual = bytes.equals(row?.['bytes'] as Buffer);
        // A row whose payload is just one full packet: its length of 4 bytes stands in front.
        const [[full]] = await connection.query<RowDataPacket[]>(
          `select repeat('x', ${PACKET_BYTES_MAX - 4}) as x`,
        );
        // About the longest text that Warmpool takes; mysql2 itself trips over the very longest.
        const padded = await connection.query('select 1 as n -- '.padEnd(PACKET_BYTES_MAX - 100, 'x'));
        return [isEqual, String(full?.['x']).length, facts(padded)];
      }),
    ),

  'more than the server takes is an error, and the next connection works': async (url) => {
    const bytes = Buffer.alloc(65 * MIB);
    const refused = await withConnection(url, (connection) =>
      connection.execute('select length(?) as n', [bytes]),
    ).then(
      () => false,
      () => true,
    );
    return [
      refused,
      await withConnection(url, async (connection) => facts(await connection.query('select 1'))),
    ];
  },

  'a result of 20 MB arrives whole': (url) =>
    withConnection(url, async (connection) => {
      await connection.query('set session cte_max_recursion_depth = 5000').catch(() => undefined);
      const [rows] = await connection.query<RowDataPacket[]>(`with recursive r as
        (select 1 as n union all select n + 1 from r where n < 2000) select repeat(sha2(n, 256), 160) as t from r`);
      const hash = createHash('sha256');
      for (const { t } of rows) hash.update(t);
      return [rows.length, hash.digest('hex')];
    }),

  'a table describes itself': (url) =>
    withConnection(url, async (connection) =>
      withTable(
        connection,
        "described (id int primary key, t varchar(10) default 'x' comment 'c')",
        async () => [
          (await connection.query('describe described'))[0],
          (await connection.query('show full columns from described'))[0],
          (await connection.query('show create table described'))[0],
          (await connection.query("show tables like 'descr%'"))[0],
          (
            await connection.query(
              `select column_name, column_type, is_nullable from information_schema.columns
             where table_schema = database() and table_name = 'described' order by ordinal_position`,
            )
          )[0],
          facts(await connection.query('explain select * from described where id = 1')),
        ],
      ),
    ),
};
