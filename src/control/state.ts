/** What a config's endpoint is doing right now. */
import { Hono } from 'hono';
import type { ConfigStore } from '../config/store.ts';
import type { CacheStats, EndpointAddress } from '../endpoint/link.ts';
import { fail, NOT_FOUND, succeed } from './envelope.ts';
import { presentCachingInForce } from './present.ts';

/** What the endpoint tells of itself. */
export interface EndpointState {
  /** Drivers that it serves. */
  sessions: number;
  /** Undefined: no connection was needed yet. */
  pool: { size: number; idle: number; opening: number; waiting: number; opened: number } | undefined;
  /** Undefined: nothing is cached. */
  cache: CacheStats | undefined;
}

export interface StateRoutesOptions {
  store: ConfigStore;
  stateOf(address: EndpointAddress): Promise<EndpointState>;
}

/** Mounted at `/configs`. */
export function stateRoutes({ store, stateOf }: StateRoutesOptions): Hono {
  const routes = new Hono();
  routes.get('/:id/state', async (c) => {
    const id = c.req.param('id');
    const config = await store.get(id);
    if (config === undefined) return fail(c, NOT_FOUND);
    const { sessions, pool, cache } = await stateOf({ configId: id, place: config.placement.endpoint });
    return succeed(c, {
      sessions,
      pool: pool ?? null,
      caching: presentCachingInForce(config.caching),
      cache: cache ?? null,
    });
  });
  return routes;
}
