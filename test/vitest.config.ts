/**
 * Two projects: `workerd` runs inside the runtime that runs the code, `node` drives whole servers from outside.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

/** What the Worker imports but git does not have; wrangler makes it before it bundles (`build` in wrangler.jsonc). */
execFileSync(process.execPath, [join(import.meta.dirname, '../src/cli/build-parser.mjs')]);

/** Handed to the tests as a binding: the runtime they run in reads no files. */
const migrations = await readD1Migrations(new URL('../migrations', import.meta.url).pathname);

export default defineConfig({
  root: import.meta.dirname,
  test: {
    projects: [
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: 'wrangler.jsonc' },
            miniflare: {
              bindings: {
                ADMIN_TOKEN: 'test',
                CONFIG_KEY: 'dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=',
                TEST_MIGRATIONS: migrations,
              },
            },
          }),
        ],
        test: {
          name: 'workerd',
          // One runtime for all files: a new one for each takes longer than the tests. What lives in modules (caches of
          // the edge, say) outlives a file, as it outlives a request; tests take names of their own or make state anew.
          isolate: false,
          // Random conversations take seconds; on a busy machine more.
          testTimeout: 30_000,
          include: ['{protocols,config,control,edge,endpoint,cache,placement,transport}/**/*.test.ts'],
        },
      },
      {
        test: {
          name: 'node',
          globalSetup: 'mysql-setup.ts',
          include: [
            '{cli,client,conformance,drivers,faults,self-hosted,tidy,transport-servers}/**/*.test.ts',
          ],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // These files mostly wait, for servers and for limits to be reached.
          maxWorkers: 2,
          // Vitest runs one number of workers at a time: first those of the runtime, which has one.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
