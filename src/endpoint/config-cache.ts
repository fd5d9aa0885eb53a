/**
 * What the cache knows at one endpoint: the origin's catalog, which writes have committed, and the replies that are
 * kept here. It lives as long as the endpoint's object does and follows its config, so that no write is missed by
 * whichever driver's session made it.
 */
import { EndpointCache } from '../cache/endpoint-cache.ts';
import { MemoryTier } from '../cache/memory-tier.ts';
import { NewsFeed } from '../cache/news-feed.ts';
import { lifetimeOf } from '../cache/policy.ts';
import { tagDependency } from '../cache/raises.ts';
import { Versions } from '../cache/versions.ts';
import type { Caching } from '../config/config.ts';
import type {
  CacheHooks,
  CacheStatus,
  Catalog,
  Dependency,
  PendingRead,
  Verdict,
  WriteEnd,
  WriteNews,
  Writes,
} from '../protocols/caching.ts';
import type { EndpointSide } from '../protocols/contract.ts';
import { CatalogKeeper } from './catalog-keeper.ts';
import type { CacheStats, PurgeRequest, PurgeResult, WhyAnswer } from './link.ts';
import type { ReadDecision } from './reads.ts';

/** So long news of writes are collected. */
const PUSH_MS = 50;
/** When a write whose end we did not hear is raised once more. */
const LOST_AGAIN_MS = [1_000, 5_000, 15_000];
/** Only definitions make a description wrong. */
const DESCRIPTION_READS: readonly Dependency[] = ['schema'];

/** Of all endpoints in this isolate. */
const memory = new MemoryTier();

export interface ConfigCacheOptions {
  /** Of the endpoint: in this isolate there may be others, and each has a clock of its own. */
  name: string;
  side: EndpointSide;
  /** First moment of the clock: above all that earlier lives of the endpoint have given out. */
  startAt: number;
  /** The rows that the origin answers to each statement of these texts. Throws where it does not. */
  ask: (texts: readonly string[]) => Promise<(string | null)[][][]>;
}

export class ConfigCache {
  readonly #name: string;
  readonly #side: EndpointSide;
  readonly #versions: Versions;
  readonly #cache: EndpointCache;
  readonly #keeper: CatalogKeeper;
  readonly #statuses = new Map<CacheStatus, number>();
  /** Under way, by ticket. */
  readonly #writes = new Map<number, { writes: Writes; changesSchema: boolean }>();
  #caching: Caching | undefined;
  #pusher: ReturnType<typeof setTimeout> | undefined;
  #namespace = '';
  /** Sessions whose writes are not seen, because they began while caching was disabled. */
  #unwatched = 0;

  constructor({ name, side, startAt, ask }: ConfigCacheOptions) {
    this.#versions = new Versions({ startAt });
    this.#cache = new EndpointCache({ versions: this.#versions, memory, nowMs: Date.now });
    this.#name = name;
    this.#side = side;
    this.#keeper = new CatalogKeeper({
      load: async (options) => {
        const { questions, asked } = side.catalog;
        const texts = asked === 'together' ? [questions.join(';\n')] : questions;
        return side.catalog.catalogOf(await ask(texts), options);
      },
      changed: () => this.#versions.raise('everything'),
    });
  }

  /** The config was loaded, perhaps anew. */
  follow(caching: Caching, version: number): void {
    this.#caching = caching;
    this.#namespace = `${this.#name}.${version}`;
    if (caching.disabled) this.#keeper.stop();
    else this.#keeper.start({ systemCatalogs: caching.systemCatalogs });
  }

  /** The config leads to another origin now. */
  originChanged(): void {
    this.#keeper.forget();
    this.#versions.raise('everything');
  }

  /** Drivers whose writes are unseen have come or gone. */
  countUnwatched(change: 1 | -1): void {
    this.#unwatched += change;
    // What they wrote is not known, so nothing older than their leaving counts.
    if (change === -1) this.#versions.raise('everything');
  }

  /** `edgeUpTo`: what the edge of this link knew when it opened it; undefined: it takes no part. */
  hooksFor(edgeUpTo: number | undefined): LinkHooks {
    return new LinkHooks(this, this.#versions, edgeUpTo);
  }

  /** Edges that wait for a reply hear with it; `tell` is for the others, a moment later, of many writes at once. */
  onNews(tell: () => void): void {
    this.#versions.onChange(() => {
      this.#pusher ??= setTimeout(() => {
        this.#pusher = undefined;
        tell();
      }, PUSH_MS);
    });
  }

  /** The catalog as it is; undefined while nothing can be judged by it. */
  get catalog(): Catalog | undefined {
    return this.#unwatched > 0 ? undefined : this.#keeper.catalog;
  }

  writeStarted(writes: Writes, options: { changesSchema: boolean }): number {
    const ticket = this.#versions.writeStarted(writes, options);
    this.#writes.set(ticket, { writes, ...options });
    return this.#keeper.watch(ticket, options);
  }

  writeEnded(ticket: number, options: WriteEnd): void {
    const write = this.#writes.get(ticket);
    this.#writes.delete(ticket);
    const isOutdated = this.#keeper.ended(ticket, options);
    this.#versions.writeEnded(ticket, options);
    // It was judged by definitions that changed while it ran: what it wrote is not known.
    if (isOutdated && options.isCommitted) this.#versions.raise('everything');
    // The origin may carry it out after it lost us; what is read until then shall not live long.
    if (options.isLost && write)
      for (const laterMs of LOST_AGAIN_MS) setTimeout(() => this.#raiseAgain(write), laterMs);
  }

  #raiseAgain({ writes, changesSchema }: { writes: Writes; changesSchema: boolean }): void {
    if (changesSchema) this.#keeper.forget();
    this.#versions.raise(writes);
  }

  // --- reads ------------------------------------------------------------------------------------------------

  /** What becomes of a read that an edge flagged. */
  decide(pending: PendingRead, { isAlone }: { isAlone: boolean } = { isAlone: false }): ReadDecision {
    const { read, floor, settings } = pending;
    const caching = this.#caching;
    const catalog = this.catalog;
    if (!caching || !catalog) return this.#uncached('unready');
    const verdict = catalog.judge(read.key.slice(0, read.textLength), settings);
    const reads = readsOf(verdict, read.wants);
    if (!reads) return this.#uncached(verdict.status);
    const answer = this.#cache.ask({ read, floor, reads, caching, namespace: this.#namespace, isAlone });
    if (answer.step !== 'wait') return answer;
    const landed = answer.landed.then((landing) =>
      typeof landing === 'string' ? this.decide(pending, { isAlone: landing === 'alone' }) : landing,
    );
    return { step: 'wait', landed };
  }

  #uncached(status: CacheStatus): ReadDecision {
    const facts = { status, reads: [], asOf: this.#versions.now(), ageMs: 0, tier: 'origin' } as const;
    return { step: 'run', facts, recording: undefined };
  }

  // --- for people -------------------------------------------------------------------------------------------

  count(status: CacheStatus, times = 1): void {
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + times);
  }

  get stats(): CacheStats {
    return { entries: memory.size, bytes: memory.bytes, statuses: Object.fromEntries(this.#statuses) };
  }

  /** Purges all that is named, or nothing where a relation is not known. */
  async purge({ everything, tags = [], relations = [] }: PurgeRequest): Promise<PurgeResult> {
    const catalog = relations.length > 0 ? await this.#keeper.ready() : undefined;
    const found = relations.map((name) => ({ name, dependency: catalog?.dependencyOf(name) }));
    const unknownRelations = found.flatMap(({ name, dependency }) => (dependency ? [] : [name]));
    if (unknownRelations.length > 0) return { unknownRelations };
    const dependencies = found.flatMap(({ dependency }) => dependency ?? []);
    this.#versions.raise(everything ? 'everything' : [...dependencies, ...tags.map(tagDependency)]);
    return { unknownRelations };
  }

  async why(sql: string, settings: Record<string, string>): Promise<WhyAnswer> {
    const catalog = await this.#keeper.ready();
    const { text, control } = this.#side.readTextOf(sql);
    const verdict = catalog.judge(text, settings);
    const names = (dependencies: readonly Dependency[]): string[] =>
      dependencies.map((one) => catalog.nameOf(one));
    const lifetime = this.#caching && lifetimeOf(this.#caching, control);
    const isOff = lifetime === undefined && verdict.status === 'miss';
    const { writes } = verdict;
    const reason = isOff ? 'A comment in the text, or the config, turns caching off.' : verdict.reason;
    return {
      status: isOff ? 'disabled' : verdict.status,
      ...(reason === undefined ? {} : { reason }),
      reads: names(verdict.reads),
      writes: writes === 'everything' ? writes : names(writes),
      key: { settings, text },
      ...(lifetime ? { ttlSeconds: lifetime.ttlMs / 1_000, swrSeconds: lifetime.swrMs / 1_000 } : {}),
      ...(control.tags ? { tags: control.tags } : {}),
    };
  }
}

/** Undefined: it cannot be cached. */
function readsOf(verdict: Verdict, wants: PendingRead['read']['wants']): readonly Dependency[] | undefined {
  if (wants === 'rows') return verdict.status === 'miss' ? verdict.reads : undefined;
  // Whether a text is one statement that can be described, the origin says.
  return verdict.status === 'parseerror' || verdict.status === 'oversizedquery'
    ? undefined
    : DESCRIPTION_READS;
}

/** The same cache as one link sees it: each link is told each thing once. */
export class LinkHooks implements CacheHooks {
  readonly #cache: ConfigCache;
  readonly #versions: Versions;
  readonly #feed: NewsFeed | undefined;

  constructor(cache: ConfigCache, versions: Versions, edgeUpTo: number | undefined) {
    this.#cache = cache;
    this.#versions = versions;
    this.#feed = edgeUpTo === undefined ? undefined : new NewsFeed(versions, { knownUpTo: edgeUpTo });
  }

  get isEdgeListening(): boolean {
    return this.#feed !== undefined;
  }

  get catalog(): Catalog | undefined {
    return this.#cache.catalog;
  }

  writeStarted(writes: Writes, options: { changesSchema: boolean }): number {
    return this.#cache.writeStarted(writes, options);
  }

  writeEnded(ticket: number, options: WriteEnd): void {
    this.#cache.writeEnded(ticket, options);
  }

  news(): WriteNews | undefined {
    return this.#feed?.take();
  }

  now(): number {
    return this.#versions.now();
  }

  count(status: CacheStatus): void {
    this.#cache.count(status);
  }

  decide(pending: PendingRead): ReadDecision {
    return this.#cache.decide(pending);
  }
}
