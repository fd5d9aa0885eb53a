/** Routes on client tokens: what TCP drivers log in with. A token is shown once; only its verifier is stored. */
import { Hono } from 'hono';
import type { ClientToken, ConfigStore } from '../config/store.ts';
import { readBody } from './body.ts';
import { Code, type Failure, fail, failed, NOT_FOUND, succeed } from './envelope.ts';
import { presentToken } from './present.ts';
import { randomToken } from './random-token.ts';
import { tokenSchema } from './schemas.ts';

const TOKEN_PREFIX = 'wp_';
const SALT_BYTES = 16;

export interface VerifierMaker {
  makeVerifier(options: { token: string; salt: Uint8Array }): string;
}

export interface TokenRoutesOptions {
  store: ConfigStore;
  /** By the scheme of the config. */
  verifierMakerOf(scheme: string): VerifierMaker | undefined;
}

const REFUSALS: Record<'user taken' | 'too many', Failure> = {
  'user taken': failed(409, Code.tokenTaken, 'user has a token already. Delete that token first.'),
  'too many': failed(
    409,
    Code.tooManyTokens,
    'The config has as many tokens as it may have. Delete one first.',
  ),
};

/** Mounted at `/configs/:id/tokens`. */
export function tokenRoutes({ store, verifierMakerOf }: TokenRoutesOptions): Hono {
  const routes = new Hono();

  routes.get('/:id/tokens', async (c) => {
    const id = c.req.param('id');
    if ((await store.get(id)) === undefined) return fail(c, NOT_FOUND);
    const tokens = await store.listTokens(id);
    return succeed(c, tokens.map(presentToken));
  });

  routes.post('/:id/tokens', async (c) => {
    const config = await store.get(c.req.param('id'));
    if (config === undefined) return fail(c, NOT_FOUND);
    const body = await readBody(c, tokenSchema);
    if (!body.ok) return fail(c, body.failure);
    const maker = verifierMakerOf(config.origin.scheme);
    if (maker === undefined) throw new Error('a stored config has a scheme of no protocol');
    const secret = randomToken(TOKEN_PREFIX);
    const token: ClientToken = {
      id: crypto.randomUUID().replaceAll('-', ''),
      configId: config.id,
      user: body.value.user,
      createdOn: new Date().toISOString(),
    };
    const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
    const outcome = await store.insertToken({
      ...token,
      verifier: maker.makeVerifier({ token: secret, salt }),
    });
    if (outcome !== 'inserted') return fail(c, REFUSALS[outcome]);
    return succeed(c, { ...presentToken(token), token: secret });
  });

  routes.delete('/:id/tokens/:tokenId', async (c) => {
    const { id: configId, tokenId } = c.req.param();
    const isRemoved = await store.removeToken({ configId, tokenId });
    return isRemoved ? succeed(c, null) : fail(c, NOT_FOUND);
  });

  return routes;
}
