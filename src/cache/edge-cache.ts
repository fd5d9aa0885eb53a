/**
 * The edge's tiers for one driver's connection: the isolate's memory, then the Cache API. It gives out what is
 * neither too old by the config and the query, nor older than what the session may have seen (knowledge.ts).
 */
import { LRUCache } from 'lru-cache';
import type { Caching } from '../config/config.ts';
import type { CacheableRead, CacheStatus, Recording, ReplyFacts } from '../protocols/caching.ts';
import type { CacheApiHit, CacheApiTier, LargeBody } from './cache-api-tier.ts';
import type { EntryFacts } from './entry.ts';
import { tierKey } from './key.ts';
import type { Knowledge } from './knowledge.ts';
import type { LargeBodyWriter } from './large-body-writer.ts';
import { MemoryTier } from './memory-tier.ts';
import type { Pace } from './pace.ts';
import { type Age, ageOf, type Lifetime, lifetimeOf } from './policy.ts';
import { tagDependency } from './raises.ts';
import { ReplyRecording } from './recording.ts';
import { Refreshes } from './refreshes.ts';
import { Refusals } from './refusals.ts';

/** Hyperdrive's bound on a cached reply. */
const REPLY_BYTES_MAX = 50 * 1024 * 1024;
const LARGE_KEYS_BYTES_MAX = 1024 * 1024;
const KEY_OVERHEAD_BYTES = 100;

/** What all connections of an isolate share. Keep one in a module's scope. */
export class EdgeMemory {
  readonly replies: MemoryTier;
  readonly refusals = new Refusals();
  readonly refreshes = new Refreshes();
  /** Keys whose replies went to the Cache API because memory is too small for them: there it is worth asking. */
  readonly large = new LRUCache<string, true>({
    maxSize: LARGE_KEYS_BYTES_MAX,
    sizeCalculation: (_, key) => key.length + KEY_OVERHEAD_BYTES,
  });

  constructor(replies: MemoryTier = new MemoryTier()) {
    this.replies = replies;
  }
}

export interface EdgeCacheOptions {
  memory: EdgeMemory;
  /** Of this connection. */
  cacheApi: CacheApiTier;
  /** Of the namespace's endpoint; shared by the isolate's connections. */
  knowledge: Knowledge;
  /** Likewise. */
  pace: Pace;
  caching: Caching;
  /** Config, its version, generation of its endpoint, cache epoch: equal namespaces, comparable replies. */
  namespace: string;
  /** Date.now. */
  nowMs: () => number;
}

export interface Found {
  /** Not to be written into. A stream only where `tier` is `cache api` and memory is too small for it. */
  body: Uint8Array | LargeBody;
  seenUpTo: number;
  ageMs: number;
  tier: 'memory' | 'cache api';
  /** Give it out, and ask for it anew: only one session hears this. Call `refreshEnded` when that is over. */
  needsRefresh: boolean;
}

interface Asked {
  key: string;
  floor: number;
  lifetime: Lifetime;
}

export class EdgeCache {
  readonly #options: EdgeCacheOptions;
  /** When the read that is being forwarded was given up here. */
  #forwardedAtMs: number | undefined;
  /** Takes the large reply that passes, or the last one that did. */
  #large: LargeBodyWriter | undefined;

  constructor(options: EdgeCacheOptions) {
    this.#options = options;
  }

  /**
   * In memory: at once. Where the Cache API is worth asking: a promise, which never rejects. Undefined: it must be
   * forwarded.
   */
  lookup(read: CacheableRead, { floor }: { floor: number }): Found | Promise<Found | undefined> | undefined {
    this.#forwardedAtMs = this.#options.nowMs();
    const lifetime = this.#lifetimeOf(read);
    if (lifetime === undefined) return undefined;
    const { memory, cacheApi, namespace, nowMs, pace } = this.#options;
    const key = tierKey(namespace, read);
    const asked = { key, floor, lifetime };
    const entry = memory.replies.get(key);
    if (entry !== undefined) {
      if (this.#mayServe(entry, asked)) {
        pace.reused();
        return this.#found(entry, { body: entry.body, tier: 'memory' }, asked);
      }
      const isKnownStale = !this.#options.knowledge.isFresh(entry.reads, entry.asOf);
      if (isKnownStale) memory.replies.delete(key);
      // Only the floor forbids it: what the Cache API has is the same, and knows no more.
      else if (this.#ageOf(entry, lifetime) !== 'expired') return undefined;
    }
    if (cacheApi.isOff || memory.refusals.has(namespace, read, { nowMs: nowMs() })) return undefined;
    return memory.large.has(key) || pace.isWorthAsking() ? this.#lookUpCacheApi(asked) : undefined;
  }

  /**
   * A reply begins to pass. Undefined: it is not to be stored. `complete` stores it in
   * memory at once and in the Cache API later, unless a write has made it stale meanwhile. `askedAtMs`: of a reply that
   * was not looked up here before.
   */
  record(
    read: CacheableRead,
    facts: ReplyFacts,
    askedAtMs: number = this.#noteAnswer(),
  ): Recording | undefined {
    const lifetime = this.#lifetimeOf(read);
    if (lifetime === undefined || (facts.status !== 'miss' && facts.status !== 'hit')) return undefined;
    if (ageOf(facts.ageMs, lifetime) === 'expired') return undefined;
    const { memory, cacheApi, namespace, nowMs, pace } = this.#options;
    if (memory.refusals.isTooLarge(namespace, read, { nowMs: nowMs() })) return undefined;
    const key = tierKey(namespace, read);
    // A reply is at least as old as the question.
    const storedAtMs = askedAtMs - facts.ageMs;
    const keepSeconds = (lifetime.ttlMs + lifetime.swrMs - facts.ageMs) / 1000;
    const factsOf = (seenUpTo: number): EntryFacts | undefined =>
      this.#provenFacts({ read, facts, seenUpTo, storedAtMs });
    return new ReplyRecording({
      bytesMax: Math.min(memory.replies.entryBytesMax, REPLY_BYTES_MAX),
      totalBytesMax: REPLY_BYTES_MAX,
      openSink: () => {
        this.#large = cacheApi.begin(key, { keepSeconds, factsOf });
        if (this.#large) memory.large.set(key, true);
        return this.#large;
      },
      onComplete: (body, seenUpTo) => {
        const proven = factsOf(seenUpTo);
        if (proven === undefined) return;
        const entry = { ...proven, body };
        memory.replies.put(key, entry);
        if (pace.isWorthPutting()) cacheApi.put(key, entry, { keepSeconds });
      },
      onGivenUp: (why) => {
        if (why === 'oversize') this.refused(read, 'oversizedresult');
      },
    });
  }

  /** A reply passes that is larger than memory, faster than it can be stored: who waits for this does not lose it. */
  get behind(): Promise<void> | undefined {
    return this.#large?.behind;
  }

  /** The endpoint says that it cannot be cached: for a minute, the Cache API is not asked for it. */
  refused(read: CacheableRead, status: CacheStatus): void {
    const { memory, namespace, nowMs } = this.#options;
    memory.refusals.add(namespace, read, { status, nowMs: nowMs() });
  }

  /** What `needsRefresh` asked for is over, well or not. */
  refreshEnded(read: CacheableRead): void {
    this.#options.memory.refreshes.end(tierKey(this.#options.namespace, read));
  }

  /** Undefined: the edge's tiers are not for this read. */
  #lifetimeOf(read: CacheableRead): Lifetime | undefined {
    const { caching } = this.#options;
    return caching.consistency === 'strict' ? undefined : lifetimeOf(caching, read.control);
  }

  /** Returns when the endpoint was asked. */
  #noteAnswer(): number {
    const { nowMs, pace } = this.#options;
    const now = nowMs();
    const askedAtMs = this.#forwardedAtMs ?? now;
    if (this.#forwardedAtMs !== undefined) pace.answered(now - askedAtMs);
    this.#forwardedAtMs = undefined;
    return askedAtMs;
  }

  async #lookUpCacheApi(asked: Asked): Promise<Found | undefined> {
    const { cacheApi, memory, nowMs, pace } = this.#options;
    const askedAtMs = nowMs();
    const hit = await cacheApi.match(asked.key, (facts) => this.#mayServe(facts, asked));
    this.#forwardedAtMs = nowMs();
    pace.matched(this.#forwardedAtMs - askedAtMs, { isHit: hit !== undefined });
    if (hit === undefined) {
      memory.large.delete(asked.key);
      return undefined;
    }
    const { facts, body } = hit;
    // News may have come while the body did.
    if (!this.#mayServe(facts, asked)) return this.#cancelled(hit);
    if (body instanceof Uint8Array) memory.replies.put(asked.key, { ...facts, body });
    return this.#found(facts, { body, tier: 'cache api' }, asked);
  }

  async #cancelled({ body }: CacheApiHit): Promise<undefined> {
    // It is of no use, so neither is what went wrong with it.
    if (!(body instanceof Uint8Array)) await body.stream.cancel().catch(() => undefined);
  }

  #mayServe(entry: EntryFacts, { floor, lifetime }: Asked): boolean {
    const { knowledge, caching } = this.#options;
    if (this.#ageOf(entry, lifetime) === 'expired') return false;
    return knowledge.mayServe(entry, { floor, consistency: caching.consistency });
  }

  #found(entry: EntryFacts, where: Pick<Found, 'body' | 'tier'>, { key, lifetime }: Asked): Found {
    const { memory, nowMs } = this.#options;
    const isStale = this.#ageOf(entry, lifetime) === 'stale';
    return {
      ...where,
      seenUpTo: entry.seenUpTo,
      ageMs: this.#ageMsOf(entry),
      needsRefresh: isStale && memory.refreshes.begin(key, { nowMs: nowMs() }),
    };
  }

  /** Undefined: it is known to be stale. Else it surely shows what is settled by now. */
  #provenFacts(of: {
    read: CacheableRead;
    facts: ReplyFacts;
    seenUpTo: number;
    storedAtMs: number;
  }): EntryFacts | undefined {
    const { knowledge } = this.#options;
    const { asOf } = of.facts;
    const reads = [...new Set([...of.facts.reads, ...(of.read.control.tags ?? []).map(tagDependency)])];
    if (!knowledge.isFresh(reads, asOf)) return undefined;
    const seenUpTo = Math.max(of.seenUpTo, asOf);
    return { reads, asOf, seenUpTo, provenUpTo: knowledge.settledUpTo, storedAtMs: of.storedAtMs };
  }

  #ageOf(entry: EntryFacts, lifetime: Lifetime): Age {
    return ageOf(this.#ageMsOf(entry), lifetime);
  }

  #ageMsOf({ storedAtMs }: EntryFacts): number {
    return Math.max(0, this.#options.nowMs() - storedAtMs);
  }
}
