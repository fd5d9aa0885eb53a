/** Credentials change while drivers work, and configs go while drivers are connected. */
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { callApi } from '../fakes/caching.ts';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { until } from './drivers.ts';

const DRIVERS = 50;
const NOTHING_OPEN = { size: 0, idle: 0, opening: 0, opened: 0 };

let harness: Harness;

beforeAll(async () => {
  harness = await startHarness();
});

afterAll(() => harness.stop());

test('50 drivers see no error while the password of their origin changes, and its old one stops to work', async () => {
  const target = await harness.createTarget({ config: { origin_connection_limit: 10 } });
  const user = `rotating_${target.name}`;
  await harness.ask(target, `create role ${user} login password 'first-word'`);
  await change(target, { origin: { user, password: 'first-word' } });

  const work = new Work(target);
  await work.until(500);
  await harness.ask(target, `alter role ${user} password 'second-word'`);
  await change(target, { origin: { password: 'second-word' } });
  await work.until(1500);
  const failures = await work.stop();

  expect(failures).toEqual([]);
  // What was opened with the old password is gone, what works was opened with the new one.
  const refused = await attempt(target, { origin: { password: 'first-word' } });
  expect(refused.errors[0]?.code).toBe(2013);
  await expect(oneQuery(target.pooled)).resolves.toBe(1);
}, 60_000);

test('a failing update leaves the old config working', async () => {
  const target = await harness.createTarget();
  const answer = await attempt(target, { origin: { password: 'wrong' } });
  expect(answer.errors[0]?.code).toBe(2013);
  expect(answer.errors[0]?.message).toContain('Invalid database credentials.');
  await expect(oneQuery(target.pooled)).resolves.toBe(1);
});

test('drivers of a deleted config are told within 5 s, new ones are refused', async () => {
  const target = await harness.createTarget();
  const client = new Client(target.pooled);
  client.on('error', () => {});
  await client.connect();
  await client.query('select 1');
  const response = await fetch(configUrl(target), { method: 'DELETE', headers: headers() });
  expect(response.ok).toBe(true);
  await expect(client.query('select 1')).rejects.toMatchObject({ code: '3D000', severity: 'FATAL' });
  await expect(oneQuery(target.pooled)).rejects.toMatchObject({ code: '28P01' });
});

test('a restart closes the pool and no driver notices', async () => {
  const target = await harness.createTarget({ config: { origin_connection_limit: 2 } });
  const client = new Client(target.pooled);
  await client.connect();
  const before = await pidOf(client);
  expect((await restart(target)).result.restarted_on).toBeTruthy();
  expect(await pidOf(client)).not.toBe(before);
  await client.end();
});

test('a restart keeps to the limit, also while connections are being opened', async () => {
  const limit = 4;
  const { proxy } = harness.origin('18');
  const others = proxy.stats().openConnections;
  const open = (): number => proxy.stats().openConnections - others;
  const target = await harness.createTarget({ config: { origin_connection_limit: limit } });
  await oneQuery(target.pooled);
  await restart(target);
  await until(() => open() === 0, 10_000);
  proxy.setRtt(2_000);
  const queries = Array.from({ length: 3 * limit }, () => oneQuery(target.pooled));
  try {
    await until(() => open() === limit, 10_000);
    await restart(target);
    const pool = async (): Promise<unknown> => (await callApi(harness, `/${target.configId}/state`))['pool'];
    // All wait for the new pool, which opens none before the old one's are gone.
    await until(async () => isDeepStrictEqual(await pool(), { ...NOTHING_OPEN, waiting: 3 * limit }), 5_000);
    expect(open()).toBe(limit);
  } finally {
    proxy.setRtt(0);
  }
  expect(await Promise.all(queries)).toEqual(queries.map(() => 1));
});

/** Many drivers that each run short transactions and single queries, on old and on new connections. */
class Work {
  readonly #failures: string[] = [];
  #queries = 0;
  #isStopping = false;
  readonly #drivers: Promise<void>[];

  constructor(target: Target) {
    this.#drivers = Array.from({ length: DRIVERS }, () => this.#drive(target.pooled));
  }

  /** Waits until so many more queries have been answered. */
  async until(queries: number): Promise<void> {
    const goal = this.#queries + queries;
    while (this.#queries < goal && this.#failures.length === 0) await delay(10);
  }

  async stop(): Promise<string[]> {
    this.#isStopping = true;
    await Promise.all(this.#drivers);
    return this.#failures;
  }

  async #drive(url: string): Promise<void> {
    try {
      while (!this.#isStopping) {
        const client = new Client(url);
        await client.connect();
        for (let round = 0; round < 5; round += 1) {
          await client.query('begin');
          await client.query('select $1::int', [round]);
          await client.query('commit');
          await client.query('select 1');
          this.#queries += 4;
        }
        await client.end();
      }
    } catch (error) {
      this.#failures.push(String(error));
    }
  }
}

interface Answer {
  success: boolean;
  errors: { code: number; message: string }[];
}

async function attempt(target: Target, body: unknown): Promise<Answer> {
  const response = await fetch(configUrl(target), {
    method: 'PATCH',
    headers: headers(),
    body: JSON.stringify(body),
  });
  return (await response.json()) as Answer;
}

async function change(target: Target, body: unknown): Promise<void> {
  const answer = await attempt(target, body);
  expect(answer).toMatchObject({ success: true });
}

async function restart(target: Target): Promise<{ result: { restarted_on: string } }> {
  const response = await fetch(`${configUrl(target)}/restart`, { method: 'POST', headers: headers() });
  return (await response.json()) as { result: { restarted_on: string } };
}

function configUrl(target: Target): string {
  return `${harness.warmpool.apiBase}/accounts/local/hyperdrive/configs/${target.configId}`;
}

function headers(): Record<string, string> {
  return { authorization: `Bearer ${harness.warmpool.adminToken}` };
}

async function pidOf(client: Client): Promise<number> {
  return (await client.query('select pg_backend_pid() as pid')).rows[0].pid;
}

async function oneQuery(url: string): Promise<number> {
  const client = new Client(url);
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query('select 1 as one')).rows[0].one;
  } finally {
    await client.end();
  }
}
