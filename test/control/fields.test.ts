/** Each rule for a field: the last value that is right, and the first that is wrong. */
import { beforeEach, expect, test } from 'vitest';
import { Api, CONFIGS, CREATE_BODY } from './api.ts';
import { dump, freshDatabase } from './database.ts';

let db: D1Database;
let api: Api;

beforeEach(async () => {
  const fresh = await freshDatabase();
  db = fresh.db;
  api = new Api(fresh.store);
});

/** The create body with changes; `origin` is merged, and what is undefined is left out. */
function bodyWith({ origin = {}, ...changes }: Record<string, unknown> & { origin?: object }): unknown {
  return { ...CREATE_BODY, ...changes, origin: { ...CREATE_BODY.origin, ...origin } };
}

const WHOLE_LIMIT = 'must be a whole number from 1 to 1000';
const AGE = 'must be a whole number from 1 to 3600';
const STALE = 'must be a whole number from 0 to 3600';
const CONSISTENCY = 'must be one of: eventual, session, strict';
const TIMEOUT = 'must be a whole number from 100 to 86400000';

test.for([
  { name: 'x' },
  { name: 'n'.repeat(63) },
  { name: 'My db_1-b.c' },
  { origin: { host: '127.0.0.1' } },
  { origin: { host: '2001:db8::1' } },
  { origin: { host: 'h'.repeat(253) } },
  { origin: { port: 1 } },
  { origin: { port: 65_535 } },
  { origin: { user: 'é'.repeat(31) } },
  { origin: { database: 'd'.repeat(63) } },
  { origin: { password: ' "$ü\n' } },
  { origin: { password: 'p'.repeat(4096) } },
  { origin_connection_limit: 1 },
  { origin_connection_limit: 1000 },
  { caching: { max_age: 1, stale_while_revalidate: 0 } },
  { caching: { max_age: 3600, stale_while_revalidate: 3600 } },
  { caching: {}, mtls: {}, pool: {} },
  { caching: { consistency: 'eventual' } },
  { caching: { consistency: 'session', cache_system_catalogs: false } },
  { caching: { consistency: 'strict', cache_system_catalogs: true } },
  { mtls: { sslmode: 'verify-full', ca_certificate_id: null } },
  { mtls: { sslmode: 'VERIFY_IDENTITY' } },
  { mtls: { sslmode: 'disable' }, origin: { host: 'db.internal' } },
  { pool: { statement_timeout_ms: 100, max_lifetime_ms: 86_400_000 } },
])('is accepted: %j', async (changes) => {
  const { json } = await api.call('POST', CONFIGS, { body: bodyWith(changes) });
  expect(json.errors).toEqual([]);
  expect(json.success).toBe(true);
});

test.for([
  [{ name: undefined }, 'name is missing'],
  [{ name: '' }, 'name is empty'],
  [{ name: 7 }, 'name must be a text'],
  [{ name: 'n'.repeat(64) }, 'name is too long'],
  [{ name: 'a/b' }, 'name must be made of'],
  [{ name: ' a' }, 'name must be made of'],
  [{ name: 'a\n' }, 'name must be made of'],
  [{ origin: { scheme: undefined } }, 'origin.scheme is missing'],
  [{ origin: { scheme: 'oracle' } }, 'origin.scheme must be one of: postgres, postgresql, mysql'],
  [{ origin: { host: undefined } }, 'origin.host is missing'],
  [{ origin: { host: '' } }, 'origin.host must be a host name'],
  [{ origin: { host: 'h'.repeat(254) } }, 'origin.host is too long'],
  [{ origin: { host: 'http://db' } }, 'origin.host must be a host name'],
  [{ origin: { host: 'db:5432' } }, 'origin.host must be a host name'],
  [{ origin: { host: 'u@db' } }, 'origin.host must be a host name'],
  [
    { origin: { host: '/tmp/socket' } },
    'Bad hostname. (origin.host: a socket in the file system cannot be reached',
  ],
  [
    { origin: { host: '@socket' } },
    'Bad hostname. (origin.host: a socket in the file system cannot be reached',
  ],
  [{ origin: { port: 0 } }, 'origin.port must be a whole number from 1 to 65535'],
  [{ origin: { port: 65_536 } }, 'origin.port must be a whole number from 1 to 65535'],
  [{ origin: { port: '5432' } }, 'origin.port must be a whole number from 1 to 65535'],
  [{ origin: { port: 1.5 } }, 'origin.port must be a whole number from 1 to 65535'],
  [{ origin: { user: undefined } }, 'origin.user is missing'],
  [{ origin: { user: 'u'.repeat(64) } }, 'origin.user is too long'],
  [{ origin: { user: 'é'.repeat(32) } }, 'origin.user is too long'],
  [{ origin: { user: 'a\0b' } }, 'origin.user holds a character'],
  [{ origin: { database: undefined } }, 'origin.database is missing'],
  [{ origin: { database: '' } }, 'origin.database is empty'],
  [{ origin: { database: 'd'.repeat(64) } }, 'origin.database is too long'],
  [{ origin: { password: undefined } }, 'origin.password is missing'],
  [{ origin: { password: '' } }, 'origin.password is empty'],
  [{ origin: { password: 'p'.repeat(4097) } }, 'origin.password is too long'],
  [{ origin: { password: '\ud800' } }, 'origin.password holds a character'],
  [{ origin: { pasword: 'x' } }, 'origin.pasword is not a field of this request'],
  [{ cacheing: {} }, 'cacheing is not a field of this request'],
  [{ origin_connection_limit: 0 }, `origin_connection_limit ${WHOLE_LIMIT}`],
  [{ origin_connection_limit: 1001 }, `origin_connection_limit ${WHOLE_LIMIT}`],
  [{ origin_connection_limit: null }, `origin_connection_limit ${WHOLE_LIMIT}`],
  [{ caching: true }, 'caching must be a JSON object'],
  [{ caching: { disabled: 'yes' } }, 'caching.disabled must be true or false'],
  [{ caching: { max_age: 0 } }, `caching.max_age ${AGE}`],
  [{ caching: { max_age: 3601 } }, `caching.max_age ${AGE}`],
  [{ caching: { stale_while_revalidate: -1 } }, `caching.stale_while_revalidate ${STALE}`],
  [{ caching: { stale_while_revalidate: 3601 } }, `caching.stale_while_revalidate ${STALE}`],
  [{ caching: { consistency: 'Strict' } }, `caching.consistency ${CONSISTENCY}`],
  [{ caching: { consistency: null } }, `caching.consistency ${CONSISTENCY}`],
  [{ caching: { cache_system_catalogs: 1 } }, 'caching.cache_system_catalogs must be true or false'],
  [{ caching: { systemCatalogs: true } }, 'caching.systemCatalogs is not a field of this request'],
  [{ mtls: { sslmode: 'none' } }, 'mtls.sslmode must be one of: require'],
  [{ mtls: { ca_certificate_id: 'ca1' } }, 'mtls.ca_certificate_id names no certificate'],
  [{ mtls: { mtls_certificate_id: 'm1' } }, 'mtls.mtls_certificate_id names no certificate'],
  [{ pool: { connect_timeout_ms: 99 } }, `pool.connect_timeout_ms ${TIMEOUT}`],
  [{ pool: { acquire_timeout_ms: 86_400_001 } }, `pool.acquire_timeout_ms ${TIMEOUT}`],
  [{ pool: { idle_timeout_ms: 1000.5 } }, `pool.idle_timeout_ms ${TIMEOUT}`],
  [{ pool: { max_lifetime_ms: '1000' } }, `pool.max_lifetime_ms ${TIMEOUT}`],
  [{ pool: { statement_timeout_ms: 0 } }, `pool.statement_timeout_ms ${TIMEOUT}`],
  [{ pool: { idle_in_transaction_timeout_ms: -1 } }, `pool.idle_in_transaction_timeout_ms ${TIMEOUT}`],
  [{ pool: { connectTimeoutMs: 1000 } }, 'pool.connectTimeoutMs is not a field of this request'],
] as const)('is refused: %j', async ([changes, message]) => {
  const { status, json } = await api.call('POST', CONFIGS, { body: bodyWith(changes) });
  expect(status).toBe(400);
  expect(json.success).toBe(false);
  expect(json.errors.map((error) => error.message)).toEqual([expect.stringContaining(message)]);
  expect(await dump(db)).toBe('[[],[]]');
  expect(api.tried).toEqual([]);
});

const ACCESS = { access_client_id: 'id', access_client_secret: 'secret' };

test.for([
  [{ host: 'h', access_client_id: 'id' }, 1003, 'origin.access_client_secret is missing'],
  [{ host: 'h', access_client_secret: 'secret' }, 1003, 'origin.access_client_id is missing'],
  [{ ...ACCESS }, 1003, 'origin.host is missing'],
  [{ host: 'h', port: 1, ...ACCESS }, 1003, 'origin.port does not go with Access'],
  [{ host: 'h', service_id: 's' }, 1003, 'origin.service_id stands alone'],
  [{ service_id: 's', ...ACCESS }, 1003, 'origin.service_id stands alone'],
  [{ port: 1 }, 1003, 'origin.host is missing'],
] as const)('an origin is exactly one of public, Access and service: %j', async ([
  network,
  code,
  message,
]) => {
  const id = await api.create();
  const { scheme, database, user, password } = CREATE_BODY.origin;
  const body = { name: 't2', origin: { scheme, database, user, password, ...network } };
  const before = await dump(db);
  for (const [method, path] of [
    ['POST', CONFIGS],
    ['PUT', `${CONFIGS}/${id}`],
    ['PATCH', `${CONFIGS}/${id}`],
  ] as const) {
    const { status, json } = await api.call(method, path, { body });
    expect(status, method).toBe(400);
    expect(json.errors, method).toEqual([{ code, message: expect.stringContaining(message) }]);
  }
  expect(await dump(db)).toBe(before);
});

test("wrangler's create with a service and an sslmode is refused: TLS is set on the service", async () => {
  const body = {
    name: 'vpc',
    origin: { scheme: 'mysql', database: 'd', user: 'u', password: 'p', service_id: '1111' },
    caching: { disabled: true },
    mtls: { sslmode: 'VERIFY_CA' },
    origin_connection_limit: 5,
  };
  const { status, json } = await api.call('POST', CONFIGS, { body });
  expect(status).toBe(400);
  expect(json.errors).toEqual([{ code: 1003, message: expect.stringMatching(/^mtls does not go with/) }]);
});

test.for([
  [{}, 'The body changes nothing'],
  [{ origin: {} }, 'The body changes nothing'],
  [{ id: 'x', created_on: 'y' }, 'The body changes nothing'],
  [{ origin: { host: 'h' } }, 'origin.port is missing'],
  [{ origin: { port: 1 } }, 'origin.host is missing'],
  [{ origin: { password: null } }, 'origin.password must be a text'],
  [{ nome: 'x' }, 'nome is not a field of this request'],
] as const)('a patch is refused: %j', async ([body, message]) => {
  const id = await api.create();
  const { status, json } = await api.call('PATCH', `${CONFIGS}/${id}`, { body });
  expect(status).toBe(400);
  expect(json.errors).toEqual([{ code: 1003, message: expect.stringContaining(message) }]);
});

test('several mistakes are told at once, but not endlessly many', async () => {
  const two = await api.call('POST', CONFIGS, { body: bodyWith({ name: '', origin_connection_limit: 0 }) });
  expect(two.json.errors).toHaveLength(2);
  const pool = [
    'connect_timeout_ms',
    'acquire_timeout_ms',
    'idle_timeout_ms',
    'max_lifetime_ms',
    'statement_timeout_ms',
    'idle_in_transaction_timeout_ms',
  ];
  const many = await api.call('POST', CONFIGS, {
    body: {
      name: '',
      origin: wrong(['scheme', 'database', 'user', 'password', 'host', 'port', 'service_id']),
      caching: wrong(['disabled', 'max_age', 'stale_while_revalidate', 'consistency']),
      mtls: wrong(['ca_certificate_id', 'mtls_certificate_id', 'sslmode']),
      pool: wrong(pool),
      origin_connection_limit: 0,
    },
  });
  expect(many.json.errors).toHaveLength(20);
});

/** No field takes an object. */
function wrong(fields: string[]): Record<string, object> {
  return Object.fromEntries(fields.map((field) => [field, {}]));
}
