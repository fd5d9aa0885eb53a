import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeTemporaryFolder } from '../../src/cli/leftovers.ts';
import { runToEnd } from '../../src/cli/process-group.ts';

const folder = await makeTemporaryFolder('warmpool-bench-test');
afterAll(() => folder.remove());

test('the benchmark prints every row for every way, and writes all numbers as JSON', async () => {
  const json = join(folder.path, 'bench.json');
  const command = join(import.meta.dirname, '../../src/cli/warmpool.mjs');
  const output = await runToEnd({
    command: process.execPath,
    args: [command, 'bench', '--quick', '--json', json],
  });

  expect(output).toMatch(/ direct +PgBouncer +Warmpool +of PgBouncer +of direct\n/);
  const report = JSON.parse(await readFile(json, 'utf8'));
  expect(report.rows.map((row: { name: string }) => row.name)).toEqual([
    'RSS per idle connection, of 50',
    'select-only, simple, 16 clients',
    'one connection per query, 8 clients',
    'handshake p50 / p90',
  ]);
  for (const row of report.rows) {
    expect(output).toMatch(new RegExp(`^${row.name} .*\\d`, 'm'));
    expect(row.outcomes.warmpool.samples).toHaveLength(1);
    expect(row.outcomes.warmpool.medians[row.primary]).toEqual(expect.any(Number));
  }
  for (const { name, tps } of report.mysql.rows) {
    expect(output).toMatch(new RegExp(`^${name} .*\\d`, 'm'));
    expect(tps).toEqual({
      direct: expect.any(Number),
      pooled: expect.any(Number),
      cached: expect.any(Number),
    });
  }
  expect(report.versions).toMatchObject({ postgres: expect.stringMatching(/^18/), node: process.version });
  expect(report.mysql.rows.map((row: { name: string }) => row.name)).toEqual([
    'MySQL, select-only, 16 clients',
    'MySQL, one connection per query, 8 clients',
  ]);
  expect(report.machine.cores).toBeGreaterThan(0);
}, 180_000);
