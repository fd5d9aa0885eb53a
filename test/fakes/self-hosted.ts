/** A self-hosted Warmpool as `npm run build` makes it, started as an operator would: with nothing on the PATH. */
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { Api } from '../../src/cli/api.ts';
import { findFreePort, isPortOpen, waitUntil } from '../../src/cli/ports.ts';
import { type ProcessGroup, startProcessGroup } from '../../src/cli/process-group.ts';
import type { Origin } from './origins.ts';

const START_WAIT_MS = 20_000;
const ACCOUNT = 'local';
/** What every system has. */
const PATH = '/usr/bin:/bin';
const SECRETS = {
  CONFIG_KEY: randomBytes(32).toString('base64'),
  ADMIN_TOKEN: randomBytes(24).toString('hex'),
};

export interface SelfHosted {
  api: Api;
  postgresPort: number;
  mysqlPort: number;
  process: ProcessGroup;
}

/** `folder`: what was built. `env`: more variables. */
export async function startSelfHosted(folder: string, env: Record<string, string> = {}): Promise<SelfHosted> {
  const [http, postgres, mysql] = [await findFreePort(), await findFreePort(), await findFreePort()];
  const started = startProcessGroup({
    command: join(folder, 'start'),
    args: [],
    cwd: dirname(folder),
    env: {
      PATH,
      ...SECRETS,
      WARMPOOL_HTTP: `127.0.0.1:${http}`,
      WARMPOOL_POSTGRES: `127.0.0.1:${postgres}`,
      WARMPOOL_MYSQL: `127.0.0.1:${mysql}`,
      ...env,
    },
  });
  const isUp = await waitUntil({
    isReady: () => isPortOpen(http),
    isHopeless: () => started.hasExited(),
    waitMs: START_WAIT_MS,
  });
  if (!isUp) throw new Error(`The self-hosted Warmpool does not start:\n${started.output()}`);
  const base = `http://127.0.0.1:${http}/client/v4`;
  const api = new Api({ base, token: SECRETS.ADMIN_TOKEN, account: ACCOUNT });
  return { api, postgresPort: postgres, mysqlPort: mysql, process: started };
}

/** Makes a config of this name for the server, and returns a connection string to it. */
export async function addConfig(
  { api, postgresPort, mysqlPort }: SelfHosted,
  options: { name: string; server: Origin['server']; scheme?: 'postgres' | 'mysql'; caches?: boolean },
): Promise<string> {
  const { name, server, scheme = 'postgres', caches = true } = options;
  const { port, user, password, database } = server;
  const origin = { scheme, host: '127.0.0.1', port, user, password, database };
  const { id } = await api.createConfig({ name, origin, caching: { disabled: !caches } });
  const { token } = await api.createToken(id, 'app');
  return `${scheme}://app:${token}@127.0.0.1:${scheme === 'mysql' ? mysqlPort : postgresPort}/${name}`;
}
