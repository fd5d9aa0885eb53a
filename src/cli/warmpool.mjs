#!/usr/bin/env node
/**
 * The way in, for any Node from 20: installs what is missing, then hands over to main.ts under the Node 24 that
 * npm installed. Plain JavaScript without dependencies, because it runs before there are any.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR_MIN = 20;
/** The first that runs TypeScript files as they are, and new enough for wrangler. */
const NODE_FOR_TYPESCRIPT = [22, 18];
const PARENT_POLL_MS = 200;

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

if (versionOf(process.version)[0] < NODE_MAJOR_MIN) {
  fail(`Warmpool needs Node ${NODE_MAJOR_MIN} or later; this is ${process.version}.`);
}
if (!isInstalled()) install();
run(nodeForTypeScript());

/**
 * npm writes its own stamp, `node_modules/.package-lock.json`, as the last step of an install. What it lists is
 * compared, not its time: a checkout touches times.
 */
function isInstalled() {
  const wanted = readLock(join(root, 'package-lock.json'));
  const present = readLock(join(root, 'node_modules', '.package-lock.json'));
  return Object.entries(wanted).every(([path, entry]) => {
    // Optional packages are those of other platforms; links are folders of our own.
    if (path === '' || entry.optional || entry.link) return true;
    return present[path]?.version === entry.version;
  });
}

function readLock(path) {
  if (!existsSync(path)) return {};
  return JSON.parse(readFileSync(path, 'utf8')).packages ?? {};
}

function install() {
  const startedAt = Date.now();
  console.error(
    'Installing dependencies with npm ci (about 700 MB; half a minute to some minutes, the first time only) ...',
  );
  // Errors and npm's own progress go straight to the terminal. Dev dependencies run the demo, whatever NODE_ENV says.
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = spawnSync('npm', args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (result.error?.code === 'ENOENT') fail('npm was not found. It comes with Node: https://nodejs.org');
  if (result.signal) process.exit(128 + constants.signals[result.signal]);
  if (result.error || result.status !== 0) {
    fail(`npm ci failed (see above). Try it by hand in ${root}: npm ci`);
  }
  console.error(`Installed in ${Math.round((Date.now() - startedAt) / 1000)} s.`);
}

function nodeForTypeScript() {
  const installed = join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');
  if (existsSync(installed)) return installed;
  // npm was told not to run install scripts (`ignore-scripts`); our own Node may do.
  const [major, minor] = versionOf(process.version);
  const [majorMin, minorMin] = NODE_FOR_TYPESCRIPT;
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return process.execPath;
  return fail(
    `node_modules has no Node of its own (was npm told to ignore scripts?) and this is ${process.version}. ` +
      `Run "npm rebuild node", or use Node ${NODE_FOR_TYPESCRIPT.join('.')} or later.`,
  );
}

/**
 * Ctrl-C reaches the child by itself (one process group), `kill <pid>` by us; the child bears both. The channel tells
 * it when we are gone, whatever the way.
 */
function run(node) {
  const main = join(root, 'src', 'cli', 'main.ts');
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', main, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    shell: process.platform === 'win32',
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  if (process.env.npm_lifecycle_event !== undefined) stopWithNpm(child);
  child.on('error', (error) => fail(`${node} does not start: ${error.message}`));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

/** npm passes a signal to its shell, which dies of it and tells nobody: we then belong to another parent. */
function stopWithNpm(child) {
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && child.kill('SIGTERM'), PARENT_POLL_MS);
}

function versionOf(version) {
  return version.replace('v', '').split('.').map(Number);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
