/** Purging, and asking what would become of a query. */
import { beforeEach, expect, test } from 'vitest';
import type { ConfigStore } from '../../src/config/store.ts';
import { ACCOUNT, Api, CONFIGS, type Reply } from './api.ts';
import { dumpAll, freshDatabase } from './database.ts';

let db: D1Database;
let store: ConfigStore;
let api: Api;
let id: string;

beforeEach(async () => {
  ({ db, store } = await freshDatabase());
  api = new Api(store);
  id = await api.create();
});

function purge(body: unknown, headers: Record<string, string> = {}): Promise<Reply> {
  return api.call('POST', `${CONFIGS}/${id}/purge`, { body, headers });
}

function why(body: unknown, headers: Record<string, string> = {}): Promise<Reply> {
  return api.call('POST', `${CONFIGS}/${id}/why`, { body, headers });
}

async function epoch(): Promise<number | undefined> {
  return (await store.findLogin({ database: id, user: 'app' }))?.cacheEpoch;
}

/** As after an endpoint has moved twice. */
async function movedTwice(): Promise<void> {
  const before = [1, 0].map((generation) => ({ generation, hint: 'weur' }));
  await db
    .prepare('UPDATE configs SET endpoint_generation = 2, endpoints_before = ?1')
    .bind(JSON.stringify(before))
    .run();
}

function readOnly(): Promise<Record<string, string>> {
  return api
    .call('POST', `${ACCOUNT}/tokens`, { body: { name: 'grafana', scope: 'read-only' } })
    .then(({ json }) => ({ Authorization: `Bearer ${json.result.token}` }));
}

test.for([
  { everything: true },
  { tags: ['products'] },
  { relations: ['public.users', 'orders'] },
  { tags: ['a'], relations: ['b'] },
  { everything: true, tags: ['a'] },
])('a purge of %j reaches the endpoint, and raises the epoch for edges that no link leads to', async (request) => {
  const { status, json } = await purge(request);
  expect([status, json.result]).toEqual([200, { cache_epoch: 1 }]);
  expect(api.purged).toEqual([
    {
      address: { configId: id, place: { generation: 0, hint: undefined, jurisdiction: undefined } },
      request,
    },
  ]);
  expect(await epoch()).toBe(1);
  expect((await purge(request)).json.result).toEqual({ cache_epoch: 2 });
});

test('a purge is not a new version, and the pool is left alone', async () => {
  await purge({ everything: true });
  expect((await store.get(id))?.version).toBe(1);
  expect(api.changes).toEqual([]);
});

test('a purge reaches every endpoint on which drivers may be, the newest first', async () => {
  await movedTwice();
  await purge({ tags: ['a'] });
  expect(api.purged.map(({ address }) => address.place.generation)).toEqual([2, 1, 0]);
});

test('where one relation is unknown nothing is purged, and all unknown ones are named', async () => {
  await movedTwice();
  api.unknownRelations = () => ['public.nope', 'gone'];
  const relations = ['public.users', 'public.nope', 'gone'];
  const { status, json } = await purge({ relations, tags: ['a'] });
  expect(status).toBe(400);
  expect(json.errors).toEqual([
    { code: 1014, message: expect.stringContaining('"public.nope", so nothing was purged') },
    { code: 1014, message: expect.stringContaining('"gone"') },
  ]);
  expect(api.purged.map(({ address }) => address.place.generation)).toEqual([2]);
  expect(await epoch()).toBe(0);
});

test('while the origin is away relations cannot be looked up: nothing is purged, and the way out is told', async () => {
  api.away = [0];
  const { status, json } = await purge({ relations: ['public.users'] });
  expect([status, json.errors]).toEqual([
    503,
    [{ code: 1015, message: expect.stringMatching(/^The origin is away\. .*to purge everything, or tags/) }],
  ]);
  expect(await epoch()).toBe(0);
  expect((await purge({ tags: ['a'] })).status).toBe(200);
});

test('an endpoint left behind that cannot ask its origin forgets everything', async () => {
  await movedTwice();
  api.away = [0];
  const request = { relations: ['public.users'] };
  expect((await purge(request)).status).toBe(200);
  expect(api.purged.at(-1)).toMatchObject({
    address: { place: { generation: 0 } },
    request: { everything: true },
  });
});

test('why is not answered while the origin is away', async () => {
  api.away = [0];
  const { status, json } = await why({ query: 'select 1' });
  expect([status, json.errors[0]?.code]).toEqual([503, 1015]);
});

test('an endpoint left behind that does not know a new relation yet forgets everything', async () => {
  await movedTwice();
  api.unknownRelations = (generation) => (generation === 1 ? ['public.new'] : []);
  const request = { relations: ['public.new', 'public.users'] };
  expect((await purge(request)).json.result).toEqual({ cache_epoch: 1 });
  expect(api.purged.map(({ address, request }) => [address.place.generation, request])).toEqual([
    [2, request],
    [1, request],
    [0, request],
    [1, { everything: true }],
  ]);
});

test.for([
  [{}, 'The body says nothing to purge. Give everything, tags or relations.'],
  [{ everything: false }, 'everything must be true'],
  [{ everything: [] }, 'everything must be true'],
  [{ tags: [] }, 'tags is empty'],
  [{ relations: [] }, 'relations is empty'],
  [{ tags: 'a' }, 'tags must be a list of texts'],
  [{ tags: {} }, 'tags must be a list of texts'],
  [{ tags: ['a', 1] }, 'tags.1 must be a text'],
  [{ tags: [['a']] }, 'tags.0 must be a text'],
  [{ relations: [''] }, 'relations.0 is empty'],
  [{ relations: ['a\0'] }, 'relations.0 holds a character'],
  [{ relation: ['a'] }, 'relation is not a field of this request'],
] as const)('a purge of %j is refused', async ([body, message]) => {
  const { status, json } = await purge(body);
  expect(status).toBe(400);
  expect(json.errors).toEqual([{ code: 1003, message: expect.stringContaining(message) }]);
  expect(api.purged).toEqual([]);
  expect(await epoch()).toBe(0);
});

test("a purge is an admin token's business and stands in the audit log, names of fields alone", async () => {
  const headers = await readOnly();
  const refused = await purge({ everything: true }, headers);
  expect([refused.status, api.purged]).toEqual([403, []]);
  await purge({ tags: ['secret-tag'], relations: ['public.users'] });
  const [entry] = (await api.call('GET', `${ACCOUNT}/audit_logs`)).json.result;
  expect(entry).toMatchObject({
    method: 'POST',
    resource: `hyperdrive/configs/${id}/purge`,
    fields: ['tags', 'relations'],
    config_id: id,
  });
});

test('where caching is disabled there is nothing to purge or to ask, and the way out is told', async () => {
  await api.call('PATCH', `${CONFIGS}/${id}`, { body: { caching: { disabled: true } } });
  for (const { status, json } of [await purge({ everything: true }), await why({ query: 'select 1' })]) {
    expect([status, json.errors[0]?.code]).toEqual([409, 1013]);
    expect(json.errors[0]?.message).toMatch(/^Caching is disabled in this config.*"disabled": false/);
  }
  expect([api.purged, api.asked]).toEqual([[], []]);
});

test('why is answered by the endpoint that new drivers go to', async () => {
  await movedTwice();
  api.answer = {
    status: 'miss',
    reads: ['public.users'],
    writes: [],
    key: { settings: { search_path: 'app' }, text: 'select * from users' },
    ttlSeconds: 300,
    swrSeconds: 15,
    tags: ['people'],
  };
  const query = 'select * from users /* warmpool: ttl=300 tag=people */';
  const { status, json } = await why({ query, settings: { search_path: 'app' } });
  expect([status, json.result]).toEqual([
    200,
    {
      status: 'miss',
      reads: ['public.users'],
      writes: [],
      key: { settings: { search_path: 'app' }, text: 'select * from users' },
      max_age: 300,
      stale_while_revalidate: 15,
      tags: ['people'],
    },
  ]);
  expect(api.asked).toMatchObject([
    { address: { configId: id, place: { generation: 2 } }, sql: query, settings: { search_path: 'app' } },
  ]);
});

test('why not is told in one sentence; settings may be left out', async () => {
  const key = { settings: {}, text: 'select now()' };
  api.answer = { status: 'volatile', reason: 'now() changes.', reads: [], writes: 'everything', key };
  const { json } = await why({ query: 'select now()' });
  expect(json.result).toEqual({
    status: 'volatile',
    reason: 'now() changes.',
    reads: [],
    writes: 'everything',
    key,
  });
  expect(api.asked[0]?.settings).toEqual({});
});

test('a read-only token may ask why; asking changes nothing and is no entry of the audit log', async () => {
  const headers = await readOnly();
  const before = await dumpAll(db);
  expect((await why({ query: 'select 1' }, headers)).status).toBe(200);
  expect(await dumpAll(db)).toBe(before);
});

test.for([
  [{}, 'query is missing'],
  [{ query: '' }, 'query is empty'],
  [{ query: 1 }, 'query must be a text'],
  [{ query: 'select 1', settings: [] }, 'settings must not be a list'],
  [{ query: 'select 1', settings: 'x' }, 'settings must be a JSON object'],
  [{ query: 'select 1', settings: { role: 1 } }, 'settings.role must be a text'],
  [{ sql: 'select 1' }, 'sql is not a field of this request'],
] as const)('why is refused: %j', async ([body, message]) => {
  const { status, json } = await why(body);
  expect(status).toBe(400);
  expect(json.errors.map((error) => error.message).join(' ')).toContain(message);
  expect(api.asked).toEqual([]);
});

test('names, their lengths and settings are bounded', async () => {
  const tags = Array.from({ length: 101 }, (_, n) => `tag ${n}`);
  const settings = Object.fromEntries(tags.map((name) => [name, 'x']));
  const { 'tag 0': _, ...fitting } = settings;
  const messages = async (reply: Promise<Reply>): Promise<string[]> =>
    (await reply).json.errors.map(({ message }) => message);
  expect(await messages(purge({ tags: tags.slice(1), relations: ['r'.repeat(255)] }))).toEqual([]);
  expect(await messages(purge({ tags }))).toEqual(['tags has too many names. Give at most 100.']);
  expect(await messages(purge({ relations: ['r'.repeat(256)] }))).toEqual([
    'relations.0 is too long. Use at most 255 characters.',
  ]);
  expect(await messages(why({ query: 'select 1', settings: fitting }))).toEqual([]);
  expect(await messages(why({ query: 'select 1', settings }))).toEqual([
    'settings has too many names. Give at most 100.',
  ]);
});
