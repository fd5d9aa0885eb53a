/** Two drivers of MySQL on one origin connection: neither sees anything of the other, each keeps what is its own. */
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { describeEachMySql } from '../fakes/mysql-flavours.ts';
import { failureOf, firstValue, openDriver } from './mysql-drivers.ts';

const ROUNDS = 20;

describeEachMySql((flavour) => {
  let harness: Harness;
  let target: Target;
  let one: Connection;
  let other: Connection;
  const isolation = flavour === 'mariadb' ? 'tx_isolation' : 'transaction_isolation';

  beforeAll(async () => {
    harness = await startHarness({ versions: [flavour] });
    target = await harness.createTarget({ version: flavour, config: { origin_connection_limit: 1 } });
    await harness.ask(target, `create database ${target.name}_b`);
    await harness.ask(target, 'create table counted (id int auto_increment primary key, n int)');
  });

  afterAll(() => harness.stop());

  beforeEach(async () => {
    [one, other] = await Promise.all([openDriver(target.pooled), openDriver(target.pooled)]);
  });

  afterEach(async () => {
    await Promise.all([one.end(), other.end()]);
  });

  describe('what sticks to a driver and moves with it', () => {
    const settings = [
      { kind: 'sql_mode', set: `set sql_mode = 'ANSI_QUOTES'`, read: 'select @@sql_mode' },
      { kind: 'time zone', set: `set time_zone = '+05:00'`, read: 'select @@time_zone' },
      { kind: 'a number', set: 'set group_concat_max_len = 77', read: 'select @@group_concat_max_len' },
      { kind: 'a switch', set: 'set foreign_key_checks = off', read: 'select @@foreign_key_checks' },
      { kind: 'SET NAMES', set: 'set names latin1', read: 'select @@character_set_client' },
      {
        kind: 'a collation',
        set: 'set names utf8mb4 collate utf8mb4_bin',
        read: 'select @@collation_connection',
      },
      {
        kind: 'the isolation level',
        set: 'set session transaction isolation level serializable',
        read: `select @@${isolation}`,
      },
      { kind: 'USE', set: 'use other', read: 'select database()' },
      {
        kind: 'a setting behind a comment',
        set: '/* hello */ set sql_safe_updates = 1',
        read: 'select @@sql_safe_updates',
      },
      {
        kind: 'a setting among other statements',
        set: 'select 1; set sql_safe_updates = 1; select 2',
        read: 'select @@sql_safe_updates',
      },
      { kind: 'autocommit', set: 'set autocommit = 0', read: 'select @@autocommit' },
    ];

    test.each(settings)('$kind', async ({ set, read }) => {
      const clean = await firstValue(other, read);
      await one.query(set.replace('use other', `use ${target.name}_b`));
      const own = await firstValue(one, read);
      expect(own).not.toBe(clean);
      for (let round = 0; round < 3; round += 1) {
        expect(await firstValue(other, read)).toBe(clean);
        expect(await firstValue(one, read)).toBe(own);
      }
      await one.end();
      expect(await firstValue(other, read)).toBe(clean);
    });

    test('what was prepared means what it meant, whichever database is selected', async () => {
      await harness.ask(target, `create table here (n int); insert into here values (1)`);
      await harness.ask(
        target,
        `create table ${target.name}_b.here (n int); insert into ${target.name}_b.here values (2)`,
      );
      const statement = await one.prepare('select n from here');
      await one.query(`use ${target.name}_b`);
      await other.query('select 1');
      const [rows] = await statement.execute([]);
      expect(rows).toMatchObject([{ n: 1 }]);
      expect(await firstValue(one, 'select n from here')).toBe(2);
    });

    test('two drivers with different values each keep theirs', async () => {
      await one.query(`set time_zone = '+01:00', group_concat_max_len = 11`);
      await other.query(`set time_zone = '+02:00', group_concat_max_len = 22`);
      const both = `select concat(@@time_zone, ' ', @@group_concat_max_len)`;
      for (let round = 0; round < ROUNDS; round += 1) {
        expect(await firstValue(one, both)).toBe('+01:00 11');
        expect(await firstValue(other, both)).toBe('+02:00 22');
      }
    });
  });

  describe('what ties a connection to its driver', () => {
    const ties = [
      {
        kind: 'a user variable',
        begin: 'set @kept = 7',
        proof: 'select @kept = 7',
        gone: 'select @kept is null',
        ends: ['reset'],
      },
      {
        kind: 'a temporary table',
        begin: 'create temporary table kept as select 7 as n',
        proof: 'select n = 7 from kept',
        ends: ['drop table kept', 'drop temporary table if exists kept', 'reset'],
      },
      {
        kind: 'a named lock',
        begin: `select get_lock('kept', 1)`,
        proof: `select is_used_lock('kept') = connection_id()`,
        gone: `select is_free_lock('kept')`,
        ends: [`select release_lock('kept')`, 'select release_all_locks()', 'reset'],
      },
      {
        kind: 'LOCK TABLES',
        begin: 'lock tables counted write',
        proof: 'select count(*) >= 0 from counted',
        ends: ['unlock tables', 'reset'],
      },
      {
        kind: 'SQL PREPARE',
        begin: `prepare kept from 'select true'`,
        proof: 'execute kept',
        ends: ['deallocate prepare kept', 'reset'],
      },
      {
        kind: 'a HANDLER',
        begin: 'handler counted open as kept',
        proof: 'select 1',
        ends: ['handler kept close', 'reset'],
      },
      {
        kind: 'a clock that was set',
        begin: 'set timestamp = 5',
        proof: 'select unix_timestamp() = 5',
        gone: 'select unix_timestamp() > 5',
        ends: ['reset'],
      },
    ];
    const cases = ties.flatMap(({ ends, ...tie }) => ends.map((end) => ({ ...tie, end })));
    const isTrue = async (driver: Connection, sql: string): Promise<boolean> =>
      Number(await firstValue(driver, sql)) === 1;
    const finish = (driver: Connection, end: string): Promise<unknown> =>
      end === 'reset' ? driver.changeUser({}) : driver.query(end);

    test.each(cases)('$kind: the other waits until "$end"', async ({ begin, proof, end, gone }) => {
      await one.query(begin);
      let hasOtherRun = false;
      const waiting = firstValue(other, gone ?? 'select 1').finally(() => {
        hasOtherRun = true;
      });
      for (let round = 0; round < 3; round += 1) expect(await isTrue(one, proof)).toBe(true);
      expect(hasOtherRun).toBe(false);
      await finish(one, end);
      expect(Number(await waiting)).toBe(1);
      expect(await firstValue(one, 'select 1')).toBe(1);
    });

    test.each(ties)('$kind: gone when its driver has left', async ({ begin, proof, gone }) => {
      await one.query(begin);
      const waiting = firstValue(other, gone ?? 'select 1');
      expect(await isTrue(one, proof)).toBe(true);
      await one.end();
      expect(Number(await waiting)).toBe(1);
    });
  });

  describe('what looks back', () => {
    test('LAST_INSERT_ID() is each driver’s own', async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const ids: number[] = [];
        for (const driver of [one, other]) {
          const [{ insertId }] = await driver.query<never>('insert into counted (n) values (1)');
          ids.push(insertId);
        }
        expect([
          await firstValue(one, 'select last_insert_id()'),
          await firstValue(other, 'select last_insert_id()'),
        ]).toEqual(ids);
      }
      expect(await firstValue(await openDriver(target.pooled), 'select last_insert_id()')).toBe(0);
    });

    test('LAST_INSERT_ID(n) stays', async () => {
      await one.query('select last_insert_id(4711)');
      await other.query('insert into counted (n) values (1)');
      expect(await firstValue(one, 'select last_insert_id()')).toBe(4711);
    });

    test('SHOW WARNINGS behind a warning', async () => {
      await one.query(`select cast('x' as signed)`);
      const busy = other.query('select 1');
      const [rows] = await one.query<RowDataPacket[]>('show warnings');
      expect(rows).toHaveLength(1);
      await busy;
    });

    test('SHOW ERRORS behind an error, and nobody else sees it', async () => {
      await failureOf(one.query('select * from missing'));
      const [rows] = await one.query<RowDataPacket[]>('show errors');
      expect(rows).toHaveLength(1);
      const [none] = await other.query<RowDataPacket[]>('show warnings');
      expect(none).toHaveLength(0);
    });

    test('FOUND_ROWS() behind SQL_CALC_FOUND_ROWS', async () => {
      await one.query('select sql_calc_found_rows 1 union select 2 limit 1');
      const busy = other.query('select 1');
      expect(await firstValue(one, 'select found_rows()')).toBe(2);
      await busy;
    });

    test('ROW_COUNT() where nobody came in between', async () => {
      await one.query('insert into counted (n) values (1), (2), (3)');
      expect(await firstValue(one, 'select row_count()')).toBe(3);
    });
  });

  describe('transactions', () => {
    test('hold the connection; what was not committed is rolled back when the driver leaves', async () => {
      await one.query('truncate counted');
      await one.beginTransaction();
      await one.query('insert into counted (n) values (1)');
      const waiting = firstValue(other, 'select count(*) from counted');
      one.destroy();
      expect(await waiting).toBe(0);
    });

    test('with autocommit off, too', async () => {
      await one.query('truncate counted');
      await one.query('set autocommit = 0');
      await one.query('insert into counted (n) values (1)');
      const waiting = firstValue(other, 'select count(*) from counted');
      await one.query('commit');
      expect(await waiting).toBe(1);
    });

    test('an error that ends a transaction gives the connection back', async () => {
      await one.query('set autocommit = 0');
      await failureOf(one.query('select * from missing'));
      expect(await firstValue(other, 'select 1')).toBe(1);
    });
  });

  test('prepared statements of equal text and of different text are each driver’s own', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const answers = await Promise.all([
        one.execute('select ? + 10 as n', [round]),
        other.execute('select ? + 10 as n', [round + 1]),
        one.execute(`select ? as text, ${round} as n`, ['x']),
      ]);
      expect(answers.map(([rows]) => rows)).toMatchObject([
        [{ n: round + 10 }],
        [{ n: round + 11 }],
        [{ text: 'x', n: round }],
      ]);
    }
  });

  test('clean sessions cost the origin no byte but their own', async () => {
    const query = 'select 1';
    await one.query(query);
    await other.query(query);
    target.proxy.reset();
    for (let round = 0; round < ROUNDS; round += 1) {
      await one.query(query);
      await other.query(query);
    }
    // Header, command, text; mysql2 agrees on query attributes with MySQL, of which it has none: two bytes.
    const bytes = 4 + 1 + (flavour === 'mysql' ? 2 : 0) + query.length;
    expect(target.proxy.stats()).toMatchObject({ connections: 0, bytesToServer: 2 * ROUNDS * bytes });
  });
});
