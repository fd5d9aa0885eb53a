/** What applications do with mysql2 that outlives one query: transactions, pools, settings, locks, kills. */
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { type Cases, errorFacts, errorOf } from '../../case.ts';
import { facts, withConnection, withPool, withTable } from './with-connection.ts';

const SHOW_SETTINGS = `show session variables where variable_name in ('autocommit', 'sql_mode', 'time_zone',
  'group_concat_max_len', 'character_set_client', 'character_set_results', 'character_set_connection',
  'collation_connection', 'transaction_isolation', 'tx_isolation', 'transaction_read_only', 'tx_read_only')`;

export const mysql2SessionCases: Cases = {
  'transactions commit, roll back, and go back to a savepoint': (url) =>
    withConnection(url, async (connection) =>
      withTable(connection, 'moves (id int primary key)', async () => {
        const insert = async (id: number): Promise<unknown> =>
          facts(await connection.query('insert into moves values (?)', [id]));
        await connection.beginTransaction();
        const first = await insert(1);
        await connection.commit();
        await connection.beginTransaction();
        await insert(2);
        await connection.rollback();
        await connection.query('start transaction');
        await insert(3);
        await connection.query('savepoint s');
        await insert(4);
        await connection.query('rollback to savepoint s');
        const failed = await errorOf(insert(3));
        await connection.query('commit and chain');
        await insert(5);
        await connection.query('rollback');
        const rows = (await connection.query('select * from moves order by id'))[0];
        await connection.query('start transaction read only');
        const readOnly = await errorOf(insert(6));
        await connection.query('commit');
        return [first, failed, rows, readOnly];
      }),
    ),

  'with autocommit off, one transaction follows the other': (url) =>
    withConnection(url, async (connection) =>
      withTable(connection, 'pending (id int)', async () => {
        await connection.query('set autocommit = 0');
        await connection.query('insert into pending values (1)');
        await connection.query('rollback');
        await connection.query('insert into pending values (2)');
        await connection.query('commit');
        await connection.query('insert into pending values (3)');
        const seen = await withConnection(
          url,
          async (other) => (await other.query('select * from pending'))[0],
        );
        const ended = facts(await connection.query('set autocommit = 1'));
        return [seen, ended, (await connection.query('select * from pending order by id'))[0]];
      }),
    ),

  'a statement that commits by itself ends the transaction': (url) =>
    withConnection(url, async (connection) =>
      withTable(connection, 'implicit (id int)', async () => {
        await connection.beginTransaction();
        await connection.query('insert into implicit values (1)');
        const altered = facts(await connection.query('alter table implicit add column n int'));
        await connection.rollback();
        return [altered, (await connection.query('select * from implicit'))[0]];
      }),
    ),

  'isolation levels, of the session and of the next transaction alone': (url) =>
    withConnection(url, async (connection) => {
      await connection.query('set session transaction isolation level serializable');
      const ofSession = await settings(connection);
      await connection.query('set transaction read only');
      await connection.beginTransaction();
      const readOnly = await errorOf(connection.query('create temporary table refused (id int) select 1'));
      await connection.commit();
      await connection.query('start transaction with consistent snapshot');
      const within = await errorOf(connection.query('set transaction read only'));
      await connection.rollback();
      return [ofSession, readOnly, within, await settings(connection)];
    }),

  'two transactions wait for each other, and one is told that it waited too long': (url) =>
    withConnection(url, async (one) =>
      withTable(one, 'locked (id int primary key, n int)', async () =>
        withConnection(url, async (other) => {
          await one.query('insert into locked values (1, 0)');
          await other.query('set innodb_lock_wait_timeout = 1');
          await one.beginTransaction();
          await one.query('update locked set n = 1');
          const waited = await errorOf(other.query('update locked set n = 2'));
          const nowait = await errorOf(other.query('select * from locked for update nowait'));
          await one.commit();
          return [waited, nowait, (await other.query('select * from locked for update'))[0]];
        }),
      ),
    ),

  'a pool serves more queries than it has connections': (url) =>
    withPool(url, async (pool) => {
      const asked = Array.from({ length: 100 }, (_, n) =>
        n % 2 === 0 ? pool.query('select ? as n', [n]) : pool.execute('select ? as n', [n]),
      );
      return (await Promise.all(asked)).map(([rows]) => rows);
    }),

  'transactions of a pool': (url) =>
    withPool(url, async (pool) =>
      withTable(pool, 'pooled (id int primary key)', async () => {
        const move = async (id: number): Promise<void> => {
          const connection = await pool.getConnection();
          try {
            await connection.beginTransaction();
            await connection.execute('insert into pooled values (?)', [id]);
            await (id % 2 === 0 ? connection.commit() : connection.rollback());
          } finally {
            connection.release();
          }
        };
        await Promise.all(Array.from({ length: 20 }, (_, id) => move(id)));
        return (await pool.query('select * from pooled order by id'))[0];
      }),
    ),

  'queries that are sent one behind the other without waiting': (url) =>
    withConnection(url, async (connection) => {
      const answers = Array.from({ length: 50 }, (_, n) =>
        n === 25
          ? errorOf(connection.query('selec'))
          : connection.query(`select ${n} as n`).then(([rows]) => rows),
      );
      return Promise.all(answers);
    }),

  'settings hold for the driver that made them': (url) =>
    withConnection(url, async (connection) => {
      await connection.query("set time_zone = '+05:30', sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'");
      await connection.query('set session group_concat_max_len = 4242');
      await connection.query('set names latin1 collate latin1_german1_ci');
      const answers = [];
      for (let n = 0; n < 3; n += 1)
        answers.push(await connection.query(`select 'a' || 'b' as "ab", from_unixtime(0) as t, ${n} as n`));
      const other = await withConnection(url, settings);
      return [answers.map(([rows]) => rows), await settings(connection), other];
    }),

  'a setting that fails changes nothing': (url) =>
    withConnection(url, async (connection) => [
      await errorOf(connection.query("set sql_mode = 'no such mode'")),
      await errorOf(connection.query('set no_such_variable = 1')),
      await errorOf(connection.query("set time_zone = 'nowhere'")),
      await settings(connection),
    ]),

  'user variables, also where a statement makes them in passing': (url) =>
    withConnection(url, async (connection) => {
      await connection.query("set @a = 1, @b := 'two'");
      await connection.query('select @c := 3');
      await connection.query('select 4, 5 into @d, @e');
      const mine = (await connection.query('select @a, @b, @c, @d, @e'))[0];
      const others = await withConnection(url, async (other) => (await other.query('select @a, @b, @c'))[0]);
      return [mine, others];
    }),

  'temporary tables are seen by their driver alone': (url) =>
    withConnection(url, async (connection) => {
      await connection.query('create temporary table mine (id int)');
      await connection.query('insert into mine values (1), (2)');
      const seen = (await connection.query('select * from mine'))[0];
      const unseen = await withConnection(url, (other) => errorOf(other.query('select * from mine')));
      await connection.query('drop temporary table mine');
      return [seen, unseen, await errorOf(connection.query('select * from mine'))];
    }),

  'named locks exclude the other driver until they are released': (url) =>
    withConnection(url, async (one) =>
      withConnection(url, async (other) => {
        const lock = 'concat(database(), "lock")';
        const ask = async (connection: Connection, sql: string): Promise<unknown> =>
          (await connection.query({ sql: `select ${sql} as n`, rowsAsArray: true }))[0];
        return [
          await ask(one, `get_lock(${lock}, 0)`),
          await ask(other, `get_lock(${lock}, 0)`),
          await ask(one, `is_used_lock(${lock}) = connection_id()`),
          await ask(one, `release_lock(${lock})`),
          await ask(other, `get_lock(${lock}, 0)`),
          await ask(other, `release_lock(${lock})`),
        ];
      }),
    ),

  'locked tables': (url) =>
    withConnection(url, async (connection) =>
      withTable(connection, 'under_lock (id int)', async () => {
        await connection.query('lock tables under_lock write');
        await connection.query('insert into under_lock values (1)');
        const other = await errorOf(connection.query('select * from nowhere'));
        await connection.query('unlock tables');
        return [other, (await connection.query('select * from under_lock'))[0]];
      }),
    ),

  'HANDLER reads a table by hand': (url) =>
    withConnection(url, async (connection) =>
      withTable(connection, 'handled (id int primary key)', async () => {
        await connection.query('insert into handled values (1), (2), (3)');
        await connection.query('handler handled open as h');
        const rows = [
          (await connection.query('handler h read `primary` first'))[0],
          (await connection.query('handler h read `primary` next'))[0],
        ];
        await connection.query('handler h close');
        return [rows, await errorOf(connection.query('handler h read `primary` first'))];
      }),
    ),

  'a transaction in two phases': (url) =>
    withConnection(url, async (connection) =>
      withTable(connection, 'phases (id int)', async () => {
        const [[row]] = await connection.query<RowDataPacket[]>('select database() as name');
        const id = `'${row?.['name']}'`;
        await connection.query(`xa start ${id}`);
        await connection.query('insert into phases values (1)');
        const inside = await errorOf(connection.query('commit'));
        await connection.query(`xa end ${id}`);
        await connection.query(`xa prepare ${id}`);
        await connection.query(`xa commit ${id}`);
        return [inside, (await connection.query('select * from phases'))[0]];
      }),
    ),

  'what looks back sees the own previous statement': (url) =>
    withConnection(url, async (connection) =>
      withTable(connection, 'back (id int auto_increment primary key, n int)', async () => {
        await connection.query('insert into back (n) values (1), (2), (3)');
        const ids = [];
        for (let n = 0; n < 3; n += 1) {
          ids.push((await connection.query('select last_insert_id() as id'))[0]);
          // Somebody else's insert in between.
          await withConnection(url, (other) => other.query('insert into back (n) values (9)'));
        }
        await connection.query('update back set n = 10 where n = 1');
        const count = (await connection.query('select row_count() as n'))[0];
        await connection.query('select sql_calc_found_rows * from back limit 2');
        return [ids, count, (await connection.query('select found_rows() as n'))[0]];
      }),
    ),

  'ping, reset and a change of user': (url) =>
    withConnection(url, async (connection) => {
      await connection.query("set @x = 1, time_zone = '+01:00'");
      await connection.ping();
      await connection.reset();
      const reset = [(await connection.query('select @x as x'))[0], withoutLogin(await settings(connection))];
      await connection.query("set @x = 1, time_zone = '+01:00'");
      const { user, password, database } = credentials(url);
      await connection.changeUser({ user, password, database });
      const changed = [
        (await connection.query('select @x as x'))[0],
        withoutLogin(await settings(connection)),
      ];
      const refused = await errorOf(connection.changeUser({ user: 'nobody', password: 'wrong' }));
      return [reset, changed, { ...refused, message: '', sqlMessage: '' }];
    }),

  'KILL QUERY by the id of the connection ends the query that runs there, and no other': (url) =>
    withConnection(url, async (connection) => {
      const sleeping = connection.query('select sleep(20) as s, 1 as one').then(([rows]) => rows, errorFacts);
      await withConnection(url, async (other) => {
        await untilRunning(other, 'select sleep(20)');
        await other.query(`kill query ${connection.threadId}`);
      });
      return [await sleeping, (await connection.query('select 1 as alive'))[0]];
    }),

  'a new connection may say its settings at once': (url) =>
    withConnection(url, settings, { charset: 'latin1_swedish_ci' }),

  'a wrong password is refused with 1045': async (url) => {
    const refused = await errorOf(withConnection(url, settings, { password: 'wrong' }));
    return [refused['code'], refused['errno'], refused['sqlState']];
  },
};

async function settings(connection: Connection): Promise<RowDataPacket[]> {
  return (await connection.query<RowDataPacket[]>(SHOW_SETTINGS))[0];
}

/**
 * Behind a reset MySQL forgets the collation that a driver logged in with, and MariaDB the IGNORE_SPACE (behind a change
 * of user, too). With Warmpool they stay.
 */
function withoutLogin(rows: RowDataPacket[]): unknown {
  const names = ['collation_connection', 'sql_mode'];
  return rows.filter((row) => !names.includes(row['Variable_name']));
}

async function untilRunning(connection: Connection, start: string): Promise<void> {
  const sql = 'select 1 from information_schema.processlist where db = database() and info like ?';
  while (((await connection.query(sql, [`${start}%`]))[0] as unknown[]).length === 0);
}

function credentials(url: string): { user: string; password: string; database: string } {
  const { username, password, pathname } = new URL(url);
  return {
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
  };
}
