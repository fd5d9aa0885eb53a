/** The consumer Worker in a workerd config beside a self-hosted Warmpool: native binding, and service binding. */

import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildSelfHosted, bundleWorker } from '../../src/cli/build.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../../src/cli/leftovers.ts';
import { findFreePort, waitUntil } from '../../src/cli/ports.ts';
import { type MySqlServer, startMySqlServer } from '../../src/demo/mysql-server.ts';
import { type PostgresServer, startPostgresServer } from '../../src/demo/postgres-server.ts';
import { addConfig, type SelfHosted, startSelfHosted } from '../fakes/self-hosted.ts';
import { CONSUMER } from './consumer-config.ts';
import { testWays } from './ways.ts';

let folder: TemporaryFolder;
let server: PostgresServer;
let orders: MySqlServer;
let warmpool: SelfHosted;
let ports: { NATIVE: number; BOUND: number; FRONT: number };

beforeAll(async () => {
  folder = await makeTemporaryFolder('warmpool-self-hosted');
  const out = join(folder.path, 'dist');
  await buildSelfHosted(out);
  await bundleWorker({ ...CONSUMER, hyperdrive: [] }, join(out, 'consumer'));
  ports = { NATIVE: await findFreePort(), BOUND: await findFreePort(), FRONT: await findFreePort() };
  const text = await readFile(join(import.meta.dirname, 'workers.capnp'), 'utf8');
  const config = Object.entries(ports).reduce(
    (all, [at, port]) => all.replace(`@${at}@`, String(port)),
    text,
  );
  await writeFile(join(out, 'workers.capnp'), config);
  [server, orders, warmpool] = await Promise.all([
    startPostgresServer(),
    startMySqlServer({ flavour: 'mariadb' }),
    startSelfHosted(out, { WARMPOOL_CONFIG: join(out, 'workers.capnp') }),
  ]);
  await addConfig(warmpool, { name: 'shop', server });
  await addConfig(warmpool, { name: 'orders', server: orders, scheme: 'mysql' });
});

afterAll(async () => {
  await warmpool.process.stop();
  await server.stop();
  await orders.stop();
  await folder.remove();
});

// First: nothing of the Worker has run yet.
test('a Durable Object has the binding before any other handler has run', async () => {
  const response = await fetch(`http://127.0.0.1:${ports.FRONT}/?way=postgres-js`);
  expect(await response.json()).toEqual({ saw: [{ sum: 42, database: server.database }] });
});

describe('with a native Hyperdrive binding', () => {
  testWays(() => ({
    consumerUrl: `http://127.0.0.1:${ports.NATIVE}`,
    postgres: server.database,
    mysql: orders.database,
  }));
});

describe('with a service binding and withPooler', () => {
  testWays(() => ({
    consumerUrl: `http://127.0.0.1:${ports.BOUND}`,
    postgres: server.database,
    mysql: orders.database,
  }));

  test('a cancel request for a query of another config reaches nothing', async () => {
    const client = new Client(await addConfig(warmpool, { name: 'other', server }));
    await client.connect();
    const query = client.query('select pg_sleep(20)').catch((error) => error.code);
    await untilRuns('select pg_sleep(20)');
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
    const request = Buffer.alloc(16);
    [16, 80877102, processID, secretKey].forEach((field, at) => {
      request.writeInt32BE(field, at * 4);
    });
    const url = `http://127.0.0.1:${ports.BOUND}/handler?way=cancel-foreign&argument=${request.toString('hex')}`;
    expect(await (await fetch(url)).json()).toEqual({ saw: 0 });
    await untilRuns('select pg_sleep(20)');
    // By the way that the driver came in, the same request does reach it.
    const socket = connect(warmpool.postgresPort, '127.0.0.1', () => socket.end(request));
    expect(await query).toBe('57014');
    await client.end();
  });

  test('it has what a Hyperdrive binding has', async () => {
    const response = await fetch(`http://127.0.0.1:${ports.BOUND}/handler?way=describe`);
    const ip = expect.stringMatching(/^[0-9a-f]{32}\.workers\.alt$/);
    const both = { parsed: true, ip, user: 'worker', password: 'bound' };
    expect(await response.json()).toEqual({
      saw: [
        { ...both, port: 5432, database: 'POOLER' },
        { ...both, port: 3306, database: 'ORDERS' },
      ],
    });
  });
});

// Last: nothing runs any more after it.
test('a request that is under way is answered, although everything is being stopped', async () => {
  const answer = fetch(`http://127.0.0.1:${ports.BOUND}/handler?way=slow`);
  await untilRuns('select pg_sleep(2)::text as slept');
  process.kill(warmpool.process.pid, 'SIGTERM');
  expect(await (await answer).json()).toEqual({ saw: [{ slept: '' }] });
  expect(await warmpool.process.exited).toBe(0);
});

async function untilRuns(query: string): Promise<void> {
  const { port, user, password, database } = server;
  const watch = new Client({ host: '127.0.0.1', port, user, password, database });
  await watch.connect();
  const running = "select from pg_stat_activity where query = $1 and state = 'active'";
  const isReady = async (): Promise<boolean> => (await watch.query(running, [query])).rowCount === 1;
  expect(await waitUntil({ isReady, isHopeless: () => false, waitMs: 10_000 })).toBe(true);
  await watch.end();
}
