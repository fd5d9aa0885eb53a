/**
 * The runtime's own TLS, where public authorities vouch: none of them signs for a test, so workerd is told of one more
 * (wrangler dev passes NODE_EXTRA_CA_CERTS on).
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeTemporaryFolder, type TemporaryFolder } from '../../src/cli/leftovers.ts';
import { CertificateMaker, type Certified, type KeyKind, makeRoot } from '../fakes/authority.ts';
import { type Harness, startHarness } from '../fakes/harness.ts';
import { TlsServer } from '../fakes/tls-server.ts';
import { Api } from './api.ts';

const NAMES = 'DNS:localhost,IP:127.0.0.1';

let maker: CertificateMaker;
let folder: TemporaryFolder;
let harness: Harness;
let server: TlsServer;
let api: Api;
let root: Certified;

beforeAll(async () => {
  maker = await CertificateMaker.open();
  folder = await makeTemporaryFolder('warmpool-native');
  root = await makeRoot(maker, 'Public CA');
  const path = join(folder.path, 'public.pem');
  await writeFile(path, root.certificate);
  process.env['NODE_EXTRA_CA_CERTS'] = path;
  [harness, server] = await Promise.all([
    startHarness({ versions: [] }),
    TlsServer.start({ server: await maker.make({ name: 'x', issuer: root }) }),
  ]);
  api = new Api(harness.warmpool, server.postgres);
});

afterAll(async () => {
  delete process.env['NODE_EXTRA_CA_CERTS'];
  await Promise.all([harness?.stop(), server?.postgres.stop()]);
  await folder?.remove();
  await maker?.stop();
});

async function seen(url: string): Promise<unknown> {
  const client = new Client(url);
  await client.connect();
  try {
    const sql = 'select ssl, version from pg_stat_ssl where pid = pg_backend_pid()';
    return (await client.query(sql)).rows[0];
  } finally {
    await client.end();
  }
}

const KINDS: KeyKind[] = ['rsa', 'p256', 'p384', 'ed25519'];

test.each(
  KINDS.flatMap((kind) => (['TLSv1.2', 'TLSv1.3'] as const).map((version) => [kind, version] as const)),
)('a key of kind %s, %s', async (key, version) => {
  await server.use({
    server: await maker.make({ name: 's', key, alternatives: NAMES, issuer: root }),
    version,
  });
  const url = await api.createUrl({ mtls: { sslmode: 'require' } });
  expect(await seen(url)).toEqual({ ssl: true, version });
});

test.each([
  'verify-ca',
  'verify-full',
  'VERIFY_IDENTITY',
])('%s without an uploaded authority', async (sslmode) => {
  await server.use({ server: await maker.make({ name: 's', alternatives: NAMES, issuer: root }) });
  expect(await seen(await api.createUrl({ host: '127.0.0.1', mtls: { sslmode } }))).toMatchObject({
    ssl: true,
  });
});

test.each([
  ['DNS:db.example.com', 1, 'it is for db.example.com, not for localhost'],
  [NAMES, -1, /the certificate CN=s expired on \d{4}-\d\d-\d\d/],
])('a certificate for %s of %i day is refused, and why is told', async (alternatives, days, words) => {
  await server.use({ server: await maker.make({ name: 's', alternatives, days, issuer: root }) });
  const { errors } = await api.create({ mtls: { sslmode: 'require' } });
  expect(errors).toEqual([{ code: 2015, message: expect.stringMatching(words) }]);
});
