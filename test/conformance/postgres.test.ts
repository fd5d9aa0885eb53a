/** Inside workerd: each case must see through Warmpool what it sees straight at PostgreSQL. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeTemporaryFolder, type TemporaryFolder } from '../../src/cli/leftovers.ts';
import { findFreePort } from '../../src/cli/ports.ts';
import { readConfig, startWranglerDev, type WranglerDev } from '../../src/cli/wrangler-dev.ts';
import { type Harness, startHarness, VERSIONS } from '../fakes/harness.ts';
import { cases } from './cases/all.ts';

const BINDING_VARIABLE = 'CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_';

let harness: Harness;
let folder: TemporaryFolder;
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
  });
});

/** Direct and pooled get databases of their own, so that cases do not meet. */
async function startWorker(): Promise<WranglerDev> {
  const env: Record<string, string> = {};
  for (const version of VERSIONS) {
    env[`${BINDING_VARIABLE}DIRECT_${version}`] = (await harness.createTarget({ version })).direct;
    env[`${BINDING_VARIABLE}POOLED_${version}`] = (await harness.createTarget({ version })).pooled;
  }
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
