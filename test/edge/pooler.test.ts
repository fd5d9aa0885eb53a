/** A bound capability: `env.POOLER` of a consumer, with the config in its props. No origin is there, none is needed. */
import { env } from 'cloudflare:workers';
import { beforeEach, expect, test } from 'vitest';
import { DEFAULT_CACHING, DEFAULT_POOL } from '../../src/config/config.ts';
import { firstPlacement, NOT_PINNED } from '../../src/config/placement.ts';
import { forgetLogins } from '../../src/edge/directory.ts';
import { freshDatabase, testDatabase } from '../control/database.ts';
import { framed, textOf, wire } from '../protocols/postgres/wire.ts';

/** The id in the props of test/wrangler.jsonc. */
const BOUND = '0123456789abcdef0123456789abcdef';
const OTHER = 'fedcba9876543210fedcba9876543210';

interface Bindings {
  POOLER: Fetcher;
  UNBOUND: Fetcher;
}

beforeEach(async () => {
  const { store } = await freshDatabase();
  forgetLogins();
  for (const [id, name] of [
    [BOUND, 'bound'],
    [OTHER, 'other'],
  ] as const)
    await store.insert({
      config: {
        id,
        name,
        version: 1,
        origin: { scheme: 'postgres', host: '127.0.0.1', port: 1, database: name, user: 'owner' },
        connectionLimit: 1,
        pool: DEFAULT_POOL,
        caching: DEFAULT_CACHING,
        sslmode: undefined,
        requiresTls: false,
        facts: { serverVersion: '18.4', parameters: { server_version: `18.4 of ${name}` } },
        createdOn: '2026-11-20T00:00:00.000Z',
        modifiedOn: '2026-11-20T00:00:00.000Z',
        restartedOn: undefined,
        placement: firstPlacement(NOT_PINNED),
      },
      passwordSealed: 'sealed',
    });
});

test('whoever holds it is let in without a password, and hears of its origin without asking it', async () => {
  const heard = await logIn({ user: 'anybody', database: 'anything' });
  expect(textOf(heard.slice(0, 9))).toBe(textOf(wire('R', [0, 0, 0, 8], [0, 0, 0, 0]))); // AuthenticationOk
  expect(textOf(heard)).toContain('server_version\x0018.4 of bound\0');
  expect(textOf(heard.slice(-6))).toBe(textOf(wire('Z', [0, 0, 0, 5], 'I'))); // ReadyForQuery, idle
});

test.each(['other', OTHER])('naming another config (%s) does not widen it', async (database) => {
  const heard = await logIn({ user: 'anybody', database });
  expect(textOf(heard)).toContain('18.4 of bound');
});

test('a deleted config is refused', async () => {
  await freshDatabase();
  const heard = await logIn({ user: 'anybody', database: 'gone' });
  expect(textOf(heard)).toContain('C3D000\0');
});

test('while the configs cannot be read the driver hears so in its protocol', async () => {
  const db = testDatabase();
  await db.exec('ALTER TABLE configs RENAME TO configs_away');
  forgetLogins();
  try {
    expect(textOf(await logIn({ user: 'anybody', database: 'anything' }))).toContain('SFATAL\0');
  } finally {
    await db.exec('ALTER TABLE configs_away RENAME TO configs');
  }
});

test.each([
  'bound',
  BOUND,
])('a binding that names no config reaches none, whatever is asked (%s)', async (database) => {
  const heard = await logIn({ user: 'anybody', database, binding: 'UNBOUND' });
  expect(textOf(heard)).toContain('C3D000\0');
});

/** All that a driver hears until it is ready, or refused. */
async function logIn(options: {
  user: string;
  database: string;
  binding?: keyof Bindings;
}): Promise<Uint8Array> {
  const { user, database, binding = 'POOLER' } = options;
  const socket = (env as unknown as Bindings)[binding].connect('bound:5432');
  const writer = socket.writable.getWriter();
  const startup = wire([0, 3, 0, 0], `user\0${user}\0database\0${database}\0\0`);
  // The same framing without a type byte.
  await writer.write(framed('?', startup).slice(1));
  let heard = wire();
  for (const reader = socket.readable.getReader(); ; ) {
    const { value, done } = await reader.read();
    if (done) return heard;
    heard = wire(heard, value);
    if (textOf(heard.slice(-6)).startsWith('Z')) break;
  }
  await writer.write(framed('X')); // Terminate
  return heard;
}
