/** TLS on the ordinary listeners of a self-hosted Warmpool, by the upgrades that drivers ask for. */
import { mkdir, writeFile } from 'node:fs/promises';
import { createConnection as openSocket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import mariadb from 'mariadb';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildSelfHosted } from '../../src/cli/build.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../../src/cli/leftovers.ts';
import { findFreePort } from '../../src/cli/ports.ts';
import { installMySql } from '../../src/demo/mysql-installation.ts';
import { runProgram } from '../drivers/program.ts';
import { startBetween } from '../fakes/between.ts';
import {
  CA_CERTIFICATE,
  CLIENT_CERTIFICATE,
  CLIENT_KEY,
  SERVER_CERTIFICATE,
  SERVER_KEY,
} from '../fakes/certificates.ts';
import { type Origin, startOrigin, stopOrigin } from '../fakes/origins.ts';
import { addConfig, type SelfHosted, startSelfHosted } from '../fakes/self-hosted.ts';

const ssl = { ca: SERVER_CERTIFICATE };

let folder: TemporaryFolder;
let caFile: string;
let otherCaFile: string;
let shop: Origin;
let orders: Origin;
let warmpool: SelfHosted;
let directPort: number;
/** With caching, and without: other code carries their bytes. */
const postgresUrls = {} as Record<'cached' | 'uncached', string>;
const mysqlUrls = {} as Record<'cached' | 'uncached', string>;

beforeAll(async () => {
  folder = await makeTemporaryFolder('warmpool-tls');
  const dist = join(folder.path, 'dist');
  await buildSelfHosted(dist);
  await mkdir(join(dist, 'tls'));
  await writeFile(join(dist, 'tls/certificate.pem'), SERVER_CERTIFICATE);
  await writeFile(join(dist, 'tls/key.pem'), SERVER_KEY);
  [caFile, otherCaFile] = [join(dist, 'tls/certificate.pem'), join(folder.path, 'other.pem')];
  await writeFile(otherCaFile, CA_CERTIFICATE);
  directPort = await findFreePort();
  [shop, orders, warmpool] = await Promise.all([
    startOrigin('18'),
    startOrigin('mariadb'),
    startSelfHosted(dist, {
      WARMPOOL_HTTPS: `127.0.0.1:${await findFreePort()}`,
      WARMPOOL_POSTGRES_TLS: `127.0.0.1:${directPort}`,
    }),
  ]);
  for (const caches of [true, false]) {
    const kind = caches ? 'cached' : 'uncached';
    const { server } = orders;
    postgresUrls[kind] = await addConfig(warmpool, { name: `shop-${kind}`, server: shop.server, caches });
    mysqlUrls[kind] = await addConfig(warmpool, { name: `orders-${kind}`, server, scheme: 'mysql', caches });
  }
});

afterAll(async () => {
  await warmpool.process.stop();
  await Promise.all([shop, orders].map(stopOrigin));
  await folder.remove();
});

const KINDS = ['cached', 'uncached'] as const;

// --- PostgreSQL -----------------------------------------------------------------------------------------------

function psql(url: string, commands: string): ReturnType<typeof runProgram> {
  return runProgram({ command: 'psql', args: ['-X', '-At', '-v', 'ON_ERROR_STOP=1', url], input: commands });
}

test.each(['require', 'verify-full'])('psql with sslmode=%s', async (sslmode) => {
  const url = `${postgresUrls.cached}?sslmode=${sslmode}&sslrootcert=${caFile}`;
  const { stdout, stderr } = await psql(url, 'select 6 * 7;\n\\conninfo\n');
  expect({ stdout, stderr }).toEqual({ stdout: expect.stringMatching(/^42\n.*TLSv1\.3/s), stderr: '' });
});

test('psql that knows another authority is not deceived', async () => {
  const url = `${postgresUrls.cached}?sslmode=verify-full&sslrootcert=${otherCaFile}`;
  expect((await psql(url, 'select 1;')).stderr).toMatch(/certificate verify failed/);
});

test('psql binds its login to the certificate', async () => {
  const url = `${postgresUrls.cached}?sslmode=require&channel_binding=require`;
  expect(await psql(url, 'select 6 * 7;')).toMatchObject({ stdout: '42\n', stderr: '' });
});

test('whoever ends TLS in between is found out by the login, although the driver checks no certificate', async () => {
  const own = { certificate: CLIENT_CERTIFICATE, key: CLIENT_KEY, above: '' };
  const between = await startBetween(warmpool.postgresPort, own);
  const url = new URL(postgresUrls.cached);
  url.port = String(between.port);
  const { stderr } = await psql(`${url}?sslmode=require`, 'select 1;');
  expect(stderr).toMatch(/SCRAM channel binding check failed/);
  between.stop();
});

test('COPY in and out, and statements longer than any record', async () => {
  const rows = Array.from({ length: 20_000 }, (_, n) => `${n}\t${'x'.repeat(100)}`).join('\n');
  const long = `select length('${'y'.repeat(200_000)}');`;
  const script = `create table copied (id int, t text);\n\\copy copied from stdin\n${rows}\n\\.\n${long}\n\\copy copied to stdout\n`;
  const { stdout, stderr } = await psql(`${postgresUrls.uncached}?sslmode=require`, script);
  expect(stderr).toBe('');
  expect(stdout).toBe(`CREATE TABLE\nCOPY 20000\n200000\n${rows}\n`);
});

test.each(KINDS)('node-postgres, %s: by the upgrade, and from the first byte', async (kind) => {
  for (const sslnegotiation of ['postgres', 'direct'] as const) {
    const client = new Client({ connectionString: postgresUrls[kind], ssl, sslnegotiation });
    await client.connect();
    expect((await client.query('select $1::int as n', [5])).rows).toEqual([{ n: 5 }]);
    await client.end();
  }
});

test.each(KINDS)('fifty megabytes in each direction, %s', async (kind) => {
  const client = new Client({ connectionString: postgresUrls[kind], ssl });
  await client.connect();
  const long = 'z'.repeat(50_000_000);
  expect((await client.query('select length($1) as n', [long])).rows).toEqual([{ n: 50_000_000 }]);
  const { rows } = await client.query("select repeat('z', 1000) as t from generate_series(1, 50000)");
  expect(rows.length).toBe(50_000);
  expect(new Set(rows.map(({ t }) => t))).toEqual(new Set(['z'.repeat(1000)]));
  await client.end();
});

test('a cancel request inside of TLS reaches its query', async () => {
  const sql = postgres(postgresUrls.cached, { ssl, max: 1 });
  await sql`select 1`;
  const slow = sql`select pg_sleep(30)`.execute();
  setTimeout(() => slow.cancel(), 300);
  await expect(slow).rejects.toThrow('canceling statement due to user request');
  await sql.end();
});

test('the errors of a login are said inside', async () => {
  const url = new URL(postgresUrls.cached);
  url.password = 'wrong';
  await expect(new Client({ connectionString: url.href, ssl }).connect()).rejects.toThrow(
    'password authentication failed',
  );
});

// --- MySQL ----------------------------------------------------------------------------------------------------

test.each(KINDS)('mysql2 and the mariadb connector, %s', async (kind) => {
  const driver = await createConnection({ uri: mysqlUrls[kind], ssl });
  const long = 'z'.repeat(3_000_000);
  expect((await driver.execute('select length(?) as n', [long]))[0]).toEqual([{ n: 3_000_000 }]);
  const [rows] = await driver.query("select repeat('z', 1000) as t from seq_1_to_20000");
  expect(rows).toHaveLength(20_000);
  await driver.end();
  const { hostname: host, port, username: user, password, pathname } = new URL(mysqlUrls[kind]);
  const options = { host, port: Number(port), user, password, database: pathname.slice(1), ssl };
  const other = await mariadb.createConnection(options);
  expect(await other.query('select 3 as n')).toMatchObject([{ n: 3 }]);
  await other.end();
});

test('the command line client, which checks our certificate', async () => {
  const { port, username, password, pathname } = new URL(mysqlUrls.cached);
  const { command, args = [] } = (await installMySql('mariadb')).client('mariadb', [
    ...['--protocol=tcp', '-h', '127.0.0.1', '-P', port, '-u', username, `-p${password}`, '-N'],
    ...['--ssl', `--ssl-ca=${caFile}`, '--ssl-verify-server-cert', '-e', '\\s', pathname.slice(1)],
  ]);
  expect((await runProgram({ command, args: [...args] })).stdout).toMatch(
    /Cipher in use is TLS_AES_128_GCM_SHA256/,
  );
});

// --- a config that demands it ---------------------------------------------------------------------------------

test('where a config demands TLS who comes in clear hears so, but only with a right password', async () => {
  await demandTls(postgresUrls.uncached);
  await demandTls(mysqlUrls.uncached);
  const words = 'Connections using insecure transport are prohibited';
  await expect(new Client(postgresUrls.uncached).connect()).rejects.toMatchObject({
    code: '28000',
    message: expect.stringContaining(words),
  });
  await expect(createConnection(mysqlUrls.uncached)).rejects.toMatchObject({
    errno: 3159,
    message: expect.stringContaining(words),
  });
  const wrong = new URL(postgresUrls.uncached);
  wrong.password = 'wrong';
  await expect(new Client(wrong.href).connect()).rejects.toMatchObject({ code: '28P01' });
  const direct = new URL(postgresUrls.uncached);
  direct.port = String(directPort);
  for (const [connectionString, sslnegotiation] of [
    [postgresUrls.uncached, 'postgres'],
    [direct.href, 'direct'],
  ] as const) {
    const client = new Client({ connectionString, ssl, sslnegotiation });
    await client.connect();
    await client.end();
  }
  await (await createConnection({ uri: mysqlUrls.uncached, ssl })).end();
});

async function demandTls(url: string): Promise<void> {
  const { id } = await warmpool.api.findConfig(new URL(url).pathname.slice(1));
  await warmpool.api.patchConfig(id, { require_tls: true });
}

// --- whoever does not speak it --------------------------------------------------------------------------------

test.each([
  ['of TLS 1.2 alone', { maxVersion: 'TLSv1.2', ALPNProtocols: ['postgresql'] }, /protocol version/],
  ['that begins with TLS and names no protocol', {}, /no application protocol/],
  ['that names another', { ALPNProtocols: ['http/1.1'] }, /no application protocol/],
] as const)('a driver %s hears why', async (_what, options, words) => {
  const { ALPNProtocols, ...rest } = { ALPNProtocols: undefined, ...options };
  const protocols = ALPNProtocols && { ALPNProtocols: [...ALPNProtocols] };
  const socket = connectTls({ port: warmpool.postgresPort, ...ssl, ...rest, ...protocols });
  const failed = new Promise((_resolve, reject) => socket.once('error', reject));
  await expect(failed).rejects.toThrow(words);
});

/** What a server says to these bytes, said one after the other, each behind an answer, up to its end. */
function answersTo(port: number, ...words: (string | number[])[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = openSocket(port, '127.0.0.1');
    const left = words.map((word) => Uint8Array.from(typeof word === 'string' ? Buffer.from(word) : word));
    let heard = '';
    const sayNext = (): void => {
      const next = left.shift();
      if (next) socket.write(next);
    };
    socket.once('connect', sayNext);
    socket.on('data', (bytes) => {
      heard += bytes.toString('latin1');
      sayNext();
    });
    socket.once('close', () => resolve(heard));
  });
}

const SSL_REQUEST = [0, 0, 0, 8, 4, 210, 22, 47];

test('what is no hello is answered with an alert, and the connection ends', async () => {
  const alert = '\x15\x03\x03\x00\x02\x02';
  expect(await answersTo(warmpool.postgresPort, SSL_REQUEST, 'GET / HTTP/1.1\r\n\r\n')).toBe(`S${alert}\x32`);
});

test('what stands in clear behind the request for TLS is refused', async () => {
  const said = await answersTo(warmpool.postgresPort, [...SSL_REQUEST, 1, 2, 3]);
  expect(said).toContain('received unencrypted data after SSL request');
});

test('drivers that break off in the middle leave the server as it was', async () => {
  for (let at = 0; at < 20; at += 1) {
    const socket = openSocket(warmpool.postgresPort, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write(Buffer.from(SSL_REQUEST));
    await new Promise((resolve) => socket.once('data', resolve));
    socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1]));
    socket.destroy();
  }
  const client = new Client({ connectionString: postgresUrls.cached, ssl });
  await client.connect();
  await client.end();
});
