import { beforeEach, expect, test } from 'vitest';
import { type Caching, cancelRouteOf, DEFAULT_CACHING, DEFAULT_POOL } from '../../src/config/config.ts';
import type { StoredConfig } from '../../src/config/config-row.ts';
import { firstPlacement, NOT_PINNED } from '../../src/config/placement.ts';
import { CANCEL_ROUTE_CONFIGS_MAX, CLIENT_TOKENS_MAX, type ConfigStore } from '../../src/config/store.ts';
import { freshDatabase } from '../control/database.ts';

const FACTS = { serverVersion: '18.4', parameters: { server_version: '18.4' } };

let db: D1Database;
let store: ConfigStore;

beforeEach(async () => {
  ({ db, store } = await freshDatabase());
});

function config(changes: Partial<StoredConfig> = {}): StoredConfig {
  return {
    id: '0123456789abcdef0123456789abcdef',
    name: 'main',
    version: 1,
    origin: { scheme: 'postgres', host: 'db.example.com', port: 5432, database: 'app', user: 'owner' },
    connectionLimit: 20,
    pool: DEFAULT_POOL,
    caching: DEFAULT_CACHING,
    sslmode: 'require',
    requiresTls: false,
    facts: FACTS,
    createdOn: '2026-11-20T00:00:00.000Z',
    modifiedOn: '2026-11-20T00:00:00.000Z',
    restartedOn: undefined,
    placement: firstPlacement(NOT_PINNED),
    ...changes,
  };
}

function insert(changes: Partial<StoredConfig> = {}): Promise<string> {
  return store.insert({ config: config(changes), passwordSealed: 'sealed' });
}

function idOf(number: number): string {
  return number.toString(16).padStart(32, '0');
}

test('a config is read back as it was inserted', async () => {
  expect(await insert()).toBe('inserted');
  expect(await store.get(config().id)).toEqual(config());
  expect(await store.sealedOriginOf(config().id)).toEqual({ config: config(), passwordSealed: 'sealed' });
});

test('what is not there is undefined', async () => {
  expect(await store.get(idOf(1))).toBeUndefined();
  expect(await store.sealedOriginOf(idOf(1))).toBeUndefined();
  expect(await store.findLogin({ database: 'main', user: 'app' })).toBeUndefined();
});

test('a name is inserted once', async () => {
  await insert();
  expect(await insert({ id: idOf(2) })).toBe('name taken');
  expect(await store.get(idOf(2))).toBeUndefined();
});

test('a list is cut into pages in order of creation', async () => {
  for (const n of [3, 1, 2]) {
    await insert({ id: idOf(n), name: `n${n}`, createdOn: `2026-11-20T00:00:0${n}.000Z` });
  }
  const first = await store.list({ page: 1, perPage: 2 });
  const second = await store.list({ page: 2, perPage: 2 });
  expect(first.configs.map((c) => c.name)).toEqual(['n1', 'n2']);
  expect(second.configs.map((c) => c.name)).toEqual(['n3']);
  expect(second.totalCount).toBe(3);
});

test('an update is written over the version before it alone', async () => {
  await insert();
  const next = config({ version: 2, name: 'renamed', connectionLimit: 5, sslmode: undefined });
  expect(await store.update({ config: next, passwordSealed: 'new' })).toBe('updated');
  expect(await store.sealedOriginOf(next.id)).toEqual({ config: next, passwordSealed: 'new' });
  expect(await store.update({ config: next, passwordSealed: 'late' })).toBe('not current');
  expect((await store.sealedOriginOf(next.id))?.passwordSealed).toBe('new');
});

test("an update cannot take another config's name", async () => {
  await insert();
  await insert({ id: idOf(2), name: 'other' });
  const next = config({ version: 2, name: 'other' });
  expect(await store.update({ config: next, passwordSealed: 'new' })).toBe('name taken');
  expect(await store.get(next.id)).toEqual(config());
});

test('an update of a removed config says that it is not current', async () => {
  expect(await store.update({ config: config({ version: 2 }), passwordSealed: 'new' })).toBe('not current');
});

test('removing a config removes its tokens', async () => {
  await insert();
  await store.insertToken(token({ n: 1, user: 'app' }));
  expect(await store.remove(config().id)).toBe(true);
  expect(await store.remove(config().id)).toBe(false);
  expect(await db.prepare('SELECT count(*) AS n FROM client_tokens').first('n')).toBe(0);
});

test('a login is found by id and by name, with the verifier of that user alone', async () => {
  await insert();
  await store.insertToken(token({ n: 1, user: 'app' }));
  const login = {
    configId: config().id,
    version: 1,
    scheme: 'postgres',
    database: config().origin.database,
    requiresTls: false,
    cancelRoute: 0x01234,
    facts: FACTS,
    verifier: 'verifier 1',
    endpoint: { generation: 0, hint: undefined, jurisdiction: undefined },
    caching: DEFAULT_CACHING,
    cacheEpoch: 0,
  };
  expect(await store.findLogin({ database: 'main', user: 'app' })).toEqual(login);
  expect(await store.findLogin({ database: config().id, user: 'app' })).toEqual(login);
  const stranger = await store.findLogin({ database: 'main', user: 'App' });
  expect(stranger).toEqual({ ...login, verifier: undefined });
});

test('who names no database reaches the one config that has such a user', async () => {
  await insert();
  await insert({ id: idOf(2), name: 'other' });
  await store.insertToken(token({ n: 1, user: 'app' }));
  expect(await store.findLogin({ database: '', user: 'app' })).toMatchObject({ configId: config().id });
  expect(await store.findLogin({ database: '', user: 'stranger' })).toBeUndefined();
  await store.insertToken({ ...token({ n: 2, user: 'app' }), configId: idOf(2) });
  expect(await store.findLogin({ database: '', user: 'app' })).toBeUndefined();
});

test("a name that looks like another config's id does not shadow that config", async () => {
  await insert({ id: idOf(2), name: config().id, createdOn: '2020-01-01T00:00:00.000Z' });
  await insert();
  expect((await store.findLogin({ database: config().id, user: 'app' }))?.configId).toBe(config().id);
});

test('a cancel route leads to its configs, and to a bounded number of them', async () => {
  const neighbours = Array.from({ length: CANCEL_ROUTE_CONFIGS_MAX + 1 }, (_, n) => idOf(n + 1));
  for (const id of neighbours) await insert({ id, name: id });
  await insert();
  const found = async (route: number): Promise<string[]> =>
    (await store.findByCancelRoute(route)).map(({ configId }) => configId);
  expect(await found(cancelRouteOf(config().id))).toEqual([config().id]);
  expect(await found(0)).toEqual(neighbours.slice(0, CANCEL_ROUTE_CONFIGS_MAX));
  expect(await found(1)).toEqual([]);
});

test('facts are kept for the version that they were seen with', async () => {
  await insert({ facts: undefined });
  const { id } = config();
  expect(await store.saveFacts({ id, version: 2, facts: FACTS })).toBe(false);
  expect((await store.get(id))?.facts).toBeUndefined();
  expect(await store.saveFacts({ id, version: 1, facts: FACTS })).toBe(true);
  expect((await store.get(id))?.facts).toEqual(FACTS);
});

test('a restart is remembered and is not a new version', async () => {
  await insert();
  const restartedOn = '2026-11-21T00:00:00.000Z';
  expect(await store.markRestarted({ id: config().id, restartedOn })).toBe(true);
  expect(await store.get(config().id)).toEqual(config({ restartedOn }));
  expect(await store.markRestarted({ id: idOf(9), restartedOn })).toBe(false);
});

test('caching settings that a row lacks have their defaults, for the API and for an edge', async () => {
  await insert();
  const before = { disabled: false, maxAgeSeconds: 5, staleWhileRevalidateSeconds: 3 };
  await db.prepare('UPDATE configs SET caching = ?1').bind(JSON.stringify(before)).run();
  const caching = { ...before, consistency: 'session', systemCatalogs: false };
  expect((await store.get(config().id))?.caching).toEqual(caching);
  expect((await store.findLogin({ database: 'main', user: 'app' }))?.caching).toEqual(caching);
});

test('an edge gets the caching settings as they were written', async () => {
  const caching: Caching = {
    disabled: false,
    maxAgeSeconds: 3600,
    staleWhileRevalidateSeconds: 0,
    consistency: 'strict',
    systemCatalogs: true,
  };
  await insert({ caching });
  expect((await store.get(config().id))?.caching).toEqual(caching);
  expect((await store.findLogin({ database: 'main', user: 'app' }))?.caching).toEqual(caching);
});

test('a cache epoch is raised for its own config, is not a new version and outlives updates', async () => {
  await insert();
  await insert({ id: idOf(2), name: 'other' });
  const epochOf = async (name: string): Promise<number | undefined> =>
    (await store.findLogin({ database: name, user: 'app' }))?.cacheEpoch;
  expect(await store.raiseCacheEpoch(config().id)).toBe(1);
  expect(await store.raiseCacheEpoch(config().id)).toBe(2);
  expect(await store.raiseCacheEpoch(idOf(9))).toBeUndefined();
  expect(await store.get(config().id)).toEqual(config());
  await store.update({ config: config({ version: 2 }), passwordSealed: 'new' });
  expect([await epochOf('main'), await epochOf('other')]).toEqual([2, 0]);
});

test('an insert and an update write every column of the table that is theirs', async () => {
  const filled = config({
    caching: { ...DEFAULT_CACHING, consistency: 'strict' },
    placement: firstPlacement({ hint: 'weur', jurisdiction: 'eu' }),
  });
  await store.insert({ config: filled, passwordSealed: 'sealed' });
  expect(await store.get(filled.id)).toEqual(filled);
  const next: StoredConfig = {
    ...filled,
    name: 'next',
    version: 2,
    origin: { scheme: 'postgresql', host: 'h', port: 1, database: 'd', user: 'u' },
    connectionLimit: 3,
    pool: { ...DEFAULT_POOL, idleTimeoutMs: 777 },
    caching: { ...DEFAULT_CACHING, disabled: true },
    sslmode: 'prefer',
    facts: { serverVersion: '19', parameters: {} },
    modifiedOn: '2026-11-22T00:00:00.000Z',
    placement: { ...filled.placement, pinned: { hint: 'enam', jurisdiction: undefined } },
  };
  expect(await store.update({ config: next, passwordSealed: 'new' })).toBe('updated');
  expect(await store.sealedOriginOf(next.id)).toEqual({ config: next, passwordSealed: 'new' });
});

test('a token is removed from its own config alone', async () => {
  await insert();
  await insert({ id: idOf(2), name: 'other' });
  await store.insertToken(token({ n: 1, user: 'app' }));
  expect(await store.removeToken({ configId: idOf(2), tokenId: idOf(1) })).toBe(false);
  expect(await store.listTokens(config().id)).toHaveLength(1);
  expect(await store.removeToken({ configId: config().id, tokenId: idOf(1) })).toBe(true);
  expect(await store.listTokens(config().id)).toEqual([]);
});

test('a config has one token per user and a bounded number of tokens', async () => {
  await insert();
  for (let n = 0; n < CLIENT_TOKENS_MAX; n++) {
    expect(await store.insertToken(token({ n, user: `user ${n}` }))).toBe('inserted');
  }
  expect(await store.insertToken(token({ n: 1000, user: 'user 1' }))).toBe('user taken');
  expect(await store.insertToken(token({ n: 1000, user: 'one more' }))).toBe('too many');
  expect(await store.listTokens(config().id)).toHaveLength(CLIENT_TOKENS_MAX);
});

function token({ n, user }: { n: number; user: string }): Parameters<ConfigStore['insertToken']>[0] {
  return {
    id: idOf(n),
    configId: config().id,
    user,
    verifier: `verifier ${n}`,
    createdOn: '2026-11-20T00:00:00.000Z',
  };
}
