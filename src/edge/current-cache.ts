/**
 * The cache of one driver's session, as its config is now. A purge or a change of the config must also reach a
 * driver that is only answered from caches and so has no link on which to hear of it.
 */
import { EdgeCache, type Found } from '../cache/edge-cache.ts';
import type { CacheableRead, CacheStatus, Recording, ReplyFacts } from '../protocols/caching.ts';
import { withDeadline } from '../transport/deadline.ts';
import {
  type CachePlace,
  cacheApiTier,
  edgeMemory,
  type KnownEndpoint,
  namespaceOf,
} from './isolate-cache.ts';

/** As long as an edge may let a revoked token pass. */
const CHECKED_EACH_MS = 5_000;
/** The endpoint can answer as well. */
const CHECK_WAIT_MS = 500;
/**
 * Each may be a subrequest of the driver's invocation, which has 1,000 of them on Cloudflare; 500 are the Cache API's
 * and 50 for refreshes. A driver that has used up its checks is answered by the endpoint.
 */
const CHECKS_MAX = 400;

export class CurrentCache {
  readonly #place: CachePlace;
  readonly #lookUp: () => Promise<CachePlace | undefined>;
  readonly #endpoint: KnownEndpoint;
  readonly #cacheApi = cacheApiTier();
  #cacheEpoch: number;
  /** Undefined: the config has changed, and the endpoint alone knows what is right. */
  #cache: EdgeCache | undefined;
  #checkedAtMs = Date.now();
  #checksLeft = CHECKS_MAX;

  /** `lookUp`: the config as it is stored now. */
  constructor(options: {
    place: CachePlace;
    endpoint: KnownEndpoint;
    lookUp: () => Promise<CachePlace | undefined>;
  }) {
    this.#place = options.place;
    this.#endpoint = options.endpoint;
    this.#lookUp = options.lookUp;
    this.#cacheEpoch = options.place.cacheEpoch;
    this.#cache = this.#open(options.place);
  }

  /** See EdgeCache. A promise never rejects. */
  lookup(read: CacheableRead, asker: { floor: number }): Found | Promise<Found | undefined> | undefined {
    if (Date.now() - this.#checkedAtMs < CHECKED_EACH_MS) return this.#cache?.lookup(read, asker);
    return this.#checkAndLookUp(read, asker);
  }

  record(read: CacheableRead, facts: ReplyFacts, askedAtMs?: number): Recording | undefined {
    return this.#cache?.record(read, facts, askedAtMs);
  }

  get behind(): Promise<void> | undefined {
    return this.#cache?.behind;
  }

  refused(read: CacheableRead, status: CacheStatus): void {
    this.#cache?.refused(read, status);
  }

  refreshEnded(read: CacheableRead): void {
    this.#cache?.refreshEnded(read);
  }

  async #checkAndLookUp(read: CacheableRead, asker: { floor: number }): Promise<Found | undefined> {
    this.#checkedAtMs = Date.now();
    const now = await this.#placeNow();
    const { version, endpoint } = this.#place;
    const isSame = now?.version === version && now.endpoint.generation === endpoint.generation;
    if (!now || !isSame) this.#cache = undefined;
    else if (!this.#cache || now.cacheEpoch !== this.#cacheEpoch) {
      this.#cacheEpoch = now.cacheEpoch;
      this.#cache = this.#open(now);
    }
    return this.#cache?.lookup(read, asker);
  }

  /** Swallows errors: who cannot ask, or not any more, is answered by the endpoint. */
  async #placeNow(): Promise<CachePlace | undefined> {
    if (this.#checksLeft <= 0) return undefined;
    this.#checksLeft -= 1;
    try {
      return await withDeadline(
        this.#lookUp(),
        CHECK_WAIT_MS,
        () => new Error('The config is not to be had.'),
      );
    } catch {
      return undefined;
    }
  }

  #open(place: CachePlace): EdgeCache {
    return new EdgeCache({
      memory: edgeMemory,
      cacheApi: this.#cacheApi,
      ...this.#endpoint,
      caching: place.caching,
      namespace: namespaceOf(place),
      nowMs: Date.now,
    });
  }
}
