/**
 * The endpoint's tier: its memory, and joining identical reads that run at the same time. One for each endpoint,
 * beside its `Versions`. What is given out is fresh by the endpoint's own knowledge, which is exact.
 */
import type { Caching } from '../config/config.ts';
import type { CacheableRead, CachedReply, Dependency, Recording, ReplyFacts } from '../protocols/caching.ts';
import type { Entry } from './entry.ts';
import { type Flight, Flights, type Landing } from './flights.ts';
import { tierKey } from './key.ts';
import type { MemoryTier } from './memory-tier.ts';
import { ageOf, lifetimeOf } from './policy.ts';
import { tagDependency } from './raises.ts';
import { ReplyRecording } from './recording.ts';
import type { Versions } from './versions.ts';

export interface EndpointCacheOptions {
  versions: Versions;
  memory: MemoryTier;
  /** Milliseconds; Date.now. */
  nowMs: () => number;
}

export interface EndpointAsk {
  read: CacheableRead;
  /** Of the session that asks. */
  floor: number;
  /** By the verdict, which must be `miss`. */
  reads: readonly Dependency[];
  /** The config as it is now. */
  caching: Caching;
  /** Tells apart what one endpoint may answer differently, such as versions of its config. */
  namespace: string;
  /** After a landing `alone`: neither looks up nor joins. */
  isAlone?: boolean;
}

export type EndpointAnswer =
  | { step: 'answer'; reply: CachedReply; facts: ReplyFacts; seenUpTo: number }
  /** It runs already. Resolves to an `answer`, or `again` or `alone`: then ask again, so. Never rejects. */
  | { step: 'wait'; landed: Promise<Extract<EndpointAnswer, { step: 'answer' }> | 'again' | 'alone'> }
  /**
   * Send it to the origin, with `runRead`. `recording`, where there is one, must be completed or abandoned at last,
   * also if no connection is found: others wait for it.
   */
  | { step: 'run'; facts: ReplyFacts; recording: Recording | undefined };

export class EndpointCache {
  readonly #versions: Versions;
  readonly #memory: MemoryTier;
  readonly #nowMs: () => number;
  readonly #flights = new Flights();

  constructor({ versions, memory, nowMs }: EndpointCacheOptions) {
    this.#versions = versions;
    this.#memory = memory;
    this.#nowMs = nowMs;
  }

  /** What to do with a read whose verdict is `miss`. */
  ask(ask: EndpointAsk): EndpointAnswer {
    const lifetime = lifetimeOf(ask.caching, ask.read.control);
    const asOf = this.#versions.now();
    const reads = withTags(ask);
    if (lifetime === undefined)
      return { step: 'run', facts: factsOfRun({ status: 'disabled', reads, asOf }), recording: undefined };

    const facts = factsOfRun({ status: 'miss', reads, asOf });
    const key = tierKey(ask.namespace, ask.read);
    if (ask.isAlone)
      return { step: 'run', facts, recording: this.#recordingOf({ key, facts, flight: undefined }) };

    const entry = this.#memory.get(key);
    if (entry !== undefined && this.#isGood(entry, ask.floor)) {
      // What is past its time is not given out here: an edge that had it stale is asking for something newer.
      if (ageOf(this.#ageMsOf(entry), lifetime) === 'fresh') return this.#answerOf(entry);
    }

    const underWay = this.#flights.of(key);
    if (underWay !== undefined && this.#isGood(underWay, ask.floor))
      return { step: 'wait', landed: underWay.landing.then((landing) => this.#landed(landing)) };

    const flight = this.#flights.lead(key, { reads, asOf });
    return { step: 'run', facts, recording: this.#recordingOf({ key, facts, flight }) };
  }

  /** Forgets all replies. Not needed for purging, which is `Versions.raise`. */
  clear(): void {
    this.#memory.clear();
  }

  /** Shows all that the session may have seen, and every commit that had ended before now. */
  #isGood({ reads, asOf }: { reads: readonly Dependency[]; asOf: number }, floor: number): boolean {
    return this.#versions.isFresh(reads, asOf) && !this.#versions.isOpen(reads, floor);
  }

  #landed(landing: Landing): Extract<EndpointAnswer, { step: 'answer' }> | 'again' | 'alone' {
    return typeof landing === 'string' ? landing : this.#answerOf(landing);
  }

  #answerOf(entry: Entry): Extract<EndpointAnswer, { step: 'answer' }> {
    const { reads, asOf, seenUpTo } = entry;
    const facts: ReplyFacts = { status: 'hit', reads, asOf, ageMs: this.#ageMsOf(entry), tier: 'endpoint' };
    return { step: 'answer', reply: entry, facts, seenUpTo };
  }

  #recordingOf(of: { key: string; facts: ReplyFacts; flight: Flight | undefined }): Recording {
    const { key, facts, flight } = of;
    const { reads, asOf } = facts;
    // A reply is as old as its query, not as its end.
    const storedAtMs = this.#nowMs();
    const bytesMax = this.#memory.entryBytesMax;
    return new ReplyRecording({
      bytesMax,
      totalBytesMax: bytesMax,
      onComplete: (body, seenUpTo) => {
        const entry = { body, reads, asOf, seenUpTo, provenUpTo: 0, storedAtMs };
        // Waiters get it even so: they asked before what made it stale had ended.
        if (this.#versions.isFresh(reads, asOf)) this.#memory.put(key, entry);
        flight?.land(entry);
      },
      onGivenUp: (why) => flight?.land(why === 'abandoned' ? 'again' : 'alone'),
    });
  }

  #ageMsOf({ storedAtMs }: Entry): number {
    return Math.max(0, this.#nowMs() - storedAtMs);
  }
}

function withTags({ reads, read }: EndpointAsk): readonly Dependency[] {
  const tags = read.control.tags ?? [];
  return tags.length === 0 ? reads : [...reads, ...tags.map(tagDependency)];
}

function factsOfRun(of: Pick<ReplyFacts, 'status' | 'reads' | 'asOf'>): ReplyFacts {
  return { ...of, ageMs: 0, tier: 'origin' };
}
