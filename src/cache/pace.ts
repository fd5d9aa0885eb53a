/**
 * Whether the Cache API is worth asking. It takes some milliseconds, and so may the endpoint: for an origin next
 * door, or for queries that are never asked twice, each question to the cache would be time lost. So what it takes,
 * how often it knows the answer, and what the endpoint takes are all learned from what happens.
 */

/** How much of an average is the newest sample. */
const WEIGHT = 0.1;
/** One in so many lookups, and puts, is made all the same: things change, and only samples show it. */
const SAMPLED_EACH = 32;
/** Of which share of the lookups any tier knows the answer changes slowly, and is small where little is asked twice. */
const REUSE_WEIGHT = 0.02;
/** Where fewer lookups find anything, a put is work for nobody: it costs a machine as much as several queries. */
const REUSE_MIN = 0.02;

export class Pace {
  /** Milliseconds; undefined until the first sample. */
  #matchMs: number | undefined;
  #endpointMs: number | undefined;
  /** Share of lookups that found something. It begins hopeful: another isolate may have been here. */
  #hitShare = 0.5;
  #reuseShare = 0.5;
  #skippedLookups = 0;
  #skippedPuts = 0;

  /** A lookup in the Cache API took so long. */
  matched(ms: number, { isHit }: { isHit: boolean }): void {
    this.#matchMs = averaged(this.#matchMs, ms, WEIGHT);
    this.#hitShare = averaged(this.#hitShare, isHit ? 1 : 0, WEIGHT);
    if (isHit) this.reused();
  }

  /** The endpoint took so long to begin its reply to a read that no tier here could answer. */
  answered(ms: number): void {
    this.#endpointMs = averaged(this.#endpointMs, ms, WEIGHT);
    this.#reuseShare = averaged(this.#reuseShare, 0, REUSE_WEIGHT);
  }

  /** A tier here knew the answer to a read. */
  reused(): void {
    this.#reuseShare = averaged(this.#reuseShare, 1, REUSE_WEIGHT);
  }

  /** Call once for each lookup that could be made. */
  isWorthAsking(): boolean {
    if (this.#matchMs === undefined || this.#endpointMs === undefined) return true;
    if (this.#hitShare * this.#endpointMs > this.#matchMs) return true;
    this.#skippedLookups = (this.#skippedLookups + 1) % SAMPLED_EACH;
    return this.#skippedLookups === 0;
  }

  /** Call once for each reply that could be put. One that nobody would look up need not be. */
  isWorthPutting(): boolean {
    if (this.#matchMs === undefined || this.#endpointMs === undefined) return true;
    if (this.#endpointMs <= this.#matchMs) return false;
    if (this.#reuseShare >= REUSE_MIN) return true;
    this.#skippedPuts = (this.#skippedPuts + 1) % SAMPLED_EACH;
    return this.#skippedPuts === 0;
  }
}

function averaged(average: number | undefined, sample: number, weight: number): number {
  return average === undefined ? sample : average + weight * (sample - average);
}
