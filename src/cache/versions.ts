/**
 * The endpoint's authority on what is fresh: a clock that only grows, the writes under way and the last raise of
 * each dependency.
 *
 * - A write takes a ticket (a new moment of the clock) before anything that may commit it is sent to the origin.
 *   Whoever reads may see it from then on: the origin commits before it tells us.
 * - When the origin's word of the commit arrives, before the driver hears it, each written dependency is raised to
 *   a new moment. Nothing is raised where it is certain that the write was rolled back.
 * - A reply has `asOf`, the clock before its query was sent. It is fresh while nothing that it reads was raised
 *   after `asOf`: what was read before a commit is stale from that commit on, whenever it is stored.
 * - A reply has `seenUpTo`, the clock when it was complete: it may show any write whose ticket is no later. This
 *   becomes the floor of the session that gets it. Another reply fits that session if each write up to the floor
 *   has ended (then freshness tells whether the reply shows it), or does not touch what the reply reads.
 *
 * Synchronous, no I/O. In a Durable Object: one for each life of the object.
 */
import type { Dependency, WriteNews, Writes } from '../protocols/caching.ts';
import { ALL_TAGS, EVERYTHING, isTag, Raises, SCHEMA } from './raises.ts';

const DEPENDENCIES_MAX = 10_000;

interface OpenWrite {
  writes: ReadonlySet<Dependency> | 'everything';
  changesSchema: boolean;
}

export interface VersionsOptions {
  /** Above every moment that any earlier life has given out. All that is older counts as stale. */
  startAt: number;
  /** How many dependencies are told apart. */
  dependenciesMax?: number;
}

export class Versions {
  #clock: number;
  readonly #raises: Raises;
  /** By ticket; in ascending order, because tickets are given out so. */
  readonly #open = new Map<number, OpenWrite>();
  readonly #listeners = new Set<() => void>();
  #lastNews: { upTo: number; clock: number; raised: WriteNews['raised'] } | undefined;

  constructor({ startAt, dependenciesMax = DEPENDENCIES_MAX }: VersionsOptions) {
    this.#clock = startAt;
    this.#raises = new Raises({ startAt, dependenciesMax });
  }

  now(): number {
    return this.#clock;
  }

  /** Call before anything that may commit these writes is sent. Returns the ticket for `writeEnded`. */
  writeStarted(writes: Writes, { changesSchema }: { changesSchema: boolean }): number {
    this.#clock += 1;
    this.#open.set(this.#clock, {
      writes: writes === EVERYTHING ? EVERYTHING : new Set(writes),
      changesSchema,
    });
    return this.#clock;
  }

  /**
   * Call before the driver hears of the end. `isCommitted` unless it is certain that it was rolled back. Unknown
   * tickets are ignored: a connection that breaks may end what has ended.
   */
  writeEnded(ticket: number, { isCommitted }: { isCommitted: boolean }): void {
    const write = this.#open.get(ticket);
    if (write === undefined) return;
    this.#open.delete(ticket);
    if (isCommitted) this.#raise(raisedBy(write));
    this.#changed();
  }

  /** A purge. `everything`: definitions and tags too. */
  raise(dependencies: readonly Dependency[] | 'everything'): void {
    this.#raise(dependencies === EVERYTHING ? [EVERYTHING, SCHEMA, ALL_TAGS] : dependencies);
    this.#changed();
  }

  /** Nothing that the reply reads was raised after its `asOf`. */
  isFresh(reads: readonly Dependency[], asOf: number): boolean {
    return this.#raises.isFresh(reads, asOf);
  }

  /** A write that a session with this floor may have seen has not ended, and may change what is read. */
  isOpen(reads: readonly Dependency[], floor: number): boolean {
    for (const [ticket, write] of this.#open) {
      if (ticket > floor) return false;
      if (reads.some((dependency) => mayChange(write, dependency))) return true;
    }
    return false;
  }

  /** All tickets up to it have ended. */
  get settledUpTo(): number {
    for (const ticket of this.#open.keys()) return ticket - 1;
    return this.#clock;
  }

  /**
   * What was raised after `upTo`, for somebody who knows all that was raised up to then. All of it fits into
   * memory's bound: where more was raised, `everything` and `tag:` (all tags) stand for it. 0: knows nothing.
   */
  newsSince(upTo: number): WriteNews {
    return { raised: this.#raisedSince(upTo), settledUpTo: this.settledUpTo };
  }

  /** `listener` is called after each change of news, and must not throw. Returns what takes it off again. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Most links have heard the same: asked again, the same list is given. */
  #raisedSince(upTo: number): WriteNews['raised'] {
    const last = this.#lastNews;
    if (last?.upTo === upTo && last.clock === this.#clock) return last.raised;
    const raised = this.#raises.since(upTo);
    this.#lastNews = { upTo, clock: this.#clock, raised };
    return raised;
  }

  #raise(dependencies: readonly Dependency[]): void {
    if (dependencies.length === 0) return;
    this.#clock += 1;
    for (const dependency of dependencies) this.#raises.raise(dependency, this.#clock);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

function raisedBy({ writes, changesSchema }: OpenWrite): Dependency[] {
  const written = writes === EVERYTHING ? [EVERYTHING] : [...writes];
  return changesSchema ? [...written, SCHEMA] : written;
}

function mayChange({ writes, changesSchema }: OpenWrite, dependency: Dependency): boolean {
  if (dependency === SCHEMA) return changesSchema;
  if (writes === EVERYTHING) return !isTag(dependency);
  return writes.has(dependency);
}
