/** A bound capability of a database whose server speaks first. No origin is there, none is needed. */
import { env } from 'cloudflare:workers';
import { beforeEach, expect, test } from 'vitest';
import { DEFAULT_CACHING, DEFAULT_POOL } from '../../src/config/config.ts';
import { firstPlacement, NOT_PINNED } from '../../src/config/placement.ts';
import type { ConfigStore } from '../../src/config/store.ts';
import { findCommonFacts, forgetLogins } from '../../src/edge/directory.ts';
import type { Env } from '../../src/env.ts';
import { decodeErr } from '../../src/protocols/mysql/errors.ts';
import { factsOf } from '../../src/protocols/mysql/origin-facts.ts';
import { packet } from '../../src/protocols/mysql/packets.ts';
import { freshDatabase } from '../control/database.ts';
import { textOf, wire } from '../protocols/postgres/wire.ts';

/** The id in the props of test/wrangler.jsonc. */
const BOUND = '0123456789abcdef0123456789abcdef';
const OTHER = 'fedcba9876543210fedcba9876543210';

const { DB, POOLER } = env as unknown as Env & { POOLER: Fetcher };

let store: ConfigStore;

beforeEach(async () => {
  ({ store } = await freshDatabase());
  forgetLogins();
});

async function insert(id: string, options: { scheme: string; serverVersion: string }): Promise<void> {
  const { scheme, serverVersion } = options;
  const greeting = { serverVersion, capabilities: 0x81ff_ffff, extended: 0, collation: 45, status: 2 };
  await store.insert({
    config: {
      id,
      name: id.slice(0, 4),
      version: 1,
      origin: { scheme, host: '127.0.0.1', port: 1, database: 'shop', user: 'owner' },
      connectionLimit: 1,
      pool: DEFAULT_POOL,
      caching: DEFAULT_CACHING,
      sslmode: undefined,
      requiresTls: false,
      facts: factsOf(greeting, new Map()),
      createdOn: '2026-11-20T00:00:00.000Z',
      modifiedOn: '2026-11-20T00:00:00.000Z',
      restartedOn: undefined,
      placement: firstPlacement(NOT_PINNED),
    },
    passwordSealed: 'sealed',
  });
}

/** CONNECT_WITH_DB, PROTOCOL_41, SECURE_CONNECTION */
const RESPONSE = packet(
  1,
  wire([0x08, 0x82, 0, 0], [0, 0, 0, 1], [45], new Uint8Array(23), 'anybody\0', [0], 'anything\0'),
);

/** What the driver hears first, and behind its response. */
async function logIn(port: number): Promise<{ greeting: string; answer: Uint8Array }> {
  const socket = POOLER.connect(`bound:${port}`);
  const reader = socket.readable.getReader();
  const { value: greeting = wire() } = await reader.read();
  const writer = socket.writable.getWriter();
  await writer.write(RESPONSE);
  const { value: answer = wire() } = await reader.read();
  await writer.write(packet(0, wire([1]))).catch(() => {}); // COM_QUIT; who was refused is not heard any more
  return { greeting: textOf(greeting), answer };
}

test('its driver is greeted with the version of its origin, whatever the port, and let in without a password', async () => {
  await insert(BOUND, { scheme: 'mysql', serverVersion: '8.4.2' });
  await insert(OTHER, { scheme: 'mysql', serverVersion: '9.7.4' });
  const { greeting, answer } = await logIn(5432);
  expect(greeting.slice(5, 11)).toBe('8.4.2\0');
  expect(answer).toEqual(wire([7, 0, 0, 2], [0, 0, 0], [2, 0], [0, 0]));
});

test('a deleted config is refused by the protocol of the port', async () => {
  const { greeting, answer } = await logIn(3306);
  expect(greeting).toContain('8.0.0-Warmpool\0');
  expect(decodeErr(answer.subarray(4))).toMatchObject({
    errno: 1049,
    message: "Unknown database 'anything'",
  });
});

test('a listener greets for the configs of its protocol where all have the same server', async () => {
  expect(await findCommonFacts(DB, ['mysql'])).toBeUndefined();
  await insert(OTHER, { scheme: 'postgres', serverVersion: '18.4' });
  await insert(BOUND, { scheme: 'mysql', serverVersion: '8.4.2' });
  // What was found out is kept for some seconds.
  expect(await findCommonFacts(DB, ['mysql'])).toBeUndefined();
  forgetLogins();
  expect(await findCommonFacts(DB, ['mysql'])).toMatchObject({ serverVersion: '8.4.2' });
  await insert('1'.repeat(32), { scheme: 'mysql', serverVersion: '8.4.2' });
  forgetLogins();
  expect(await findCommonFacts(DB, ['mysql'])).toMatchObject({ serverVersion: '8.4.2' });
  await insert('2'.repeat(32), { scheme: 'mysql', serverVersion: '9.7.4' });
  forgetLogins();
  expect(await findCommonFacts(DB, ['mysql'])).toBeUndefined();
});
