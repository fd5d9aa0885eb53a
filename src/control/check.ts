/** Can the endpoint log in to a config's origin right now? Asked by `warmpool doctor`; nothing is changed. */
import { Hono } from 'hono';
import { openSecrets } from '../config/origin-secrets.ts';
import type { ConfigSecrets } from '../config/secrets.ts';
import type { ConfigStore } from '../config/store.ts';
import { candidateOf } from '../endpoint/link.ts';
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
    const { config } = sealed;
    const result = await validateOrigin({
      id,
      place: config.placement.endpoint,
      candidate: candidateOf(config, await openSecrets(secrets, sealed)),
    });
    const { code, message } = result.ok ? { code: null, message: null } : result;
    return succeed(c, { reachable: result.ok, code, message });
  });
  return routes;
}
