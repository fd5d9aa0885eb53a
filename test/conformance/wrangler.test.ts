/** The real wrangler, unmodified, manages Warmpool from the first config to the last. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CA_CERTIFICATE, CLIENT_CERTIFICATE, CLIENT_KEY } from '../fakes/certificates.ts';
import { type Managed, originUrl, startManaged } from './managed.ts';

let managed: Managed;
let id: string;

beforeAll(async () => {
  managed = await startManaged();
  const output = await managed.wrangler(
    ...['hyperdrive', 'create', 'books', `--connection-string=${originUrl(managed.origin)}`],
  );
  id = /[0-9a-f]{32}/.exec(output)?.[0] ?? '';
});

afterAll(() => managed.stop());

test('create makes a config that serves drivers', async () => {
  expect(id).toMatch(/^[0-9a-f]{32}$/);
  const { result } = await managed.call('POST', `/hyperdrive/configs/${id}/tokens`, {});
  const url = `postgres://app:${result.token}@127.0.0.1:${managed.postgresPort}/books`;
  const client = new Client(url);
  await client.connect();
  expect((await client.query('select 6 * 7 as answer')).rows).toEqual([{ answer: 42 }]);
  await client.end();
});

test('list shows its row', async () => {
  const output = await managed.wrangler('hyperdrive', 'list');
  expect(output).toContain(id);
  expect(output).toMatch(/books.*postgres.*127\.0\.0\.1.*PostgreSQL/);
});

test('get prints it without the password', async () => {
  const output = await managed.wrangler('hyperdrive', 'get', id);
  expect(JSON.parse(output.slice(output.indexOf('{')))).toMatchObject({ id, name: 'books' });
  expect(output).not.toContain(managed.origin.password);
});

test.for([
  [['--max-age=120', '--swr=30'], { caching: { disabled: false, max_age: 120, stale_while_revalidate: 30 } }],
  [['--caching-disabled=true'], { caching: { disabled: true } }],
  [['--origin-connection-limit=7'], { origin_connection_limit: 7 }],
  [['--name=library'], { name: 'library' }],
] as const)('update %j changes that alone', async ([flags, changed]) => {
  const { result: before } = await managed.call('GET', `/hyperdrive/configs/${id}`);
  await managed.wrangler('hyperdrive', 'update', id, ...flags);
  const { result: after } = await managed.call('GET', `/hyperdrive/configs/${id}`);
  expect(after).toEqual({ ...before, ...changed, modified_on: after.modified_on });
});

test('update of the password alone is tried: a wrong one changes nothing, the right one is taken', async () => {
  const update = (password: string): Promise<string> =>
    managed.wrangler('hyperdrive', 'update', id, `--origin-password=${password}`);
  await expect(update('wrong')).rejects.toThrow(/credentials.*\[code: 2013\]/);
  const before = await managed.call('GET', `/hyperdrive/configs/${id}`);
  await update(managed.origin.password);
  const after = await managed.call('GET', `/hyperdrive/configs/${id}`);
  expect(after.result.modified_on > before.result.modified_on).toBe(true);
});

test('update of sslmode is tried: this origin has no TLS, and wrangler is told', async () => {
  const update = managed.wrangler('hyperdrive', 'update', id, '--sslmode=require');
  await expect(update).rejects.toThrow(/\[code: 2012\]/);
  expect((await managed.call('GET', `/hyperdrive/configs/${id}`)).result.mtls).toBeUndefined();
});

test('create with a wrong password creates nothing and prints the 2013 text', async () => {
  const create = managed.wrangler(
    ...['hyperdrive', 'create', 'wrong'],
    `--connection-string=${originUrl(managed.origin, { password: 'wrong' })}`,
  );
  await expect(create).rejects.toThrow(/Invalid database credentials.*\[code: 2013\]/s);
  expect((await managed.call('GET', '/hyperdrive/configs')).result).toHaveLength(1);
});

test('an unknown id is answered as by Hyperdrive', async () => {
  const get = managed.wrangler('hyperdrive', 'get', 'f'.repeat(32));
  await expect(get).rejects.toThrow('hyperdrive.api.not_found [code: 2001]');
});

test('cert: both kinds are uploaded, listed and deleted', async () => {
  const files = { 'ca.pem': CA_CERTIFICATE, 'client.pem': CLIENT_CERTIFICATE, 'client.key': CLIENT_KEY };
  const paths = await Promise.all(
    Object.entries(files).map(async ([name, text]) => {
      await writeFile(join(managed.folder, name), text);
      return join(managed.folder, name);
    }),
  );
  const [ca, cert, key] = paths;
  const authority = await managed.wrangler(
    ...['cert', 'upload', 'certificate-authority', `--ca-cert=${ca}`, '--name=authority'],
  );
  expect(authority).toContain('Test CA');
  const client = await managed.wrangler(
    ...['cert', 'upload', 'mtls-certificate', `--cert=${cert}`, `--key=${key}`, '--name=client'],
  );
  expect(client).toMatch(/ID: [0-9a-f-]{36}/);
  const list = await managed.wrangler('cert', 'list');
  expect(list).toMatch(/Name: authority[\s\S]*CA: true/);
  expect(list).toContain('Name: client');
  await managed.wrangler('cert', 'delete', '--name=authority');
  await managed.wrangler('cert', 'delete', `--id=${/ID: ([0-9a-f-]{36})/.exec(client)?.[1]}`);
  expect((await managed.call('GET', '/mtls_certificates')).result).toEqual([]);
});

test('without an account id wrangler finds the one account', async () => {
  const output = await managed.wrangler('whoami');
  expect(output).toContain('Warmpool');
});

test('delete removes it', async () => {
  await managed.wrangler('hyperdrive', 'delete', id);
  expect((await managed.call('GET', `/hyperdrive/configs/${id}`)).status).toBe(404);
});
