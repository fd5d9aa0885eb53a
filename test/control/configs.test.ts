import { beforeEach, expect, test, vi } from 'vitest';
import { ConfigSecrets } from '../../src/config/secrets.ts';
import type { ConfigStore } from '../../src/config/store.ts';
import { Api, CONFIGS, CREATE_BODY, PASSWORD } from './api.ts';
import { dump, freshDatabase } from './database.ts';

const UNKNOWN_ID = 'f'.repeat(32);
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const DEFAULT_POOL = {
  connect_timeout_ms: 15_000,
  acquire_timeout_ms: 15_000,
  idle_timeout_ms: 600_000,
  max_lifetime_ms: 3_600_000,
  statement_timeout_ms: 60_000,
  idle_in_transaction_timeout_ms: 300_000,
};

let db: D1Database;
let store: ConfigStore;
let api: Api;

beforeEach(async () => {
  ({ db, store } = await freshDatabase());
  api = new Api(store);
});

test("wrangler's create gives a config with all defaults and without the password", async () => {
  const { status, json } = await api.call('POST', CONFIGS, { body: CREATE_BODY });
  expect(status).toBe(200);
  expect(json).toEqual({
    success: true,
    errors: [],
    messages: [],
    result: {
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      name: 't1',
      origin: { host: 'db.example.com', port: 5432, scheme: 'postgres', database: 'mydb', user: 'u' },
      caching: { disabled: false },
      origin_connection_limit: 20,
      pool: DEFAULT_POOL,
      created_on: expect.stringMatching(RFC_3339),
      modified_on: json.result.created_on,
    },
  });
  const read = await api.call('GET', `${CONFIGS}/${json.result.id}`);
  expect(read.json).toEqual(json);
});

test('create tries the origin with the password in the clear and stores it sealed, with the facts', async () => {
  const id = await api.create({ mtls: { sslmode: 'require' } });
  const { password, ...origin } = CREATE_BODY.origin;
  expect(api.tried).toMatchObject([{ id, candidate: { ...origin, password, sslmode: 'require' } }]);
  expect(await dump(db)).not.toContain(PASSWORD);
  const sealed = await store.sealedOriginOf(id);
  const secrets = new ConfigSecrets(btoa('0123456789abcdef0123456789abcdef'));
  expect(await secrets.open({ configId: id, field: 'password' }, sealed?.passwordSealed ?? '')).toBe(
    PASSWORD,
  );
  expect((await store.get(id))?.facts?.serverVersion).toBe('18.4');
});

test('a missing port is the default port of the scheme', async () => {
  const { port: _, ...origin } = CREATE_BODY.origin;
  const id = await api.create({ origin: { ...origin, scheme: 'mysql' } });
  expect((await store.get(id))?.origin.port).toBe(3306);
});

test('an origin that cannot be used creates nothing and tells why', async () => {
  api.validation = { ok: false, code: 2013, message: 'Invalid database credentials.' };
  const { status, json } = await api.call('POST', CONFIGS, { body: CREATE_BODY });
  expect(status).toBe(400);
  expect(json).toEqual({
    success: false,
    result: null,
    errors: [{ code: 2013, message: 'Invalid database credentials.' }],
    messages: [],
  });
  expect(await dump(db)).toBe('[[],[]]');
});

test('a name that is taken is refused before the origin is tried', async () => {
  await api.create();
  const { status, json } = await api.call('POST', CONFIGS, { body: CREATE_BODY });
  expect([status, json.errors[0]?.code]).toEqual([409, 1005]);
  expect(api.tried).toHaveLength(1);
});

test('of two creates of one name at the same time one is refused', async () => {
  const replies = await Promise.all([
    api.call('POST', CONFIGS, { body: CREATE_BODY }),
    api.call('POST', CONFIGS, { body: CREATE_BODY }),
  ]);
  expect(replies.map((reply) => reply.status).sort()).toEqual([200, 409]);
});

test('a list is paged, and its result_info leads a client through', async () => {
  for (const name of ['a', 'b', 'c']) await api.create({ name });
  const all = await api.call('GET', `${CONFIGS}?page=1`);
  expect(all.json.result).toHaveLength(3);
  expect(all.json.result_info).toEqual({ page: 1, per_page: 100, count: 3, total_count: 3, total_pages: 1 });
  const second = await api.call('GET', `${CONFIGS}?page=2&per_page=2`);
  expect(second.json.result).toHaveLength(1);
  expect(second.json.result_info).toEqual({ page: 2, per_page: 2, count: 1, total_count: 3, total_pages: 2 });
});

test.for([
  'page=0',
  'page=x',
  'per_page=0',
  'per_page=1001',
  'page=-1',
  'page=99999999',
])('a list refuses %s', async (query) => {
  const { status, json } = await api.call('GET', `${CONFIGS}?${query}`);
  expect([status, json.errors[0]?.code]).toEqual([400, 1003]);
  expect(json.errors[0]?.message).toContain(query.split('=')[0]);
});

test.for([
  ['GET', ''],
  ['PUT', ''],
  ['PATCH', ''],
  ['DELETE', ''],
  ['POST', '/restart'],
  ['POST', '/purge'],
  ['POST', '/why'],
  ['GET', '/tokens'],
  ['POST', '/tokens'],
  ['DELETE', '/tokens/1'],
])('%s of an unknown config%s is hyperdrive.api.not_found', async ([method = '', suffix = '']) => {
  const { status, json } = await api.call(method, `${CONFIGS}/${UNKNOWN_ID}${suffix}`);
  expect(status).toBe(404);
  expect(json.errors).toEqual([{ code: 2001, message: 'hyperdrive.api.not_found' }]);
});

test("wrangler's patch of caching and limit changes these alone and does not try the origin", async () => {
  const id = await api.create();
  const before = (await api.call('GET', `${CONFIGS}/${id}`)).json.result;
  const body = { caching: { max_age: 120, stale_while_revalidate: 30 }, origin_connection_limit: 10 };
  const { json } = await api.call('PATCH', `${CONFIGS}/${id}`, { body });
  expect(json.result).toEqual({
    ...before,
    caching: { disabled: false, max_age: 120, stale_while_revalidate: 30 },
    origin_connection_limit: 10,
    modified_on: expect.stringMatching(RFC_3339),
  });
  expect(api.tried).toHaveLength(1);
  expect(api.changes).toEqual([[id, 'updated']]);
  expect(await store.get(id)).toMatchObject({ version: 2, connectionLimit: 10 });
});

test('a patch of the password alone tries the whole origin with it and stores it', async () => {
  const id = await api.create();
  const before = await store.sealedOriginOf(id);
  await api.call('PATCH', `${CONFIGS}/${id}`, { body: { origin: { password: 'next' } } });
  expect(api.tried[1]?.candidate).toMatchObject({ ...CREATE_BODY.origin, password: 'next' });
  const after = await store.sealedOriginOf(id);
  expect(after?.passwordSealed).not.toBe(before?.passwordSealed);
  expect(after?.config.origin).toEqual(before?.config.origin);
});

test('a patch of the host or of sslmode tries the origin with the stored password and keeps it', async () => {
  const id = await api.create();
  const before = await store.sealedOriginOf(id);
  const origin = { host: 'new.example.com', port: 6543 };
  await api.call('PATCH', `${CONFIGS}/${id}`, { body: { origin } });
  await api.call('PATCH', `${CONFIGS}/${id}`, { body: { mtls: { sslmode: 'prefer' } } });
  expect(api.tried[1]?.candidate).toMatchObject({ ...CREATE_BODY.origin, ...origin });
  expect(api.tried[2]).toMatchObject({ candidate: { ...origin, password: PASSWORD, sslmode: 'prefer' } });
  expect((await store.sealedOriginOf(id))?.passwordSealed).toBe(before?.passwordSealed);
});

test.for(['PATCH', 'PUT'])('a failing %s leaves the old config as it was', async (method) => {
  const id = await api.create();
  const before = await dump(db);
  api.validation = { ok: false, code: 2014, message: 'The specified database name does not exist.' };
  const origin = { ...CREATE_BODY.origin, database: 'nope' };
  const { status, json } = await api.call(method, `${CONFIGS}/${id}`, { body: { ...CREATE_BODY, origin } });
  expect([status, json.errors[0]?.code]).toEqual([400, 2014]);
  expect(await dump(db)).toBe(before);
  expect(api.changes).toEqual([]);
});

test('a change that another one overtook is refused and loses nothing', async () => {
  const id = await api.create();
  api.duringValidation = async () => {
    api.duringValidation = undefined;
    await api.call('PATCH', `${CONFIGS}/${id}`, { body: { origin_connection_limit: 7 } });
  };
  const { status, json } = await api.call('PATCH', `${CONFIGS}/${id}`, { body: { origin: { user: 'v' } } });
  expect([status, json.errors[0]?.code]).toEqual([409, 1006]);
  expect(await store.get(id)).toMatchObject({ version: 2, connectionLimit: 7, origin: { user: 'u' } });
});

test('a config that is deleted while its change is tried stays deleted', async () => {
  const id = await api.create();
  api.duringValidation = () => store.remove(id);
  const { status } = await api.call('PATCH', `${CONFIGS}/${id}`, { body: { origin: { user: 'v' } } });
  expect(status).toBe(404);
  expect(await store.get(id)).toBeUndefined();
});

test('a config cannot be renamed to the name of another', async () => {
  const id = await api.create();
  await api.create({ name: 'other' });
  const { status } = await api.call('PATCH', `${CONFIGS}/${id}`, { body: { name: 'other' } });
  expect(status).toBe(409);
  const same = await api.call('PATCH', `${CONFIGS}/${id}`, { body: { name: 't1' } });
  expect(same.status).toBe(200);
});

test('put resets omitted caching and keeps omitted mtls, limit and pool', async () => {
  const id = await api.create({
    caching: { max_age: 5 },
    mtls: { sslmode: 'require' },
    origin_connection_limit: 7,
    pool: { idle_timeout_ms: 1000 },
  });
  const { json } = await api.call('PUT', `${CONFIGS}/${id}`, { body: { ...CREATE_BODY, name: 't2' } });
  expect(json.result).toMatchObject({
    name: 't2',
    caching: { disabled: false },
    mtls: { sslmode: 'require' },
    origin_connection_limit: 7,
    pool: { ...DEFAULT_POOL, idle_timeout_ms: 1000 },
  });
  expect(json.result.caching).toEqual({ disabled: false });
});

test('put replaces what it names, and what it leaves out inside of that', async () => {
  const id = await api.create({ mtls: { sslmode: 'require' }, pool: { idle_timeout_ms: 1000 } });
  const body = { ...CREATE_BODY, mtls: {}, pool: { connect_timeout_ms: 500 }, origin_connection_limit: 9 };
  const { json } = await api.call('PUT', `${CONFIGS}/${id}`, { body });
  expect(json.result.mtls).toBeUndefined();
  expect(json.result.pool).toEqual({ ...DEFAULT_POOL, connect_timeout_ms: 500 });
  expect(json.result.origin_connection_limit).toBe(9);
});

test('a put of what was read, with the password, changes nothing but modified_on', async () => {
  const id = await api.create({ caching: { max_age: 5 }, origin_connection_limit: 7 });
  const { result } = (await api.call('GET', `${CONFIGS}/${id}`)).json;
  const body = { ...result, origin: { ...result.origin, password: PASSWORD } };
  const { json } = await api.call('PUT', `${CONFIGS}/${id}`, { body });
  expect({ ...json.result, modified_on: '' }).toEqual({ ...result, modified_on: '' });
});

test('put needs the password', async () => {
  const id = await api.create();
  const { password: _, ...origin } = CREATE_BODY.origin;
  const { json } = await api.call('PUT', `${CONFIGS}/${id}`, { body: { ...CREATE_BODY, origin } });
  expect(json.errors).toEqual([{ code: 1003, message: 'origin.password is missing. Give it.' }]);
});

test('custom caching settings are not kept if caching is disabled', async () => {
  const id = await api.create({ caching: { max_age: 5, stale_while_revalidate: 3 } });
  const off = await api.call('PATCH', `${CONFIGS}/${id}`, {
    body: { caching: { disabled: true, max_age: 9 } },
  });
  expect(off.json.result.caching).toEqual({ disabled: true });
  const on = await api.call('PATCH', `${CONFIGS}/${id}`, { body: { caching: { disabled: false } } });
  expect(on.json.result.caching).toEqual({ disabled: false });
});

test.for([
  { consistency: 'strict' },
  { consistency: 'eventual', cache_system_catalogs: true },
])('caching %j is told, and kept by a patch of other fields', async (caching) => {
  const id = await api.create({ caching });
  const read = async (): Promise<unknown> => (await api.call('GET', `${CONFIGS}/${id}`)).json.result.caching;
  expect(await read()).toEqual({ disabled: false, ...caching });
  // As wrangler's update sends it.
  await api.call('PATCH', `${CONFIGS}/${id}`, { body: { caching: { max_age: 120 } } });
  expect(await read()).toEqual({ disabled: false, max_age: 120, ...caching });
  expect((await store.get(id))?.version).toBe(2);
  await api.call('PATCH', `${CONFIGS}/${id}`, {
    body: { caching: { consistency: 'session', cache_system_catalogs: false } },
  });
  expect(await read()).toEqual({ disabled: false, max_age: 120 });
});

test('our caching settings outlive a put that cannot name them, and are dropped where caching is disabled', async () => {
  const caching = { consistency: 'strict', cache_system_catalogs: true };
  const id = await api.create({ caching });
  const defaults = { consistency: 'session', systemCatalogs: false };
  await api.call('PUT', `${CONFIGS}/${id}`, { body: CREATE_BODY });
  expect((await store.get(id))?.caching).toMatchObject({ consistency: 'strict', systemCatalogs: true });
  const off = { caching: { disabled: true, ...caching } };
  const { json } = await api.call('PATCH', `${CONFIGS}/${id}`, { body: off });
  expect(json.result.caching).toEqual({ disabled: true });
  await api.call('PATCH', `${CONFIGS}/${id}`, { body: { caching: { disabled: false } } });
  expect((await store.get(id))?.caching).toMatchObject(defaults);
});

test.for([
  { max_age: 9 },
  { stale_while_revalidate: 9 },
  { consistency: 'strict' },
  { cache_system_catalogs: true },
])('a patch of %j while caching is disabled says what to send', async (caching) => {
  const id = await api.create({ caching: { disabled: true } });
  const { status, json } = await api.call('PATCH', `${CONFIGS}/${id}`, { body: { caching } });
  expect(status).toBe(400);
  expect(json.errors[0]?.message).toMatch(/^caching.disabled is true.*Send it as false/);
});

test('a patch merges the pool settings', async () => {
  const id = await api.create({ pool: { idle_timeout_ms: 1000 } });
  const body = { pool: { connect_timeout_ms: 100, acquire_timeout_ms: 86_400_000 } };
  const { json } = await api.call('PATCH', `${CONFIGS}/${id}`, { body });
  expect(json.result.pool).toEqual({ ...DEFAULT_POOL, idle_timeout_ms: 1000, ...body.pool });
});

test('a config keeps its protocol, whatever the spelling of its scheme', async () => {
  const id = await api.create();
  const same = await api.call('PATCH', `${CONFIGS}/${id}`, { body: { origin: { scheme: 'postgresql' } } });
  expect(same.json.result.origin.scheme).toBe('postgresql');
  const other = { ...CREATE_BODY, origin: { ...CREATE_BODY.origin, scheme: 'mysql' } };
  for (const method of ['PATCH', 'PUT']) {
    const { status, json } = await api.call(method, `${CONFIGS}/${id}`, { body: other });
    expect(status).toBe(400);
    expect(json.errors[0]?.message).toMatch(/^origin.scheme/);
  }
});

test('delete removes the config and its tokens and tells the endpoint', async () => {
  const id = await api.create();
  await api.call('POST', `${CONFIGS}/${id}/tokens`, { body: {} });
  const { status, json } = await api.call('DELETE', `${CONFIGS}/${id}`);
  expect([status, json.success, json.result]).toEqual([200, true, null]);
  expect(api.changes).toEqual([[id, 'deleted']]);
  expect(await dump(db)).toBe('[[],[]]');
});

test('restart tells the endpoint and is shown', async () => {
  const id = await api.create();
  const { json } = await api.call('POST', `${CONFIGS}/${id}/restart`);
  expect(json.result).toMatchObject({ id, restarted_on: expect.stringMatching(RFC_3339) });
  expect(api.changes).toEqual([[id, 'restarted']]);
});

test('an endpoint that cannot be told does not fail the call, and the log keeps the secret', async () => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const deaf = new Api(store, {
    configChanged: () => Promise.reject(new Error(`no way to ${PASSWORD}`)),
  });
  const id = await deaf.create();
  const { status } = await deaf.call('PATCH', `${CONFIGS}/${id}`, { body: { origin_connection_limit: 3 } });
  expect(status).toBe(200);
  expect((await store.get(id))?.connectionLimit).toBe(3);
  expect(log.mock.calls.flat().join()).toContain(id);
  expect(log.mock.calls.flat().join()).not.toContain(PASSWORD);
  log.mockRestore();
});

test('no answer of any route holds a password, sealed or not', async () => {
  const id = await api.create();
  const sealed = (await store.sealedOriginOf(id))?.passwordSealed ?? '';
  const one = `${CONFIGS}/${id}`;
  const calls: [string, string, unknown?][] = [
    ['GET', CONFIGS],
    ['GET', one],
    ['PUT', one, CREATE_BODY],
    ['PATCH', one, { origin: { password: PASSWORD } }],
    ['PATCH', one, { origin: { password: `${PASSWORD}\0` } }],
    ['PATCH', one, { origin: { host: PASSWORD, port: 1 } }],
    ['POST', CONFIGS, CREATE_BODY],
    ['POST', CONFIGS, `{"origin": "${PASSWORD}"`],
    ['POST', `${one}/restart`],
    ['GET', `${one}/tokens`],
    ['DELETE', one],
  ];
  for (const [method, path, body] of calls) {
    const { text } = await api.call(method, path, { body });
    expect(text, `${method} ${path}`).not.toContain(PASSWORD);
    expect(text, `${method} ${path}`).not.toContain(sealed);
    expect(text, `${method} ${path}`).not.toContain('v1.');
  }
});

test('TLS is demanded only where that is asked for; then it is shown, and kept by what does not name it', async () => {
  const id = await api.create();
  const call = async (method: string, body: unknown): Promise<unknown> =>
    (await api.call(method, `${CONFIGS}/${id}`, { body })).json.result.require_tls;
  expect(await call('PATCH', { origin_connection_limit: 7 })).toBeUndefined();
  expect(await call('PATCH', { require_tls: true })).toBe(true);
  expect(await call('PATCH', { origin_connection_limit: 8 })).toBe(true);
  expect(await call('PUT', CREATE_BODY)).toBe(true);
  expect((await store.findLogin({ database: id, user: 'nobody' }))?.requiresTls).toBe(true);
  expect(await call('PUT', { ...CREATE_BODY, require_tls: false })).toBeUndefined();
  const refused = await api.call('PATCH', `${CONFIGS}/${id}`, { body: { require_tls: 'yes' } });
  expect([refused.status, refused.text]).toEqual([
    400,
    expect.stringContaining('require_tls must be true or false.'),
  ]);
});
