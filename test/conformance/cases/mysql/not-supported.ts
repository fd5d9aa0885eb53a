/**
 * What Cloudflare's documentation lists as not supported by Hyperdrive for MySQL, each in its words (November 2026).
 * COM_INIT_DB is sent by the command line client's `use` and PyMySQL's `select_db`; logins have a test of their own.
 */
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { type Cases, errorOf } from '../../case.ts';
import { facts, withConnection, withTable } from './with-connection.ts';

export const notSupportedCases: Cases = {
  'non-UTF8 characters in queries': async (url) => {
    const texts = {
      latin1_swedish_ci: 'Ærøskøbing',
      gbk_chinese_ci: '数据库',
      sjis_japanese_ci: 'データ表',
      big5_chinese_ci: '資料庫',
    };
    const seen = [];
    for (const [charset, text] of Object.entries(texts)) {
      const ask = async (connection: Connection): Promise<unknown> => [
        facts(
          await connection.query(
            `select '${text}' as t, hex('${text}') as bytes, @@character_set_client as c`,
          ),
        ),
        // The last byte of 表 in sjis is a backslash, which ends no text.
        facts(await connection.query('select ? as t, char_length(?) as n', [text, `${text}'`])),
        facts(await connection.execute('select ? as t, hex(?) as bytes', [text, text])),
        await errorOf(connection.query(`select '${text}' from nowhere`)),
      ];
      seen.push(await withConnection(url, ask, { charset }));
    }
    return seen;
  },

  'the USE statement': (url) =>
    withConnection(url, async (connection) => {
      const [[row]] = await connection.query<RowDataPacket[]>('select database() as name');
      const other = `${row?.['name']}_other`;
      await connection.query(`create database ${other}`);
      try {
        await connection.query(`use ${other}`);
        await connection.query('create table here (id int)');
        const inside = [
          facts(await connection.query('select database() as d')),
          facts(
            await connection.execute(
              'select table_name as t from information_schema.tables where table_schema = database()',
            ),
          ),
        ];
        const refused = await errorOf(connection.query('use no_such_database'));
        const elsewhere = await withConnection(url, async (one) =>
          facts(await one.query('select database() as d')),
        );
        await connection.query(`use ${row?.['name']}`);
        return [inside, refused, elsewhere, facts(await connection.query('select database() as d'))];
      } finally {
        await connection.query(`drop database ${other}`);
      }
    }),

  'multi-statement queries': (url) =>
    withConnection(
      url,
      async (connection) =>
        withTable(connection, 'several (id int auto_increment primary key, n int)', async () => [
          facts(
            await connection.query(
              'insert into several (n) values (1); select * from several; update several set n = 2',
            ),
          ),
          facts(
            await connection.query(
              'start transaction; delete from several; rollback; select count(*) as n from several',
            ),
          ),
          await errorOf(
            connection.query(
              'insert into several (n) values (3); select * from nowhere; delete from several',
            ),
          ),
          facts(await connection.query('select n from several order by id')),
        ]),
      { multipleStatements: true },
    ),

  'SQL PREPARE and EXECUTE': (url) =>
    withConnection(url, async (connection) => {
      await connection.query("prepare plan from 'select ? + 1 as n'");
      await connection.query('set @n = 41');
      const executed = facts(await connection.query('execute plan using @n'));
      const others = await withConnection(url, (other) => errorOf(other.query('execute plan using @n')));
      await connection.query('deallocate prepare plan');
      return [executed, others, await errorOf(connection.query('execute plan using @n'))];
    }),

  'protocol-level prepared statements': (url) =>
    withConnection(url, async (one) =>
      withConnection(url, async (other) => {
        const sum = await one.prepare('select ? + ? as n');
        const text = await other.prepare('select concat(?, ?) as t');
        const seen = [];
        for (const n of [1, 2, 3]) {
          seen.push(facts(await sum.execute([n, 1])), facts(await text.execute([`${n}`, 'x'])));
        }
        await sum.close();
        await text.close();
        return [
          seen,
          facts(await one.execute('select ? as again', ['x'])),
          await errorOf(one.prepare('selec ?')),
        ];
      }),
    ),
};
