/**
 * MariaDB 10.11 and MySQL 9.7 or later for the demo and the tests: unpacked once per machine into the user's cache
 * folder, with a data directory made ready to be copied. Whoever comes first makes it; a folder that is there is whole.
 */
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { makeTemporaryFolder } from '../cli/leftovers.ts';
import { type ProcessGroupOptions, runToEnd } from '../cli/process-group.ts';
import { runStep } from '../cli/steps.ts';
import { type DebianPackages, unpackDebianPackages } from './debian-packages.ts';

/** Raised where what is below makes another folder than before. */
const RECIPE = 1;

export const MYSQL_FLAVOURS = ['mariadb', 'mysql'] as const;
export type MySqlFlavour = (typeof MYSQL_FLAVOURS)[number];

interface Flavour {
  title: string;
  debian: DebianPackages;
  makeData: (installation: MySqlInstallation) => Promise<void>;
}

const FLAVOURS: Record<MySqlFlavour, Flavour> = {
  mariadb: {
    title: 'MariaDB 10.11',
    debian: {
      suite: 'bookworm',
      packages: ['mariadb-server-core', 'mariadb-client-core'],
      // Its plug-ins (client_ed25519); what else it depends on serves the system's service.
      alone: ['mariadb-server'],
    },
    makeData: bootstrapMariaDb,
  },
  mysql: {
    title: 'MySQL 9.7',
    debian: { suite: 'sid', packages: ['mysql-server-core', 'mysql-client-core'], alone: [] },
    makeData: (installation) =>
      runServerOnce(installation, ['--initialize-insecure', '--innodb-redo-log-capacity=8M']),
  },
};

export class MySqlInstallation {
  readonly flavour: MySqlFlavour;
  readonly #folder: string;

  constructor(flavour: MySqlFlavour, folder: string) {
    this.flavour = flavour;
    this.#folder = folder;
  }

  get tree(): string {
    return join(this.#folder, 'tree');
  }

  /** To copy, not to use. Has MySQL's self-made certificates and keys. */
  get data(): string {
    return join(this.#folder, 'data');
  }

  server(args: readonly string[]): Command {
    const { tree } = this;
    return this.#command(this.flavour === 'mariadb' ? 'sbin/mariadbd' : 'sbin/mysqld', [
      '--no-defaults',
      // It does not run as root unless told to.
      ...(process.getuid?.() === 0 ? ['--user=root'] : []),
      `--basedir=${tree}/usr`,
      `--lc-messages-dir=${tree}/usr/share/mysql`,
      `--character-sets-dir=${tree}/usr/share/mysql/charsets`,
      `--plugin-dir=${tree}/usr/lib/mysql/plugin`,
      '--secure-file-priv=',
      '--innodb-buffer-pool-size=16M',
      ...args,
    ]);
  }

  /** A client of the server's makers: `mariadb` or `mysql`, for the command line. */
  client(name: 'mariadb' | 'mysql', args: readonly string[]): Command {
    return this.#command(`bin/${name}`, [
      '--no-defaults',
      // `loose`: not every client of every version knows it.
      `--loose-character-sets-dir=${this.tree}/usr/share/mysql/charsets`,
      ...args,
    ]);
  }

  /** By the loader that belongs to its C library. */
  #command(program: string, args: readonly string[]): Command {
    const libraries = foldersLike(this.tree, /-linux-gnu$/, ['lib', 'usr/lib']);
    const [loader] = foldersLike(this.tree, /^ld-linux.*\.so\.\d$/, ['lib64', 'usr/lib64', 'lib', 'usr/lib']);
    if (loader === undefined) throw new Error(`There is no ld-linux in ${this.tree}.`);
    return {
      command: loader,
      args: ['--library-path', libraries.join(':'), join(this.tree, 'usr', program), ...args],
    };
  }
}

type Command = Pick<ProcessGroupOptions, 'command' | 'args'>;

/** Says on stderr what it is doing when it has to be fetched. */
export async function installMySql(flavour: MySqlFlavour): Promise<MySqlInstallation> {
  const folder = join(cacheFolder(), folderName(flavour));
  if (!existsSync(folder)) {
    const { title, debian } = FLAVOURS[flavour];
    await runStep(`${title} from Debian ${debian.suite}, once, into ${folder}`, () => make(flavour, folder));
  }
  return new MySqlInstallation(flavour, folder);
}

function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'warmpool');
}

function folderName(flavour: MySqlFlavour): string {
  return `${flavour}-${process.arch}-${RECIPE}`;
}

async function make(flavour: MySqlFlavour, folder: string): Promise<void> {
  await mkdir(cacheFolder(), { recursive: true });
  const making = await makeTemporaryFolder(join(cacheFolder(), `making-${flavour}`));
  const whole = join(making.path, 'whole');
  try {
    const installation = new MySqlInstallation(flavour, whole);
    await mkdir(whole);
    await unpackDebianPackages(FLAVOURS[flavour].debian, {
      workFolder: join(making.path, 'apt'),
      tree: installation.tree,
    });
    await FLAVOURS[flavour].makeData(installation);
    await rename(whole, folder);
  } catch (error) {
    // Another run was quicker.
    if (existsSync(folder)) return;
    throw new Error(
      `${FLAVOURS[flavour].title} cannot be had here. It needs apt-get, dpkg-deb, Debian's keys ` +
        `(package debian-archive-keyring) and a way to deb.debian.org.\n${error}`,
      { cause: error },
    );
  } finally {
    await making.remove();
  }
}

/** What mariadb-install-db does, without its accounts: nobody may come in without a password. */
async function bootstrapMariaDb(installation: MySqlInstallation): Promise<void> {
  const scripts = ['mysql_system_tables', 'mysql_performance_tables', 'mysql_system_tables_data'];
  const texts = scripts.map((name) =>
    readFile(join(installation.tree, `usr/share/mysql/${name}.sql`), 'utf8'),
  );
  const script = join(installation.tree, '../bootstrap.sql');
  await mkdir(join(installation.data, 'mysql'), { recursive: true });
  await writeFile(
    script,
    ['use mysql;', ...(await Promise.all(texts)), "delete from global_priv where user = 'root';"].join('\n'),
  );
  await runServerOnce(installation, ['--bootstrap', '--innodb-log-file-size=8M'], script);
}

async function runServerOnce(
  installation: MySqlInstallation,
  args: readonly string[],
  input = '/dev/null',
): Promise<void> {
  const { command, args: all } = installation.server([`--datadir=${installation.data}`, ...args]);
  await runToEnd({ command: 'sh', args: ['-c', 'exec "$@" < "$0"', input, command, ...all] });
}

function foldersLike(tree: string, name: RegExp, parents: readonly string[]): string[] {
  return parents
    .map((parent) => join(tree, parent))
    .filter(existsSync)
    .flatMap((parent) =>
      readdirSync(parent)
        .filter((entry) => name.test(entry))
        .map((entry) => join(parent, entry)),
    );
}
