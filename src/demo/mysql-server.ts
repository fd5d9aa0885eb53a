/**
 * A real MariaDB or MySQL for the demo and the tests: a data directory of its own in a temporary folder, on a free
 * port of the loopback, gone when stopped. Durability is off; it lives for minutes.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTemporaryFolder } from '../cli/leftovers.ts';
import { findFreePort, waitUntil } from '../cli/ports.ts';
import { type ProcessGroup, startProcessGroup } from '../cli/process-group.ts';
import { installMySql, type MySqlFlavour, type MySqlInstallation } from './mysql-installation.ts';

const START_WAIT_MS = 30_000;
/** The free port may be taken by another program before the server binds it. */
const START_ATTEMPTS_MAX = 3;
const USER = 'warmpool';
const DATABASE = 'test';

export interface MySqlServerOptions {
  flavour: MySqlFlavour;
  /** As in my.cnf, such as `{ 'max-connections': '20' }`. */
  settings?: Record<string, string>;
  log?: (text: string) => void;
}

export interface MySqlServer {
  installation: MySqlInstallation;
  port: number;
  /** May do everything. Logs in with mysql_native_password (MariaDB) or caching_sha2_password (MySQL). */
  user: string;
  password: string;
  database: string;
  /** Has MySQL's certificates: `ca.pem` and others. */
  dataFolder: string;
  stop(): Promise<void>;
}

export async function startMySqlServer(options: MySqlServerOptions): Promise<MySqlServer> {
  const installation = await installMySql(options.flavour);
  const folder = await makeTemporaryFolder(`warmpool-${options.flavour}`);
  try {
    const dataFolder = join(folder.path, 'data');
    await cp(installation.data, dataFolder, { recursive: true, mode: constants.COPYFILE_FICLONE });
    const password = randomBytes(18).toString('base64url');
    await writeFile(join(folder.path, 'init.sql'), initialStatements(password), { mode: 0o600 });
    const { port, group } = await startOnFreePort({ installation, folder: folder.path, options });
    return {
      installation,
      port,
      user: USER,
      password,
      database: DATABASE,
      dataFolder,
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

interface Start {
  installation: MySqlInstallation;
  folder: string;
  options: MySqlServerOptions;
}

/** Run before it listens; one statement a line. */
function initialStatements(password: string): string {
  return [
    `CREATE DATABASE ${DATABASE} CHARACTER SET utf8mb4;`,
    `CREATE USER '${USER}'@'%' IDENTIFIED BY '${password}';`,
    `GRANT ALL ON *.* TO '${USER}'@'%' WITH GRANT OPTION;`,
    '',
  ].join('\n');
}

async function startOnFreePort(start: Start): Promise<{ port: number; group: ProcessGroup }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await findFreePort();
    const group = startServer({ ...start, port });
    const isUp = await waitUntil({
      isReady: async () => group.output().includes('ready for connections'),
      isHopeless: () => group.hasExited(),
      waitMs: START_WAIT_MS,
    });
    if (isUp && !group.hasExited()) return { port, group };
    await group.stop();
    const isPortTaken = group.output().includes('Address already in use');
    if (!isPortTaken || attempt === START_ATTEMPTS_MAX) {
      throw new Error(`${start.options.flavour} did not start:\n${group.output()}`);
    }
  }
}

function startServer({ installation, folder, options, port }: Start & { port: number }): ProcessGroup {
  const settings = {
    datadir: join(folder, 'data'),
    socket: join(folder, 'socket'),
    'pid-file': join(folder, 'pid'),
    'init-file': join(folder, 'init.sql'),
    'bind-address': '127.0.0.1',
    'character-set-server': 'utf8mb4',
    'innodb-doublewrite': '0',
    'innodb-flush-log-at-trx-commit': '0',
    'local-infile': '1',
    'max-allowed-packet': '64M',
    'performance-schema': '0',
    'skip-log-bin': '1',
    'skip-name-resolve': '1',
    ...(options.flavour === 'mysql' ? { mysqlx: 'off' } : {}),
    ...options.settings,
  };
  return startProcessGroup({
    ...installation.server([
      `--port=${port}`,
      ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`),
    ]),
    cwd: folder,
    // An orderly end takes 1.5 s, to keep data that nobody wants.
    stopSignal: 'SIGKILL',
    log: options.log,
  });
}
