/**
 * Reads that the endpoint has refused to cache, so that nobody looks them up in vain. Only a short cut: to forget
 * one costs a lookup, to keep one that would be cacheable by now costs hits for a minute.
 */
import { LRUCache } from 'lru-cache';
import type { CacheableRead, CacheStatus } from '../protocols/caching.ts';

const BYTES_MAX = 2 * 1024 * 1024;
const FORGOTTEN_AFTER_MS = 60_000;
const OVERHEAD_BYTES = 100;

export class Refusals {
  /** When each was refused. */
  readonly #refused = new LRUCache<string, number>({
    maxSize: BYTES_MAX,
    sizeCalculation: (_, key) => key.length + OVERHEAD_BYTES,
  });

  add(
    namespace: string,
    read: CacheableRead,
    { status, nowMs }: { status: CacheStatus; nowMs: number },
  ): void {
    if (status === 'hit' || status === 'miss' || status === 'transaction') return;
    const key = status === 'oversizedresult' ? wholeKey(namespace, read) : textKey(namespace, read);
    this.#refused.set(key, nowMs);
  }

  has(namespace: string, read: CacheableRead, { nowMs }: { nowMs: number }): boolean {
    if (this.#refused.size === 0) return false;
    const isRecent = (refusedAtMs: number | undefined): boolean =>
      refusedAtMs !== undefined && nowMs - refusedAtMs < FORGOTTEN_AFTER_MS;
    return (
      isRecent(this.#refused.get(textKey(namespace, read))) ||
      isRecent(this.#refused.get(wholeKey(namespace, read)))
    );
  }

  get bytes(): number {
    return this.#refused.calculatedSize;
  }
}

/** A verdict is on the text: whatever the parameters are, it is the same. */
function textKey(namespace: string, { wants, key, textLength }: CacheableRead): string {
  return `text\0${namespace}\0${wants}\0${key.slice(0, textLength)}`;
}

/** How large a result is depends on the parameters too. */
function wholeKey(namespace: string, { wants, key }: CacheableRead): string {
  return `whole\0${namespace}\0${wants}\0${key}`;
}
