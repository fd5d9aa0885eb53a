/**
 * One Worker under `wrangler dev`, as a child process with a generated config. Generated, because secrets and ports
 * have no place on a command line that everybody can read (`ps`), and the `connect` trigger has no flag at all.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { findFreePort, waitUntil } from './ports.ts';
import { type ProcessGroup, runToEnd, startProcessGroup } from './process-group.ts';

const READY_WAIT_MS = 60_000;
const REQUEST_WAIT_MS = 2_000;

/** The fields of a Wrangler config that we read or replace; all others pass through. */
export interface WranglerConfig {
  main: string;
  name: string;
  connect?: { protocol: 'tcp'; port: number; address?: string }[];
  d1_databases?: { binding: string; migrations_dir?: string }[];
  vars?: Record<string, string>;
  hyperdrive?: { binding: string; id: string; localConnectionString?: string }[];
  [field: string]: unknown;
}

export interface WranglerDevOptions {
  config: WranglerConfig;
  /** Holds the generated config, the secrets and the state. */
  folder: string;
  secrets: Record<string, string>;
  httpPort: number;
  /** A path that answers 200 when the Worker is up. */
  healthPath: string;
  /** Paths of configs: Workers that run beside it in the same process. */
  beside?: readonly string[] | undefined;
  env?: Record<string, string>;
  log?: ((text: string) => void) | undefined;
}

export interface WranglerDev {
  url: string;
  /** Fulfils with its last output when it ends, asked or not. */
  ended: Promise<string>;
  stop(): Promise<void>;
}

export async function startWranglerDev(options: WranglerDevOptions): Promise<WranglerDev> {
  const configPath = await writeConfig(options);
  const url = `http://127.0.0.1:${options.httpPort}`;
  const group = startProcessGroup({
    ...wranglerCommand([
      'dev',
      ...[configPath, ...(options.beside ?? [])].flatMap((path) => ['--config', path]),
      ...['--ip', '127.0.0.1', '--port', String(options.httpPort)],
      ...['--inspector-port', String(await findFreePort())],
      ...['--persist-to', stateFolder(options.folder)],
      '--show-interactive-dev-session=false',
    ]),
    cwd: options.folder,
    env: wranglerEnv({ folder: options.folder, more: options.env ?? {} }),
    log: options.log,
  });
  const isUp = await waitUntil({
    isReady: () => isHealthy(url + options.healthPath),
    isHopeless: () => group.hasExited(),
    waitMs: READY_WAIT_MS,
  });
  if (!isUp) await failToStart(options.config.name, group);
  return { url, ended: group.exited.then(() => group.output()), stop: () => group.stop() };
}

/** Wrangler reads `.dev.vars` beside its config. */
export async function writeConfig(options: {
  config: WranglerConfig;
  folder: string;
  secrets: Record<string, string>;
}): Promise<string> {
  await mkdir(options.folder, { recursive: true });
  const lines = Object.entries(options.secrets).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(join(options.folder, '.dev.vars'), lines.join(''), { mode: 0o600 });
  const path = join(options.folder, 'wrangler.json');
  await writeFile(path, JSON.stringify(options.config, null, 2));
  return path;
}

/** Reads a wrangler.jsonc; its paths become absolute, so that a copy may lie elsewhere. */
export async function readConfig(path: string): Promise<WranglerConfig> {
  const config = parseJsonc(await readFile(path, 'utf8')) as WranglerConfig;
  const absolute = (relative: string): string => resolve(dirname(path), relative);
  return {
    ...config,
    $schema: undefined,
    // Those are for deployments.
    env: undefined,
    main: absolute(config.main),
    ...(config.d1_databases === undefined
      ? {}
      : {
          d1_databases: config.d1_databases.map((database) => ({
            ...database,
            migrations_dir: absolute(database.migrations_dir ?? 'migrations'),
          })),
        }),
  };
}

/** Wrangler itself, once, to the end. */
export async function runWrangler(options: {
  args: string[];
  folder: string;
  env?: Record<string, string>;
}): Promise<string> {
  return runToEnd({
    ...wranglerCommand(options.args),
    cwd: options.folder,
    env: wranglerEnv({ folder: options.folder, more: options.env ?? {} }),
  });
}

export function stateFolder(folder: string): string {
  return join(folder, 'state');
}

function wranglerCommand(args: string[]): { command: string; args: string[] } {
  const wrangler = join(import.meta.dirname, '../../node_modules/wrangler/bin/wrangler.js');
  return { command: process.execPath, args: [wrangler, ...args] };
}

/** No questions, no network, nothing outside of the folder. */
function wranglerEnv(options: { folder: string; more: Record<string, string> }): NodeJS.ProcessEnv {
  return {
    ...process.env,
    CI: '1',
    FORCE_COLOR: '0',
    NO_COLOR: '1',
    WRANGLER_HIDE_BANNER: 'true',
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_SEND_ERROR_REPORTS: 'false',
    WRANGLER_WRITE_LOGS: 'false',
    WRANGLER_REGISTRY_PATH: join(options.folder, 'registry'),
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    // Else each invocation is written to a database of traces before it answers: 4 ms more for every new connection
    // (wrangler 4.155.0).
    X_LOCAL_OBSERVABILITY: 'false',
    // Wrangler is 10 MB of JavaScript: compiled once, each start is a third of a second shorter.
    NODE_COMPILE_CACHE: join(import.meta.dirname, '../../node_modules/.cache/compiled'),
    ...options.more,
  };
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(REQUEST_WAIT_MS) });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false; // Not there yet; the caller asks again.
  }
}

async function failToStart(name: string, group: ProcessGroup): Promise<never> {
  const what = group.hasExited() ? 'ended' : `did not answer within ${READY_WAIT_MS / 1000} s`;
  await group.stop();
  throw new Error(`wrangler dev of "${name}" ${what}:\n${group.output()}`);
}

/** Strings are kept as they are, comments and trailing commas are dropped. */
function parseJsonc(text: string): unknown {
  const withoutComments = text.replace(
    /("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
    (_, string?: string) => string ?? '',
  );
  const withoutCommas = withoutComments.replace(
    /("(?:\\.|[^"\\])*")|,(?=\s*[}\]])/g,
    (_, string?: string) => string ?? '',
  );
  return JSON.parse(withoutCommas);
}
