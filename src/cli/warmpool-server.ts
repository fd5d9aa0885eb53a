/** Warmpool itself under `wrangler dev`: for `dev`, for the demo and for the tests. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isPortOpen, requireFreePort, waitUntil } from './ports.ts';
import { runToEnd } from './process-group.ts';
import {
  readConfig,
  runWrangler,
  startWranglerDev,
  stateFolder,
  type WranglerConfig,
  writeConfig,
} from './wrangler-dev.ts';

const CONFIG_KEY_BYTES = 32;
const TCP_WAIT_MS = 10_000;
/** Local only: the API listens on the loopback. */
const LOCAL_ADMIN_TOKEN = 'dev';

export interface WarmpoolOptions {
  httpPort: number;
  postgresPort: number;
  mysqlPort: number;
  /** Holds configs, cache and the key; the next start finds them again. */
  persistDir: string;
  /** The project to run; default: this one. Tests give another. */
  projectDir?: string;
  /** More variables for the Worker. */
  env?: Record<string, string>;
  /** Writes configs of Workers that run beside it, and returns their paths. Tests use it. */
  beside?: (worker: { config: WranglerConfig; secrets: Record<string, string> }) => Promise<string[]>;
  log?: (text: string) => void;
}

export interface Warmpool {
  apiBase: string;
  adminToken: string;
  postgresPort: number;
  mysqlPort: number;
  /** Fulfils with its last output when it ends, asked or not. */
  ended: Promise<string>;
  stop(): Promise<void>;
}

export async function startWarmpool(options: WarmpoolOptions): Promise<Warmpool> {
  await requireFreePort(options.httpPort, '--port');
  await requireFreePort(options.postgresPort, '--postgres-port');
  await requireFreePort(options.mysqlPort, '--mysql-port');
  const folder = options.persistDir;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await buildParser();
  const config = await makeConfig(options);
  const secrets = {
    CONFIG_KEY: await keepConfigKey(folder),
    ADMIN_TOKEN: LOCAL_ADMIN_TOKEN,
    // One machine is one place: nothing to measure, nothing to choose.
    PLACEMENT_ROUTES: '{}',
    ...options.env,
  };
  await writeConfig({ config, folder, secrets });
  await applyMigrations(folder);
  const beside = await options.beside?.({ config, secrets });
  const { httpPort, postgresPort, mysqlPort, log } = options;
  const dev = await startWranglerDev({
    config,
    folder,
    secrets,
    httpPort,
    healthPath: '/health',
    beside,
    log,
  });
  for (const port of [postgresPort, mysqlPort]) await waitForListener({ port, stop: dev.stop });
  return {
    apiBase: `${dev.url}/client/v4`,
    adminToken: LOCAL_ADMIN_TOKEN,
    postgresPort,
    mysqlPort,
    ended: dev.ended,
    stop: dev.stop,
  };
}

/** Where the key is kept: beside the data that it encrypts, for they are useless without each other. */
export function secretsPath(persistDir: string): string {
  return join(persistDir, '.dev.vars');
}

export async function readConfigKey(persistDir: string): Promise<string | undefined> {
  try {
    return /^CONFIG_KEY=(.+)$/m.exec(await readFile(secretsPath(persistDir), 'utf8'))?.[1];
  } catch {
    return undefined; // No file yet: the first start.
  }
}

async function keepConfigKey(persistDir: string): Promise<string> {
  const kept = await readConfigKey(persistDir);
  if (kept === undefined) return randomBytes(CONFIG_KEY_BYTES).toString('base64');
  await chmod(secretsPath(persistDir), 0o600);
  return kept;
}

async function makeConfig({
  projectDir = join(import.meta.dirname, '../..'),
  postgresPort,
  mysqlPort,
}: WarmpoolOptions): Promise<WranglerConfig> {
  const config = await readConfig(join(projectDir, 'wrangler.jsonc'));
  return {
    ...config,
    // Run already; wrangler would look for it, and for changes of the source, beside the generated config.
    build: undefined,
    connect: [postgresPort, mysqlPort].map((port) => ({ protocol: 'tcp', port, address: '127.0.0.1' })),
    vars: { ...config.vars, LISTENERS: JSON.stringify({ [postgresPort]: 'postgres', [mysqlPort]: 'mysql' }) },
  };
}

/** What wrangler does by the config's `build`. */
export async function buildParser(): Promise<void> {
  const folder = import.meta.dirname;
  await runToEnd({ command: process.execPath, args: [join(folder, 'build-parser.mjs')], cwd: folder });
}

async function applyMigrations(folder: string): Promise<void> {
  await runWrangler({
    args: [
      ...['d1', 'migrations', 'apply', 'DB', '--local'],
      ...['--config', join(folder, 'wrangler.json'), '--persist-to', stateFolder(folder)],
    ],
    folder,
  });
}

async function waitForListener(options: { port: number; stop: () => Promise<void> }): Promise<void> {
  const isOpen = await waitUntil({
    isReady: () => isPortOpen(options.port),
    isHopeless: () => false,
    waitMs: TCP_WAIT_MS,
  });
  if (isOpen) return;
  await options.stop();
  throw new Error(`Warmpool answers HTTP but port ${options.port} does not accept.`);
}
