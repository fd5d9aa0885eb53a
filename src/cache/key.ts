/** The key of a read in the tiers. */
import type { CacheableRead } from '../protocols/caching.ts';

/**
 * `namespace`: which config, in which state, and whose clock. Tags are part of the key: a purge by tag must reach
 * the reply of everybody who asked with that tag, and of nobody else.
 */
export function tierKey(namespace: string, read: CacheableRead): string {
  const tags = read.control.tags;
  const tagged = tags === undefined || tags.length === 0 ? '' : [...tags].sort().join(',');
  return `${namespace}\0${read.wants}\0${tagged}\0${read.key}`;
}
