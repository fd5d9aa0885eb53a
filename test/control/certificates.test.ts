import { beforeEach, expect, test } from 'vitest';
import { CertificateStore } from '../../src/config/certificate-store.ts';
import { ConfigSecrets } from '../../src/config/secrets.ts';
import {
  CA_CERTIFICATE,
  CLIENT_CERTIFICATE,
  CLIENT_KEY,
  EXPIRED_CERTIFICATE,
  LOCKED_KEY,
  OTHER_KEY,
} from '../fakes/certificates.ts';
import { ACCOUNT, Api, CONFIGS, CREATE_BODY } from './api.ts';
import { dumpAll, freshDatabase } from './database.ts';

const CERTIFICATES = `${ACCOUNT}/mtls_certificates`;
const CA = { name: 'ca', certificates: CA_CERTIFICATE, ca: true };
const CLIENT = { name: 'client', certificates: CLIENT_CERTIFICATE, private_key: CLIENT_KEY, ca: false };

let db: D1Database;
let api: Api;

beforeEach(async () => {
  const fresh = await freshDatabase();
  db = fresh.db;
  api = new Api(fresh.store);
});

test("wrangler's upload of an authority is shown with issuer and expiry", async () => {
  const { status, json } = await api.call('POST', CERTIFICATES, { body: CA });
  expect(status).toBe(200);
  expect(json.result).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    name: 'ca',
    ca: true,
    certificates: CA_CERTIFICATE,
    type: 'custom',
    issuer: 'O=Warmpool tests, CN=Test CA',
    serial_number: expect.stringMatching(/^[0-9A-F]+$/),
    expires_on: expect.stringMatching(/^2126-/),
    uploaded_on: expect.stringMatching(/^\d{4}-.*Z$/),
  });
  const read = await api.call('GET', `${CERTIFICATES}/${json.result.id}`);
  expect(read.json).toEqual(json);
});

test('a private key is sealed, bound to its row, and never comes back', async () => {
  const created = await api.call('POST', CERTIFICATES, { body: CLIENT });
  const { id } = created.json.result;
  const replies = [
    created,
    await api.call('GET', `${CERTIFICATES}/${id}`),
    await api.call('GET', CERTIFICATES),
    await api.call('DELETE', `${CERTIFICATES}/${id}`),
  ];
  for (const { text, status } of replies) {
    expect(status).toBe(200);
    expect(text).not.toMatch(/private_key|PRIVATE KEY|v1\./);
  }
});

test('what is stored opens with the key of the deployment alone', async () => {
  const { json } = await api.call('POST', CERTIFICATES, { body: CLIENT });
  const { id } = json.result;
  const dumped = await dumpAll(db);
  for (const line of CLIENT_KEY.split('\n').filter((part) => part.length > 10)) {
    expect(dumped).not.toContain(line);
  }
  const sealed = await db.prepare('SELECT private_key_sealed AS s FROM certificates').first<string>('s');
  const secrets = new ConfigSecrets(btoa('0123456789abcdef0123456789abcdef'));
  expect(await secrets.open({ certificateId: id, field: 'private_key' }, sealed ?? '')).toBe(CLIENT_KEY);
  await expect(secrets.open({ certificateId: 'other', field: 'private_key' }, sealed ?? '')).rejects.toThrow(
    'does not open',
  );
});

test('a list is narrowed by name and by kind, as wrangler asks', async () => {
  for (const body of [CA, CLIENT, { ...CA, name: undefined }]) await api.call('POST', CERTIFICATES, { body });
  const names = async (query: string): Promise<string[]> =>
    (await api.call('GET', `${CERTIFICATES}${query}`)).json.result.map((one: { name?: string }) => one.name);
  expect((await names('')).length).toBe(3);
  expect(await names('?name=ca')).toEqual(['ca']);
  expect(await names('?ca=false')).toEqual(['client']);
  expect(await names('?ca=false&name=ca')).toEqual([]);
  expect((await api.call('GET', `${CERTIFICATES}?ca=maybe`)).status).toBe(400);
});

test('only certificates are kept of a file with remarks, and the chain with them', async () => {
  const certificates = `# issued by me\r\n${CLIENT_CERTIFICATE}\nsubject=CA\n${CA_CERTIFICATE}`;
  const { json } = await api.call('POST', CERTIFICATES, { body: { ...CLIENT, certificates } });
  expect(json.result.certificates).toBe(`${CLIENT_CERTIFICATE}${CA_CERTIFICATE}`);
  expect(json.result.issuer).toContain('Test CA');
});

test.for([
  [{ certificates: undefined }, 'certificates is missing'],
  [{ certificates: 'x' }, 'certificates holds no PEM certificate'],
  [{ certificates: CLIENT_KEY }, 'certificates holds a private key'],
  [{ certificates: `${CLIENT_CERTIFICATE}${CLIENT_KEY}` }, 'certificates holds a private key'],
  [{ certificates: CLIENT_CERTIFICATE.replace('MI', 'MJ') }, 'certificates holds a certificate that is dam'],
  [
    { certificates: `${CLIENT_CERTIFICATE}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----` },
    'certificates holds a certificate that is damaged',
  ],
  [{ certificates: EXPIRED_CERTIFICATE }, 'certificates holds one that expired on 20'],
  [{ certificates: CA_CERTIFICATE.repeat(21) }, 'certificates holds more than 20'],
  [{ private_key: undefined }, 'private_key is missing'],
  [{ private_key: 'x' }, 'private_key is no PEM private key without a passphrase'],
  [{ private_key: LOCKED_KEY }, 'private_key is no PEM private key without a passphrase'],
  [{ private_key: OTHER_KEY }, 'private_key is the key of another certificate'],
  [{ ca: true }, 'private_key does not go with ca: true'],
  [{ ca: 'yes' }, 'ca must be true (an authority) or false'],
  [{ name: '' }, 'name is empty'],
  [{ mode: 'x' }, 'mode is not a field'],
] as const)('a certificate is refused: %2$s', async ([changes, message]) => {
  const { status, json, text } = await api.call('POST', CERTIFICATES, { body: { ...CLIENT, ...changes } });
  expect(status).toBe(400);
  expect(json.errors).toEqual([{ code: 1003, message: expect.stringContaining(message) }]);
  expect(text).not.toContain('BEGIN');
  expect((await api.call('GET', CERTIFICATES)).json.result).toEqual([]);
});

test('a name is one certificate only; many may have none', async () => {
  for (const body of [CA, { ...CA, name: undefined }, { ...CA, name: undefined }]) {
    expect((await api.call('POST', CERTIFICATES, { body })).status).toBe(200);
  }
  const { status, json } = await api.call('POST', CERTIFICATES, { body: CA });
  expect([status, json.errors[0]?.code]).toEqual([409, 1005]);
});

test('there are 100 certificates at most', async () => {
  const store = new CertificateStore(db);
  const rest = { name: undefined, isCa: true, certificates: '', issuer: '', serialNumber: '' };
  for (let i = 0; i < 100; i += 1) {
    const times = { expiresOn: '', uploadedOn: '', privateKeySealed: undefined };
    await store.insert({ id: String(i), ...rest, ...times });
  }
  const { status, json } = await api.call('POST', CERTIFICATES, { body: CA });
  expect([status, json.errors[0]?.code]).toEqual([409, 1012]);
});

test('an unknown certificate is 404, and a deleted one is unknown', async () => {
  const { json } = await api.call('POST', CERTIFICATES, { body: CA });
  const path = `${CERTIFICATES}/${json.result.id}`;
  expect((await api.call('DELETE', path)).json.result.id).toBe(json.result.id);
  for (const method of ['GET', 'DELETE']) {
    const reply = await api.call(method, path);
    expect([reply.status, reply.json.errors[0]?.code]).toEqual([404, 1010]);
  }
});

test('a certificate that a config uses stays', async () => {
  const { json } = await api.call('POST', CERTIFICATES, { body: CA });
  await api.create();
  await db.prepare('UPDATE configs SET ca_certificate_id = ?1').bind(json.result.id).run();
  const { status, json: refusal } = await api.call('DELETE', `${CERTIFICATES}/${json.result.id}`);
  expect([status, refusal.errors[0]?.code]).toEqual([409, 1011]);
});

test('a config names certificates that are there, and of the right kind', async () => {
  const uploaded = await api.call('POST', CERTIFICATES, { body: CA });
  const id = await api.create();
  const { result } = uploaded.json;
  const client = await api.call('POST', CERTIFICATES, { body: CLIENT });
  for (const [method, path] of [
    ['PUT', `${CONFIGS}/${id}`],
    ['PATCH', `${CONFIGS}/${id}`],
  ] as const) {
    const call = async (certificate: string): Promise<unknown> => {
      const mtls = { ca_certificate_id: certificate, sslmode: 'verify-full' };
      return (await api.call(method, path, { body: { ...CREATE_BODY, name: 'n', mtls } })).json.errors[0];
    };
    expect(await call('nope')).toEqual({
      code: 1003,
      message: expect.stringMatching(/names no certificate/),
    });
    expect(await call(client.json.result.id)).toEqual({
      code: 1003,
      message: expect.stringMatching(/names a client certificate and no authority/),
    });
    expect(await call(result.id)).toBeUndefined();
  }
});
