/** Reads, replies and facts as tests of the cache need them. */
import type { Entry } from '../../src/cache/entry.ts';
import type { CacheableRead, ReplyFacts } from '../../src/protocols/caching.ts';

export function readOf(key: string, more: Partial<CacheableRead> = {}): CacheableRead {
  return { wants: 'rows', key, textLength: key.length, control: {}, ...more };
}

export function factsOf(more: Partial<ReplyFacts> = {}): ReplyFacts {
  return { status: 'miss', reads: ['r1'], asOf: 10, ageMs: 0, tier: 'origin', ...more };
}

export function entryOf(text: string, more: Partial<Entry> = {}): Entry {
  return {
    body: bytesOf(text),
    reads: ['r1'],
    asOf: 10,
    seenUpTo: 10,
    provenUpTo: 10,
    storedAtMs: 0,
    ...more,
  };
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function textOf(bytes: unknown): string {
  if (!(bytes instanceof Uint8Array)) throw new Error('No bytes.');
  return new TextDecoder().decode(bytes);
}

/** For 'waitUntil': what was put, tests can wait for. */
export class Kept {
  #work: Promise<void>[] = [];
  readonly keepAlive = (work: Promise<void>): void => {
    this.#work.push(work);
  };

  async all(): Promise<void> {
    while (this.#work.length > 0) await this.#work.shift();
  }
}
