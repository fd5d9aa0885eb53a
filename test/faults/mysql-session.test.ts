/** What Hyperdrive does not support for MySQL, and what only a whole connection shows: KILL, files, cursors, size. */
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection as createMariaDb } from 'mariadb';
import { createConnection as createRawConnection } from 'mysql2';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { describeEachMySql } from '../fakes/mysql-flavours.ts';
import { until } from './drivers.ts';
import { failureOf, firstValue, openDriver } from './mysql-drivers.ts';
import { expectBounded, watchResident } from './resident.ts';

const MEBIBYTE = 2 ** 20;
const RESULT_ROWS = 200;
const READER_STOPS_MS = 2_000;

describeEachMySql((flavour) => {
  let harness: Harness;
  let target: Target;
  let one: Connection;
  let other: Connection;

  beforeAll(async () => {
    harness = await startHarness({ versions: [flavour] });
    target = await harness.createTarget({ version: flavour, config: { origin_connection_limit: 5 } });
    await harness.ask(target, 'create table numbers (n int primary key, t varchar(100))');
  });

  afterAll(() => harness.stop());

  beforeEach(async () => {
    [one, other] = await Promise.all([openDriver(target.pooled), openDriver(target.pooled)]);
  });

  afterEach(async () => {
    one.destroy();
    other.destroy();
  });

  describe('KILL', () => {
    const slow = `select count(*) from numbers a, numbers b, numbers c, numbers d, numbers e
      where concat(a.t, b.t, c.n) <> concat(d.n, e.n)`;

    beforeAll(async () => {
      const rows = Array.from({ length: 300 }, (_, n) => `(${n}, 'x')`).join(',');
      await harness.ask(target, `replace into numbers values ${rows}`);
    });

    test('KILL QUERY reaches the query of the driver with this id, and no other', async () => {
      const running = failureOf(one.query(slow));
      const kept = other.query('select sleep(1)');
      const third = await openDriver(target.pooled);
      // It must have begun.
      await firstValue(third, 'select sleep(0.3)');
      await third.query(`kill query ${one.threadId}`);
      expect(await running).toMatchObject({ errno: 1317 });
      await kept;
      expect(await firstValue(one, 'select 1')).toBe(1);
      await third.end();
    });

    test('KILL ends the session of the driver with this id', async () => {
      await one.query('select 1');
      const hasEnded = new Promise((resolve) => one.once('error', resolve));
      await other.query(`kill ${one.threadId}`);
      expect(await hasEnded).toMatchObject({ fatal: true });
      expect(await firstValue(other, 'select 1')).toBe(1);
    });

    test('an id of the origin’s is unknown', async () => {
      const id = await firstValue(one, 'select connection_id()');
      expect(await failureOf(other.query(`kill ${String(id)}`))).toMatchObject({ errno: 1094 });
      expect(await failureOf(other.query(`select 1; kill ${String(id)}`))).toMatchObject({ errno: 1235 });
      expect(await failureOf(other.execute(`kill ${String(id)}`))).toMatchObject({ errno: 1295 });
      expect(await firstValue(one, 'select 1')).toBe(1);
    });
  });

  describe('what runs for too long, or for nobody', () => {
    const slow = 'select sleep(30) as nobody_waits';
    const running = async (): Promise<number> => {
      const sql = `select info from information_schema.processlist where info like '%nobody_waits%'`;
      return (await harness.ask(target, sql)).length - 1;
    };

    test('a driver that leaves in the middle of a query does not cost the origin the rest of it', async () => {
      // A destroyed connection never says what became of it.
      void one.query(slow).catch(() => {});
      await until(async () => (await running()) === 1, 5_000);
      one.destroy();
      await until(async () => (await running()) === 0, 5_000);
    });

    test('a statement that exceeds the limit is cancelled, and says so', async () => {
      const pool = { statement_timeout_ms: 1_000 };
      const limited = await harness.createTarget({ version: flavour, config: { pool } });
      const driver = await openDriver(limited.pooled);
      const sql =
        'select count(*) from information_schema.columns a, information_schema.columns b where sleep(1)';
      const failure = await failureOf(driver.query(sql));
      expect(failure).toMatchObject({ errno: 1317 });
      expect(failure.message).toContain('The limit is 1000 ms');
      expect(await firstValue(driver, 'select 1')).toBe(1);
      await driver.end();
    });
  });

  describe('LOAD DATA LOCAL INFILE', () => {
    const load = (driver: Connection, stream: () => Readable): Promise<unknown> =>
      driver.query({
        sql: `load data local infile 'x' into table numbers fields terminated by ','`,
        infileStreamFactory: stream,
      } as never);

    test('streams a file of the driver’s', async () => {
      await one.query('delete from numbers');
      const lines = function* (): Generator<string> {
        for (let n = 0; n < 50_000; n += 1) yield `${n},${'y'.repeat(80)}\n`;
      };
      await load(one, () => Readable.from(lines(), { objectMode: false }));
      expect(await firstValue(other, 'select count(*) from numbers')).toBe(50_000);
      await one.query('delete from numbers');
    });

    test('a file that cannot be loaded is the origin’s error, and the session goes on', async () => {
      const failure = await failureOf(
        one.query({
          sql: `load data local infile 'x' into table missing`,
          infileStreamFactory: () => Readable.from(['1,x\n']),
        } as never),
      );
      expect(failure).toMatchObject({ errno: 1146 });
      expect(await firstValue(one, 'select 1')).toBe(1);
    });
  });

  test('multi-statements, USE, COM_INIT_DB by changeUser, SQL PREPARE, prepared statements', async () => {
    const [results] = await one.query<RowDataPacket[][]>('select 1 as a; select 2 as b');
    expect(results).toEqual([[{ a: 1 }], [{ b: 2 }]]);
    await one.query(`use information_schema`);
    expect(await firstValue(one, 'select database()')).toBe('information_schema');
    await one.changeUser({});
    expect(await firstValue(one, 'select database()')).toBe(target.name);
    await one.query(`prepare p from 'select ? + 1 as n'`);
    await one.query('set @n = 4');
    expect(await firstValue(one, 'execute p using @n')).toBe(5);
    const [rows] = await one.execute('select ? + 1 as n', [6]);
    expect(rows).toMatchObject([{ n: 7 }]);
  });

  test('another user is refused', async () => {
    const failure = await failureOf(one.changeUser({ user: 'root' }));
    expect(failure).toMatchObject({ errno: 1045 });
  });

  test('stored procedures with several results, and a transaction inside', async () => {
    await harness.ask(target, 'create procedure two() begin select 1 as a; select 2 as b; end');
    const [results] = await one.query<RowDataPacket[][]>('call two()');
    expect(results.slice(0, 2)).toEqual([[{ a: 1 }], [{ b: 2 }]]);
    const [prepared] = await one.execute<RowDataPacket[][]>('call two()');
    expect(prepared.slice(0, 2)).toEqual([[{ a: 1 }], [{ b: 2 }]]);
    expect(await firstValue(other, 'select 1')).toBe(1);
  });

  test('a statement of 16 MiB is too long; parameters of 20 MiB pass, and so does a value of 20 MiB', async () => {
    const big = Buffer.alloc(20 * 1024 * 1024, 'z');
    const [rows] = await one.execute<RowDataPacket[]>('select length(?) as n, ? as back', [big, big]);
    expect(rows[0]).toMatchObject({ n: big.length });
    expect(Buffer.compare(Buffer.from(rows[0]?.['back']), big)).toBe(0);
    const failure = await failureOf(one.query(`select '${'z'.repeat(17 * 1024 * 1024)}'`));
    expect(failure).toMatchObject({ errno: 1153 });
  });

  test('the mariadb connector: pipelined preparing, batches', async () => {
    const { hostname, port, username, password, pathname } = new URL(target.pooled);
    const driver = await createMariaDb({
      host: hostname,
      port: Number(port),
      user: username,
      password,
      database: pathname.slice(1),
      allowPublicKeyRetrieval: true,
      pipelining: true,
    });
    await driver.query('delete from numbers');
    await driver.batch('insert into numbers values (?, ?)', [
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
    ]);
    const answers = await Promise.all([
      driver.execute('select t from numbers where n = ?', [1]),
      driver.execute('select t from numbers where n = ?', [2]),
      driver.query('select t from numbers where n = ?', [3]),
    ]);
    expect(answers).toMatchObject([[{ t: 'a' }], [{ t: 'b' }], [{ t: 'c' }]]);
    await driver.query('delete from numbers');
    await driver.end();
  });

  test('a result of 200 MiB passes in bounded memory, however slowly it is read', async () => {
    const driver = createRawConnection({ uri: target.pooled });
    const watch = watchResident();
    const counting = `with recursive c as (select 1 as n union all select n + 1 from c where n < ${RESULT_ROWS})`;
    const sql = `${counting} select repeat('x', ${MEBIBYTE}) as big from c`;
    let bytes = 0;
    for await (const row of driver.query(sql).stream({ highWaterMark: 1 })) {
      if (bytes === 10 * MEBIBYTE) await sleep(READER_STOPS_MS);
      bytes += (row as { big: string }).big.length;
    }
    expectBounded(watch.stop(), `a result of ${RESULT_ROWS} MiB`);
    expect(bytes).toBe(RESULT_ROWS * MEBIBYTE);
    driver.destroy();
  });
});
