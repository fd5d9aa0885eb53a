/** The entry script in a project of its own, with an npm that only writes down that it was called. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const LOCK = {
  packages: {
    '': { version: '0.1.0' },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/for-another-platform': { version: '1.0.0', optional: true },
  },
};

describe('warmpool.mjs', () => {
  let project: string;

  beforeEach(async () => {
    project = await mkdtemp(join(tmpdir(), 'warmpool-bootstrap-'));
    await mkdir(join(project, 'src/cli'), { recursive: true });
    await mkdir(join(project, 'bin'));
    await copyFile(
      join(import.meta.dirname, '../../src/cli/warmpool.mjs'),
      join(project, 'src/cli/warmpool.mjs'),
    );
    await writeFile(
      join(project, 'src/cli/main.ts'),
      'console.log(process.argv.slice(2).join());process.exit(7);',
    );
    await writeFile(join(project, 'package-lock.json'), JSON.stringify(LOCK));
    await symlink(process.execPath, join(project, 'bin/node'));
  });

  afterEach(() => rm(project, { recursive: true }));

  test('hands arguments and the exit code through when all is installed', async () => {
    await install({ a: '1.0.0' });
    expect(await run('demo', '--once')).toEqual({ code: 7, stdout: 'demo,--once\n', stderr: '' });
  });

  test('installs when there is no node_modules, and says so', async () => {
    await fakeNpm('exit 0');
    const { code, stderr } = await run();
    expect(code).toBe(7);
    expect(stderr).toContain('Installing dependencies with npm ci');
    expect(await readFile(join(project, 'npm-arguments'), 'utf8')).toContain('ci --include=dev');
  });

  test('installs when a version differs from the lock file', async () => {
    await install({ a: '0.9.0' });
    await fakeNpm('exit 0');
    expect((await run()).stderr).toContain('Installed in');
  });

  test('shows what npm said when it fails', async () => {
    await fakeNpm('echo "npm error network" >&2; exit 3');
    const { code, stderr } = await run();
    expect(code).toBe(1);
    expect(stderr).toContain('npm error network');
    expect(stderr).toContain('npm ci failed (see above)');
  });

  test('says where to get npm when it is missing', async () => {
    expect(await run()).toMatchObject({ code: 1, stderr: expect.stringContaining('npm was not found') });
  });

  async function install(versions: Record<string, string>): Promise<void> {
    const packages = Object.entries(versions).map(([name, version]) => [`node_modules/${name}`, { version }]);
    await mkdir(join(project, 'node_modules'));
    await writeFile(
      join(project, 'node_modules/.package-lock.json'),
      JSON.stringify({ packages: Object.fromEntries(packages) }),
    );
  }

  async function fakeNpm(then: string): Promise<void> {
    const path = join(project, 'bin/npm');
    await writeFile(path, `#!/bin/sh\necho "$@" > npm-arguments\n${then}\n`);
    await chmod(path, 0o755);
  }

  async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const child = spawn(process.execPath, [join(project, 'src/cli/warmpool.mjs'), ...args], {
      env: { PATH: join(project, 'bin') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const [code] = (await once(child, 'close')) as [number];
    return { code, stdout, stderr };
  }
});
