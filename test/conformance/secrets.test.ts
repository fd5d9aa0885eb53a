/** What Warmpool stores, logs and answers is searched for every secret that it was told. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLIENT_CERTIFICATE, CLIENT_KEY } from '../fakes/certificates.ts';
import { type Answer, type Managed, startManaged } from './managed.ts';

let managed: Managed;
/** Everything that was answered; where a secret is shown once, without it. */
const answers: string[] = [];
const secrets: Record<string, string> = {};

beforeAll(async () => {
  managed = await startManaged();
  const { password, port, database, user } = managed.origin;
  Object.assign(secrets, { password, wrong: 'a-wrong-password', key: CLIENT_KEY.split('\n')[1] ?? '' });
  const origin = { scheme: 'postgres', host: '127.0.0.1', port, database, user, password };
  const configs = '/hyperdrive/configs';
  const { result: config } = await tell('POST', configs, { name: 'books', origin });
  const path = `${configs}/${config.id}`;
  await tell('POST', configs, { name: 'wrong', origin: { ...origin, password: secrets.wrong } });
  await tell('POST', configs, { name: 'wrong', origin: { ...origin, passwort: secrets.wrong } });
  await tell('PATCH', path, { origin: { password: secrets.wrong } });
  await tell('PATCH', path, { origin: { password } });
  await tell('PUT', path, { name: 'books', origin });
  secrets.client = (await tell('POST', `${path}/tokens`, {}, 'token')).result.token;
  secrets.admin = (await tell('POST', '/tokens', { name: 'ci' }, 'token')).result.token;
  const certificate = { certificates: CLIENT_CERTIFICATE, private_key: CLIENT_KEY, ca: false };
  await tell('POST', '/mtls_certificates', certificate);
  await tell('POST', '/mtls_certificates', { ...certificate, ca: true });
  await useThePool();
  await tell('POST', `${path}/restart`);
  for (const read of ['', '/state', '/check', '/tokens']) await tell('GET', path + read);
  for (const read of [configs, '/tokens', '/mtls_certificates', '/audit_logs']) await tell('GET', read);
});

afterAll(() => managed.stop());

test('there is something to search in, and all secrets are known', async () => {
  expect(answers.length).toBeGreaterThan(15);
  expect(Object.values(secrets).filter((secret) => secret.length > 10)).toHaveLength(5);
  const stored = Buffer.concat(await storedFiles());
  expect(stored.includes('books')).toBe(true);
});

test('no file of the database holds one, journals included', async () => {
  const stored = Buffer.concat(await storedFiles());
  for (const [name, secret] of Object.entries(secrets)) expect(stored.includes(secret), name).toBe(false);
});

test('no log line and no answer holds one', () => {
  const said = answers.join('\n');
  for (const [name, secret] of Object.entries(secrets)) {
    expect(managed.log().includes(secret), name).toBe(false);
    expect(said.includes(secret), name).toBe(false);
  }
});

async function tell(method: string, path: string, body?: unknown, shownOnce?: string): Promise<Answer> {
  const answer = await managed.call(method, path, body);
  answers.push(shownOnce === undefined ? answer.text : answer.text.replace(answer.result[shownOnce], ''));
  return answer;
}

async function useThePool(): Promise<void> {
  for (const password of [secrets.client, 'not-the-token']) {
    const url = `postgres://app:${password}@127.0.0.1:${managed.postgresPort}/books`;
    const client = new Client(url);
    await client.connect().catch(() => undefined);
    await client.query('select 1').catch(() => undefined);
    await client.end().catch(() => undefined);
  }
}

/** The database and the state of Durable Objects; not `.dev.vars`, which is where secrets belong. */
async function storedFiles(): Promise<Buffer[]> {
  const folder = join(managed.folder, 'warmpool', 'state');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Promise.all(files.map((file) => readFile(join(file.parentPath, file.name))));
}
