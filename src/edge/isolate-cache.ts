/** What all driver connections of this isolate share of the cache: replies, and what is known of writes. */
import { waitUntil } from 'cloudflare:workers';
import { CacheApiTier } from '../cache/cache-api-tier.ts';
import { EdgeMemory } from '../cache/edge-cache.ts';
import { Knowledge } from '../cache/knowledge.ts';
import { Pace } from '../cache/pace.ts';
import type { Login } from '../config/login.ts';

/** Whose replies: equal places have comparable ones. */
export type CachePlace = Pick<Login, 'configId' | 'version' | 'caching' | 'cacheEpoch' | 'endpoint'>;

const ENDPOINTS_MAX = 1_000;

export const edgeMemory = new EdgeMemory();
const endpoints = new Map<string, KnownEndpoint>();

/** What this isolate has learned of one endpoint. */
export interface KnownEndpoint {
  knowledge: Knowledge;
  pace: Pace;
}

/** The endpoint that keeps the clock of these replies. */
export function knownEndpoint({ configId, endpoint }: CachePlace): KnownEndpoint {
  const key = `${configId}.${endpoint.generation}`;
  const known = endpoints.get(key);
  if (known) return known;
  // Replies must not outlive what is known of them.
  if (endpoints.size >= ENDPOINTS_MAX) {
    endpoints.clear();
    edgeMemory.replies.clear();
  }
  const made = { knowledge: new Knowledge(), pace: new Pace() };
  endpoints.set(key, made);
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
