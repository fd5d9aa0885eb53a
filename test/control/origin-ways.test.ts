/** Configs whose origins are reached by other ways than host and port, and what TLS must prove on each. */
import { beforeEach, expect, test } from 'vitest';
import { ConfigSecrets } from '../../src/config/secrets.ts';
import type { ConfigStore } from '../../src/config/store.ts';
import { CA_CERTIFICATE, CLIENT_CERTIFICATE, CLIENT_KEY } from '../fakes/certificates.ts';
import { ACCOUNT, Api, CONFIGS, CREATE_BODY } from './api.ts';
import { dumpAll, freshDatabase } from './database.ts';

const { scheme, database, user, password } = CREATE_BODY.origin;
const LOGIN = { scheme, database, user, password };
const SECRET = 'the-secret-of-the-service-token';
const TUNNEL = { host: 'db.example.com', access_client_id: 'token.access', access_client_secret: SECRET };

let db: D1Database;
let store: ConfigStore;
let api: Api;
let ca: string;
let client: string;

beforeEach(async () => {
  ({ db, store } = await freshDatabase());
  api = new Api(store);
  const upload = async (body: unknown): Promise<string> =>
    (await api.call('POST', `${ACCOUNT}/mtls_certificates`, { body })).json.result.id;
  ca = await upload({ certificates: CA_CERTIFICATE, ca: true });
  client = await upload({ certificates: CLIENT_CERTIFICATE, private_key: CLIENT_KEY, ca: false });
});

test('an origin behind Access is tried with its secret, which is stored sealed and never shown', async () => {
  const id = await api.create({ origin: { ...LOGIN, ...TUNNEL } });
  expect(api.tried[0]?.candidate).toMatchObject({
    host: 'db.example.com',
    accessClientId: 'token.access',
    accessClientSecret: SECRET,
  });
  const { text, json } = await api.call('GET', `${CONFIGS}/${id}`);
  expect(json.result.origin).toEqual({
    scheme,
    database,
    user,
    host: 'db.example.com',
    access_client_id: 'token.access',
  });
  expect(text + (await dumpAll(db))).not.toContain(SECRET);
  const sealed = (await store.sealedOriginOf(id))?.accessSecretSealed ?? '';
  const secrets = new ConfigSecrets(btoa('0123456789abcdef0123456789abcdef'));
  expect(await secrets.open({ configId: id, field: 'access_client_secret' }, sealed)).toBe(SECRET);
});

test('a patch of the password keeps the way and its secret', async () => {
  const id = await api.create({ origin: { ...LOGIN, ...TUNNEL } });
  const before = await store.sealedOriginOf(id);
  await api.call('PATCH', `${CONFIGS}/${id}`, { body: { origin: { password: 'next' } } });
  expect(api.tried[1]?.candidate).toMatchObject({
    accessClientId: 'token.access',
    accessClientSecret: SECRET,
    password: 'next',
  });
  expect((await store.sealedOriginOf(id))?.accessSecretSealed).toBe(before?.accessSecretSealed);
});

test('who moves to host and port leaves the secret behind', async () => {
  const id = await api.create({ origin: { ...LOGIN, ...TUNNEL } });
  const origin = { host: 'db.example.com', port: 5432 };
  const { json } = await api.call('PATCH', `${CONFIGS}/${id}`, { body: { origin } });
  expect(json.result.origin).toEqual({ scheme, database, user, ...origin });
  expect(api.tried[1]?.candidate.accessClientSecret).toBeUndefined();
  expect((await store.sealedOriginOf(id))?.accessSecretSealed).toBeUndefined();
});

test('a service is shown by its id alone', async () => {
  const id = await api.create({ origin: { ...LOGIN, service_id: '0199295b-b3ac' } });
  expect(api.tried[0]?.candidate).toMatchObject({ serviceId: '0199295b-b3ac', host: '', port: 5432 });
  const { json } = await api.call('GET', `${CONFIGS}/${id}`);
  expect(json.result.origin).toEqual({ scheme, database, user, service_id: '0199295b-b3ac' });
});

test('certificates are shown by their ids, tried, and taken away by null', async () => {
  const mtls = { ca_certificate_id: ca, mtls_certificate_id: client, sslmode: 'verify-ca' };
  const id = await api.create({ mtls });
  expect(api.tried[0]?.candidate).toMatchObject({ caCertificateId: ca, mtlsCertificateId: client });
  const { json } = await api.call('GET', `${CONFIGS}/${id}`);
  expect(json.result.mtls).toEqual(mtls);
  const none = { ca_certificate_id: null, mtls_certificate_id: null, sslmode: null };
  const patched = await api.call('PATCH', `${CONFIGS}/${id}`, { body: { mtls: none } });
  expect(patched.json.result.mtls).toBeUndefined();
});

test('a certificate that a config names cannot be deleted', async () => {
  await api.create({ mtls: { ca_certificate_id: ca } });
  const { json } = await api.call('DELETE', `${ACCOUNT}/mtls_certificates/${ca}`);
  expect(json.errors[0]?.code).toBe(1011);
});

test.for<[origin: Record<string, unknown>, mtls: Record<string, unknown>, message: string]>([
  [{}, { ca_certificate_id: 'ca', sslmode: 'require' }, 'mtls.ca_certificate_id needs mtls.sslmode'],
  [{}, { ca_certificate_id: 'ca', sslmode: 'DISABLED' }, 'mtls.ca_certificate_id needs mtls.sslmode'],
  [{}, { mtls_certificate_id: 'client' }, 'mtls.mtls_certificate_id needs mtls.ca_certificate_id'],
  [{}, { sslmode: 'disable' }, 'mtls.sslmode may be disabled on this machine and in private networks only'],
  [TUNNEL, { sslmode: 'require' }, 'mtls.sslmode require needs mtls.ca_certificate_id behind Access'],
  [{ service_id: 's' }, { sslmode: 'require' }, 'mtls does not go with origin.service_id'],
  [{ host: '127.0.0.1:1' }, {}, 'origin.host must be a host name or an IP address alone'],
])('what cannot be kept is refused: %j with %j', async ([way, mtls, message]) => {
  const named = { ...mtls, ...('ca_certificate_id' in mtls ? { ca_certificate_id: ca } : {}) };
  if ('mtls_certificate_id' in mtls) Object.assign(named, { mtls_certificate_id: client });
  const origin = { ...LOGIN, ...(Object.keys(way).length > 0 ? way : { host: 'db.example.com' }) };
  const { json } = await api.call('POST', CONFIGS, { body: { name: 'x', origin, mtls: named } });
  expect(json.errors).toEqual([{ code: 1003, message: expect.stringContaining(message) }]);
  expect(api.tried).toEqual([]);
});

test.for([
  { sslmode: 'no-verify' },
  { sslmode: 'no-verify', mtls_certificate_id: 'client' },
])('who says so gives up the check: %j', async (mtls) => {
  const named = { ...mtls, ...('mtls_certificate_id' in mtls ? { mtls_certificate_id: client } : {}) };
  await api.create({ mtls: named });
  expect(api.tried[0]?.candidate).toMatchObject({ sslmode: 'no-verify' });
});
