/** psycopg 3 and asyncpg, as Debian packages them: each script must see through Warmpool what it sees straight. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CACHING, cacheStatuses, until, untilCacheable } from '../fakes/caching.ts';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { VERSIONS } from '../fakes/origins.ts';
import { runProgram } from './program.ts';
import { installPython, PYTHON } from './python-packages.ts';

const PACKAGES = { psycopg: 'python3-psycopg', asyncpg: 'python3-asyncpg' };

const isThere = await installPython(PACKAGES);

test.runIf(process.env['CI'])('psycopg and asyncpg are there', () => {
  expect(isThere).toBe(true);
});

describe.runIf(isThere)('drivers for Python', () => {
  let harness: Harness;

  beforeAll(async () => {
    harness = await startHarness({ versions: VERSIONS });
  });

  afterAll(() => harness.stop());

  describe.each(VERSIONS)('on PostgreSQL %s', (version) => {
    test.each(Object.keys(PACKAGES))('%s', async (driver) => {
      const [direct, pooled, cached] = await targets(version);
      const expected = await runScript(driver, direct.direct);
      expect(Object.keys(expected).length).toBeGreaterThan(5);
      expect(await runScript(driver, pooled.pooled)).toEqual(expected);
      await untilCacheable(cached);
      // Each run finds in the cache what the one before has left there, but for definitions that had just changed.
      await until(async () => {
        expect(await runScript(driver, cached.pooled)).toEqual(expected);
        return ((await cacheStatuses(harness, cached))['hit'] ?? 0) > 0;
      });
    });
  });

  async function targets(version: (typeof VERSIONS)[number]): Promise<[Target, Target, Target]> {
    return [
      await harness.createTarget({ version }),
      await harness.createTarget({ version }),
      await harness.createTarget({ version, config: CACHING }),
    ];
  }
});

async function runScript(driver: string, url: string): Promise<Record<string, unknown>> {
  const script = join(import.meta.dirname, 'python', `${driver}_cases.py`);
  // No files beside the scripts.
  const { stdout, stderr, code } = await runProgram({ command: PYTHON, args: ['-B', script, url] });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
}
