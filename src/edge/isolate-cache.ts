/** What all driver connections of this isolate share of the cache: replies, and what is known of writes. */
import { waitUntil } from 'cloudflare:workers';
import { CacheApiTier } from '../cache/cache-api-tier.ts';
import { EdgeMemory } from '../cache/edge-cache.ts';
import { Knowledge } from '../cache/knowledge.ts';
import type { Login } from '../config/store.ts';

/** Whose replies: equal places have comparable ones. */
export type CachePlace = Pick<Login, 'configId' | 'version' | 'caching' | 'cacheEpoch' | 'endpoint'>;

const ENDPOINTS_MAX = 1_000;

export const edgeMemory = new EdgeMemory();
const knowledge = new Map<string, Knowledge>();

/** Of the endpoint that keeps the clock. */
export function knowledgeOf({ configId, endpoint }: CachePlace): Knowledge {
  const key = `${configId}.${endpoint.generation}`;
  const known = knowledge.get(key);
  if (known) return known;
  // Replies must not outlive what is known of them.
  if (knowledge.size >= ENDPOINTS_MAX) {
    knowledge.clear();
    edgeMemory.replies.clear();
  }
  const made = new Knowledge();
  knowledge.set(key, made);
  return made;
}

export function namespaceOf({ configId, version, endpoint, cacheEpoch }: CachePlace): string {
  return `${configId}.${version}.${endpoint.generation}.${cacheEpoch}`;
}

/** One for each driver connection. */
export function cacheApiTier(): CacheApiTier {
  return new CacheApiTier({ cache: defaultCache(), keepAlive: waitUntil });
}

/** A runtime may have no Cache API, or refuse it here: then there is none. */
function defaultCache(): Cache | undefined {
  try {
    return caches.default;
  } catch {
    return undefined;
  }
}
