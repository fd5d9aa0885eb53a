/** Inside workerd: each case must see through Warmpool what it sees straight at the server, with and without a cache. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeTemporaryFolder, type TemporaryFolder } from '../../src/cli/leftovers.ts';
import { findFreePort } from '../../src/cli/ports.ts';
import { readConfig, startWranglerDev, type WranglerDev } from '../../src/cli/wrangler-dev.ts';
import { CACHING, cacheStatuses, untilCacheable } from '../fakes/caching.ts';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import type { Version } from '../fakes/origins.ts';
import { casesOf, isRefusedByServer } from './cases/all.ts';

const BINDING_VARIABLE = 'CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_';

export interface ConformanceOptions {
  protocol: keyof typeof casesOf;
  versions: readonly Version[];
  /** Those that are asked through a cache too. */
  cached: readonly Version[];
  /** How many replies the cache must have given. */
  hitsMin: number;
}

export function describeConformance(options: ConformanceOptions): void {
  const cases = casesOf[options.protocol];
  let harness: Harness;
  let folder: TemporaryFolder;
  let worker: WranglerDev;
  /** By binding. */
  const targets = new Map<string, Target>();

  beforeAll(async () => {
    harness = await startHarness({ versions: options.versions });
    folder = await makeTemporaryFolder('warmpool-conformance');
    // Databases of their own, so that cases do not meet.
    for (const version of options.versions) {
      targets.set(`DIRECT_${version}`, await harness.createTarget({ version }));
      targets.set(`POOLED_${version}`, await harness.createTarget({ version }));
    }
    for (const version of options.cached) {
      const target = await harness.createTarget({ version, config: CACHING });
      await untilCacheable(target);
      targets.set(`CACHED_${version}`, target);
    }
    worker = await startWorker(targets, folder.path);
  });

  afterAll(async () => {
    await worker.stop();
    await folder.remove();
    await harness.stop();
  });

  describe.each(options.versions)('%s', (version) => {
    test.each(Object.keys(cases))('%s', async (name) => {
      const direct = await run(name, `DIRECT_${version}`);
      const pooled = await run(name, `POOLED_${version}`);
      if (isRefusedByServer(name, version))
        expect(direct).toEqual({ error: expect.anything(), stack: expect.anything() });
      else expect(pooled).toEqual(direct);
      expect(pooled).toEqual({ saw: expect.anything() });
      if (!options.cached.includes(version)) return;
      expect(await run(name, `CACHED_${version}`)).toEqual(pooled);
      // What the first run left in the cache is there for the second.
      expect(await run(name, `CACHED_${version}`)).toEqual(pooled);
    });
  });

  test.each(options.cached)('the cache of %s was asked and did answer', async (version) => {
    const statuses = await cacheStatuses(harness, targetOf(`CACHED_${version}`));
    expect(statuses['hit']).toBeGreaterThan(options.hitsMin);
    expect(statuses['miss']).toBeGreaterThan(0);
  });

  /** Databases are told apart by their names alone. */
  async function run(name: string, binding: string): Promise<unknown> {
    const query = new URLSearchParams({ protocol: options.protocol, case: name, binding });
    const response = await fetch(`${worker.url}/run?${query}`);
    const text = await response.text();
    return JSON.parse(text.replaceAll(targetOf(binding).name, 'DATABASE'));
  }

  function targetOf(binding: string): Target {
    const target = targets.get(binding);
    if (target === undefined) throw new Error(`There is no binding ${binding}.`);
    return target;
  }
}

async function startWorker(targets: ReadonlyMap<string, Target>, folder: string): Promise<WranglerDev> {
  const env: Record<string, string> = {};
  for (const [binding, { direct, pooled }] of targets) {
    env[`${BINDING_VARIABLE}${binding}`] = binding.startsWith('DIRECT') ? direct : pooled;
  }
  const config = await readConfig(join(import.meta.dirname, 'wrangler.jsonc'));
  // The ids stand for nothing: the strings come from the environment.
  const hyperdrive = [...targets.keys()].map((binding, n) => ({ binding, id: String(n).padStart(32, '0') }));
  return startWranglerDev({
    config: { ...config, hyperdrive },
    folder,
    secrets: {},
    httpPort: await findFreePort(),
    healthPath: '/',
    env,
  });
}
