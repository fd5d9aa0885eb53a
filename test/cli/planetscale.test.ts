/** From a branch at PlanetScale to queries through Warmpool, and on to other credentials. */
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type MySqlServer, startMySqlServer } from '../../src/demo/mysql-server.ts';
import { type Managed, originUrl, startManaged } from '../conformance/managed.ts';
import { describeMySql } from '../fakes/mysql-flavours.ts';
import { type Planetscale, startPlanetscale } from '../fakes/planetscale.ts';
import { type Ran, runCli } from './run-cli.ts';

let managed: Managed;
let planetscale: Planetscale;

beforeAll(async () => {
  managed = await startManaged();
  planetscale = await startPlanetscale(originUrl(managed.origin));
});

afterAll(async () => {
  await planetscale.stop();
  await managed.stop();
});

function run(args: string[], env: Record<string, string> = {}): Promise<Ran> {
  const { id, token } = planetscale.serviceToken;
  return runCli(['planetscale', ...args], {
    CLOUDFLARE_API_BASE_URL: managed.apiBase,
    PLANETSCALE_API_BASE_URL: planetscale.base,
    PLANETSCALE_SERVICE_TOKEN_ID: id,
    PLANETSCALE_SERVICE_TOKEN: token,
    ...env,
  });
}

test('connect makes a role and a config with it; rotate replaces it and no driver sees an error', async () => {
  const port = `--port=${managed.origin.port}`;
  const made = await run(['connect', 'acme/shop/main', port, '--json']);
  expect(made.stderr).toBe('');
  const config = JSON.parse(made.stdout);
  const [role] = planetscale.roles.values();
  expect(config).toMatchObject({ name: 'shop', origin: { user: role?.username, host: '127.0.0.1' } });
  expect(role?.inherited_roles).toEqual(['pg_read_all_data', 'pg_write_all_data']);

  const { result } = await managed.call('POST', `/hyperdrive/configs/${config.id}/tokens`, {});
  const client = new Client(`postgres://app:${result.token}@127.0.0.1:${managed.postgresPort}/shop`);
  await client.connect();
  const user = async (): Promise<unknown> =>
    (await client.query('select current_user as name')).rows[0]?.name;
  expect(await user()).toBe(role?.username);

  const rotated = await run(['rotate', 'acme/shop/main', '--drain=1']);
  expect(rotated).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Rotated: shop, user pscale_/) });
  const [next, ...others] = planetscale.roles.values();
  expect(others).toEqual([]);
  expect(next?.username).not.toBe(role?.username);
  expect(next?.inherited_roles).toEqual(role?.inherited_roles);
  expect(await user()).toBe(next?.username);
  await client.end();
});

test('credentials that no config comes to use are taken back', async () => {
  const before = [...planetscale.roles.keys()];
  const { code, stderr } = await run(['connect', 'acme/shop/main', '--name=other', '--port=1']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/Warmpool's API refused \(400\)/);
  expect([...planetscale.roles.keys()]).toEqual(before);
  expect(planetscale.calls.slice(-2)).toEqual(['POST roles', 'DELETE roles']);
});

describeMySql('mariadb', () => {
  let origin: MySqlServer;
  let legacy: Planetscale;

  beforeAll(async () => {
    origin = await startMySqlServer({ flavour: 'mariadb' });
    const { port, user, password } = origin;
    legacy = await startPlanetscale(originUrl(managed.origin), { host: '127.0.0.1', port, user, password });
  });

  afterAll(async () => {
    await legacy.stop();
    await origin.stop();
  });

  test('connect makes a password and a config with it; rotate replaces it and no driver sees an error', async () => {
    const env = { PLANETSCALE_API_BASE_URL: legacy.base };
    const made = await run(['connect', 'acme/legacy/main', `--port=${origin.port}`, '--json'], env);
    expect(made.stderr).toBe('');
    const [first] = legacy.passwords.values();
    const config = JSON.parse(made.stdout);
    expect(config).toMatchObject({ name: 'legacy', origin: { scheme: 'mysql', user: first?.username } });

    const { result } = await managed.call('POST', `/hyperdrive/configs/${config.id}/tokens`, {});
    const uri = `mysql://app:${result.token}@127.0.0.1:${managed.mysqlPort}/legacy`;
    const driver = await createConnection(uri);
    const user = async (): Promise<unknown> => {
      const [[row]] = await driver.query<RowDataPacket[]>('select current_user() as name');
      return row?.['name'];
    };
    expect(await user()).toBe(`${first?.username}@%`);

    const rotated = await run(['rotate', 'acme/legacy/main', '--drain=1'], env);
    expect(rotated).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Rotated: legacy, user u/) });
    const [next, ...others] = legacy.passwords.values();
    expect(others).toEqual([]);
    expect(next?.username).not.toBe(first?.username);
    expect(await user()).toBe(`${next?.username}@%`);
    await driver.end();
  });

  test('a password that no config comes to use is taken back', async () => {
    const before = [...legacy.passwords.keys()];
    const args = ['connect', 'acme/legacy/main', '--name=other', '--port=1'];
    const { code } = await run(args, { PLANETSCALE_API_BASE_URL: legacy.base });
    expect([code, [...legacy.passwords.keys()]]).toEqual([1, before]);
    expect(legacy.calls.slice(-2)).toEqual(['POST passwords', 'DELETE passwords']);
  });
});

test.for([
  [['connect', 'acme/shop'], {}, 'It must be organization/database/branch.'],
  [['connect', 'acme/nope/main'], {}, 'PlanetScale refused GET /organizations/acme/databases/nope (404)'],
  [['connect', 'acme/shop/main'], { PLANETSCALE_SERVICE_TOKEN: 'x' }, '(401): Invalid service token'],
  [['connect', 'acme/shop/main'], { PLANETSCALE_SERVICE_TOKEN: '' }, 'Set PLANETSCALE_SERVICE_TOKEN_ID and'],
  [['rotate', 'acme/shop/main', '--name=nope'], {}, 'There is no config "nope"'],
  [['connect', 'acme/shop/main'], { PLANETSCALE_API_BASE_URL: 'http://127.0.0.1:1' }, 'No answer from Plan'],
] as const)('%j fails and says why', async ([args, env, message]) => {
  const { code, stdout, stderr } = await run([...args], env);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain(message);
  expect(stderr).not.toContain(planetscale.serviceToken.token);
});
