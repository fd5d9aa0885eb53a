/** Measures now from where a config's endpoint is best, and moves it there. */
import { Hono } from 'hono';
import type { ConfigStore } from '../config/store.ts';
import { fail, NOT_FOUND, succeed } from './envelope.ts';
import { presentConfig } from './present.ts';

export interface PlaceRoutesOptions {
  store: ConfigStore;
  /** False: there is no such config. */
  place(id: string): Promise<boolean>;
}

/** Mounted at `/configs`. */
export function placeRoutes({ store, place }: PlaceRoutesOptions): Hono {
  const routes = new Hono();
  routes.post('/:id/place', async (c) => {
    const id = c.req.param('id');
    const config = (await place(id)) ? await store.get(id) : undefined;
    return config === undefined ? fail(c, NOT_FOUND) : succeed(c, presentConfig(config));
  });
  return routes;
}
