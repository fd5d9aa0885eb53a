import { beforeEach, describe, expect, test } from 'vitest';
import { CacheApiTier } from '../../src/cache/cache-api-tier.ts';
import { EdgeCache, EdgeMemory, type Found } from '../../src/cache/edge-cache.ts';
import { Knowledge } from '../../src/cache/knowledge.ts';
import { MemoryTier } from '../../src/cache/memory-tier.ts';
import { Pace } from '../../src/cache/pace.ts';
import { type Caching, DEFAULT_CACHING } from '../../src/config/config.ts';
import type { CacheableRead, ReplyFacts } from '../../src/protocols/caching.ts';
import { bytesOf, factsOf, Kept, readOf, textOf } from './reads.ts';

const MEBIBYTE = 1024 * 1024;
const NOW_MS = 1_000_000;
const FROM_START = { floor: 0 };

let namespace: string;
let nowMs = 0;
let kept: Kept;
let here: Isolate;

beforeEach(() => {
  // The Cache API outlives a test.
  namespace = crypto.randomUUID();
  nowMs = NOW_MS;
  kept = new Kept();
  here = new Isolate();
});

/** What one isolate knows and keeps. The Cache API is that of them all. */
class Isolate {
  readonly memory = new EdgeMemory();
  readonly knowledge = new Knowledge();

  connection(
    changes: { caching?: Partial<Caching>; cache?: Cache | undefined; memory?: EdgeMemory; pace?: Pace } = {},
  ): EdgeCache {
    const cache = 'cache' in changes ? changes.cache : caches.default;
    return new EdgeCache({
      memory: changes.memory ?? this.memory,
      cacheApi: new CacheApiTier({ cache, keepAlive: kept.keepAlive }),
      pace: changes.pace ?? new Pace(),
      knowledge: this.knowledge,
      caching: { ...DEFAULT_CACHING, ...changes.caching },
      namespace,
      nowMs: () => nowMs,
    });
  }
}

async function store(
  cache: EdgeCache,
  text: string,
  of: { read?: CacheableRead; facts?: Partial<ReplyFacts> } = {},
) {
  const recording = cache.record(of.read ?? readOf('q'), factsOf(of.facts));
  recording?.add(bytesOf(text));
  recording?.complete(of.facts?.asOf ?? 10);
  await kept.all();
}

function now(found: ReturnType<EdgeCache['lookup']>): Found | undefined {
  if (found instanceof Promise) throw new Error('Memory alone does not answer.');
  return found;
}

describe('a stored reply', () => {
  test('is given out of memory at once, the same bytes each time', async () => {
    const cache = here.connection();
    await store(cache, 'reply', { facts: { ageMs: 2_000 } });
    nowMs += 3_000;
    const found = now(cache.lookup(readOf('q'), FROM_START));
    expect(found).toMatchObject({ seenUpTo: 10, ageMs: 5_000, tier: 'memory', needsRefresh: false });
    expect(textOf(found?.body)).toBe('reply');
    expect(now(here.connection().lookup(readOf('q'), FROM_START))?.body).toBe(found?.body);
  });

  test('is found in the Cache API by another isolate, and in its memory from then on', async () => {
    await store(here.connection(), 'reply');
    nowMs += 3_000;
    const there = new Isolate().connection();
    const found = await there.lookup(readOf('q'), FROM_START);
    expect(found).toMatchObject({ seenUpTo: 10, ageMs: 3_000, tier: 'cache api' });
    expect(textOf(found?.body)).toBe('reply');
    expect(now(there.lookup(readOf('q'), FROM_START))).toMatchObject({ ageMs: 3_000, tier: 'memory' });
  });

  test('too large for memory is streamed out of the Cache API, also where that is asked for nothing else', async () => {
    const memory = new EdgeMemory(new MemoryTier({ bytesMax: 4 * MEBIBYTE, entryBytesMax: MEBIBYTE }));
    const pace = new Pace();
    pace.matched(10, { isHit: false });
    pace.answered(1);
    const cache = here.connection({ memory, pace });
    expect(now(cache.lookup(readOf('other'), FROM_START))).toBeUndefined();
    const recording = cache.record(readOf('q'), factsOf());
    for (let index = 0; index < 3; index += 1) recording?.add(new Uint8Array(MEBIBYTE).fill(index));
    recording?.complete(10);
    await kept.all();
    expect(memory.replies.size).toBe(0);
    const found = await cache.lookup(readOf('q'), FROM_START);
    if (found === undefined || found.body instanceof Uint8Array) throw new Error('It is no stream.');
    const body = new Uint8Array(await new Response(found.body.stream).arrayBuffer());
    expect([body.length, body[0], body.at(-1)]).toEqual([3 * MEBIBYTE, 0, 2]);
  });

  test('is none where no tier is large enough, and is not taken down again for a minute', async () => {
    const memory = new EdgeMemory(new MemoryTier({ bytesMax: 4 * MEBIBYTE, entryBytesMax: MEBIBYTE }));
    const cache = here.connection({ memory, cache: undefined });
    const recording = cache.record(readOf('q'), factsOf());
    recording?.add(new Uint8Array(MEBIBYTE + 1));
    expect(cache.record(readOf('q'), factsOf())).toBeUndefined();
    expect(cache.record(readOf('other'), factsOf())).toBeDefined();
    nowMs += 60_000;
    expect(cache.record(readOf('q'), factsOf())).toBeDefined();
  });

  test('needs no Cache API', async () => {
    const cache = here.connection({ cache: undefined });
    expect(now(cache.lookup(readOf('q'), FROM_START))).toBeUndefined();
    await store(cache, 'reply');
    expect(now(cache.lookup(readOf('q'), FROM_START))?.tier).toBe('memory');
  });

  test.each<[string, Partial<ReplyFacts>]>([
    ['uncacheable', { status: 'uncacheable' }],
    ['too old already', { ageMs: 75_000 }],
  ])('is none where it is %s', (_, facts) => {
    expect(here.connection().record(readOf('q'), factsOf(facts))).toBeUndefined();
  });

  test.each<[string, Partial<Caching>, CacheableRead]>([
    ['the config is strict', { consistency: 'strict' }, readOf('q')],
    ['the config does not cache', { disabled: true }, readOf('q')],
    ['the query does not want it', {}, readOf('q', { control: { isOff: true } })],
  ])('is none where %s, and is not looked for', async (_, caching, read) => {
    await store(here.connection(), 'reply');
    const cache = here.connection({ caching });
    expect(now(cache.lookup(read, FROM_START))).toBeUndefined();
    expect(cache.record(read, factsOf())).toBeUndefined();
  });
});

describe('age', () => {
  test('past its time a reply is given out stale; one session is told to refresh it', async () => {
    const cache = here.connection();
    await store(cache, 'old');
    nowMs += 60_000;
    const lookUp = (): boolean | undefined => now(cache.lookup(readOf('q'), FROM_START))?.needsRefresh;
    expect([lookUp(), lookUp(), lookUp()]).toEqual([true, false, false]);
    cache.refreshEnded(readOf('q'));
    expect(lookUp()).toBe(true);
    await store(cache, 'new', { facts: { asOf: 11 } });
    cache.refreshEnded(readOf('q'));
    const found = now(cache.lookup(readOf('q'), FROM_START));
    expect([textOf(found?.body), found?.ageMs, found?.needsRefresh]).toEqual(['new', 0, false]);
  });

  test('past that it is not given out, by any tier, except to a query that allows more', async () => {
    const cache = here.connection();
    await store(cache, 'old');
    nowMs += 75_000;
    expect(await cache.lookup(readOf('q'), FROM_START)).toBeUndefined();
    expect(await new Isolate().connection().lookup(readOf('q'), FROM_START)).toBeUndefined();
    const patient = readOf('q', { control: { ttlSeconds: 300 } });
    expect(textOf(now(cache.lookup(patient, FROM_START))?.body)).toBe('old');
  });
});

describe('a write', () => {
  test('that is known makes a reply unreachable here, in memory and in the Cache API', async () => {
    const cache = here.connection();
    await store(cache, 'old');
    here.knowledge.heard({ raised: [['r1', 11]], settledUpTo: 11 });
    expect(await cache.lookup(readOf('q'), FROM_START)).toBeUndefined();
    await store(cache, 'new', { facts: { asOf: 11 } });
    expect(textOf(now(cache.lookup(readOf('q'), FROM_START))?.body)).toBe('new');
  });

  test('between a read and its storing leaves nothing stored, for no isolate', async () => {
    const cache = here.connection();
    const recording = cache.record(readOf('q'), factsOf());
    recording?.add(bytesOf('old'));
    here.knowledge.heard({ raised: [['r1', 11]], settledUpTo: 11 });
    recording?.complete(11);
    await kept.all();
    expect(await cache.lookup(readOf('q'), FROM_START)).toBeUndefined();
    expect(await new Isolate().connection().lookup(readOf('q'), FROM_START)).toBeUndefined();
  });

  test('of the session itself: no reply before it is known whether that shows it', async () => {
    const cache = here.connection();
    await store(cache, 'reply');
    expect(now(cache.lookup(readOf('q'), { floor: 12 }))).toBeUndefined();
    here.knowledge.heard({ raised: [['r2', 12]], settledUpTo: 12 });
    expect(now(cache.lookup(readOf('q'), { floor: 12 }))?.tier).toBe('memory');
    expect(
      now(here.connection({ caching: { consistency: 'eventual' } }).lookup(readOf('q'), { floor: 99 }))?.tier,
    ).toBe('memory');
  });

  test('what was settled when a reply was stored is settled for isolates that know nothing', async () => {
    here.knowledge.heard({ raised: [], settledUpTo: 12 });
    await store(here.connection(), 'reply', { facts: { asOf: 12 } });
    const there = (): EdgeCache => new Isolate().connection();
    expect(await there().lookup(readOf('q'), { floor: 13 })).toBeUndefined();
    expect((await there().lookup(readOf('q'), { floor: 12 }))?.tier).toBe('cache api');
  });

  test('that is heard of while the Cache API is asked counts', async () => {
    await store(here.connection(), 'old');
    const there = new Isolate();
    const match: Cache['match'] = async (request) => {
      const response = await caches.default.match(request);
      there.knowledge.heard({ raised: [['r1', 11]], settledUpTo: 11 });
      return response;
    };
    const cache = { match, put: async () => undefined, delete: async () => false } as Cache;
    expect(await there.connection({ cache }).lookup(readOf('q'), FROM_START)).toBeUndefined();
    expect(there.memory.replies.size).toBe(0);
  });

  test('a purge by tag reaches what was stored with the tag', async () => {
    const cache = here.connection();
    const tagged = readOf('q', { control: { tags: ['shop'] } });
    await store(cache, 'tagged', { read: tagged });
    await store(cache, 'plain');
    here.knowledge.heard({ raised: [['tag:shop', 11]], settledUpTo: 11 });
    expect(await cache.lookup(tagged, FROM_START)).toBeUndefined();
    expect(textOf(now(cache.lookup(readOf('q'), FROM_START))?.body)).toBe('plain');
  });
});

test('what the endpoint refused is not looked up in the Cache API for a minute', async () => {
  const cache = here.connection();
  expect(cache.lookup(readOf('q'), FROM_START)).toBeInstanceOf(Promise);
  cache.refused(readOf('q'), 'volatile');
  expect(now(cache.lookup(readOf('q'), FROM_START))).toBeUndefined();
  nowMs += 60_000;
  expect(await cache.lookup(readOf('q'), FROM_START)).toBeUndefined();
  expect(cache.lookup(readOf('q'), FROM_START)).toBeInstanceOf(Promise);
});

test('an abandoned recording leaves nothing', async () => {
  const cache = here.connection();
  const recording = cache.record(readOf('q'), factsOf());
  recording?.add(bytesOf('half'));
  recording?.abandon();
  await kept.all();
  expect(await cache.lookup(readOf('q'), FROM_START)).toBeUndefined();
});
