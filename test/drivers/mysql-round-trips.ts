/** Round trips of MySQL's drivers to the origin, counted in the proxy that puts it 100 ms away. Nothing here is timed. */
import { type Connection, createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Target } from '../fakes/harness.ts';

const RTT_MS = 100;

/** `createTarget` makes one whose pool has a single connection. */
export function describeRoundTrips(createTarget: () => Promise<Target>): void {
  describe('round trips, with a warm pool', () => {
    let target: Target;

    beforeAll(async () => {
      target = await createTarget();
      target.proxy.setRtt(RTT_MS);
      await withConnection((connection) => connection.query('select 1'));
    });

    afterAll(() => target.proxy.setRtt(0));

    beforeEach(() => target.proxy.reset());

    test('a login alone costs none, and no byte', async () => {
      await withConnection((connection) => connection.ping());
      expect(target.proxy.stats()).toMatchObject({ connections: 0, roundTrips: 0, bytesToServer: 0 });
    });

    test('a login and a query cost one', async () => {
      const [rows] = await withConnection((connection) => connection.query('select 1 as n'));
      expect(rows).toEqual([{ n: 1 }]);
      expect(target.proxy.stats()).toMatchObject({ connections: 0, roundTrips: 1 });
    });

    test('each query more costs one more', async () => {
      await withConnection(async (connection) => {
        for (let n = 0; n < 5; n += 1) await connection.query('select ? as n', [n]);
      });
      expect(target.proxy.stats()).toMatchObject({ connections: 0, roundTrips: 5 });
    });

    test('a statement is prepared in one and executed in one, each time that it is', async () => {
      await withConnection(async (connection) => {
        for (let n = 0; n < 3; n += 1) await connection.execute('select ? + 0 as n', [n]);
      });
      expect(target.proxy.stats()).toMatchObject({ connections: 0, roundTrips: 4 });
    });

    test('a transaction costs one for each of its statements', async () => {
      await withConnection(async (connection) => {
        await connection.beginTransaction();
        await connection.query('select 1');
        await connection.commit();
      });
      expect(target.proxy.stats()).toMatchObject({ connections: 0, roundTrips: 3 });
    });

    test('what the driver has set costs one more only where another has used the connection', async () => {
      await withConnection(async (connection) => {
        await connection.query("set time_zone = '+05:00'");
        target.proxy.reset();
        await connection.query('select @@time_zone as z');
        expect(target.proxy.stats()).toMatchObject({ connections: 0, roundTrips: 1 });
        await withConnection((other) => other.query('select 1'));
        target.proxy.reset();
        const [rows] = await connection.query('select @@time_zone as z');
        expect(rows).toEqual([{ z: '+05:00' }]);
      });
      expect(target.proxy.stats()).toMatchObject({ connections: 0, roundTrips: 2 });
    });

    async function withConnection<T>(run: (connection: Connection) => Promise<T>): Promise<T> {
      const connection = await createConnection(target.pooled);
      try {
        return await run(connection);
      } finally {
        await connection.end();
      }
    }
  });
}
