/** pgbench with ten times as many clients as the pool has connections: no errors, and never one connection more. */
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CACHING } from '../fakes/caching.ts';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { type Ended, runProgram } from './program.ts';

const CLIENTS = 50;
const ORIGIN_CONNECTION_LIMIT = 5;
/**
 * In prepared mode pgbench waits for PQprepare with the whole thread, also with other clients of that thread that are
 * in a transaction and hold connections: it passes because a Parse that is known to be valid needs none.
 */
const THREADS = 2;
const MODES = ['simple', 'extended', 'prepared'];

const WAYS = {
  'without a cache': { config: {}, transactionsEach: 20 },
  'with a cache': { config: CACHING, transactionsEach: 8 },
};

let harness: Harness;
let target: Target;

beforeAll(async () => {
  harness = await startHarness();
});

afterAll(() => harness.stop());

describe.each(
  Object.entries(WAYS),
)(`pgbench with ${CLIENTS} clients on a pool of ${ORIGIN_CONNECTION_LIMIT}, %s`, (_, {
  config: more,
  transactionsEach,
}) => {
  beforeAll(async () => {
    const config = { origin_connection_limit: ORIGIN_CONNECTION_LIMIT, ...more };
    target = await harness.createTarget({ config });
    const { stderr, code } = await pgbench(target.pooled, ['-i', '-q']);
    expect(code, stderr).toBe(0);
  });

  test.each(MODES)('%s', async (mode) => {
    const args = [
      `--protocol=${mode}`,
      '-n',
      ...['-c', `${CLIENTS}`, '-j', `${THREADS}`, '-t', `${transactionsEach}`],
    ];
    for (const script of ['tpcb-like', 'select-only']) {
      const { ended, backendsMax } = await watchBackends(() =>
        pgbench(target.pooled, [...args, '-b', script]),
      );
      expectNoErrors(ended, CLIENTS * transactionsEach);
      expect(backendsMax).toBeGreaterThan(0);
      expect(backendsMax).toBeLessThanOrEqual(ORIGIN_CONNECTION_LIMIT);
    }
    expectNoErrors(await pgbench(target.direct, args), CLIENTS * transactionsEach);
  });

  test('a new connection for each transaction', async () => {
    const { ended, backendsMax } = await watchBackends(() =>
      pgbench(target.pooled, ['-n', '-C', '-S', '-c', '10', '-j', '2', '-t', '10']),
    );
    expect(ended.stdout, ended.stderr).toContain('number of transactions actually processed: 100/100');
    expect(backendsMax).toBeLessThanOrEqual(ORIGIN_CONNECTION_LIMIT);
  });

  test('the books balance after all that', async () => {
    const [sums] = await harness.ask(
      target,
      `select (select sum(abalance) from pgbench_accounts) as accounts, (select sum(tbalance) from pgbench_tellers)
        as tellers, (select sum(bbalance) from pgbench_branches) as branches,
        (select sum(delta) from pgbench_history) as history, (select count(*) from pgbench_history) as count`,
    );
    expect(sums?.['count']).toBe(String(3 * 2 * CLIENTS * transactionsEach));
    expect(new Set([sums?.['accounts'], sums?.['tellers'], sums?.['branches'], sums?.['history']]).size).toBe(
      1,
    );
  });
});

function pgbench(url: string, args: string[]): Promise<Ended> {
  return runProgram({ command: 'pgbench', args: [...args, url] });
}

function expectNoErrors({ code, stdout, stderr }: Ended, all: number): void {
  expect(stdout, stderr).toContain(`number of transactions actually processed: ${all}/${all}`);
  expect(stdout).toContain('number of failed transactions: 0 ');
  expect(code).toBe(0);
}

/** How many connections the database has at most while the program runs. */
async function watchBackends(run: () => Promise<Ended>): Promise<{ ended: Ended; backendsMax: number }> {
  const client = new Client(target.direct);
  await client.connect();
  const count = async (): Promise<number> => {
    const { rows } = await client.query<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity
        where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`,
    );
    return rows[0]?.n ?? 0;
  };
  try {
    // Those of a run that went straight to it may still be on their way out.
    while ((await count()) > ORIGIN_CONNECTION_LIMIT);
    let isRunning = true;
    let backendsMax = 0;
    const ended = run().finally(() => {
      isRunning = false;
    });
    while (isRunning) backendsMax = Math.max(backendsMax, await count());
    return { ended: await ended, backendsMax };
  } finally {
    await client.end();
  }
}
