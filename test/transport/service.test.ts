/** Workers VPC services: a service binding stands in for one. Behind it is a Warmpool, which speaks as a database. */
import { env } from 'cloudflare:workers';
import { beforeEach, expect, test } from 'vitest';
import { DEFAULT_CACHING, DEFAULT_POOL } from '../../src/config/config.ts';
import { firstPlacement, NOT_PINNED } from '../../src/config/placement.ts';
import { forgetLogins } from '../../src/edge/directory.ts';
import { dial } from '../../src/endpoint/dial.ts';
import type { OriginCandidate } from '../../src/endpoint/link.ts';
import { transportTo } from '../../src/endpoint/transport-to.ts';
import type { Env } from '../../src/env.ts';
import { postgres } from '../../src/protocols/postgres/protocol.ts';
import { bindingNameOf } from '../../src/transport/service.ts';
import { freshDatabase } from '../control/database.ts';

const { POOLER } = env as unknown as { POOLER: Fetcher };
const SERVICE = '0199295b-b3ac';
const ORIGIN: OriginCandidate = {
  scheme: 'postgres',
  host: '',
  port: 5432,
  serviceId: SERVICE,
  database: 'shop',
  user: 'anybody',
  password: 'none needed',
  sslmode: undefined,
  connectTimeoutMs: 5_000,
};

beforeEach(async () => {
  const { store } = await freshDatabase();
  forgetLogins();
  await store.insert({
    config: {
      id: '0123456789abcdef0123456789abcdef',
      name: 'bound',
      version: 1,
      origin: { scheme: 'postgres', host: '127.0.0.1', port: 1, database: 'd', user: 'u' },
      connectionLimit: 1,
      pool: DEFAULT_POOL,
      caching: DEFAULT_CACHING,
      sslmode: undefined,
      requiresTls: false,
      facts: { serverVersion: '18.4', parameters: { server_version: '18.4 behind a service' } },
      createdOn: '2026-11-20T00:00:00.000Z',
      modifiedOn: '2026-11-20T00:00:00.000Z',
      restartedOn: undefined,
      placement: firstPlacement(NOT_PINNED),
    },
    passwordSealed: 'sealed',
  });
});

async function logIn(bindings: object): Promise<string> {
  const side = postgres.openEndpoint({ statementsMax: 1 });
  const { user, password, database } = ORIGIN;
  const random = new Uint8Array(32);
  const login = side.loginToOrigin({ user, password, database, tls: 'prefer', random, dialect: '' });
  const transport = await transportTo(ORIGIN, { ...env, ...bindings } as Env);
  const { facts, stream } = await dial({ transport, login, timeoutMs: 5_000 });
  stream.close();
  return facts.serverVersion;
}

test('the service of the config is the one that is bound under its name', async () => {
  expect(bindingNameOf(SERVICE)).toBe('VPC_0199295b_b3ac');
  expect(await logIn({ VPC_0199295b_b3ac: POOLER })).toBe('18.4 behind a service');
});

test.each([
  {},
  { VPC_0199295b_b3ac: 'no service' },
  { VPC_other: POOLER },
])('a service that is not bound is refused, and the name that it needs is told: %j', async (bindings) => {
  await expect(logIn(bindings)).rejects.toMatchObject({
    message: 'Server connection attempt failed: no_such_service',
    apiCode: 2008,
    hint: 'no binding VPC_0199295b_b3ac: bind the VPC service 0199295b-b3ac under this name',
  });
});
