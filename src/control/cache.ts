/** What a config's cache shall forget, and what it would do with a query. */
import { type Context, Hono } from 'hono';
import type { StoredConfig } from '../config/config-row.ts';
import type { ConfigStore } from '../config/store.ts';
import type { EndpointAddress, PurgeRequest, PurgeResult, Unanswered, WhyAnswer } from '../endpoint/link.ts';
import { type Checked, readBody, refused } from './body.ts';
import { Code, type Failure, fail, failed, NOT_FOUND, succeed } from './envelope.ts';
import { presentWhy } from './present.ts';
import { purgeSchema, whySchema } from './schemas.ts';

export interface CacheRoutesOptions {
  store: ConfigStore;
  /** At one of a config's endpoints. */
  purge(address: EndpointAddress, request: PurgeRequest): Promise<PurgeResult | Unanswered>;
  why(
    address: EndpointAddress,
    question: { sql: string; settings: Record<string, string> },
  ): Promise<WhyAnswer | Unanswered>;
}

const DISABLED = failed(
  409,
  Code.cachingDisabled,
  'Caching is disabled in this config: nothing is cached. Send {"caching": {"disabled": false}} to enable it.',
);

/** Mounted at `/configs`. */
export function cacheRoutes(options: CacheRoutesOptions): Hono {
  const { store, why } = options;
  const routes = new Hono();

  routes.post('/:id/purge', async (c) => {
    const config = await cachingConfig(c, store);
    if (!config.ok) return fail(c, config.failure);
    const body = await readBody(c, purgeSchema, { mayHoldLists: true });
    const epoch = body.ok ? await purgeAll(options, config.value, body.value) : body;
    return epoch.ok ? succeed(c, { cache_epoch: epoch.value }) : fail(c, epoch.failure);
  });

  routes.post('/:id/why', async (c) => {
    const config = await cachingConfig(c, store);
    if (!config.ok) return fail(c, config.failure);
    const body = await readBody(c, whySchema);
    if (!body.ok) return fail(c, body.failure);
    const { query: sql, settings = {} } = body.value;
    const { id, placement } = config.value;
    const answer = await why({ configId: id, place: placement.endpoint }, { sql, settings });
    return 'unanswered' in answer ? fail(c, awayFailure(answer)) : succeed(c, presentWhy(answer));
  });

  return routes;
}

async function cachingConfig(c: Context, store: ConfigStore): Promise<Checked<StoredConfig>> {
  const config = await store.get(c.req.param('id') ?? '');
  if (config === undefined) return refused(NOT_FOUND);
  return config.caching.disabled ? refused(DISABLED) : { ok: true, value: config };
}

/** The new cache epoch. The endpoint that new drivers go to decides whether the relations exist: then all is purged. */
async function purgeAll(
  { store, purge }: CacheRoutesOptions,
  { id, placement }: StoredConfig,
  request: PurgeRequest,
): Promise<Checked<number>> {
  const purged = await purge({ configId: id, place: placement.endpoint }, request);
  if ('unanswered' in purged) return refused(awayFailure(purged));
  if (purged.unknownRelations.length > 0) return refused(unknownFailure(purged.unknownRelations));
  const [epoch] = await Promise.all([
    // Reaches the edges to which no link leads; those that have one hear it from the endpoint.
    store.raiseCacheEpoch(id),
    ...placement.before.map((place) => purgeLeft(purge, { configId: id, place }, request)),
  ]);
  return epoch === undefined ? refused(NOT_FOUND) : { ok: true, value: epoch };
}

/** An endpoint that new drivers have left may not know of a new relation, or have no origin to ask: it forgets all. */
async function purgeLeft(
  purge: CacheRoutesOptions['purge'],
  address: EndpointAddress,
  request: PurgeRequest,
): Promise<void> {
  const purged = await purge(address, request);
  const isUnsure = 'unanswered' in purged || purged.unknownRelations.length > 0;
  if (isUnsure) await purge(address, { everything: true });
}

function awayFailure({ unanswered }: Unanswered): Failure {
  const next = 'Try again once the origin answers; to purge everything, or tags, it is not needed.';
  return failed(503, Code.originAway, `${unanswered} ${next}`);
}

function unknownFailure(relations: string[]): Failure {
  const errors = relations.map((name) => ({
    code: Code.unknownRelation,
    message: `The origin has no relation "${name}", so nothing was purged. Name it with its schema.`,
  }));
  return { status: 400, errors };
}
