/** Can the endpoint log in to a config's origin right now? Asked by `warmpool doctor`; nothing is changed. */
import { Hono } from 'hono';
import type { ConfigSecrets } from '../config/secrets.ts';
import type { ConfigStore } from '../config/store.ts';
import type { ConfigRoutesOptions } from './configs.ts';
import { fail, NOT_FOUND, succeed } from './envelope.ts';

export interface CheckRoutesOptions extends Pick<ConfigRoutesOptions, 'validateOrigin'> {
  store: ConfigStore;
  secrets: ConfigSecrets;
}

/** Mounted at `/configs`. */
export function checkRoutes({ store, secrets, validateOrigin }: CheckRoutesOptions): Hono {
  const routes = new Hono();
  routes.get('/:id/check', async (c) => {
    const id = c.req.param('id');
    const sealed = await store.sealedOriginOf(id);
    if (sealed === undefined) return fail(c, NOT_FOUND);
    const { config, passwordSealed } = sealed;
    const { origin, sslmode, pool, placement } = config;
    const password = await secrets.open({ configId: id, field: 'password' }, passwordSealed);
    const result = await validateOrigin({
      id,
      place: placement.endpoint,
      origin: { ...origin, password },
      sslmode,
      pool,
    });
    const { code, message } = result.ok ? { code: null, message: null } : result;
    return succeed(c, { reachable: result.ok, code, message });
  });
  return routes;
}
