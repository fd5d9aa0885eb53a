/** What the tests of faults do with drivers again and again. */
import { Client } from 'pg';
import { waitUntil } from '../../src/cli/ports.ts';
import type { Harness, Target } from '../fakes/harness.ts';

export async function openDriver(url: string): Promise<Client> {
  const client = new Client(url);
  client.on('error', () => {}); // Being cut off is what many of these tests are about; queries hear of it too.
  await client.connect();
  return client;
}

/** Each test says in how much time it must come true. */
export async function until(isTrue: () => Promise<boolean> | boolean, waitMs: number): Promise<void> {
  const came = await waitUntil({ isReady: async () => isTrue(), isHopeless: () => false, waitMs });
  if (!came) throw new Error(`not true after ${waitMs} ms: ${isTrue}`);
}

/** The error that it fails with, as code and message. */
export async function failureOf(work: Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    await work;
  } catch (error) {
    const { code = '', message = '' } = error as { code?: string; message?: string };
    return { code, message };
  }
  throw new Error('it worked');
}

/** The first column of the first row. */
export async function firstValue(driver: Client, sql: string): Promise<unknown> {
  const { rows } = await driver.query({ text: sql, rowMode: 'array' });
  return rows[0]?.[0];
}

/** Sees from outside of the database, so that it is not among those it counts. */
export function openObserver(harness: Harness): Promise<Client> {
  const { port, user, password, database } = harness.origin('18').server;
  return openDriver(`postgres://${user}:${password}@127.0.0.1:${port}/${database}`);
}

export interface Backend {
  pid: number;
  state: string;
  query: string;
  waits: string | null;
}

/** The connections that Warmpool holds to a target's database. */
export async function backendsOf(observer: Client, target: Target): Promise<Backend[]> {
  const { rows } = await observer.query<Backend>(
    `select pid, state, query, wait_event_type as waits from pg_stat_activity
     where datname = $1 and backend_type = 'client backend' order by pid`,
    [target.name],
  );
  return rows;
}

/** A request to the API about one config. Returns the result, or throws what the API says. */
export async function changeConfig(
  harness: Harness,
  target: Target,
  change: { method: 'PATCH' | 'DELETE'; body?: unknown },
): Promise<void> {
  const { apiBase, adminToken } = harness.warmpool;
  const response = await fetch(`${apiBase}/accounts/local/hyperdrive/configs/${target.configId}`, {
    method: change.method,
    headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
    ...(change.body === undefined ? {} : { body: JSON.stringify(change.body) }),
  });
  const envelope = (await response.json()) as { success: boolean };
  if (!envelope.success) throw new Error(`The API refused: ${JSON.stringify(envelope)}`);
}
