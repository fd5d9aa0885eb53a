/** The commands that wrangler has no counterpart for, against a running Warmpool. */
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findFreePort } from '../../src/cli/ports.ts';
import { type Managed, startManaged } from '../conformance/managed.ts';
import { type Ran, runCli } from './run-cli.ts';

let managed: Managed;
let id: string;

beforeAll(async () => {
  managed = await startManaged();
  const { port, database, user, password } = managed.origin;
  const origin = { scheme: 'postgres', host: '127.0.0.1', port, database, user, password };
  id = (await managed.call('POST', '/hyperdrive/configs', { name: 'books', origin })).result.id;
});

afterAll(() => managed.stop());

function run(...args: string[]): Promise<Ran> {
  return runAs(managed.adminToken, ...args);
}

function runAs(token: string, ...args: string[]): Promise<Ran> {
  return runCli(args, { CLOUDFLARE_API_BASE_URL: managed.apiBase, CLOUDFLARE_API_TOKEN: token });
}

test('tokens for the API are made with a scope, listed without the token, and revoked', async () => {
  const admin = (await run('token', 'create', 'ci')).stdout.trim();
  const reader = JSON.parse((await run('token', 'create', 'grafana', '--scope=read-only', '--json')).stdout);
  expect(admin).toMatch(/^wpa_/);
  const listed = await runAs(reader.token, 'token', 'list');
  expect(listed.stdout).toMatch(new RegExp(`ci\\tadmin\\t...${admin.slice(-4)}`));
  expect(listed.stdout).not.toContain(admin);
  const refused = await runAs(reader.token, 'restart', 'books');
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('read-only') });
  expect((await runAs(admin, 'token', 'revoke', 'grafana')).code).toBe(0);
  expect((await runAs(reader.token, 'token', 'list')).code).toBe(1);
  const again = await run('token', 'revoke', 'grafana');
  expect(again.stderr).toBe('There is no API token "grafana". For a driver\'s, add --config.\n');
});

test("a driver's token is made with --config, logs in, and no longer when revoked", async () => {
  const token = (await run('token', 'create', 'reporting', '--config=books')).stdout.trim();
  const login = async (): Promise<unknown> => {
    const client = new Client(`postgres://reporting:${token}@127.0.0.1:${managed.postgresPort}/books`);
    await client.connect();
    await client.end();
    return 'in';
  };
  expect(await login()).toBe('in');
  expect((await run('token', 'list', '--config', 'books')).stdout).toContain('reporting');
  await run('token', 'revoke', 'reporting', '--config', 'books');
  await expect(login()).rejects.toThrow();
});

test('a scope and a config do not go together, and an unknown scope is named', async () => {
  const both = await run('token', 'create', 'x', '--scope=admin', '--config=books');
  expect(both).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('--scope is for tokens of the API'),
  });
  const unknown = await run('token', 'create', 'x', '--scope=root');
  expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('admin, read-only') });
});

test('config show tells the settings and what the pool is doing, by name and by id', async () => {
  const { stdout } = await run('config', 'show', 'books');
  expect(stdout).toMatch(/^origin\.host +127\.0\.0\.1$/m);
  expect(stdout).toMatch(/^caching\.max_age +60$/m);
  expect(stdout).toMatch(/^caching\.consistency +session$/m);
  expect(stdout).toMatch(/^drivers +\d+$/m);
  expect(stdout).toMatch(/^connections +(none yet|\d+ \(\d+ in use, \d+ idle, \d+ being opened\))$/m);
  const json = JSON.parse((await run('config', 'show', id, '--json')).stdout);
  expect(json).toMatchObject({ id, name: 'books', state: { sessions: expect.any(Number) } });
  expect(JSON.stringify(json)).not.toContain(managed.origin.password);
});

test('restart is told and seen', async () => {
  expect(await run('restart', 'books')).toEqual({ code: 0, stdout: '', stderr: 'Restarted: books\n' });
  const json = JSON.parse((await run('restart', 'books', '--json')).stdout);
  expect(json.restarted_on).toMatch(/^\d{4}-/);
});

test("why knows the origin's tables, and a purge refuses one that is not there", async () => {
  const { user, password, port, database } = managed.origin;
  const owner = new Client({ user, password, port, database, host: '127.0.0.1' });
  await owner.connect();
  await owner.query('create table people (id int primary key, name text)');
  await owner.end();
  const cached = await run('why', 'books', 'select name from people where id = $1');
  expect(cached.stdout).toMatch(/^cached +yes\nreads +people\nwrites +nothing\nfresh for +60 s$/m);
  const moving = await run('why', 'books', 'select now()');
  expect(moving.stdout).toMatch(/^cached +no \((volatile|uncacheable)\)\nreason +\S/);

  const purged = await run('purge', 'books', '--relation', 'public.people', '--json');
  expect(JSON.parse(purged.stdout)).toEqual({ cache_epoch: 1 });
  const refused = await run('purge', 'books', '--relation', 'public.people', 'public.nobody');
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('"public.nobody"') });
  const all = await run('purge', 'books', '--all', '--json');
  expect(JSON.parse(all.stdout)).toEqual({ cache_epoch: 2 });
});

test('doctor finds all well, then an origin whose password was changed, and says how to mend it', async () => {
  const ports = await freePorts();
  const well = await run('doctor', '--json', ...ports);
  const findings = JSON.parse(well.stdout);
  expect(findings.find((one: { name: string }) => one.name === 'API').text).toContain('1 config');
  expect(findings.find((one: { name: string }) => one.name === 'Origin of books')).toMatchObject({
    isGood: true,
  });

  const { user, password, port, database } = managed.origin;
  const owner = new Client({ user, password, port, database, host: '127.0.0.1' });
  await owner.connect();
  await owner.query("alter role postgres password 'changed'");
  const ill = await run('doctor', ...ports);
  await owner.query(`alter role postgres password '${password}'`);
  await owner.end();
  expect(ill.code).toBe(1);
  expect(ill.stdout).toMatch(
    /BAD {2}Origin of books: .*\[code: 2013\]\n {5}mend: npx wrangler hyperdrive update/,
  );
});

test('doctor names a wrong API token and a Warmpool that does not answer where it should', async () => {
  const ports = await freePorts();
  const wrong = await runAs('wrong', 'doctor', ...ports);
  expect(wrong.stdout).toMatch(/BAD {2}API: .*\n {5}mend: put an admin token into CLOUDFLARE_API_TOKEN/);
  const away = await runCli(['doctor', ...ports], {
    CLOUDFLARE_API_BASE_URL: 'http://127.0.0.1:1/client/v4',
  });
  expect(away.stdout).toMatch(/BAD {2}API: nothing answers at .*\n {5}mend: start it with npm run dev/);
  expect([wrong.code, away.code]).toEqual([1, 1]);
});

test.each([
  'token',
  'config',
  'restart',
  'purge',
  'why',
  'doctor',
  'planetscale',
])('%s --help shows examples', async (command) => {
  expect((await run(command, '--help')).stdout).toMatch(/Examples?:\n {2}\$|npx wrangler hyperdrive --help/);
});

/** Those that doctor looks at: the usual ones belong to whoever works on this machine. */
async function freePorts(): Promise<string[]> {
  return [`--port=${await findFreePort()}`, `--postgres-port=${await findFreePort()}`];
}
