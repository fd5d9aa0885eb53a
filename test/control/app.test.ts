import fc from 'fast-check';
import { beforeEach, expect, test, vi } from 'vitest';
import { ConfigSecrets } from '../../src/config/secrets.ts';
import type { ConfigStore } from '../../src/config/store.ts';
import { ConfigStore as Store } from '../../src/config/store.ts';
import { PoolerError } from '../../src/errors.ts';
import { CA_CERTIFICATE } from '../fakes/certificates.ts';
import { ADMIN_TOKEN, Api, CONFIGS, CREATE_BODY, PASSWORD } from './api.ts';
import { dump, dumpAll, freshDatabase } from './database.ts';

const BODY_BYTES_MAX = 65_536;

let db: D1Database;
let store: ConfigStore;
let api: Api;

beforeEach(async () => {
  ({ db, store } = await freshDatabase());
  api = new Api(store);
});

test.for([
  { authorization: '' },
  { authorization: 'Bearer' },
  { authorization: 'Bearer wrong' },
  { authorization: `Basic ${ADMIN_TOKEN}` },
  { authorization: `Bearer ${ADMIN_TOKEN}x` },
  { authorization: `Bearer ${ADMIN_TOKEN.slice(0, -1)}` },
  { authorization: ADMIN_TOKEN },
])('who does not bring the admin token is refused: %j', async ({ authorization }) => {
  for (const path of [CONFIGS, '/client/v4/accounts', '/client/v4/nothing']) {
    const { status, json } = await api.call('GET', path, { headers: { Authorization: authorization } });
    expect(status).toBe(401);
    expect(json.errors).toEqual([{ code: 10_000, message: 'Authentication error' }]);
  }
});

test.for([
  undefined,
  '',
])('without the secret (%j) every call is refused and told which to set', async (secret) => {
  const locked = new Api(store, { adminToken: secret });
  for (const authorization of ['', 'Bearer ', 'Bearer undefined']) {
    const { status, json } = await locked.call('POST', CONFIGS, {
      body: CREATE_BODY,
      headers: { Authorization: authorization },
    });
    expect(status).toBe(503);
    expect(json.errors[0]?.message).toContain('ADMIN_TOKEN');
  }
  expect(await dump(db)).toBe('[[],[]]');
});

test('health needs no token and says whether the database is ready', async () => {
  const well = await api.call('GET', '/health', { headers: { Authorization: '' } });
  expect([well.status, well.json.result]).toEqual([200, { status: 'ok' }]);
  const log = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const broken = new Store({ prepare: () => raise('no such table: configs') } as unknown as D1Database);
  const ill = await new Api(broken).call('GET', '/health');
  expect(ill.status).toBe(503);
  expect(ill.json.errors[0]?.message).toContain('wrangler d1 migrations apply');
  log.mockRestore();
});

test('wrangler finds one account, its membership and the user of the token', async () => {
  const accounts = await api.call('GET', '/client/v4/accounts?page=1');
  const memberships = await api.call('GET', '/client/v4/memberships?page=1');
  expect(accounts.json.result).toEqual([{ id: 'local', name: 'Warmpool' }]);
  expect(memberships.json.result[0].account).toEqual(accounts.json.result[0]);
  // wrangler reads on while page * per_page < total_count.
  const { page, per_page: perPage, total_count: total } = accounts.json.result_info ?? {};
  expect((page ?? 0) * (perPage ?? 0)).toBeGreaterThanOrEqual(total ?? Number.NaN);
  expect((await api.call('GET', '/client/v4/user')).json.result.email).toMatch(/@/);
  expect((await api.call('GET', '/client/v4/user/tokens/verify')).json.result.status).toBe('active');
});

test('any account id sees the same configs', async () => {
  const id = await api.create();
  const { json } = await api.call('GET', `/client/v4/accounts/0123abc/hyperdrive/configs/${id}`);
  expect(json.result.id).toBe(id);
});

test('an unknown route is answered in the envelope', async () => {
  for (const [method, path] of [
    ['GET', '/client/v4/zones'],
    ['PATCH', CONFIGS],
    ['GET', '/'],
  ] as const) {
    const { status, json } = await api.call(method, path);
    expect([status, json.success, json.errors[0]?.code]).toEqual([404, false, 7000]);
  }
});

test.for([
  '',
  '{',
  'null',
  '"text"',
  '1',
  'undefined',
  '{"a":1}{',
])('a body of %j is refused', async (body) => {
  const { status, json } = await api.call('POST', CONFIGS, { body });
  expect(status).toBe(400);
  expect(json.errors[0]?.message).toMatch(/JSON object/);
});

test('a list is not an object without fields', async () => {
  const id = await api.create();
  for (const [body, message] of [
    [[], 'The body must not be a list.'],
    [{ name: 'x', pool: [] }, 'pool must not be a list.'],
  ]) {
    const { status, json } = await api.call('PATCH', `${CONFIGS}/${id}`, { body });
    expect([status, json.errors[0]?.message]).toEqual([400, message]);
  }
});

test('a body that is not UTF-8 is refused', async () => {
  const { status, json } = await api.call('POST', CONFIGS, { body: Uint8Array.of(0x22, 0xff, 0x22) });
  expect([status, json.errors[0]?.code]).toEqual([400, 1001]);
});

test('a body may have 64 kB and not one byte more, whatever length is claimed', async () => {
  const text = JSON.stringify(CREATE_BODY);
  const fitting = await api.call('POST', CONFIGS, { body: text.padEnd(BODY_BYTES_MAX) });
  expect(fitting.status).toBe(200);
  const headers = { 'Content-Length': '10' };
  const longer = await api.call('POST', CONFIGS, { body: text.padEnd(BODY_BYTES_MAX + 1), headers });
  expect([longer.status, longer.json.errors[0]?.code]).toEqual([413, 1002]);
});

test('JSON is read whatever the content type says', async () => {
  for (const type of ['application/json', 'text/plain', 'multipart/form-data', 'nonsense']) {
    const body = { ...CREATE_BODY, name: type.replace('/', '-') };
    const { status } = await api.call('POST', CONFIGS, { body, headers: { 'Content-Type': type } });
    expect(status, type).toBe(200);
  }
});

test('an unknown error is an internal one: neither caller nor log learn its words', async () => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const broken = new Api(store, { validateOrigin: () => Promise.reject(new Error(`broke on ${PASSWORD}`)) });
  const { status, json, text } = await broken.call('POST', CONFIGS, { body: CREATE_BODY });
  expect(status).toBe(500);
  expect(json.errors).toEqual([{ code: 10_001, message: 'Internal error.' }]);
  expect(text).not.toMatch(/\bat |\.ts/);
  const logged = log.mock.calls.flat().join();
  expect(logged).toContain('POST failed');
  expect(logged).not.toContain(PASSWORD);
  log.mockRestore();
});

test('a PoolerError is told with its code and its hint', async () => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const error = new PoolerError('Connection refused.', {
    fault: 'origin',
    sqlState: '58000',
    apiCode: 2011,
    hint: 'Open the port.',
  });
  const broken = new Api(store, { validateOrigin: () => Promise.reject(error) });
  const { status, json } = await broken.call('POST', CONFIGS, { body: CREATE_BODY });
  expect(status).toBe(400);
  expect(json.errors).toEqual([{ code: 2011, message: 'Connection refused. Open the port.' }]);
  log.mockRestore();
});

test('without CONFIG_KEY nothing is created and the caller learns how to make one', async () => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const keyless = new Api(store, { secrets: new ConfigSecrets(undefined) });
  const { status, json } = await keyless.call('POST', CONFIGS, { body: CREATE_BODY });
  expect(status).toBe(500);
  expect(json.errors[0]?.message).toMatch(/CONFIG_KEY is not set.*openssl rand/);
  expect(keyless.tried).toEqual([]);
  expect((await keyless.call('GET', CONFIGS)).status).toBe(200);
  log.mockRestore();
});

/** JSON that is never right: any value at all, or a right body with one field spoiled. */
function hostileBody(right: object): fc.Arbitrary<unknown> {
  const spoiled = fc
    .tuple(
      fc.constantFrom(
        ...['name', 'origin', 'caching', 'mtls', 'origin_connection_limit', 'pool', 'user'],
        ...['scope', 'certificates', 'private_key', 'ca'],
      ),
      fc.oneof(
        fc.constantFrom<unknown>(null, [], '', -1, 1e308, 0.5, '\0', { constructor: 1 }),
        fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue(), { minKeys: 1 }),
        fc.array(fc.jsonValue()),
      ),
    )
    .map(([field, value]) => ({ ...right, [field]: value }));
  return fc.oneof(fc.jsonValue(), spoiled, fc.string());
}

test.for([
  ['POST', '', CREATE_BODY],
  ['PUT', '/:id', CREATE_BODY],
  ['PATCH', '/:id', CREATE_BODY],
  ['POST', '/:id/tokens', { user: 'app' }],
  ['POST', '/:id/purge', { tags: ['a'], user: 'spoils it' }],
  ['POST', '/:id/why', { query: 'select 1', user: 'spoils it' }],
  ['POST', '/../../tokens', { name: 'ci', scope: 'admin' }],
  ['POST', '/../../mtls_certificates', { name: 'ca', certificates: CA_CERTIFICATE, ca: true }],
] as const)('%s %s answers hostile bodies with 4xx in the envelope and changes nothing', async ([
  method,
  route,
  right,
]) => {
  const id = await api.create();
  const path = CONFIGS + route.replace(':id', id);
  const before = await dumpAll(db);
  await fc.assert(
    fc.asyncProperty(hostileBody(right), async (value) => {
      const body = typeof value === 'string' ? value : JSON.stringify(value);
      if (isHarmless(body)) return;
      const { status, json, text } = await api.call(method, path, { body });
      expect(status, text).toBeGreaterThanOrEqual(400);
      expect(status, text).toBeLessThan(500);
      expect(Object.keys(json).sort()).toEqual(['errors', 'messages', 'result', 'success']);
      expect(json).toMatchObject({ success: false, result: null });
      for (const error of json.errors) {
        expect(error).toEqual({ code: expect.any(Number), message: expect.any(String) });
      }
      expect(json.errors.length).toBeGreaterThan(0);
    }),
    { numRuns: 60 },
  );
  expect(await dumpAll(db)).toBe(before);
  expect(api.changes).toEqual([]);

  /** `{}` is a right body of the token route. */
  function isHarmless(body: string): boolean {
    return route === '/:id/tokens' && body.replace(/\s/g, '') === '{}';
  }
});

function raise(message: string): never {
  throw new Error(message);
}
