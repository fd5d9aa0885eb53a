/**
 * What an edge isolate has heard of the writes of one endpoint (one config, one generation), over all its links.
 * The news of each link are complete by themselves and come in order; those of several links may come in any.
 */
import type { Consistency } from '../config/config.ts';
import type { Dependency, WriteNews } from '../protocols/caching.ts';
import { Raises } from './raises.ts';

const DEPENDENCIES_MAX = 10_000;

/** What must be known of a stored reply to say to whom it may be given. */
export interface Provenance {
  reads: readonly Dependency[];
  asOf: number;
  /** It shows all writes to what it reads whose tickets are no later: they had ended when it was found fresh. */
  provenUpTo: number;
}

export class Knowledge {
  readonly #raises: Raises;
  #settledUpTo = 0;

  constructor({ dependenciesMax = DEPENDENCIES_MAX }: { dependenciesMax?: number } = {}) {
    this.#raises = new Raises({ startAt: 0, dependenciesMax });
  }

  heard(news: WriteNews): void {
    for (const [dependency, at] of news.raised) this.#raises.raise(dependency, at);
    this.#settledUpTo = Math.max(this.#settledUpTo, news.settledUpTo);
  }

  /** All writes with tickets up to it have ended, and what they raised is known here. */
  get settledUpTo(): number {
    return this.#settledUpTo;
  }

  /** Not known to be stale. */
  isFresh(reads: readonly Dependency[], asOf: number): boolean {
    return this.#raises.isFresh(reads, asOf);
  }

  /**
   * Whether a stored reply may be given to a session with this floor. `eventual`: unless it is known to be stale.
   * `session`: only if it surely shows all that the session may have seen. `strict`: the edge cannot know.
   */
  mayServe(entry: Provenance, asker: { floor: number; consistency: Consistency }): boolean {
    if (asker.consistency === 'strict' || !this.isFresh(entry.reads, entry.asOf)) return false;
    return asker.consistency === 'eventual' || Math.max(this.#settledUpTo, entry.provenUpTo) >= asker.floor;
  }
}
