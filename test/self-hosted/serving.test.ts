/** A self-hosted Warmpool, built into an empty folder and started with nothing on its PATH, serves whoever comes. */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildSelfHosted } from '../../src/cli/build.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../../src/cli/leftovers.ts';
import { findFreePort } from '../../src/cli/ports.ts';
import { startProcessGroup } from '../../src/cli/process-group.ts';
import { runProgram } from '../drivers/program.ts';
import { SERVER_CERTIFICATE, SERVER_KEY } from '../fakes/certificates.ts';
import { type Origin, startOrigin, stopOrigin } from '../fakes/origins.ts';
import { addConfig, type SelfHosted, startSelfHosted } from '../fakes/self-hosted.ts';

let folder: TemporaryFolder;
let dist: string;
let shop: Origin;
let orders: Origin;
let warmpool: SelfHosted;
let shopUrl: string;
let ordersUrl: string;
let tlsPorts: { https: number; postgres: number };

beforeAll(async () => {
  folder = await makeTemporaryFolder('warmpool-serving');
  const built = join(folder.path, 'built');
  dist = join(folder.path, 'moved');
  await buildSelfHosted(built);
  // It may be carried anywhere.
  await cp(built, dist, { recursive: true });
  await mkdir(join(dist, 'tls'));
  await writeFile(join(dist, 'tls/certificate.pem'), SERVER_CERTIFICATE);
  await writeFile(join(dist, 'tls/key.pem'), SERVER_KEY);
  tlsPorts = { https: await findFreePort(), postgres: await findFreePort() };
  [shop, orders, warmpool] = await Promise.all([
    startOrigin('18'),
    startOrigin('mariadb'),
    startSelfHosted(dist, {
      WARMPOOL_HTTPS: `127.0.0.1:${tlsPorts.https}`,
      WARMPOOL_POSTGRES_TLS: `127.0.0.1:${tlsPorts.postgres}`,
    }),
  ]);
  shopUrl = await addConfig(warmpool, { name: 'shop', server: shop.server });
  ordersUrl = await addConfig(warmpool, { name: 'orders', server: orders.server, scheme: 'mysql' });
});

afterAll(async () => {
  await warmpool.process.stop();
  await Promise.all([shop, orders].map(stopOrigin));
  await folder.remove();
});

test('psql', async () => {
  const { stdout, stderr } = await runProgram({
    command: 'psql',
    args: ['-X', '-At', shopUrl],
    input: 'create table t (id int);\ninsert into t values (41);\nselect id + 1 from t;\n',
  });
  expect({ stdout, stderr }).toEqual({ stdout: 'CREATE TABLE\nINSERT 0 1\n42\n', stderr: '' });
});

test('mysql2', async () => {
  const connection = await createConnection(ordersUrl);
  const [rows] = await connection.execute('select ? + 1 as sum', [41]);
  await connection.end();
  expect(rows).toEqual([{ sum: 42 }]);
});

test('a driver by TLS from the first byte', async () => {
  const url = new URL(shopUrl);
  url.port = String(tlsPorts.postgres);
  const ssl = { ca: SERVER_CERTIFICATE };
  const client = new Client({ connectionString: url.href, ssl, sslnegotiation: 'direct' });
  await client.connect();
  expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  await client.end();
});

test('no driver in clear on the port for TLS', async () => {
  const url = new URL(shopUrl);
  url.port = String(tlsPorts.postgres);
  await expect(new Client(url.href).connect()).rejects.toThrow();
});

test('the API by HTTPS', async () => {
  const options = {
    host: '127.0.0.1',
    port: tlsPorts.https,
    path: '/health',
    ca: SERVER_CERTIFICATE,
  };
  const status = await new Promise((resolve, reject) => {
    get(options, (response) => resolve(response.resume().statusCode)).once('error', reject);
  });
  expect(status).toBe(200);
});

test('without a secret it does not start, and says how to make one', async () => {
  const started = startProcessGroup({
    command: join(dist, 'start'),
    args: [],
    env: { PATH: '/usr/bin:/bin', CONFIG_KEY: 'something' },
  });
  expect(await started.exited).toBe(1);
  expect(started.output()).toMatch(/ADMIN_TOKEN is not set.*openssl rand -base64 32/);
});
