import { beforeEach, expect, test } from 'vitest';
import type { ConfigStore } from '../../src/config/store.ts';
import { Api, CONFIGS } from './api.ts';
import { dump, freshDatabase } from './database.ts';

let db: D1Database;
let store: ConfigStore;
let api: Api;
let tokens: string;

beforeEach(async () => {
  ({ db, store } = await freshDatabase());
  api = new Api(store);
  tokens = `${CONFIGS}/${await api.create()}/tokens`;
});

test('a token has 32 random bytes, is shown once and stored as a verifier alone', async () => {
  const { status, json } = await api.call('POST', tokens, { body: { user: 'alice' } });
  expect(status).toBe(200);
  const { token, ...shown } = json.result;
  expect(token).toMatch(/^wp_[A-Za-z0-9_-]{43}$/);
  expect(shown).toEqual({
    id: expect.stringMatching(/^[0-9a-f]{32}$/),
    user: 'alice',
    created_on: expect.stringMatching(/^\d{4}-.*Z$/),
  });
  const list = await api.call('GET', tokens);
  expect(list.json.result).toEqual([shown]);
  expect(await dump(db)).not.toContain(token);
  const login = await store.findLogin({ database: 't1', user: 'alice' });
  expect(login?.verifier).toBe('verifier of 46 and 16');
});

test('the user is app where none is named', async () => {
  const { json } = await api.call('POST', tokens, { body: {} });
  expect(json.result.user).toBe('app');
});

test('two tokens differ', async () => {
  const one = await api.call('POST', tokens, { body: { user: 'a' } });
  const two = await api.call('POST', tokens, { body: { user: 'b' } });
  expect(one.json.result.token).not.toBe(two.json.result.token);
});

test('a user has one token; after its removal another may be made', async () => {
  const first = await api.call('POST', tokens, { body: {} });
  const second = await api.call('POST', tokens, { body: {} });
  expect([second.status, second.json.errors[0]?.code]).toEqual([409, 1008]);
  await api.call('DELETE', `${tokens}/${first.json.result.id}`);
  expect((await api.call('POST', tokens, { body: {} })).status).toBe(200);
});

test('a removed token is no login any more, and is removed once', async () => {
  const { json } = await api.call('POST', tokens, { body: {} });
  const path = `${tokens}/${json.result.id}`;
  const removed = await api.call('DELETE', path);
  expect([removed.status, removed.json.result]).toEqual([200, null]);
  expect((await store.findLogin({ database: 't1', user: 'app' }))?.verifier).toBeUndefined();
  expect((await api.call('DELETE', path)).status).toBe(404);
});

test('a token is not removed through another config', async () => {
  const { json } = await api.call('POST', tokens, { body: {} });
  const other = await api.create({ name: 'other' });
  expect((await api.call('DELETE', `${CONFIGS}/${other}/tokens/${json.result.id}`)).status).toBe(404);
  expect((await api.call('GET', tokens)).json.result).toHaveLength(1);
});

test.for([
  [{ user: '' }, 'user is empty'],
  [{ user: 'u'.repeat(64) }, 'user is too long'],
  [{ user: 'a\0' }, 'user holds a character'],
  [{ user: null }, 'user must be a text'],
  [{ usr: 'a' }, 'usr is not a field of this request'],
] as const)('a token is refused: %j', async ([body, message]) => {
  const { status, json } = await api.call('POST', tokens, { body });
  expect(status).toBe(400);
  expect(json.errors).toEqual([{ code: 1003, message: expect.stringContaining(message) }]);
  expect((await api.call('GET', tokens)).json.result).toEqual([]);
});
