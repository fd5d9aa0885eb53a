/** What one link has been told of writes, so that it is told each thing once. */
import type { WriteNews } from '../protocols/caching.ts';
import type { Versions } from './versions.ts';

export class NewsFeed {
  readonly #versions: Versions;
  #toldUpTo: number;
  #settledUpTo = -1;

  /**
   * `knownUpTo`: the `settledUpTo` of the edge's knowledge when the link was opened; 0 if it has none. An edge that
   * knows something is told less.
   */
  constructor(versions: Versions, { knownUpTo }: { knownUpTo: number }) {
    this.#versions = versions;
    this.#toldUpTo = knownUpTo;
  }

  /** What has not been told yet, for sending now, in order; undefined: nothing. */
  take(): WriteNews | undefined {
    const news = this.#versions.newsSince(this.#toldUpTo);
    if (news.raised.length === 0 && news.settledUpTo === this.#settledUpTo) return undefined;
    this.#toldUpTo = Math.max(this.#toldUpTo, this.#versions.now());
    this.#settledUpTo = news.settledUpTo;
    return news;
  }
}
