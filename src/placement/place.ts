/**
 * Finds the place that is nearest to a config's origin and moves its endpoint there: measure from all places at
 * once, choose, warm the new endpoint, then lead new drivers to it. Those that are being served stay where they
 * are until they leave.
 */
import type { StoredConfig } from '../config/config-row.ts';
import { openSecrets } from '../config/origin-secrets.ts';
import type { EndpointPlace, LocationHint, Region, Regions } from '../config/placement.ts';
import { ConfigSecrets } from '../config/secrets.ts';
import { ConfigStore } from '../config/store.ts';
import {
  candidateOf,
  type EndpointAddress,
  endpointOf,
  type OriginCandidate,
  within,
} from '../endpoint/link.ts';
import type { Env } from '../env.ts';
import { logFailure, PoolerError } from '../errors.ts';
import { withDeadline } from '../transport/deadline.ts';
import { chooseHint } from './choose.ts';
import { hintsWithin } from './hints.ts';
import { routesOf } from './routes.ts';
import { PlacementStore } from './store.ts';

const LIMITS = { attempts: 3, queries: 5, deadlineMs: 15_000 };
/** A place whose prober is silent is given up then. With WARM_MS it stays within the 30 s of `waitUntil`. */
const MEASURE_MS = 20_000;
const WARM_MS = 8_000;

/** False: there is no such config. */
export async function placeConfig(env: Env, id: string): Promise<boolean> {
  const sealed = await new ConfigStore(env.DB).sealedOriginOf(id);
  if (sealed === undefined) return false;
  const config = await obeyPin(env, sealed.config);
  const secrets = await openSecrets(new ConfigSecrets(env.CONFIG_KEY), sealed);
  const candidate = candidateOf(config, secrets);
  const regions = await measureAll(env, config, candidate);
  // One place only: there is nothing to tell and nothing to choose.
  if (Object.keys(regions).length === 0) return true;
  const { pinned, endpoint } = config.placement;
  const chosen = pinned.hint ?? chooseHint({ regions, current: endpoint.hint });
  const result = { measuredOn: new Date().toISOString(), chosen, regions };
  const isCurrent = await new PlacementStore(env.DB).saveResult(config, result);
  if (isCurrent && chosen !== endpoint.hint) await move(env, config, { ...endpoint, hint: chosen });
  return true;
}

/** What the owner wants is done first: it does not depend on any measurement. */
async function obeyPin(env: Env, config: StoredConfig): Promise<StoredConfig> {
  const { pinned, endpoint } = config.placement;
  const { jurisdiction } = pinned;
  const isElsewhere = jurisdiction !== endpoint.jurisdiction;
  if (!isElsewhere && (pinned.hint ?? endpoint.hint) === endpoint.hint) return config;
  return move(env, config, { ...endpoint, hint: pinned.hint, jurisdiction });
}

async function measureAll(env: Env, config: StoredConfig, candidate: OriginCandidate): Promise<Regions> {
  const { jurisdiction } = config.placement.endpoint;
  const routes = routesOf(env.PLACEMENT_ROUTES);
  const hints = hintsWithin(jurisdiction).filter((hint) => routes === undefined || routes[hint]);
  const probers = jurisdiction === undefined ? env.PROBER : within(env.PROBER, jurisdiction);
  const measure = async (hint: LocationHint): Promise<[LocationHint, Region]> => {
    const prober = probers.getByName(hint, { locationHint: hint });
    const probe = async (): Promise<Region> => prober.probe(candidate, LIMITS);
    const late = (): Error => new Error('no answer from this place');
    try {
      return [hint, await withDeadline(probe(), MEASURE_MS, late)];
    } catch (error) {
      logFailure(`the prober at ${hint} failed`, error);
      return [hint, { error: 'The prober did not answer.' }];
    }
  };
  return Object.fromEntries(await Promise.all(hints.map(measure)));
}

/** The new endpoint has an open connection before anybody is led to it. Throws where it cannot have one. */
async function move(
  env: Env,
  config: StoredConfig,
  place: Omit<EndpointPlace, 'generation'>,
): Promise<StoredConfig> {
  const { id: configId, placement } = config;
  const from = placement.endpoint;
  const to = { ...place, generation: from.generation + 1 };
  try {
    const warmed = endpointOf(env.ENDPOINT, { configId, place: to }).facts(config.version);
    await withDeadline(warmed, WARM_MS, () => new Error('late'));
  } catch (cause) {
    throw notMoved(to, cause);
  }
  const isMoved = await new PlacementStore(env.DB).move({ config, to });
  await leave(env, { configId, place: isMoved ? from : to });
  if (!isMoved) return config;
  return { ...config, placement: { ...placement, endpoint: to, before: [from, ...placement.before] } };
}

/** Swallows errors: the move is done, and what was left closes its connections when they have been idle. */
async function leave(env: Env, address: EndpointAddress): Promise<void> {
  try {
    await endpointOf(env.ENDPOINT, address).reload();
  } catch (error) {
    logFailure(`the endpoint that config ${address.configId} has left was not told`, error);
  }
}

function notMoved({ hint }: EndpointPlace, cause: unknown): PoolerError {
  return new PoolerError(
    `An endpoint at ${hint ?? 'the new place'} has no connection to the origin within ${WARM_MS} ms.`,
    {
      fault: 'origin',
      sqlState: '08006',
      apiCode: 2010,
      hint: 'The endpoint stays where it is.',
      cause,
    },
  );
}
