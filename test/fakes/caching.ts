/** Drivers that hear what became of their queries, and the API's view of a cache. */
import { randomUUID } from 'node:crypto';
import { createConnection } from 'mysql2/promise';
import { Client, type ClientConfig, type QueryConfig, type QueryResult } from 'pg';
import type { Harness, Target } from './harness.ts';

const ACCOUNT = 'local';
const POLL_MS = 50;

/** The settings with which a test asks for a cache; all else as by default. */
export const CACHING = { caching: { disabled: false } };

export interface Heard {
  rows: Record<string, unknown>[];
  /** What `warmpool.debug` says: `hit (memory, 0.1 s old)`. */
  status: string;
}

/** node-postgres that is told of each query what became of it. */
export class DebugClient {
  readonly client: Client;
  /** Since the last query, without the prefix. */
  readonly #statuses: string[] = [];

  private constructor(options: ClientConfig) {
    this.client = new Client(options);
    this.client.on('notice', ({ message = '' }) => {
      if (message.startsWith('warmpool: ')) this.#statuses.push(message.slice('warmpool: '.length));
    });
  }

  static async connect(url: string, options: ClientConfig = {}): Promise<DebugClient> {
    const own = new DebugClient({
      connectionString: url,
      ...options,
      options: `-c warmpool.debug=on ${options.options ?? ''}`,
    });
    await own.client.connect();
    return own;
  }

  /** What became of the query, by the notice behind it. */
  async ask(text: string | QueryConfig, values?: unknown[]): Promise<Heard> {
    const { rows } = await this.query(text, values);
    return { rows, status: this.status };
  }

  query(text: string | QueryConfig, values?: unknown[]): Promise<QueryResult> {
    this.#statuses.length = 0;
    return this.client.query(text as string, values);
  }

  /** Of the last query. */
  get status(): string {
    return this.#statuses.at(-1) ?? '';
  }

  end(): Promise<void> {
    return this.client.end();
  }
}

/** For the time of `run`. */
export async function withDebugClient<T>(
  url: string,
  run: (client: DebugClient) => Promise<T>,
  options: ClientConfig = {},
): Promise<T> {
  const client = await DebugClient.connect(url, options);
  try {
    return await run(client);
  } finally {
    await client.end();
  }
}

/** The pool is open and the catalog is read: from now on what can be cached is. */
export function untilCacheable({ pooled, proxy }: Pick<Target, 'pooled' | 'proxy'>): Promise<void> {
  if (pooled.startsWith('mysql:')) return untilMySqlIsCacheable({ pooled, proxy });
  return withDebugClient(pooled, (client) =>
    // A new text each time, for what is stored of an old one says nothing of now.
    until(async () => (await client.ask(`select '${randomUUID()}'`)).status === 'miss'),
  );
}

/** There are no notices: what comes from a cache costs the origin no round trip. */
function untilMySqlIsCacheable({ pooled, proxy }: Pick<Target, 'pooled' | 'proxy'>): Promise<void> {
  const ask = async (sql: string): Promise<number> => {
    const before = proxy.stats().roundTrips;
    const driver = await createConnection(pooled);
    await driver.query(sql);
    await driver.end();
    return proxy.stats().roundTrips - before;
  };
  return until(async () => {
    const sql = `select '${randomUUID()}'`;
    await ask(sql);
    return (await ask(sql)) === 0;
  });
}

/** The catalog is read again a moment after definitions have changed. */
export function untilHit(client: DebugClient, text: string): Promise<void> {
  return until(async () => (await client.ask(text)).status.startsWith('hit'));
}

/** Asks again and again; a test that never gets there ends by its own time limit. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

export async function cacheStatuses(harness: Harness, target: Target): Promise<Record<string, number>> {
  const state = await callApi(harness, `/${target.configId}/state`);
  return (state['cache'] as { statuses: Record<string, number> }).statuses;
}

/** Throws what the API refuses with. `path`: behind `/configs`. */
export async function callApi(
  { warmpool }: Harness,
  path: string,
  { method = 'GET', body }: { method?: string; body?: unknown } = {},
): Promise<Record<string, unknown>> {
  const response = await fetch(`${warmpool.apiBase}/accounts/${ACCOUNT}/hyperdrive/configs${path}`, {
    method,
    headers: { authorization: `Bearer ${warmpool.adminToken}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const { success, result, errors } = (await response.json()) as {
    success: boolean;
    result: Record<string, unknown>;
    errors: { message: string }[];
  };
  if (!success) throw new Error(`The API refused: ${errors.map(({ message }) => message).join()}`);
  return result;
}
