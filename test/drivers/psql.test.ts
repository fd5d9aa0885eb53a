/** psql: what people type must look the same straight and through Warmpool. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeTemporaryFolder, type TemporaryFolder } from '../../src/cli/leftovers.ts';
import { CACHING, untilCacheable } from '../fakes/caching.ts';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { VERSIONS } from '../fakes/origins.ts';
import { type Ended, type Program, runProgram, startProgram } from './program.ts';

const CANCEL_MS_MAX = 2_000;
const SHOW_MS_MAX = 15_000;
const POLL_MS = 20;
const CTRL_C = '\x03';
const COPY_LINES = 50_000;

let harness: Harness;
let folder: TemporaryFolder;

beforeAll(async () => {
  harness = await startHarness({ versions: VERSIONS });
  folder = await makeTemporaryFolder('warmpool-psql');
});

afterAll(async () => {
  await folder.remove();
  await harness.stop();
});

/** Scripts as they are typed: each runs with its errors in the output. */
const SCRIPTS: Record<string, string> = {
  'describes tables, functions, roles and schemas': String.raw`
    \d
    \d+ people
    \dt+
    \di
    \ds
    \df
    \dn+
    \du
    \dT+
    \dx
    \d no_such_table
    \sf greet
    \l postgres`,
  'runs many statements, also in one line': String.raw`
    select 1; select 2 as two, 'x' as x; select; 
    begin; insert into people (name) values ('Eve'); rollback; select count(*) from people;
    select 1 \; select 2 \; select 3;
    select 1 \; select 1/0 \; select 3;
    ;;;
    select 'the end';`,
  'shows errors and notices in full': String.raw`
    \set VERBOSITY verbose
    select * from nowhere;
    insert into people (id, name) values (1, 'again');
    do $$ begin raise notice 'note' using detail = 'd', hint = 'h'; end $$;
    selec 1;
    \errverbose
    begin; select 1/0; select 1; commit;
    select 'the end';`,
  'describes results, runs results, and reads in pieces': String.raw`
    select id, name, 1.5::numeric(4,2) as n from people \gdesc
    select 'select ' || n from generate_series(1, 3) n \gexec
    select name, id, 'x' from people \crosstabview
    \set FETCH_COUNT 7
    select n, repeat('x', 20) from generate_series(1, 40) n;
    select 1 / (20 - n) from generate_series(1, 40) n;
    select count(*) from people \gset mine_
    \echo :mine_count`,
  'keeps settings, temporary tables, cursors and prepared statements': String.raw`
    set work_mem = '5MB'; show work_mem; set time zone 'Asia/Tokyo'; show timezone;
    select '2026-01-01 00:00Z'::timestamptz; set datestyle = 'German'; select '2026-01-01'::date;
    create temp table notes (id int); insert into notes values (1), (2); select * from notes;
    prepare plan (int) as select $1 + 1 as n; execute plan (41); deallocate plan; execute plan (1);
    declare held cursor with hold for select generate_series(1, 5); fetch 2 from held; close held;
    \encoding LATIN1
    show client_encoding;
    reset all; show work_mem; discard all; select * from notes;`,
  'keeps what goes on in a transaction': `
    begin; savepoint a; select 1/0; rollback to a; select 'alive'; commit;
    begin isolation level serializable; show transaction_isolation; set local work_mem = '7MB'; show work_mem; end;
    show work_mem;
    listen news; notify news, 'hello';
    select pg_notify('news', 'again') is null;`,
};

describe.each(VERSIONS)('psql on PostgreSQL %s', (version) => {
  let target: Target;
  let cached: Target;

  beforeAll(async () => {
    target = await harness.createTarget({ version });
    cached = await harness.createTarget({ version, config: CACHING });
    await fill(target);
    await fill(cached);
    await untilCacheable(cached);
  });

  async function fill(database: Target): Promise<void> {
    await harness.ask(
      database,
      `create table people (id serial primary key, name text not null unique);
       insert into people (name) select 'Person ' || n from generate_series(1, 5) n;
       create view names as select name from people;
       create type mood as enum ('good', 'bad');
       create function greet(text) returns text language sql as $$ select 'Hello ' || $1 $$`,
    );
  }

  test.each(Object.entries(SCRIPTS))('%s', async (_, script) => {
    const direct = await psql(target.direct, script);
    expect(direct).toMatchObject({ code: 0, stdout: expect.stringContaining('\n') });
    expect(normal(await psql(target.pooled, script))).toEqual(normal(direct));
    const inOwn = { ...direct, stdout: direct.stdout.replaceAll(target.name, cached.name) };
    // The second time finds in the cache what the first has left there.
    for (const _ of [1, 2]) expect(normal(await psql(cached.pooled, script))).toEqual(normal(inOwn));
  });

  test('copies files in and out', async () => {
    const [source, out] = [join(folder.path, `in-${version}`), join(folder.path, `out-${version}`)];
    const lines = Array.from({ length: COPY_LINES }, (_, n) => `${n}\tline ${n}\n`).join('');
    await writeFile(source, lines);
    const script = String.raw`create table copies (id int, line text);
      \copy copies from '${source}'
      select count(*), sum(id), md5(string_agg(line, '' order by id)) from copies;
      \copy (select * from copies order by id) to '${out}'
      \copy copies from program 'echo not a number'
      \copy copies to '${out}.csv' with (format csv, header)
      copy (select 'inline') to stdout;
      drop table copies;`;
    const direct = await psql(target.direct, script);
    expect(direct).toMatchObject({ code: 0, stdout: expect.stringContaining(`COPY ${COPY_LINES}`) });
    expect(await readFile(out, 'utf8')).toBe(lines);
    for (const url of [target.pooled, cached.pooled]) {
      await writeFile(out, '');
      expect(await psql(url, script)).toEqual(direct);
      expect(await readFile(out, 'utf8')).toBe(lines);
    }
  });

  test('in a terminal, Tab completes names and Ctrl-C cancels what runs', async () => {
    // `script` gives psql a terminal, without which it completes nothing and Ctrl-C is a byte like the others.
    const terminal = startProgram({
      command: 'script',
      args: ['-qefc', `exec psql -X "${target.pooled}"`, '/dev/null'],
      input: 'open',
    });
    await untilShown(terminal, '=#');
    terminal.child.stdin?.write('select name from peo\t where id = 3;\n');
    await untilShown(terminal, 'Person 3');
    terminal.child.stdin?.write('select pg_sleep(30);\n');
    await untilSleeping(target);
    const before = performance.now();
    terminal.child.stdin?.write(CTRL_C);
    await untilShown(terminal, 'canceling statement due to user request');
    expect(performance.now() - before).toBeLessThan(CANCEL_MS_MAX);
    terminal.child.stdin?.write("select 'next ' || 'works';\n");
    await untilShown(terminal, 'next works');
    terminal.child.stdin?.write('\\q\n');
    expect((await terminal.ended).code).toBe(0);
  });

  test('SIGINT cancels the query that runs', async () => {
    const program = startProgram({
      command: 'psql',
      args: ['-XAt', '-c', 'select pg_sleep(30)', target.pooled],
    });
    await untilSleeping(target);
    const before = performance.now();
    program.child.kill('SIGINT');
    const ended = await program.ended;
    expect(performance.now() - before).toBeLessThan(CANCEL_MS_MAX);
    expect(ended.stderr).toContain('canceling statement due to user request');
    expect(await psql(target.pooled, "select 'next works'")).toMatchObject({
      stdout: expect.stringContaining('next works'),
    });
  });
});

function psql(url: string, input: string): Promise<Ended> {
  return runProgram({ command: 'psql', args: ['-X', url], input });
}

/** Process ids of notifications differ from connection to connection. */
function normal({ stdout, ...rest }: Ended): Ended {
  return { stdout: stdout.replaceAll(/with PID \d+/g, 'with PID'), ...rest };
}

async function untilShown(program: Program, text: string): Promise<void> {
  const until = performance.now() + SHOW_MS_MAX;
  while (!program.stdout().includes(text) && performance.now() < until) await sleep(POLL_MS);
  expect(program.stdout()).toContain(text);
}

async function untilSleeping(target: Target): Promise<void> {
  const sql = `select from pg_stat_activity
    where datname = '${target.name}' and state = 'active' and query like 'select pg_sleep(30)%'`;
  while ((await harness.ask(target, sql)).length === 0) await sleep(POLL_MS);
}
