/**
 * Debian's packages as plain files in a folder: an apt with lists, cache and status of its own fetches them with all
 * that they depend on, the C library too, so that they run on any distribution that has apt. The machine's own
 * packages are neither asked nor touched.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runToEnd } from '../cli/process-group.ts';

const MIRROR = 'http://deb.debian.org/debian';
/** Packages are signed; this is for a network that is not there. */
const FETCH_TIMEOUT_SECONDS = 15;

export interface DebianPackages {
  /** Such as `bookworm`. */
  suite: string;
  packages: readonly string[];
  /** Fetched without what they depend on. */
  alone: readonly string[];
}

/** `workFolder` may be removed afterwards. */
export async function unpackDebianPackages(
  wanted: DebianPackages,
  { workFolder, tree }: { workFolder: string; tree: string },
): Promise<void> {
  const archives = join(workFolder, 'archives');
  await mkdir(join(archives, 'partial'), { recursive: true });
  await mkdir(join(workFolder, 'lists/partial'), { recursive: true });
  await writeFile(join(workFolder, 'status'), '');
  await writeFile(join(workFolder, 'sources.list'), `deb ${MIRROR} ${wanted.suite} main\n`);
  const apt = (...args: string[]): Promise<string> =>
    runToEnd({ command: 'apt-get', args: [...aptOptions(workFolder), ...args], cwd: archives });
  await apt('update');
  await apt('install', '--download-only', '--yes', '--no-install-recommends', ...wanted.packages);
  if (wanted.alone.length > 0) await apt('download', ...wanted.alone);
  for (const name of await readdir(archives)) {
    if (!name.endsWith('.deb')) continue;
    await runToEnd({ command: 'dpkg-deb', args: ['--extract', join(archives, name), tree], cwd: workFolder });
  }
}

/** apt.conf(5). Proxies and the like stay as the machine has them. */
function aptOptions(folder: string): string[] {
  const options = {
    'Dir::Etc::SourceList': join(folder, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State': folder,
    'Dir::State::Lists': join(folder, 'lists'),
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': folder,
    'Dir::Cache::archives': join(folder, 'archives'),
    // The folder is ours alone; apt's own user could not write there.
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
    'Acquire::http::Timeout': String(FETCH_TIMEOUT_SECONDS),
  };
  return ['-qq', ...Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])];
}
