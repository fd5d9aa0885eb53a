/** MariaDB and MySQL: TLS in their own words and the tunnel. What TLS itself can get wrong stands in tls.test.ts. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeTemporaryFolder, type TemporaryFolder } from '../../src/cli/leftovers.ts';
import { type MySqlServer, startMySqlServer } from '../../src/demo/mysql-server.ts';
import { CertificateMaker, type Certified, makeRoot } from '../fakes/authority.ts';
import { type Harness, startHarness } from '../fakes/harness.ts';
import { describeEachMySql } from '../fakes/mysql-flavours.ts';
import { isWebsockifyThere, TOKEN, Tunnel } from '../fakes/tunnel.ts';
import { Api } from './api.ts';

const isTunnelThere = await isWebsockifyThere();

const KNOWN = { user: 'known', password: 'by-certificate' };

let maker: CertificateMaker;
let root: Certified;
let client: Certified;
let folder: TemporaryFolder;
let harness: Harness;

beforeAll(async () => {
  maker = await CertificateMaker.open();
  folder = await makeTemporaryFolder('warmpool-mysql-certificates');
  root = await makeRoot(maker, 'Test CA');
  const server = await maker.make({ name: 'server', alternatives: 'DNS:localhost', issuer: root });
  client = await maker.make({ name: 'warmpool', issuer: root });
  const files = { 'ca.pem': root.certificate, 'server.pem': server.certificate, 'server.key': server.key };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder.path, name), text);
  harness = await startHarness({ versions: [] });
});

afterAll(async () => {
  await harness?.stop();
  await folder?.remove();
  await maker?.stop();
});

describeEachMySql((flavour) => {
  let server: MySqlServer;
  let api: Api;
  let ca: string;

  beforeAll(async () => {
    const path = (name: string): string => join(folder.path, name);
    server = await startMySqlServer({
      flavour,
      settings: { 'ssl-ca': path('ca.pem'), 'ssl-cert': path('server.pem'), 'ssl-key': path('server.key') },
    });
    api = new Api(harness.warmpool, server, 'mysql');
    ca = await api.upload({ certificates: root.certificate, ca: true });
    const { port, user, password, database } = server;
    const admin = await createConnection({ host: '127.0.0.1', port, user, password });
    await admin.query(`create user ${KNOWN.user}@'%' identified by '${KNOWN.password}' require x509`);
    await admin.query(`grant all on ${database}.* to ${KNOWN.user}@'%'`);
    await admin.end();
  });

  afterAll(() => server?.stop());

  /** The version of TLS between Warmpool and the server. */
  async function versionOf(url: string): Promise<string> {
    const connection = await createConnection(url);
    try {
      const [rows] = await connection.query<RowDataPacket[]>("show session status like 'Ssl_version'");
      return String(rows[0]?.['Value']);
    } finally {
      await connection.end();
    }
  }

  test.each(['VERIFY_IDENTITY', 'VERIFY_CA'])('%s', async (sslmode) => {
    const url = await api.createUrl({ mtls: { ca_certificate_id: ca, sslmode } });
    expect(await versionOf(url)).toBe('TLSv1.3');
  });

  test('VERIFY_IDENTITY with another host, VERIFY_CA without', async () => {
    const wishes = { host: '127.0.0.1', mtls: { ca_certificate_id: ca, sslmode: 'VERIFY_IDENTITY' } };
    const { errors } = await api.create(wishes);
    expect(errors).toEqual([
      { code: 2015, message: expect.stringContaining('it is for localhost, not for 127.0.0.1)') },
    ]);
    const url = await api.createUrl({ ...wishes, mtls: { ...wishes.mtls, sslmode: 'VERIFY_CA' } });
    expect(await versionOf(url)).toBe('TLSv1.3');
  });

  test('REQUIRED: not from a public authority', async () => {
    const { errors } = await api.create({ mtls: { sslmode: 'REQUIRED' } });
    const words = 'CN=Test CA, which is no public authority)';
    expect(errors).toEqual([{ code: 2015, message: expect.stringContaining(words) }]);
  });

  test('a user that is known by its certificate', async () => {
    const { certificate, key } = client;
    const id = await api.upload({ certificates: certificate, private_key: key, ca: false });
    const mtls = { ca_certificate_id: ca };
    const refused = await api.create({ origin: KNOWN, mtls });
    expect(refused.errors).toEqual([{ code: 2013, message: expect.stringContaining('Access denied') }]);
    const url = await api.createUrl({ origin: KNOWN, mtls: { ...mtls, mtls_certificate_id: id } });
    expect(await versionOf(url)).toBe('TLSv1.3');
  });

  describe.runIf(isTunnelThere)('behind a tunnel', () => {
    test.each([
      ['disable', ''],
      ['no-verify', 'TLSv1.3'],
    ])('sslmode %s', async (sslmode, version) => {
      const tunnel = await Tunnel.start(server.port);
      try {
        const url = await api.createUrl({ origin: { ...TOKEN, host: tunnel.host }, mtls: { sslmode } });
        expect(await versionOf(url)).toBe(version);
      } finally {
        await tunnel.stop();
      }
    });
  });
});
