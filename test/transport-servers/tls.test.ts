/** Configs with every TLS mode, against a real PostgreSQL with certificates good and bad. */
import { type AddressInfo, connect, createServer } from 'node:net';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CertificateMaker, type Certified, type KeyKind, makeRoot } from '../fakes/authority.ts';
import { startBetween } from '../fakes/between.ts';
import { type Harness, startHarness } from '../fakes/harness.ts';
import { TlsServer } from '../fakes/tls-server.ts';
import { Api } from './api.ts';

const NAMES = 'DNS:localhost,IP:127.0.0.1';
const FAILED = 'Failed to connect to the provided database. (TLS handshake failed: ';

let maker: CertificateMaker;
let harness: Harness;
let api: Api;
let server: TlsServer;
let root: Certified;
let good: Certified;
/** Ids of what was uploaded. */
let ca: string;

beforeAll(async () => {
  maker = await CertificateMaker.open();
  root = await makeRoot(maker, 'Test CA');
  good = await maker.make({ name: 'server', alternatives: NAMES, issuer: root });
  [harness, server] = await Promise.all([startHarness({ versions: [] }), TlsServer.start({ server: good })]);
  api = new Api(harness.warmpool, server.postgres);
  ca = await api.upload({ certificates: root.certificate, ca: true });
});

afterAll(async () => {
  await Promise.all([harness?.stop(), server?.postgres.stop()]);
  await maker?.stop();
});

/** How the pool's connection looks from the database's side. */
const SEEN = 'select ssl, version, client_dn from pg_stat_ssl where pid = pg_backend_pid()';

async function query(url: string, sql: string): Promise<Record<string, unknown>> {
  const client = new Client(url);
  await client.connect();
  try {
    return (await client.query(sql)).rows[0] ?? {};
  } finally {
    await client.end();
  }
}

describe('a server that can be trusted', () => {
  const kinds: KeyKind[] = ['rsa', 'p256', 'p384', 'p521', 'ed25519'];
  test.each(
    kinds.flatMap((kind) => (['TLSv1.2', 'TLSv1.3'] as const).map((version) => [kind, version] as const)),
  )('has a key of kind %s and speaks %s', async (key, version) => {
    const certified = await maker.make({ name: 'server', key, alternatives: NAMES, issuer: root });
    await server.use({ server: certified, version });
    const url = await api.createUrl({ mtls: { ca_certificate_id: ca, sslmode: 'verify-full' } });
    expect(await query(url, SEEN)).toEqual({ ssl: true, version, client_dn: null });
  });

  test.each(['localhost', '127.0.0.1'])('is named %s in its certificate', async (host) => {
    await server.use({ server: good });
    const url = await api.createUrl({ host, mtls: { ca_certificate_id: ca } });
    expect(await query(url, SEEN)).toMatchObject({ ssl: true });
  });

  test('shows an authority below the uploaded one', async () => {
    const below = await maker.make({ name: 'Below', isAuthority: true, issuer: root });
    await server.use({ server: await maker.make({ name: 'server', alternatives: NAMES, issuer: below }) });
    const url = await api.createUrl({ mtls: { ca_certificate_id: ca, sslmode: 'VERIFY_IDENTITY' } });
    expect(await query(url, SEEN)).toMatchObject({ ssl: true });
  });

  test('is for another host, where verify-ca does not ask for the host', async () => {
    await server.use({ server: await maker.make({ name: 'elsewhere.example.com', issuer: root }) });
    const url = await api.createUrl({ mtls: { ca_certificate_id: ca, sslmode: 'verify-ca' } });
    expect(await query(url, SEEN)).toMatchObject({ ssl: true });
  });

  test('has a self-signed certificate that was uploaded', async () => {
    const own = await maker.make({ name: 'self', alternatives: NAMES });
    await server.use({ server: own });
    const id = await api.upload({ certificates: own.certificate, ca: true });
    const url = await api.createUrl({ mtls: { ca_certificate_id: id } });
    expect(await query(url, SEEN)).toMatchObject({ ssl: true });
  });

  test.each([
    undefined,
    'prefer',
    'no-verify',
  ])('sslmode %s on this machine: any certificate', async (sslmode) => {
    await server.use({ server: await maker.make({ name: 'snakeoil', days: -1 }) });
    const url = await api.createUrl({ mtls: { sslmode } });
    expect(await query(url, SEEN)).toMatchObject({ ssl: true });
  });

  test.each(['::1', '[::1]'])('is reached at %s', async (host) => {
    const onward = createServer((driver) => {
      const database = connect(server.postgres.port, '127.0.0.1');
      driver.pipe(database).pipe(driver);
      for (const socket of [driver, database]) socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => onward.listen(0, '::1', resolve));
    const { port } = onward.address() as AddressInfo;
    const url = await api.createUrl({ origin: { host, port }, mtls: { sslmode: 'disable' } });
    expect(await query(url, SEEN)).toMatchObject({ ssl: false });
    onward.close();
  });

  test('disable on this machine: no TLS', async () => {
    const url = await api.createUrl({ mtls: { sslmode: 'disable' } });
    expect(await query(url, SEEN)).toMatchObject({ ssl: false });
  });

  test('a large result and a large statement arrive whole', async () => {
    await server.use({ server: good });
    const url = await api.createUrl({ mtls: { ca_certificate_id: ca } });
    const { y } = await query(url, `select repeat('y', 5000000) as y -- ${'z'.repeat(300_000)}`);
    expect(y === 'y'.repeat(5_000_000)).toBe(true);
  });
});

describe('a server that cannot be trusted, and what is said of it', () => {
  const refusals: [what: string, make: () => Promise<Certified>, words: string | RegExp][] = [
    [
      'expired',
      () => maker.make({ name: 'server', alternatives: NAMES, issuer: root, days: -1 }),
      /cert validation failed: the certificate CN=server expired on \d{4}-\d\d-\d\d\)$/,
    ],
    [
      'for another host',
      () => maker.make({ name: 'x', alternatives: 'DNS:db.example.com,IP:10.0.0.1', issuer: root }),
      'cert validation failed: it is for db.example.com, 10.0.0.1, not for localhost)',
    ],
    [
      'of an unknown authority',
      async () =>
        maker.make({ name: 'server', alternatives: NAMES, issuer: await makeRoot(maker, 'Other CA') }),
      'cert validation failed: it was issued by CN=Other CA, which is not among: CN=Test CA)',
    ],
    [
      "signed by another key than the authority's of that name",
      async () =>
        maker.make({ name: 'server', alternatives: NAMES, issuer: await makeRoot(maker, 'Test CA') }),
      'cert validation failed: it is signed by another key than that of the uploaded CN=Test CA)',
    ],
    [
      'self-signed',
      () => maker.make({ name: 'snakeoil', alternatives: NAMES }),
      'cert validation failed: it is self-signed (CN=snakeoil), which is not among: CN=Test CA)',
    ],
    [
      'under an authority that may not vouch for it (name constraints)',
      async () => {
        const extensions = ['nameConstraints=critical,permitted;DNS:.example.com'];
        const issuer = await maker.make({ name: 'Narrow', isAuthority: true, extensions, issuer: root });
        return maker.make({ name: 'server', alternatives: NAMES, issuer });
      },
      'cert validation failed: CN=Narrow may not vouch for localhost (name constraints))',
    ],
    [
      'under what is no authority',
      async () => {
        const issuer = await maker.make({ name: 'Leaf', issuer: root });
        return maker.make({ name: 'server', alternatives: NAMES, issuer });
      },
      'cert validation failed: CN=Leaf, which signed in its chain, is no authority)',
    ],
    [
      'not for servers',
      () =>
        maker.make({
          name: 'server',
          alternatives: NAMES,
          issuer: root,
          extensions: ['extendedKeyUsage=clientAuth'],
        }),
      'cert validation failed: it is not for servers (extended key usage))',
    ],
  ];

  test.each(refusals)('%s', async (_what, make, words) => {
    await server.use({ server: await make() });
    const refused = await api.create({ mtls: { ca_certificate_id: ca, sslmode: 'verify-full' } });
    const expected = typeof words === 'string' ? `${FAILED}${words}` : expect.stringMatching(words);
    expect(refused.errors).toEqual([{ code: 2015, message: expected }]);
  });

  test.each([
    'require',
    'verify-ca',
    'verify-full',
  ])('%s without an uploaded authority: not from a public one', async (sslmode) => {
    await server.use({ server: good });
    const { errors } = await api.create({ mtls: { sslmode } });
    const words = 'cert validation failed: it was issued by CN=Test CA, which is no public authority)';
    expect(errors).toEqual([{ code: 2015, message: `${FAILED}${words}` }]);
  });

  test('drivers hear of it when a certificate goes bad while the config is in use', async () => {
    await server.use({ server: good });
    const url = await api.createUrl({ mtls: { ca_certificate_id: ca } });
    await server.use({ server: await maker.make({ name: 'server', issuer: root, days: -1 }) });
    await expect(query(url, SEEN)).rejects.toMatchObject({
      message: 'Server connection attempt failed: tls_handshake_failed',
      code: '58000',
      hint: expect.stringContaining('expired on'),
    });
  });
});

test.each([
  'p256',
  'ed25519',
] as const)('a login is bound to the certificate: who puts himself in between with a key of kind %s cannot pass it on', async (key) => {
  await server.use({ server: good });
  const between = await startBetween(server.postgres.port, await maker.make({ name: 'between', key }));
  try {
    const origin = { host: '127.0.0.1', port: between.port };
    const { errors } = await api.create({ origin, mtls: { sslmode: 'no-verify' } });
    expect(errors).toEqual([
      { code: 2013, message: expect.stringMatching(/SCRAM channel binding check failed/) },
    ]);
  } finally {
    between.stop();
  }
});

describe('a server that asks who we are', () => {
  let client: Certified;

  beforeAll(async () => {
    client = await maker.make({ name: 'warmpool', issuer: root });
  });

  test.each([
    'TLSv1.2',
    'TLSv1.3',
  ] as const)('%s: it is shown the certificate of the config', async (version) => {
    await server.use({ server: good, clients: root, isClientAsked: true, version });
    const id = await api.upload({ certificates: client.certificate, private_key: client.key, ca: false });
    const url = await api.createUrl({ mtls: { ca_certificate_id: ca, mtls_certificate_id: id } });
    expect(await query(url, SEEN)).toEqual({ ssl: true, version, client_dn: '/CN=warmpool' });
  });

  test('a config without one hears what the server says', async () => {
    await server.use({ server: good, clients: root, isClientAsked: true });
    const { errors } = await api.create({ mtls: { ca_certificate_id: ca } });
    const words = 'connection requires a valid client certificate';
    expect(errors).toEqual([{ code: 2013, message: `Invalid database credentials. (${words})` }]);
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s: one of another authority is refused', async (version) => {
    await server.use({ server: good, clients: root, isClientAsked: true, version });
    const other = await maker.make({ name: 'other', issuer: await makeRoot(maker, 'Other CA') });
    const id = await api.upload({ certificates: other.certificate, private_key: other.key, ca: false });
    const { errors } = await api.create({ mtls: { ca_certificate_id: ca, mtls_certificate_id: id } });
    // In 1.3 the server's words can be lost with the reset that follows them.
    const words =
      /(it does not know the authority of|The server left when it had seen) our client certificate/;
    expect(errors).toEqual([{ code: 2015, message: expect.stringMatching(words) }]);
  });
});
