/** The cache as drivers of MySQL and MariaDB see it, on real servers 60 ms away. Round trips are counted in the proxy. */
import { connect } from 'node:net';
import mysql, { type Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { encodeText } from '../../src/protocols/bytes/join.ts';
import { Command, int1, packet } from '../../src/protocols/mysql/packets.ts';
import { cacheStatuses, callApi, until } from '../fakes/caching.ts';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { describeEachMySql } from '../fakes/mysql-flavours.ts';

const RTT_MS = 60;
const SCHEMA = [
  'create table books (id int primary key, title varchar(50) not null, shelf int)',
  'create table shelves (id int primary key, name varchar(50))',
  'create table authors (id int primary key, name varchar(50))',
  `create table written (book int primary key, author int,
    foreign key (author) references authors (id) on delete cascade)`,
  'create table counts (id int primary key, n int)',
  'create view shelved as select b.title, s.name from books b join shelves s on s.id = b.shelf',
  'create trigger counted after insert on books for each row update counts set n = n + 1 where id = 1',
  "insert into shelves values (1, 'Top'), (2, 'Bottom')",
  "insert into authors values (1, 'Ann'), (2, 'Bob')",
  'insert into counts values (1, 0)',
  "insert into books values (1, 'One', 1), (2, 'Two', 2), (3, 'Three', 1), (4, 'Four', 1)",
  'insert into written values (1, 1), (2, 2)',
];

describeEachMySql((flavour) => {
  let harness: Harness;
  let target: Target;

  beforeAll(async () => {
    harness = await startHarness({ versions: [flavour] });
    target = await harness.createTarget({ version: flavour, config: { caching: { disabled: false } } });
    for (const sql of SCHEMA) await harness.ask(target, sql);
    await untilCached('select count(*) from books');
    target.proxy.setRtt(RTT_MS);
  });

  afterAll(() => harness.stop());

  beforeEach(() => target.proxy.reset());

  test('a read that was made before costs no round trip, by whichever driver', async () => {
    const sql = 'select title from books where id = 1';
    expect(await read(sql)).toEqual([{ title: 'One' }]);
    expect(target.proxy.stats().roundTrips).toBe(1);
    expect(await read(sql)).toEqual([{ title: 'One' }]);
    expect(await read(`/* a comment */ ${sql} -- another`)).toEqual([{ title: 'One' }]);
    expect(target.proxy.stats().roundTrips).toBe(1);
  });

  test('a statement that others have prepared costs one round trip, and none with the same values', async () => {
    const sql = 'select title from books where id = ?';
    const execute = (id: number): Promise<unknown> =>
      asDriver(async (driver) => (await driver.execute(sql, [id]))[0]);
    expect(await execute(1)).toEqual([{ title: 'One' }]);
    target.proxy.reset();
    expect(await execute(2)).toEqual([{ title: 'Two' }]);
    expect(target.proxy.stats().roundTrips).toBe(1);
    expect(await execute(2)).toEqual([{ title: 'Two' }]);
    expect(await execute(1)).toEqual([{ title: 'One' }]);
    expect(target.proxy.stats().roundTrips).toBe(1);
  });

  test('a write makes stale what reads it through a view, for the writer and for a new driver', async () => {
    const sql = "select name from shelved where title = 'One'";
    await read(sql);
    expect(await read(sql)).toEqual([{ name: 'Top' }]);
    await asDriver(async (driver) => {
      await driver.query("update shelves set name = 'High' where id = 1");
      expect((await driver.query(sql))[0]).toEqual([{ name: 'High' }]);
    });
    expect(await read(sql)).toEqual([{ name: 'High' }]);
  });

  test('what a trigger writes, and what a foreign key deletes, is written', async () => {
    const counted = 'select n from counts where id = 1';
    const written = 'select count(*) as n from written';
    expect(await read(counted)).toEqual([{ n: 4 }]);
    expect(await read(written)).toEqual([{ n: 2 }]);
    await asDriver(async (driver) => {
      await driver.execute('insert into books values (?, ?, 1)', [10, "It's ten"]);
      await driver.query('delete from authors where id = 2');
    });
    expect(await read(counted)).toEqual([{ n: 5 }]);
    expect(await read(written)).toEqual([{ n: 1 }]);
  });

  test('what is not committed is seen by nobody else, and a rollback makes nothing stale', async () => {
    const sql = 'select title from books where id = 3';
    expect(await read(sql)).toEqual([{ title: 'Three' }]);
    await asDriver(async (driver) => {
      await driver.beginTransaction();
      await driver.query("update books set title = 'Changed' where id = 3");
      expect((await driver.query(sql))[0]).toEqual([{ title: 'Changed' }]);
      target.proxy.reset();
      expect(await read(sql)).toEqual([{ title: 'Three' }]);
      expect(target.proxy.stats().roundTrips).toBe(0);
      await driver.rollback();
      target.proxy.reset();
      expect((await driver.query(sql))[0]).toEqual([{ title: 'Three' }]);
      expect(target.proxy.stats().roundTrips).toBe(0);
      await driver.beginTransaction();
      await driver.query("update books set title = 'Changed' where id = 3");
      await driver.commit();
      expect((await driver.query(sql))[0]).toEqual([{ title: 'Changed' }]);
    });
    expect(await read(sql)).toEqual([{ title: 'Changed' }]);
  });

  test('settings and the database are part of what is asked', async () => {
    const sql = 'select from_unixtime(0) as t';
    const inZone = (zone: string): Promise<unknown> =>
      asDriver(async (driver) => {
        await driver.query('set time_zone = ?', [zone]);
        return (await driver.query({ sql, typeCast: false }))[0];
      });
    const [early, late] = [await inZone('+01:00'), await inZone('+05:00')];
    expect(late).not.toEqual(early);
    expect(await inZone('+01:00')).toEqual(early);
    await asDriver(async (driver) => {
      await driver.query('create database if not exists elsewhere');
      await driver.query(
        'create table if not exists elsewhere.books (id int primary key, title varchar(50))',
      );
      await driver.query('select count(*) as n from books');
      await driver.query('use elsewhere');
      expect((await driver.query('select count(*) as n from books'))[0]).toEqual([{ n: 0 }]);
    });
  });

  test('what is prepared in one database is written there, wherever the session is by then', async () => {
    const sql = 'select name from shelves where id = 2';
    const rename = 'update shelves set name = ? where id = 2';
    await asDriver(async (driver) => {
      await driver.query('create database if not exists elsewhere');
      await driver.query(
        'create table if not exists elsewhere.shelves (id int primary key, name varchar(50))',
      );
      await driver.execute(rename, ['Lower']);
      await driver.query('use elsewhere');
      expect(await read(sql)).toEqual([{ name: 'Lower' }]);
      await driver.execute(rename, ['Bottom']);
    });
    expect(await read(sql)).toEqual([{ name: 'Bottom' }]);
  });

  test('a session with state of its own is answered by the server', async () => {
    await asDriver(async (driver) => {
      await driver.query('select title from books where id = 4');
      await driver.query(
        "create temporary table books (id int, title varchar(50)) select 4 as id, 'Mine' as title",
      );
      expect((await driver.query('select title from books where id = 4'))[0]).toEqual([{ title: 'Mine' }]);
    });
    expect(await read('select title from books where id = 4')).toEqual([{ title: 'Four' }]);
  });

  test('definitions that change are noticed', async () => {
    const sql = 'select * from shelves where id = 2';
    await untilCached(sql);
    await asDriver(async (driver) => {
      await driver.query('alter table shelves add column height int not null default 5');
      expect((await driver.query(sql))[0]).toEqual([{ id: 2, name: 'Bottom', height: 5 }]);
    });
    expect(await read(sql)).toEqual([{ id: 2, name: 'Bottom', height: 5 }]);
  });

  test('a comment may ask for less, and a purge forgets', async () => {
    const sql = "select 'purged' as word from books where id = 1";
    await untilCached(sql);
    target.proxy.reset();
    await read(`/* warmpool: nocache */ ${sql}`);
    expect(target.proxy.stats().roundTrips).toBe(1);
    await callApi(harness, `/${target.configId}/purge`, { method: 'POST', body: { relations: ['books'] } });
    // Edges without a link hear of it within 5 s; this one's next read asks.
    await asDriver(async (driver) => {
      await driver.query('select 1 from books limit 1 for share').catch(() => undefined);
    });
    target.proxy.reset();
    await read(sql);
    expect(target.proxy.stats().roundTrips).toBe(1);
  });

  test('what a driver that may be asked for a file says ahead is answered, reads among it', async () => {
    // As MariaDB's Connector/J does at its login; mysql2 asks for files, but says nothing ahead by itself.
    const stream = connect(Number(new URL(target.pooled).port), '127.0.0.1');
    const driver = await mysql.createConnection({ uri: target.pooled, stream });
    stream.removeAllListeners('data');
    const words = ['first', 'second', 'third'];
    const heard = new Promise<string>((resolve) => {
      let text = '';
      stream.on('data', (bytes) => {
        text += bytes.toString('latin1');
        if (words.every((word) => text.includes(`row ${word}`))) resolve(text);
      });
    });
    const attributes = flavour === 'mysql' ? Uint8Array.of(0, 1) : new Uint8Array();
    const queries = words.map((word) => encodeText(`select 'row ${word}' as x from shelves where id = 1`));
    stream.write(Buffer.concat(queries.map((sql) => packet(0, int1(Command.QUERY), attributes, sql))));
    expect(await heard).toMatch(/first.*second.*third/s);
    driver.destroy();
  });

  test('why tells what it depends on', async () => {
    const why = (query: string): Promise<Record<string, unknown>> =>
      callApi(harness, `/${target.configId}/why`, { method: 'POST', body: { query } });
    expect(await why('select * from shelved')).toMatchObject({
      status: 'miss',
      reads: ['shelved', 'books', 'shelves'],
    });
    expect(await why('select now()')).toMatchObject({ status: 'volatile' });
  });

  async function read(sql: string): Promise<unknown> {
    return asDriver(async (driver) => (await driver.query(sql))[0]);
  }

  async function asDriver<Result>(work: (driver: Connection) => Promise<Result>): Promise<Result> {
    const driver = await mysql.createConnection(target.pooled);
    try {
      return await work(driver);
    } finally {
      await driver.end();
    }
  }

  /** The pool is open and the catalog is read. */
  async function untilCached(sql: string): Promise<void> {
    const hits = async (): Promise<number> => (await cacheStatuses(harness, target))['hit'] ?? 0;
    await read(sql);
    const before = await hits();
    await until(async () => {
      await read(sql);
      return (await hits()) > before;
    });
  }
});
