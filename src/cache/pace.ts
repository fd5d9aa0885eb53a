/**
 * Whether the Cache API is worth asking. It takes some milliseconds, and so may the endpoint: for an origin next
 * door, or for queries that are never asked twice, each question to the cache would be time lost. So what it takes,
 * how often it knows the answer, and what the endpoint takes are all learned from what happens.
 */

/** How much of an average is the newest sample. */
const WEIGHT = 0.1;
/** One in so many lookups is made all the same: things change, and only samples show it. */
const SAMPLED_EACH = 32;

export class Pace {
  /** Milliseconds; undefined until the first sample. */
  #matchMs: number | undefined;
  #endpointMs: number | undefined;
  /** Share of lookups that found something. It begins hopeful: another isolate may have been here. */
  #hitShare = 0.5;
  #skipped = 0;

  /** A lookup took so long. */
  matched(ms: number, { isHit }: { isHit: boolean }): void {
    this.#matchMs = averaged(this.#matchMs, ms);
    this.#hitShare = averaged(this.#hitShare, isHit ? 1 : 0);
  }

  /** The endpoint took so long to begin its reply to a read. */
  answered(ms: number): void {
    this.#endpointMs = averaged(this.#endpointMs, ms);
  }

  /** Call once for each lookup that could be made. */
  isWorthAsking(): boolean {
    if (this.#matchMs === undefined || this.#endpointMs === undefined) return true;
    if (this.#hitShare * this.#endpointMs > this.#matchMs) return true;
    this.#skipped = (this.#skipped + 1) % SAMPLED_EACH;
    return this.#skipped === 0;
  }

  /** A reply that nobody would look up need not be put. */
  get isWorthPutting(): boolean {
    if (this.#matchMs === undefined || this.#endpointMs === undefined) return true;
    return this.#endpointMs > this.#matchMs;
  }
}

function averaged(average: number | undefined, sample: number): number {
  return average === undefined ? sample : average + WEIGHT * (sample - average);
}
