/** `npm run build`: a folder that runs Warmpool on one machine without wrangler, npm or Node. */
import { chmod, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { makeTemporaryFolder } from './leftovers.ts';
import { runStep } from './steps.ts';
import { buildParser } from './warmpool-server.ts';
import { readConfig, runWrangler, type WranglerConfig, writeConfig } from './wrangler-dev.ts';

const PROJECT = join(import.meta.dirname, '../..');
const SOURCES = join(PROJECT, 'src/self-hosted');
/** Copied as they are. */
const FILES = [
  ...['start', 'warmpool.capnp', 'tls.capnp', 'drain.capnp', 'drain.js'],
  ...['warmpool.service', 'Containerfile', '.dockerignore'],
];

export function buildCommand(): Command {
  return new Command('build')
    .description('make a folder that runs Warmpool without wrangler, npm or Node')
    .option('--out <folder>', 'where; data, certificates and configs of yours in it are kept', 'dist')
    .addHelpText('after', '\nExample:\n  $ npm run build -- --out /opt/warmpool\n  $ /opt/warmpool/start')
    .action(({ out }: { out: string }) => runStep('build', () => buildSelfHosted(resolve(out))));
}

export async function buildSelfHosted(out: string): Promise<void> {
  await buildParser();
  await mkdir(out, { recursive: true });
  const config = await readConfig(join(PROJECT, 'wrangler.jsonc'));
  await bundleWorker({ ...config, build: undefined, main: join(SOURCES, 'worker.ts') }, out);
  for (const name of ['database', 'cache']) {
    const source = await readFile(join(SOURCES, `${name}.ts`), 'utf8');
    await writeFile(join(out, `${name}.js`), stripTypeScriptTypes(source));
  }
  await writeFile(join(out, 'migrations.json'), JSON.stringify(await readMigrations(), null, 2));
  for (const file of FILES) await replaceFile(join(SOURCES, file), join(out, file));
  await replaceFile(workerdPath(), join(out, 'workerd'));
  for (const program of ['start', 'workerd']) await chmod(join(out, program), 0o755);
}

/** The same code that `wrangler deploy` would send: one script and its modules, under their own names. */
export async function bundleWorker(config: WranglerConfig, out: string): Promise<void> {
  const folder = await makeTemporaryFolder('warmpool-bundle');
  const path = await writeConfig({
    config: { ...config, preserve_file_names: true },
    folder: folder.path,
    secrets: {},
  });
  const bundle = join(folder.path, 'bundle');
  await runWrangler({
    args: ['deploy', '--dry-run', '--outdir', bundle, '--config', path],
    folder: folder.path,
  });
  await mkdir(out, { recursive: true });
  const files = (await readdir(bundle)).filter((name) => name !== 'README.md' && !name.endsWith('.map'));
  for (const file of files) await copyFile(join(bundle, file), join(out, file));
  await folder.remove();
}

/** A program that runs must not be written to, but its name can be given to another. */
async function replaceFile(from: string, to: string): Promise<void> {
  await rm(to, { force: true });
  await copyFile(from, to);
}

async function readMigrations(): Promise<{ name: string; sql: string }[]> {
  const folder = join(PROJECT, 'migrations');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(names.map(async (name) => ({ name, sql: await readFile(join(folder, name), 'utf8') })));
}

/** The package says where its binary for this machine is. */
function workerdPath(): string {
  const { default: path } = createRequire(import.meta.url)('workerd') as { default: string };
  return path;
}
