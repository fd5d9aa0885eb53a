/**
 * Replies in the memory of an isolate, bounded by bytes over all configs that it serves; the least recently used
 * go first. Bodies are handed out as they are kept: nobody may write into them.
 */
import { LRUCache } from 'lru-cache';
import type { Entry } from './entry.ts';

/** An isolate has 128 MB for everything. */
export const MEMORY_BYTES_MAX = 24 * 1024 * 1024;
export const MEMORY_ENTRY_BYTES_MAX = 2 * 1024 * 1024;

/** What the objects of an entry and of the list cost, about. */
const ENTRY_OVERHEAD_BYTES = 400;

export class MemoryTier {
  readonly #entries: LRUCache<string, Entry>;
  readonly entryBytesMax: number;

  constructor({ bytesMax = MEMORY_BYTES_MAX, entryBytesMax = MEMORY_ENTRY_BYTES_MAX } = {}) {
    this.#entries = new LRUCache({
      maxSize: bytesMax,
      maxEntrySize: entryBytesMax,
      sizeCalculation: bytesOf,
    });
    this.entryBytesMax = entryBytesMax;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** One that was read at a later moment stays. What is larger than an entry may be is not kept. */
  put(key: string, entry: Entry): void {
    const known = this.#entries.peek(key);
    if (known !== undefined && known.asOf > entry.asOf) return;
    this.#entries.set(key, entry);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  /** How many replies. */
  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#entries.calculatedSize;
  }
}

/** A body that is a view of a larger buffer keeps all of it in memory. Keys hold one byte in each character. */
function bytesOf({ body, reads }: Entry, key: string): number {
  let bytes = ENTRY_OVERHEAD_BYTES + key.length + body.buffer.byteLength;
  for (const dependency of reads) bytes += dependency.length + 16;
  return bytes;
}
