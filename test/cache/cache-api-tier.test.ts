/** With the runtime's own Cache API, and with ones that fail in every way. */
import { describe, expect, test } from 'vitest';
import { CacheApiTier, type CacheApiTierOptions } from '../../src/cache/cache-api-tier.ts';
import type { EntryFacts } from '../../src/cache/entry.ts';
import { LargeBodyWriter } from '../../src/cache/large-body-writer.ts';
import { bytesOf, entryOf, Kept, textOf } from './reads.ts';

const KEEP = { keepSeconds: 60 };
const MEBIBYTE = 1024 * 1024;
const always = (): boolean => true;
let keys = 0;

function tierOf(options: Partial<CacheApiTierOptions> = {}): { tier: CacheApiTier; kept: Kept } {
  const kept = new Kept();
  return { tier: new CacheApiTier({ cache: caches.default, keepAlive: kept.keepAlive, ...options }), kept };
}

/** The cache outlives a test. */
function freshKey(): string {
  keys += 1;
  return `key ${crypto.randomUUID()} ${keys}`;
}

/** Over the runtime's cache, so that only what a test is about is different. */
function fakeCache(changes: Partial<Pick<Cache, 'match' | 'put'>>): Cache {
  const { default: real } = caches;
  return {
    match: (request: RequestInfo) => real.match(request),
    put: (request: RequestInfo, response: Response) => real.put(request, response),
    delete: (request: RequestInfo) => real.delete(request),
    ...changes,
  };
}

function factsAt(seenUpTo: number): EntryFacts {
  const { body: _, ...facts } = entryOf('', { seenUpTo });
  return facts;
}

describe('a reply', () => {
  test('is put and found again, by another connection too', async () => {
    const { tier, kept } = tierOf();
    const key = freshKey();
    expect(await tier.match(key, always)).toBeUndefined();
    const entry = entryOf('reply', { reads: ['r1', 'tag:a'], seenUpTo: 11 });
    tier.put(key, entry, KEEP);
    await kept.all();
    const { body, ...facts } = entry;
    expect(await tierOf().tier.match(key, always)).toEqual({ facts, body });
    expect(tier.isOff).toBe(false);
  });

  test('whose facts are not wanted is none', async () => {
    const { tier, kept } = tierOf();
    const key = freshKey();
    tier.put(key, entryOf('reply', { asOf: 5 }), KEEP);
    await kept.all();
    expect(await tier.match(key, ({ asOf }) => asOf > 5)).toBeUndefined();
    expect(await tier.match(key, ({ asOf }) => asOf === 5)).toBeDefined();
  });

  test('that was cut short, or is not ours, is none', async () => {
    const key = freshKey();
    const { tier, kept } = tierOf({
      cache: fakeCache({
        put: (request, response) =>
          caches.default.put(request, new Response('repl', { headers: response.headers })),
      }),
    });
    tier.put(key, entryOf('reply'), KEEP);
    await kept.all();
    expect(await tier.match(key, always)).toBeUndefined();
    const garbage = fakeCache({ match: async () => new Response('<html>') });
    expect(await tierOf({ cache: garbage }).tier.match(key, always)).toBeUndefined();
  });
});

describe('a large reply', () => {
  test('is put while it passes, and found as a stream', async () => {
    const { tier, kept } = tierOf();
    const key = freshKey();
    const sink = tier.begin(key, { ...KEEP, factsOf: factsAt });
    const part = new Uint8Array(MEBIBYTE).fill(65);
    for (let index = 0; index < 5; index += 1) {
      expect(sink?.write(part.slice())).toBe(true);
      await scheduler.wait(5);
    }
    expect(await tierOf().tier.match(key, always)).toBeUndefined();
    sink?.close(42);
    await kept.all();
    const hit = await tierOf().tier.match(key, always);
    expect(hit?.facts.seenUpTo).toBe(42);
    if (hit === undefined || hit.body instanceof Uint8Array) throw new Error('It is no stream.');
    expect(hit.body.bytes).toBe(5 * MEBIBYTE);
    const read = new Uint8Array(await new Response(hit.body.stream).arrayBuffer());
    expect(read.length).toBe(5 * MEBIBYTE);
    expect(read.every((byte) => byte === 65)).toBe(true);
  });

  test('that is given up leaves nothing, and the tier goes on', async () => {
    const { tier, kept } = tierOf();
    const key = freshKey();
    const sink = tier.begin(key, { ...KEEP, factsOf: factsAt });
    sink?.write(bytesOf('part'));
    sink?.abort();
    expect(sink?.write(bytesOf('more'))).toBe(false);
    await kept.all();
    expect(await tier.match(key, always)).toBeUndefined();
    expect(tier.isOff).toBe(false);
  });

  test('that a write has made stale meanwhile leaves nothing', async () => {
    const { tier, kept } = tierOf();
    const key = freshKey();
    const sink = tier.begin(key, { ...KEEP, factsOf: () => undefined });
    sink?.write(bytesOf('part'));
    sink?.close(1);
    await kept.all();
    expect(await tier.match(key, always)).toBeUndefined();
  });

  test('is lost to a cache that is slower than the driver, in bounded memory', async () => {
    const { tier, kept } = tierOf({ cache: fakeCache({ put: () => new Promise<void>(() => undefined) }) });
    const sink = tier.begin(freshKey(), { ...KEEP, factsOf: factsAt });
    const taken = Array.from({ length: 12 }, () => sink?.write(new Uint8Array(MEBIBYTE)));
    expect(taken).toEqual([...new Array(8).fill(true), ...new Array(4).fill(false)]);
    await kept.all();
  });

  test('of 40 MiB is whole in a cache that takes its time, where whoever feeds it waits', async () => {
    let bytes = 0;
    const put = async (_: RequestInfo, response: Response): Promise<void> => {
      for await (const piece of response.body ?? []) {
        bytes += piece.length;
        if (bytes % MEBIBYTE === 0) await scheduler.wait(5);
      }
    };
    const { tier, kept } = tierOf({ cache: fakeCache({ put }) });
    const sink = tier.begin(freshKey(), { ...KEEP, factsOf: factsAt });
    let waits = 0;
    for (let index = 0; index < 40; index += 1) {
      expect(sink?.write(new Uint8Array(MEBIBYTE))).toBe(true);
      if (sink?.behind) waits += 1;
      await sink?.behind;
    }
    sink?.close(1);
    await kept.all();
    expect(bytes).toBe(40 * MEBIBYTE);
    expect(waits).toBeGreaterThan(0);
  });

  test('waits for a cache that takes nothing no longer than its bound, and is given up', async () => {
    const put = (): Promise<void> => new Promise(() => undefined);
    const writer = new LargeBodyWriter({ keepSeconds: 60, put, finish: async () => {}, behindMsMax: 50 });
    for (let index = 0; index < 6; index += 1) expect(writer.write(new Uint8Array(MEBIBYTE))).toBe(true);
    await writer.behind;
    expect(writer.write(new Uint8Array(1))).toBe(false);
    expect(writer.behind).toBeUndefined();
    await writer.done;
  });

  test('whose cache fails on the way switches the tier off', async () => {
    const put = async (_: RequestInfo, response: Response): Promise<void> => {
      const reader = response.body?.getReader();
      await reader?.read();
      await reader?.cancel(new Error('broken'));
      throw new Error('broken');
    };
    const { tier, kept } = tierOf({ cache: fakeCache({ put }) });
    const sink = tier.begin(freshKey(), { ...KEEP, factsOf: factsAt });
    for (let index = 0; index < 4; index += 1) sink?.write(bytesOf('part'));
    sink?.close(1);
    await kept.all();
    expect(tier.isOff).toBe(true);
  });

  test('whose body is gone is none', async () => {
    const key = freshKey();
    const { tier, kept } = tierOf();
    const sink = tier.begin(key, { ...KEEP, factsOf: factsAt });
    sink?.write(bytesOf('part'));
    sink?.close(1);
    await kept.all();
    const match = async (request: RequestInfo): Promise<Response | undefined> =>
      /\/[0-9a-f]{64}\/[\w-]+$/.test(String(request)) ? undefined : caches.default.match(request);
    expect(await tierOf({ cache: fakeCache({ match }) }).tier.match(key, always)).toBeUndefined();
    expect(await tierOf().tier.match(key, always)).toBeDefined();
  });
});

describe('a Cache API', () => {
  const failing = {
    'that rejects': () => Promise.reject(new Error('Too many subrequests.')),
    'that throws': () => {
      throw new Error('Too many subrequests.');
    },
  };

  test.each(Object.entries(failing))('%s is switched off, without an error', async (_, fail) => {
    const matching = tierOf({ cache: fakeCache({ match: fail }) });
    expect(await matching.tier.match(freshKey(), always)).toBeUndefined();
    expect(matching.tier.isOff).toBe(true);
    const putting = tierOf({ cache: fakeCache({ put: fail }) });
    putting.tier.put(freshKey(), entryOf('x'), KEEP);
    await putting.kept.all();
    expect(putting.tier.isOff).toBe(true);
    expect(putting.tier.begin(freshKey(), { ...KEEP, factsOf: factsAt })).toBeUndefined();
  });

  test('that is not there is off', async () => {
    const { tier, kept } = tierOf({ cache: undefined });
    expect(tier.isOff).toBe(true);
    tier.put(freshKey(), entryOf('x'), KEEP);
    await kept.all();
    expect(await tier.match(freshKey(), always)).toBeUndefined();
  });

  test('that does not answer is not waited for, and switched off', async () => {
    const { tier } = tierOf({
      cache: fakeCache({ match: () => new Promise(() => undefined) }),
      matchWaitMs: 10,
    });
    expect(await tier.match(freshKey(), always)).toBeUndefined();
    expect(tier.isOff).toBe(true);
  });

  test('is asked no more often than the budget allows', async () => {
    let operations = 0;
    const match = async (): Promise<undefined> => {
      operations += 1;
      return undefined;
    };
    const { tier } = tierOf({ cache: fakeCache({ match }), operationsMax: 3 });
    for (let index = 0; index < 5; index += 1) await tier.match(freshKey(), always);
    expect(operations).toBe(3);
    expect(tier.isOff).toBe(true);
  });

  test('whose budget ends within a large reply does not hold anybody up', async () => {
    const { tier, kept } = tierOf({ operationsMax: 1 });
    const key = freshKey();
    const sink = tier.begin(key, { ...KEEP, factsOf: factsAt });
    const match = tier.match(key, always);
    sink?.write(bytesOf('part'));
    sink?.close(1);
    await kept.all();
    await match;
    expect(await tierOf().tier.match(key, always)).toBeUndefined();
  });
});

test('text of a body survives the way', async () => {
  const { tier, kept } = tierOf();
  const key = `é\xff\0 ${freshKey()}`;
  tier.put(key, entryOf('D\0\0ü'), KEEP);
  await kept.all();
  expect(textOf((await tier.match(key, always))?.body)).toBe('D\0\0ü');
});
