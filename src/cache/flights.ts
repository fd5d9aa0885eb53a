/**
 * Identical reads that run at the same time run once: the first leads, others wait for what it brings. A leader
 * that fails fails nobody: its waiters are told to try again, whereupon the first of them leads anew.
 */
import type { Dependency } from '../protocols/caching.ts';
import type { Entry } from './entry.ts';

/** `again`: the leader failed, so look up, join or lead anew. `alone`: what it got cannot be shared, run it yourself. */
export type Landing = Entry | 'again' | 'alone';

const FLIGHTS_MAX = 10_000;

export interface Flight {
  readonly reads: readonly Dependency[];
  readonly asOf: number;
  /** Resolves for all waiters at once, and never rejects. */
  readonly landing: Promise<Landing>;
  /** The first call counts. It must come: until then the waiters wait. */
  land(landing: Landing): void;
}

export class Flights {
  readonly #flights = new Map<string, Flight>();
  readonly #flightsMax: number;

  constructor({ flightsMax = FLIGHTS_MAX } = {}) {
    this.#flightsMax = flightsMax;
  }

  /** The flight under way. Whether its reply will be fresh enough for the asker is for the caller to say. */
  of(key: string): Flight | undefined {
    return this.#flights.get(key);
  }

  /**
   * A new flight. One under way that was not good enough for the asker is replaced and lands for its own waiters.
   * Undefined: too many are under way; run without.
   */
  lead(key: string, { reads, asOf }: { reads: readonly Dependency[]; asOf: number }): Flight | undefined {
    if (this.#flights.size >= this.#flightsMax && !this.#flights.has(key)) return undefined;
    const { promise, resolve } = Promise.withResolvers<Landing>();
    const land = (landing: Landing): void => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
      resolve(landing);
    };
    const flight: Flight = { reads, asOf, landing: promise, land };
    this.#flights.set(key, flight);
    return flight;
  }

  get size(): number {
    return this.#flights.size;
  }
}
