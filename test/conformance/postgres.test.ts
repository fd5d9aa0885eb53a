/** Inside workerd: each case must see through Warmpool what it sees straight at PostgreSQL, with and without a cache. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeTemporaryFolder, type TemporaryFolder } from '../../src/cli/leftovers.ts';
import { findFreePort } from '../../src/cli/ports.ts';
import { readConfig, startWranglerDev, type WranglerDev } from '../../src/cli/wrangler-dev.ts';
import { CACHING, cacheStatuses, untilCacheable } from '../fakes/caching.ts';
import { type Harness, startHarness, type Target, VERSIONS } from '../fakes/harness.ts';
import { cases } from './cases/all.ts';

const BINDING_VARIABLE = 'CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_';

/** The cache does not differ between versions of PostgreSQL; one is enough. */
const CACHED_VERSION = '18';
const HITS_MIN = 100;

let harness: Harness;
let folder: TemporaryFolder;
let cached: Target;
let worker: WranglerDev;

beforeAll(async () => {
  harness = await startHarness({ versions: VERSIONS });
  folder = await makeTemporaryFolder('warmpool-conformance');
  worker = await startWorker();
});

afterAll(async () => {
  await worker.stop();
  await folder.remove();
  await harness.stop();
});

describe.each(VERSIONS)('PostgreSQL %s', (version) => {
  test.each(Object.keys(cases))('%s', async (name) => {
    const direct = await run(name, `DIRECT_${version}`);
    const pooled = await run(name, `POOLED_${version}`);
    expect(direct).toEqual({ saw: expect.anything() });
    expect(pooled).toEqual(direct);
    if (version !== CACHED_VERSION) return;
    expect(await run(name, `CACHED_${version}`)).toEqual(direct);
    // What the first run left in the cache is there for the second.
    expect(await run(name, `CACHED_${version}`)).toEqual(direct);
  });
});

test('the cache was asked and did answer', async () => {
  const statuses = await cacheStatuses(harness, cached);
  expect(statuses['hit']).toBeGreaterThan(HITS_MIN);
  expect(statuses['miss']).toBeGreaterThan(0);
});

/** Direct, pooled and cached get databases of their own, so that cases do not meet. */
async function startWorker(): Promise<WranglerDev> {
  const env: Record<string, string> = {};
  for (const version of VERSIONS) {
    env[`${BINDING_VARIABLE}DIRECT_${version}`] = (await harness.createTarget({ version })).direct;
    env[`${BINDING_VARIABLE}POOLED_${version}`] = (await harness.createTarget({ version })).pooled;
  }
  cached = await harness.createTarget({ version: CACHED_VERSION, config: CACHING });
  await untilCacheable(cached);
  env[`${BINDING_VARIABLE}CACHED_${CACHED_VERSION}`] = cached.pooled;
  return startWranglerDev({
    config: await readConfig(join(import.meta.dirname, 'wrangler.jsonc')),
    folder: folder.path,
    secrets: {},
    httpPort: await findFreePort(),
    healthPath: '/',
    env,
  });
}

async function run(name: string, binding: string): Promise<unknown> {
  const query = new URLSearchParams({ case: name, binding });
  const response = await fetch(`${worker.url}/run?${query}`);
  return response.json();
}
