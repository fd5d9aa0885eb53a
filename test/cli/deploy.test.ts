/** What `wrangler deploy` would send to Cloudflare, as far as that can be seen from here. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeTemporaryFolder, type TemporaryFolder } from '../../src/cli/leftovers.ts';
import { runWrangler } from '../../src/cli/wrangler-dev.ts';

const PROJECT = join(import.meta.dirname, '../..');
/** Cloudflare takes 3 MB of the free plan, 10 MB of the paid one. */
const GZIP_KIB_MAX = 1000;
/** Cloudflare takes 1 s. Its machines are other than this one, so there must be room. */
const STARTUP_MS_MAX = 700;

let folder: TemporaryFolder;

beforeAll(async () => {
  folder = await makeTemporaryFolder('warmpool-deploy');
});

afterAll(() => folder.remove());

test.each(['production', 'staging'])('a deploy to %s is complete, and small', async (environment) => {
  const out = join(folder.path, environment);
  const args = ['deploy', '--dry-run', '--env', environment, '--outdir', out];
  const said = await runWrangler({ args, folder: PROJECT });
  const kib = Number(/gzip: ([\d.]+) KiB/.exec(said)?.[1]);
  console.log(`${environment}: ${kib} KiB, gzipped`);
  expect(kib).toBeLessThan(GZIP_KIB_MAX);
  for (const binding of ['ENDPOINT', 'PROBER', 'DB']) expect(said).toContain(`env.${binding} `);
  expect(said).not.toContain('WARNING');
});

test('it starts quickly', async () => {
  const profile = join(folder.path, 'startup.cpuprofile');
  const said = await runWrangler({ args: ['check', 'startup', '--outfile', profile], folder: PROJECT });
  const activeMs = Number(/Active: ([\d.]+) ms/.exec(said)?.[1]);
  console.log(`startup: ${activeMs} ms of processor time`);
  expect(activeMs).toBeLessThan(STARTUP_MS_MAX);
});
