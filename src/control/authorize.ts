/** Who may use the API: the holder of the secret ADMIN_TOKEN, and those who hold an admin token made with it. */
import type { MiddlewareHandler } from 'hono';
import type { AdminTokenStore } from './admin-token-store.ts';
import { BOOTSTRAP, type Caller, type ControlEnv, isRead } from './context.ts';
import { Code, fail, failed } from './envelope.ts';

const SECRET_MISSING = failed(
  503,
  Code.notReady,
  'The secret ADMIN_TOKEN is not set, so nobody may use this API. Set it with `wrangler secret put ADMIN_TOKEN`.',
);

const REFUSED = failed(401, Code.notAuthenticated, 'Authentication error');

const READ_ONLY = failed(
  403,
  Code.notAuthenticated,
  'Authentication error: this token is read-only. Use one whose scope is admin.',
);

const LAST = 4;

export interface AuthorizeOptions {
  adminToken: string | undefined;
  adminTokens: AdminTokenStore;
}

export function authorize(options: AuthorizeOptions): MiddlewareHandler<ControlEnv> {
  return async (c, next) => {
    const given = /^bearer +(\S+) *$/i.exec(c.req.header('Authorization') ?? '')?.[1];
    const caller = given === undefined ? undefined : await callerOf(given, options);
    if (caller === undefined) {
      return fail(c, (await isUnclaimed(options)) ? SECRET_MISSING : REFUSED);
    }
    if (caller.scope === 'read-only' && !isRead(c.req)) return fail(c, READ_ONLY);
    c.set('caller', caller);
    return next();
  };
}

export function lastFourOf(token: string): string {
  return token.slice(-LAST);
}

/** Hexadecimal. Not a slow hash, for there is nothing to guess: a token is 256 random bits. */
export async function hashOf(token: string): Promise<string> {
  const bytes = new Uint8Array(await sha256(token));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function callerOf(given: string, options: AuthorizeOptions): Promise<Caller | undefined> {
  const { adminToken, adminTokens } = options;
  if (adminToken !== undefined && adminToken !== '' && (await isSame(given, adminToken))) {
    return { name: BOOTSTRAP, scope: 'admin' };
  }
  const hash = await hashOf(given);
  let caller: Caller | undefined;
  // All of them are compared, found or not: the time tells nothing about any.
  for (const token of await adminTokens.findByLastFour(lastFourOf(given))) {
    if (await isSame(hash, token.hash)) caller = token;
  }
  return caller;
}

async function isUnclaimed({ adminToken, adminTokens }: AuthorizeOptions): Promise<boolean> {
  return (adminToken === undefined || adminToken === '') && (await adminTokens.isEmpty());
}

/** Hashed first: then the lengths are equal, and the time tells nothing about either text. */
async function isSame(given: string, expected: string): Promise<boolean> {
  const [a, b] = await Promise.all([sha256(given), sha256(expected)]);
  return crypto.subtle.timingSafeEqual(a, b);
}

function sha256(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
}
