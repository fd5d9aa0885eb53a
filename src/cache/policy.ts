/** How long a reply is good for: what the config says, unless the query says otherwise. Pure. */
import type { Caching } from '../config/config.ts';
import type { CacheControl } from '../protocols/caching.ts';

/** Hyperdrive's bound on `max_age`, and ours on what a query may ask for. */
const SECONDS_MAX = 3600;

export interface Lifetime {
  /** So long it is given out. */
  ttlMs: number;
  /** So long after that it is given out too, and made anew meanwhile. */
  swrMs: number;
}

export type Age = 'fresh' | 'stale' | 'expired';

/** Undefined: the reply is neither looked up nor stored. */
export function lifetimeOf(caching: Caching, control: CacheControl): Lifetime | undefined {
  if (caching.disabled || control.isOff) return undefined;
  const ttlMs = boundedMs(control.ttlSeconds ?? caching.maxAgeSeconds);
  const swrMs = boundedMs(control.swrSeconds ?? caching.staleWhileRevalidateSeconds);
  return ttlMs === 0 ? undefined : { ttlMs, swrMs };
}

/** A clock that was set back, or another machine's, may make an age negative: then it is new. */
export function ageOf(ageMs: number, { ttlMs, swrMs }: Lifetime): Age {
  if (ageMs < ttlMs) return 'fresh';
  return ageMs < ttlMs + swrMs ? 'stale' : 'expired';
}

function boundedMs(seconds: number): number {
  return Math.min(Math.max(seconds, 0), SECONDS_MAX) * 1000;
}
