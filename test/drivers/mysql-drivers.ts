/**
 * Over TCP, from Node, from the command line and from Python: what drivers see through Warmpool is what they see
 * straight at the server. Each server has a Warmpool of its own: a listener greets as the servers of its configs do,
 * where they are equal.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installMySql, type MySqlFlavour } from '../../src/demo/mysql-installation.ts';
import type { Case } from '../conformance/case.ts';
import { casesOf, isRefusedByServer } from '../conformance/cases/all.ts';
import { callApi } from '../fakes/caching.ts';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { describeMySql } from '../fakes/mysql-flavours.ts';
import { SCRIPTS } from './mysql-client-scripts.ts';
import { describeRoundTrips } from './mysql-round-trips.ts';
import { type Ended, type ProgramOptions, runProgram, startProgram } from './program.ts';
import { installPython, PYTHON } from './python-packages.ts';

const CANCEL_MS_MAX = 2_000;
const POLL_MS = 20;

const hasPyMySql = await installPython({ pymysql: 'python3-pymysql' });

export function describeDrivers(flavour: MySqlFlavour): void {
  describeMySql(flavour, () => driversOf(flavour));
}

function driversOf(flavour: MySqlFlavour): void {
  let harness: Harness;
  /** Two databases of their own, so that both can do the same. */
  let direct: Target;
  let pooled: Target;

  beforeAll(async () => {
    harness = await startHarness({ versions: [flavour] });
    direct = await harness.createTarget({ version: flavour });
    pooled = await harness.createTarget({ version: flavour });
  });

  afterAll(() => harness.stop());

  test.runIf(process.env['CI'])('PyMySQL is there', () => {
    expect(hasPyMySql).toBe(true);
  });

  describe('in Node', () => {
    test.each(Object.entries(casesOf.mysql))('%s', async (name, run) => {
      if (isRefusedByServer(name, flavour)) await expect(run(direct.direct)).rejects.toThrow();
      else await seesTheSame(run);
    });
  });

  test.runIf(hasPyMySql)('PyMySQL', () =>
    seesTheSame(async (url) => {
      const script = join(import.meta.dirname, 'python/pymysql_cases.py');
      const { stdout, stderr, code } = await runProgram({ command: PYTHON, args: ['-B', script, url] });
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout);
    }),
  );

  describe('the command line client', () => {
    beforeAll(async () => {
      for (const { direct: url } of [direct, pooled]) await client(url, TABLES);
    });

    test.each(Object.entries(SCRIPTS))('%s', async (_, script) => {
      await seesTheSame(async (url) => client(url, script));
    });

    test('SIGINT cancels the query that runs, and the next one works', async () => {
      // It kills by a connection of its own that names no database: there must be one such user alone.
      const { token } = await callApi(harness, `/${pooled.configId}/tokens`, {
        method: 'POST',
        body: { user: 'alone' },
      });
      const url = new URL(pooled.pooled);
      url.username = 'alone';
      url.password = String(token);
      const script = 'select sleep(30) as slept; select "next works";';
      const program = startProgram({ ...(await command(url.href)), input: script });
      await untilRunning('select sleep(30)');
      const before = performance.now();
      program.child.kill('SIGINT');
      const { stdout } = await program.ended;
      expect(performance.now() - before).toBeLessThan(CANCEL_MS_MAX);
      expect(stdout).toContain('next works');
    });
  });

  describeRoundTrips(() =>
    harness.createTarget({ version: flavour, config: { origin_connection_limit: 1 } }),
  );

  async function seesTheSame(run: Case): Promise<void> {
    const expected = plain(await run(direct.direct), direct);
    expect(expected).toBeDefined();
    expect(plain(await run(pooled.pooled), pooled)).toEqual(expected);
  }

  async function client(url: string, input: string): Promise<Ended> {
    return runProgram({ ...(await command(url)), input });
  }

  async function command(url: string): Promise<ProgramOptions> {
    const { port, username, password, pathname } = new URL(url);
    return (await installMySql(flavour)).client(flavour, [
      ...['--host=127.0.0.1', `--port=${port}`, `--user=${username}`, `--password=${password}`],
      ...[
        '--force',
        '--table',
        '--unbuffered',
        '--comments',
        '--auto-rehash',
        `--database=${pathname.slice(1)}`,
      ],
    ]);
  }

  async function untilRunning(start: string): Promise<void> {
    const sql = `select 1 from information_schema.processlist where db = '${pooled.name}' and info like '${start}%'`;
    while ((await harness.ask(pooled, sql)).length === 0) await sleep(POLL_MS);
  }
}

const TABLES = `
  create table people (id int auto_increment primary key, name varchar(50) not null unique);
  insert into people (name) values ('Ada'), ('Bob'), ('Cid'), ('Dan');
  create view names as select name from people;`;

/** Databases are told apart by their names alone. */
function plain(seen: unknown, { name }: Target): unknown {
  const text = JSON.stringify(seen, (_, value) => (typeof value === 'bigint' ? `${value}n` : value));
  return JSON.parse(text.replaceAll(name, 'DATABASE'));
}
