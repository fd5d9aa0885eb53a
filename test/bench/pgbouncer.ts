/** PgBouncer as a peer: transaction mode, Warmpool's pool size, SCRAM from a stored verifier as Warmpool does. */
import { existsSync, readFileSync } from 'node:fs';
import { chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTemporaryFolder } from '../../src/cli/leftovers.ts';
import { findFreePort, isPortOpen, waitUntil } from '../../src/cli/ports.ts';
import { runToEnd, startProcessGroup } from '../../src/cli/process-group.ts';
import type { PostgresServer } from '../../src/demo/postgres-server.ts';
import type { Target } from './target.ts';

const BINARIES = ['/usr/sbin/pgbouncer', '/opt/homebrew/bin/pgbouncer', '/usr/local/bin/pgbouncer'];
const START_WAIT_MS = 10_000;
const CLIENTS_MAX = 2_000;
/** Before 1.21 it knows no prepared statements in transaction mode. */
const PREPARED_SINCE = 21;

export interface PgBouncerOptions {
  origin: PostgresServer;
  /** The user's SCRAM verifier, as pg_authid holds it. */
  verifier: string;
  poolSize: number;
}

/** Undefined: not installed. */
export async function startPgBouncer(options: PgBouncerOptions): Promise<Target | undefined> {
  const command = BINARIES.find((path) => existsSync(path));
  if (command === undefined) return undefined;
  const version = await versionOf(command);
  const folder = await makeTemporaryFolder('warmpool-pgbouncer');
  const port = await findFreePort();
  const account = findUnprivilegedAccount();
  const configPath = join(folder.path, 'pgbouncer.ini');
  const usersPath = join(folder.path, 'users.txt');
  await writeFile(usersPath, `"${options.origin.user}" "${options.verifier}"\n`, { mode: 0o600 });
  await writeFile(configPath, configText({ ...options, port, usersPath, version }), { mode: 0o600 });
  if (account) {
    for (const path of [folder.path, configPath, usersPath]) await chown(path, account.uid, account.gid);
  }
  const group = startProcessGroup({ command, args: ['-q', configPath], cwd: folder.path, ...account });
  const isUp = await waitUntil({
    isReady: () => isPortOpen(port),
    isHopeless: () => group.hasExited(),
    waitMs: START_WAIT_MS,
  });
  if (!isUp) throw new Error(`PgBouncer did not start:\n${group.output()}`);
  const { user, password, database } = options.origin;
  return { name: 'pgbouncer', port, user, password, database, version, pids: () => [group.pid] };
}

async function versionOf(command: string): Promise<string> {
  const output = await runToEnd({ command, args: ['--version'] });
  return /PgBouncer (\S+)/.exec(output)?.[1] ?? 'unknown';
}

function configText(
  options: PgBouncerOptions & { port: number; usersPath: string; version: string },
): string {
  const { origin, poolSize, port, usersPath, version } = options;
  const minor = Number(version.split('.')[1]);
  const login = `user=${origin.user} password=${origin.password}`;
  return `[databases]
${origin.database} = host=127.0.0.1 port=${origin.port} dbname=${origin.database} ${login}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${usersPath}
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = ${CLIENTS_MAX}
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
${minor >= PREPARED_SINCE ? 'max_prepared_statements = 200' : ''}
`;
}

/** PgBouncer refuses to run as root. */
function findUnprivilegedAccount(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  const [, , uid, gid] = lines.find((line) => line.startsWith('nobody:'))?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}
