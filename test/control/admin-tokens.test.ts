import { beforeEach, expect, test } from 'vitest';
import { ConfigStore } from '../../src/config/store.ts';
import { AdminTokenStore } from '../../src/control/admin-token-store.ts';
import { ACCOUNT, Api, CONFIGS, CREATE_BODY, type Reply } from './api.ts';
import { dumpAll, freshDatabase } from './database.ts';

const TOKENS = `${ACCOUNT}/tokens`;

let db: D1Database;
let api: Api;

beforeEach(async () => {
  const fresh = await freshDatabase();
  db = fresh.db;
  api = new Api(fresh.store);
});

async function make(body: Record<string, unknown>): Promise<string> {
  const { json } = await api.call('POST', TOKENS, { body });
  return json.result.token;
}

function callAs(token: string, method: string, path: string, body?: unknown): Promise<Reply> {
  return api.call(method, path, { body, headers: { Authorization: `Bearer ${token}` } });
}

test('an admin token has 32 random bytes, is shown once and stored as a hash alone', async () => {
  const { json } = await api.call('POST', TOKENS, { body: { name: 'ci' } });
  const { token, ...shown } = json.result;
  expect(token).toMatch(/^wpa_[A-Za-z0-9_-]{43}$/);
  expect(shown).toEqual({
    id: expect.stringMatching(/^[0-9a-f]{32}$/),
    name: 'ci',
    scope: 'admin',
    last_four: token.slice(-4),
    created_on: expect.stringMatching(/^\d{4}-.*Z$/),
  });
  expect((await api.call('GET', TOKENS)).json.result).toEqual([shown]);
  expect(await dumpAll(db)).not.toContain(token.slice(4));
});

test('an admin token does all that the secret does, and makes tokens itself', async () => {
  const token = await make({ name: 'ci' });
  const created = await callAs(token, 'POST', CONFIGS, CREATE_BODY);
  expect(created.status).toBe(200);
  expect((await callAs(token, 'POST', TOKENS, { name: 'next' })).status).toBe(200);
  expect((await callAs(token, 'DELETE', `${CONFIGS}/${created.json.result.id}`)).status).toBe(200);
});

test('a read-only token reads everything and writes nothing', async () => {
  const id = await api.create();
  const token = await make({ name: 'dashboard', scope: 'read-only' });
  for (const path of [CONFIGS, `${CONFIGS}/${id}`, `${CONFIGS}/${id}/state`, TOKENS]) {
    expect((await callAs(token, 'GET', path)).status, path).toBe(200);
  }
  const before = await dumpAll(db);
  for (const [method, path] of [
    ['POST', CONFIGS],
    ['PUT', `${CONFIGS}/${id}`],
    ['PATCH', `${CONFIGS}/${id}`],
    ['DELETE', `${CONFIGS}/${id}`],
    ['POST', `${CONFIGS}/${id}/restart`],
    ['POST', `${CONFIGS}/${id}/purge`],
    ['DELETE', `${CONFIGS}/${id}/why`],
    ['POST', `${CONFIGS}/${id}/purge/accounts/a/hyperdrive/configs/${id}/why/x`],
    ['POST', `${CONFIGS}/${id}/tokens`],
    ['POST', TOKENS],
    ['DELETE', `${TOKENS}/1`],
    ['POST', `${ACCOUNT}/mtls_certificates`],
    ['OPTIONS', CONFIGS],
  ] as const) {
    const { status, json } = await callAs(token, method, path, { name: 'x' });
    expect([status, json.errors[0]?.code], `${method} ${path}`).toEqual([403, 10_000]);
    expect(json.errors[0]?.message).toContain('read-only');
  }
  expect(await dumpAll(db)).toBe(before);
});

test('a revoked token is refused at once, and is revoked once', async () => {
  const token = await make({ name: 'ci' });
  const [{ id }] = (await api.call('GET', TOKENS)).json.result;
  expect((await api.call('DELETE', `${TOKENS}/${id}`)).json.success).toBe(true);
  expect((await callAs(token, 'GET', CONFIGS)).status).toBe(401);
  expect((await api.call('DELETE', `${TOKENS}/${id}`)).status).toBe(404);
});

test('a token that differs in one character, or ends alike, is refused', async () => {
  const token = await make({ name: 'ci' });
  const changed = `${token.slice(0, 10)}${token[10] === 'A' ? 'B' : 'A'}${token.slice(11)}`;
  for (const wrong of [changed, token.slice(0, -1), `${token}A`, token.slice(-4), 'wpa_']) {
    expect((await callAs(wrong, 'GET', CONFIGS)).status, wrong).toBe(401);
  }
});

test('without the secret tokens go on working, and a wrong one is told no more than that', async () => {
  const token = await make({ name: 'ci' });
  api = new Api(new ConfigStore(db), { adminToken: undefined });
  expect((await callAs(token, 'GET', CONFIGS)).status).toBe(200);
  expect((await callAs('wrong', 'GET', CONFIGS)).status).toBe(401);
});

test('what is stored as an unknown scope may only read', async () => {
  const token = await make({ name: 'ci' });
  await db.prepare("UPDATE admin_tokens SET scope = 'root'").run();
  expect((await callAs(token, 'GET', CONFIGS)).status).toBe(200);
  expect((await callAs(token, 'POST', CONFIGS, CREATE_BODY)).status).toBe(403);
});

test('a name is one token only, and there are 100 at most', async () => {
  await make({ name: 'ci' });
  const again = await api.call('POST', TOKENS, { body: { name: 'ci' } });
  expect([again.status, again.json.errors[0]?.code]).toEqual([409, 1005]);
  const store = new AdminTokenStore(db);
  const rest = { scope: 'admin' as const, hash: '', lastFour: '', createdOn: '' };
  for (let i = 1; i < 100; i += 1) await store.insert({ id: String(i), name: `t${i}`, ...rest });
  const { status, json } = await api.call('POST', TOKENS, { body: { name: 'one more' } });
  expect([status, json.errors[0]?.code]).toEqual([409, 1009]);
});

test.for([
  [{}, 'name is missing'],
  [{ name: '' }, 'name is empty'],
  [{ name: 'bootstrap' }, 'name is what the audit log calls'],
  [{ name: 'a\n' }, 'name must be made of'],
  [{ name: 'x', scope: 'root' }, 'scope must be one of: admin, read-only'],
  [{ name: 'x', token: 'mine' }, 'token is not a field'],
] as const)('an admin token is refused: %j', async ([body, message]) => {
  const { status, json } = await api.call('POST', TOKENS, { body });
  expect(status).toBe(400);
  expect(json.errors).toEqual([{ code: 1003, message: expect.stringContaining(message) }]);
  expect((await api.call('GET', TOKENS)).json.result).toEqual([]);
});
