/** Cloudflare's own SDK (npm `cloudflare`) manages Warmpool; only its base URL is ours. */
import Cloudflare from 'cloudflare';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CA_CERTIFICATE, CLIENT_CERTIFICATE, CLIENT_KEY } from '../fakes/certificates.ts';
import { ACCOUNT as account_id, type Managed, startManaged } from './managed.ts';

let managed: Managed;
let client: Cloudflare;

beforeAll(async () => {
  managed = await startManaged();
  client = new Cloudflare({ baseURL: managed.apiBase, apiToken: managed.adminToken, maxRetries: 0 });
});

afterAll(() => managed.stop());

function publicOrigin(): { scheme: 'postgres'; host: string; port: number; database: string; user: string } {
  const { port, database, user } = managed.origin;
  return { scheme: 'postgres', host: '127.0.0.1', port, database, user };
}

test('a config lives from create to delete', async () => {
  const { configs } = client.hyperdrive;
  const origin = { ...publicOrigin(), password: managed.origin.password };
  const created = await configs.create({ account_id, name: 'sdk', origin });
  expect(created).toMatchObject({ name: 'sdk', origin: publicOrigin() });
  const id = created.id ?? '';
  expect(await configs.get(id, { account_id })).toEqual(created);

  const listed: string[] = [];
  for await (const config of configs.list({ account_id })) listed.push(config.id ?? '');
  expect(listed).toEqual([id]);

  const edited = await configs.edit(id, { account_id, origin_connection_limit: 9 });
  expect(edited.origin_connection_limit).toBe(9);
  const replaced = await configs.update(id, { account_id, name: 'sdk2', origin });
  expect(replaced).toMatchObject({ name: 'sdk2', origin_connection_limit: 9 });
  expect((await configs.restart(id, { account_id })).restarted_on).toMatch(/^\d{4}-/);
  expect(await configs.delete(id, { account_id })).toBeNull();
  await expect(configs.get(id, { account_id })).rejects.toBeInstanceOf(Cloudflare.NotFoundError);
});

test('what Warmpool refuses is an error with its code', async () => {
  const origin = { ...publicOrigin(), password: 'wrong' };
  const error = await client.hyperdrive.configs
    .create({ account_id, name: 'wrong', origin })
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(Cloudflare.BadRequestError);
  expect(String(error)).toContain('2013');
  const stranger = new Cloudflare({ baseURL: managed.apiBase, apiToken: 'x', maxRetries: 0 });
  await expect(stranger.accounts.list()).rejects.toBeInstanceOf(Cloudflare.AuthenticationError);
});

test('certificates of both kinds are uploaded, read, listed and deleted', async () => {
  const { mtlsCertificates } = client;
  const ca = await mtlsCertificates.create({ account_id, ca: true, certificates: CA_CERTIFICATE });
  const own = await mtlsCertificates.create({
    account_id,
    ca: false,
    name: 'own',
    certificates: CLIENT_CERTIFICATE,
    private_key: CLIENT_KEY,
  });
  expect(await mtlsCertificates.get(own.id ?? '', { account_id })).toEqual(own);
  const listed: (string | undefined)[] = [];
  for await (const certificate of mtlsCertificates.list({ account_id })) listed.push(certificate.id);
  expect(listed).toEqual([ca.id, own.id]);
  for (const id of listed) await mtlsCertificates.delete(id ?? '', { account_id });
  await expect(mtlsCertificates.get(own.id ?? '', { account_id })).rejects.toThrow('1010');
});
