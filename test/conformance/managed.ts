/** A running Warmpool and an origin for it, to be managed from outside; all that it logs is kept. */
import { join } from 'node:path';
import { makeTemporaryFolder } from '../../src/cli/leftovers.ts';
import { runWrangler } from '../../src/cli/wrangler-dev.ts';
import { type PostgresServer, startPostgresServer } from '../../src/demo/postgres-server.ts';
import { startOnFreePorts } from '../fakes/harness.ts';

export const ACCOUNT = 'local';

export interface Answer {
  status: number;
  text: string;
  success: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into results of many shapes
  result: any;
  errors: { code: number; message: string }[];
}

export interface Managed {
  origin: PostgresServer;
  apiBase: string;
  adminToken: string;
  postgresPort: number;
  mysqlPort: number;
  folder: string;
  /** All that Warmpool wrote, and wrangler dev with it. */
  log(): string;
  /** Path below the account. */
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  /** The real wrangler, with an environment that means this Warmpool. */
  wrangler(...args: string[]): Promise<string>;
  stop(): Promise<void>;
}

export async function startManaged(): Promise<Managed> {
  const folder = await makeTemporaryFolder('warmpool-managed');
  let log = '';
  const [origin, warmpool] = await Promise.all([
    startPostgresServer(),
    startOnFreePorts({
      persistDir: join(folder.path, 'warmpool'),
      log: (text) => {
        log += text;
      },
    }),
  ]);
  const { apiBase, adminToken, postgresPort, mysqlPort } = warmpool;
  const env = {
    CLOUDFLARE_API_BASE_URL: apiBase,
    CLOUDFLARE_API_TOKEN: adminToken,
    CLOUDFLARE_ACCOUNT_ID: ACCOUNT,
  };
  return {
    origin,
    apiBase,
    adminToken,
    postgresPort,
    mysqlPort,
    folder: folder.path,
    log: () => log,
    async call(method, path, body) {
      const response = await fetch(`${apiBase}/accounts/${ACCOUNT}${path}`, {
        method,
        headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, text, ...JSON.parse(text) };
    },
    wrangler: (...args) => runWrangler({ args, folder: folder.path, env }),
    async stop() {
      await warmpool.stop();
      await origin.stop();
      await folder.remove();
    },
  };
}

export function originUrl(
  { user, password, port, database }: PostgresServer,
  changes: { password?: string } = {},
): string {
  return `postgres://${user}:${changes.password ?? password}@127.0.0.1:${port}/${database}`;
}
