/** Origins behind a tunnel, end to end: Access in front, a WebSocket bridge that is not ours, a real PostgreSQL. */
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { makeTemporaryFolder, type TemporaryFolder } from '../../src/cli/leftovers.ts';
import { runWrangler } from '../../src/cli/wrangler-dev.ts';
import { CertificateMaker, type Certified, makeRoot } from '../fakes/authority.ts';
import { type Harness, startHarness } from '../fakes/harness.ts';
import { TlsServer } from '../fakes/tls-server.ts';
import { isWebsockifyThere, type Refusal, TOKEN, Tunnel } from '../fakes/tunnel.ts';
import { Api } from './api.ts';

const isThere = await isWebsockifyThere();
if (!isThere) console.warn('DID NOT RUN: tunnels. Install websockify first.');

test.runIf(process.env['CI'])('websockify is there', () => {
  expect(isThere).toBe(true);
});

describe.runIf(isThere)('behind a tunnel', () => {
  let maker: CertificateMaker;
  let root: Certified;
  let harness: Harness;
  let server: TlsServer;
  let tunnel: Tunnel;
  let folder: TemporaryFolder;
  let api: Api;

  beforeAll(async () => {
    maker = await CertificateMaker.open();
    folder = await makeTemporaryFolder('warmpool-tunnel');
    root = await makeRoot(maker, 'Test CA');
    const certified = await maker.make({ name: 'server', alternatives: 'IP:127.0.0.1', issuer: root });
    [harness, server] = await Promise.all([
      startHarness({ versions: [] }),
      TlsServer.start({ server: certified }),
    ]);
    tunnel = await Tunnel.start(server.postgres.port);
    api = new Api(harness.warmpool, server.postgres);
  });

  afterEach(() => {
    tunnel.refusal = undefined;
  });

  afterAll(async () => {
    await tunnel?.stop();
    await Promise.all([harness?.stop(), server?.postgres.stop()]);
    await maker?.stop();
    await folder?.remove();
  });

  const origin = (token: object = TOKEN): Record<string, unknown> => ({ host: tunnel.host, ...token });

  async function connected(mtls: Record<string, unknown> = { sslmode: 'disable' }): Promise<Client> {
    const client = new Client(await api.createUrl({ origin: origin(), mtls }));
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  test('queries and answers pass, small and large', async () => {
    const client = await connected();
    const { rows } = await client.query('select $1::int + 1 as n', [41]);
    expect(rows).toEqual([{ n: 42 }]);
    const large = await client.query(`select repeat('y', 5000000) as y, length($1) as n`, [
      'z'.repeat(700_000),
    ]);
    expect(large.rows[0].y === 'y'.repeat(5_000_000)).toBe(true);
    expect(large.rows[0].n).toBe(700_000);
    await client.end();
  });

  test.each([
    [{}, false],
    [{ sslmode: 'no-verify' }, true],
    [{ sslmode: 'verify-full', ca_certificate_id: 'ca' }, true],
    [{ sslmode: 'verify-ca', ca_certificate_id: 'ca' }, true],
  ])('TLS inside the tunnel as the config asks for it: %j', async (mtls, isAsked) => {
    const ca = await api.upload({ certificates: root.certificate, ca: true });
    const client = await connected('ca_certificate_id' in mtls ? { ...mtls, ca_certificate_id: ca } : mtls);
    const { rows } = await client.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
    // Unless something is said it is taken where it is offered, and this server offers it.
    expect(rows).toEqual([{ ssl: true }]);
    expect(isAsked || Object.keys(mtls).length === 0).toBe(true);
    await client.end();
  });

  test('a certificate for another host is refused inside the tunnel, too', async () => {
    const ca = await api.upload({ certificates: root.certificate, ca: true });
    await server.use({
      server: await maker.make({ name: 'x', alternatives: 'DNS:db.example.com', issuer: root }),
    });
    const { errors } = await api.create({ origin: origin(), mtls: { ca_certificate_id: ca } });
    expect(errors).toEqual([
      { code: 2015, message: expect.stringContaining('it is for db.example.com, not for 127.0.0.1)') },
    ]);
  });

  test('a wrong secret: Access says no', async () => {
    const { errors } = await api.create({ origin: origin({ ...TOKEN, access_client_secret: 'wrong' }) });
    const words = `Access does not let us in at ${tunnel.host} with this service token (HTTP 403)`;
    expect(errors).toEqual([{ code: 2010, message: `Cannot connect to the host:port. (${words})` }]);
  });

  test.each<[Refusal, string]>([
    ['login page', 'Access does not let us in at HOST with this service token (HTTP 302)'],
    ['bad gateway', 'the tunnel at HOST does not reach the database (HTTP 502)'],
    ['plain answer', 'HOST answers HTTP 200 where a tunnel opens a WebSocket'],
  ])('%s', async (refusal, words) => {
    tunnel.refusal = refusal;
    const { errors } = await api.create({ origin: origin() });
    const expected = `Cannot connect to the host:port. (${words.replace('HOST', tunnel.host)})`;
    expect(errors).toEqual([{ code: 2010, message: expected }]);
  });

  test('nothing listens there', async () => {
    const { errors } = await api.create({ origin: { ...TOKEN, host: '127.0.0.1:1' } });
    expect(errors).toEqual([
      { code: 2010, message: 'Cannot connect to the host:port. (nothing answers at http://127.0.0.1:1/)' },
    ]);
  });

  test('a tunnel that drops in mid-query: its driver hears of it at once, the next query finds a new one', async () => {
    const client = await connected();
    const asked = client.query('select pg_sleep(30)');
    const lost = expect(asked).rejects.toMatchObject({
      message: expect.stringMatching(/^The tunnel to the database was lost: /),
      code: '08006',
    });
    await untilRunning('select pg_sleep(30)');
    tunnel.drop();
    await lost;
    const next = await connected();
    expect((await next.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
    await Promise.allSettled([client.end(), next.end()]);
  });

  test("wrangler's own commands make it, and never print the secret", async () => {
    const { user, password } = server.postgres;
    const wrangler = (...args: string[]): Promise<string> =>
      runWrangler({
        args,
        folder: folder.path,
        env: {
          CLOUDFLARE_API_BASE_URL: harness.warmpool.apiBase,
          CLOUDFLARE_API_TOKEN: harness.warmpool.adminToken,
          CLOUDFLARE_ACCOUNT_ID: 'local',
        },
      });
    const created = await wrangler(
      ...['hyperdrive', 'create', 'behind-access', `--origin-host=${tunnel.host}`],
      ...[`--access-client-id=${TOKEN.access_client_id}`],
      ...[`--access-client-secret=${TOKEN.access_client_secret}`],
      ...['--database=postgres', `--origin-user=${user}`, `--origin-password=${password}`],
      '--caching-disabled=true',
    );
    const shown = await wrangler('hyperdrive', 'get', /[0-9a-f]{32}/.exec(created)?.[0] ?? '');
    expect(JSON.parse(shown.slice(shown.indexOf('{'))).origin).toMatchObject({
      host: tunnel.host,
      access_client_id: TOKEN.access_client_id,
    });
    expect(created + shown).not.toContain(TOKEN.access_client_secret);
  });

  /** Asks past the tunnel. */
  async function untilRunning(sql: string): Promise<void> {
    const { port, user, password, database } = server.postgres;
    const client = new Client({ host: '127.0.0.1', port, user, password, database });
    await client.connect();
    const count = `select count(*)::int as n from pg_stat_activity where query = $1 and state = 'active'`;
    while ((await client.query(count, [sql])).rows[0].n === 0);
    await client.end();
  }
});
