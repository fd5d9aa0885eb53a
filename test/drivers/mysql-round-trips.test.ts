/** Round trips to the origin, counted in the proxy that puts it 100 ms away. Nothing here is timed. */
import { type Connection, createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { describeEachMySql } from '../fakes/mysql-flavours.ts';

const RTT_MS = 100;

describeEachMySql((flavour) => {
  let harness: Harness;
  let target: Target;

  beforeAll(async () => {
    harness = await startHarness({ versions: [flavour] });
    target = await harness.createTarget({ version: flavour, config: { origin_connection_limit: 1 } });
    target.proxy.setRtt(RTT_MS);
    await withConnection(async (connection) => {
      await connection.query('create table t (id int primary key auto_increment, n int)');
      // In the pool from now on: a connection of this driver's kind, with the statement prepared.
      await connection.execute('select ? + 1 as n', [0]);
    });
  });

  afterAll(() => harness.stop());

  beforeEach(() => target.proxy.reset());

  async function withConnection(use: (connection: Connection) => Promise<unknown>): Promise<void> {
    const connection = await createConnection(target.pooled);
    try {
      await use(connection);
    } finally {
      await connection.end();
    }
  }

  test('a login alone costs no round trip and no byte', async () => {
    await withConnection(async () => {});
    expect(target.proxy.stats()).toMatchObject({ connections: 0, roundTrips: 0, bytesToServer: 0 });
  });

  test('a login and a query cost one round trip, each query more costs one more', async () => {
    for (const queries of [1, 5]) {
      target.proxy.reset();
      await withConnection(async (connection) => {
        for (let n = 0; n < queries; n += 1) {
          const [rows] = await connection.query('select ? as n', [n]);
          expect(rows).toEqual([{ n }]);
        }
      });
      expect(target.proxy.stats()).toMatchObject({ connections: 0, roundTrips: queries });
    }
  });

  test('a transaction costs what its statements cost', async () => {
    await withConnection(async (connection) => {
      await connection.beginTransaction();
      await connection.query('insert into t (n) values (1)');
      await connection.commit();
    });
    expect(target.proxy.stats()).toMatchObject({ connections: 0, roundTrips: 3 });
  });

  test('settings of the session cost one round trip when they are made, and none when they follow the driver', async () => {
    await withConnection(async (connection) => {
      await connection.query("set time_zone = '+02:00'");
      target.proxy.reset();
      const [rows] = await connection.query('select @@time_zone as zone');
      expect(rows).toEqual([{ zone: '+02:00' }]);
    });
    expect(target.proxy.stats()).toMatchObject({ connections: 0, roundTrips: 1 });
  });
});
