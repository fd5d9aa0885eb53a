/** Routes on admin tokens: who may use this API. A token is shown once; only its hash is stored. */
import { Hono } from 'hono';
import type { AdminToken, AdminTokenStore } from './admin-token-store.ts';
import { hashOf, lastFourOf } from './authorize.ts';
import { readBody } from './body.ts';
import { Code, type Failure, fail, failed, NOT_FOUND, succeed } from './envelope.ts';
import { presentAdminToken } from './present.ts';
import { randomToken } from './random-token.ts';
import { adminTokenSchema } from './schemas.ts';

const TOKEN_PREFIX = 'wpa_';

const REFUSALS: Record<'name taken' | 'too many', Failure> = {
  'name taken': failed(409, Code.nameTaken, 'name belongs to another token. Choose another one.'),
  'too many': failed(409, Code.tooManyTokens, 'There are as many tokens as there may be. Delete one first.'),
};

/** Mounted at `/accounts/:account/tokens`. */
export function adminTokenRoutes(store: AdminTokenStore): Hono {
  const routes = new Hono();

  routes.get('/', async (c) => succeed(c, (await store.list()).map(presentAdminToken)));

  routes.post('/', async (c) => {
    const body = await readBody(c, adminTokenSchema);
    if (!body.ok) return fail(c, body.failure);
    const secret = randomToken(TOKEN_PREFIX);
    const token: AdminToken = {
      id: crypto.randomUUID().replaceAll('-', ''),
      name: body.value.name,
      scope: body.value.scope,
      lastFour: lastFourOf(secret),
      createdOn: new Date().toISOString(),
    };
    const outcome = await store.insert({ ...token, hash: await hashOf(secret) });
    if (outcome !== 'inserted') return fail(c, REFUSALS[outcome]);
    return succeed(c, { ...presentAdminToken(token), token: secret });
  });

  routes.delete('/:tokenId', async (c) => {
    const isRemoved = await store.remove(c.req.param('tokenId'));
    return isRemoved ? succeed(c, null) : fail(c, NOT_FOUND);
  });

  return routes;
}
