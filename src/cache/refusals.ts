/**
 * Reads that the endpoint has refused to cache, or whose replies were too large, so that nobody looks them up in vain. Only a short cut: to forget
 * one costs a lookup, to keep one that would be cacheable by now costs hits for a minute.
 */
import { LRUCache } from 'lru-cache';
import type { CacheableRead, CacheStatus } from '../protocols/caching.ts';

const BYTES_MAX = 2 * 1024 * 1024;
const FORGOTTEN_AFTER_MS = 60_000;
const OVERHEAD_BYTES = 100;

/** They say nothing of the next time. */
const PASSING: ReadonlySet<CacheStatus> = new Set(['hit', 'miss', 'transaction', 'unready']);

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
    if (PASSING.has(status)) return;
    const key = status === 'oversizedresult' ? wholeKey(namespace, read) : textKey(namespace, read);
    this.#refused.set(key, nowMs);
  }

  has(namespace: string, read: CacheableRead, options: { nowMs: number }): boolean {
    if (this.#refused.size === 0) return false;
    return this.#isRecent(textKey(namespace, read), options) || this.isTooLarge(namespace, read, options);
  }

  isTooLarge(namespace: string, read: CacheableRead, options: { nowMs: number }): boolean {
    return this.#refused.size > 0 && this.#isRecent(wholeKey(namespace, read), options);
  }

  #isRecent(key: string, { nowMs }: { nowMs: number }): boolean {
    const refusedAtMs = this.#refused.get(key);
    return refusedAtMs !== undefined && nowMs - refusedAtMs < FORGOTTEN_AFTER_MS;
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
