/** Round trips to the origin, counted in the proxy that puts it 100 ms away. Nothing here is timed. */
import { Client } from 'pg';
import postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';

const RTT_MS = 100;
const ORIGIN_CONNECTION_LIMIT = 5;
const SHORT_CONNECTIONS = 1_000;
const AT_ONCE = 50;

let harness: Harness;

beforeAll(async () => {
  harness = await startHarness();
});

afterAll(() => harness.stop());

describe('with a warm pool', () => {
  let target: Target;

  beforeAll(async () => {
    target = await harness.createTarget({ config: { origin_connection_limit: 1 } });
    target.proxy.setRtt(RTT_MS);
    await withClient(target, (client) => client.query('select 1'));
  });

  afterAll(() => target.proxy.setRtt(0));

  beforeEach(() => target.proxy.reset());

  test('a login alone costs no round trip and no byte', async () => {
    await withClient(target, async () => {});
    expect(target.proxy.stats()).toMatchObject({ connections: 0, roundTrips: 0, bytesToServer: 0 });
  });

  test('a login and a query without parameters cost one round trip', async () => {
    const { rows } = await withClient(target, (client) => client.query('select 1 as n'));
    expect(rows).toEqual([{ n: 1 }]);
    expect(target.proxy.stats()).toMatchObject({ connections: 0, roundTrips: 1 });
  });

  test('a login and a query with parameters cost one round trip, the first time and the next', async () => {
    for (const n of [1, 2]) {
      target.proxy.reset();
      const { rows } = await withClient(target, (client) => client.query('select $1::int as n', [n]));
      expect(rows).toEqual([{ n }]);
      expect(target.proxy.stats()).toMatchObject({ connections: 0, roundTrips: 1 });
    }
  });

  test('a named statement costs one round trip, whether the connection has it or not', async () => {
    for (const n of [1, 2]) {
      target.proxy.reset();
      const query = { name: 'named', text: 'select $1::int + 1 as n', values: [n] };
      const { rows } = await withClient(target, (client) => client.query(query));
      expect(rows).toEqual([{ n: n + 1 }]);
      expect(target.proxy.stats()).toMatchObject({ connections: 0, roundTrips: 1 });
    }
  });

  test('each query more costs one more', async () => {
    await withClient(target, async (client) => {
      for (let n = 0; n < 5; n += 1) await client.query('select $1::int as n', [n]);
    });
    expect(target.proxy.stats()).toMatchObject({ connections: 0, roundTrips: 5 });
  });

  test('twenty pipelined queries cost one round trip', async () => {
    const sql = postgres(target.pooled, { max: 1, fetch_types: false });
    try {
      // Until it has its first answer, the driver itself does not pipeline.
      await sql`select 1`;
      target.proxy.reset();
      const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => sql.unsafe(`select ${n} as n`)));
      expect(answers.map(([row]) => row?.['n'])).toEqual(Array.from({ length: 20 }, (_, n) => n));
      expect(target.proxy.stats()).toMatchObject({ connections: 0, roundTrips: 1 });
    } finally {
      await sql.end();
    }
  });

  test('a driver whose settings the origin knows costs one round trip', async () => {
    const ask = () =>
      withClient({ ...target, pooled: `${target.pooled}?application_name=known` }, (client) =>
        client.query("select current_setting('application_name') as name"),
      );
    await ask();
    target.proxy.reset();
    expect((await ask()).rows).toEqual([{ name: 'known' }]);
    expect(target.proxy.stats().roundTrips).toBe(1);
  });
});

describe('short driver connections', () => {
  test(`${SHORT_CONNECTIONS} of them cost no more logins at the origin than the limit`, async () => {
    const config = { origin_connection_limit: ORIGIN_CONNECTION_LIMIT };
    const target = await harness.createTarget({ config });
    target.proxy.reset();
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < SHORT_CONNECTIONS) {
        next += 1;
        const n = next;
        const { rows } = await withClient(target, (client) => client.query('select $1::int as n', [n]));
        expect(rows).toEqual([{ n }]);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    const { connections } = target.proxy.stats();
    expect(connections).toBeGreaterThan(0);
    expect(connections).toBeLessThanOrEqual(ORIGIN_CONNECTION_LIMIT);
  });
});

async function withClient<T>({ pooled }: Target, run: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(pooled);
  await client.connect();
  try {
    return await run(client);
  } finally {
    await client.end();
  }
}
