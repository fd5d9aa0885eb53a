/** Two drivers on one origin connection: neither sees anything of the other, each keeps what is its own. */
import type { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { failureOf, firstValue, openDriver, until } from './drivers.ts';

const ROUNDS = 50;
/** All that a session may leave on its connection. */
const LEFT_BEHIND = `select
  (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())
  + (select count(*) from pg_listening_channels())
  + (select count(*) from pg_prepared_statements where from_sql)
  + (select count(*) from pg_depend
     where refclassid = 'pg_namespace'::regclass and refobjid = pg_my_temp_schema())
  + (select count(*) from pg_cursors where is_holdable)
  + (select count(*) from pg_settings where source = 'session' and name <> 'client_encoding')`;

let harness: Harness;
let target: Target;
let one: Client;
let other: Client;

beforeAll(async () => {
  harness = await startHarness();
  target = await harness.createTarget({ config: { origin_connection_limit: 1 } });
  await harness.ask(target, 'create role leaks_role');
  await harness.ask(target, 'create schema leaks_schema');
});

afterAll(() => harness.stop());

beforeEach(async () => {
  [one, other] = await Promise.all([openDriver(target.pooled), openDriver(target.pooled)]);
});

afterEach(async () => {
  await Promise.all([one.end(), other.end()]);
});

describe('what sticks to a driver and moves with it', () => {
  const show = (name: string): string => `select current_setting('${name}', true)`;
  const settings = [
    { kind: 'statement_timeout', set: `set statement_timeout = '54321ms'`, read: show('statement_timeout') },
    {
      kind: 'work_mem by set_config',
      set: `select set_config('work_mem', '7MB', false)`,
      read: show('work_mem'),
    },
    { kind: 'SET ROLE', set: 'set role leaks_role', read: 'select current_user' },
    {
      kind: 'SET SESSION AUTHORIZATION',
      set: 'set session authorization leaks_role',
      read: 'select session_user',
    },
    { kind: 'search_path', set: 'set search_path to leaks_schema', read: 'select current_schema()' },
    { kind: 'time zone', set: `set time zone 'Asia/Tokyo'`, read: show('TimeZone') },
    { kind: 'DateStyle', set: `set datestyle to 'German'`, read: show('DateStyle') },
    {
      kind: 'a custom setting',
      set: `set app.tenant = 'one'`,
      read: `select coalesce(${"current_setting('app.tenant', true)"}, '')`,
    },
    {
      kind: 'a setting behind a comment',
      set: `/* hello */ -- set\n set work_mem = '9MB'`,
      read: show('work_mem'),
    },
    {
      kind: 'a setting in a DO block',
      set: `do $$ begin perform set_config('work_mem', '8MB', false); end $$`,
      read: show('work_mem'),
    },
    {
      kind: 'SET in a transaction that commits',
      set: `begin; set work_mem = '6MB'; commit`,
      read: show('work_mem'),
    },
  ];

  test.each(settings)('$kind', async ({ set, read }) => {
    const clean = await firstValue(other, read);
    await one.query(set);
    const own = await firstValue(one, read);
    expect(own).not.toBe(clean);
    for (let round = 0; round < 3; round += 1) {
      expect(await firstValue(other, read)).toBe(clean);
      expect(await firstValue(one, read)).toBe(own);
    }
    await one.end();
    expect(await firstValue(other, read)).toBe(clean);
    expect(await firstValue(other, LEFT_BEHIND)).toBe('0');
  });

  const undone = [
    { kind: 'SET that is rolled back', set: `begin; set work_mem = '7MB'; set app.gone = 'x'; rollback` },
    { kind: 'SET LOCAL', set: `begin; set local work_mem = '7MB'; commit` },
    { kind: 'set_config for the transaction', set: `select set_config('work_mem', '7MB', true)` },
    { kind: 'RESET', set: `set work_mem = '7MB'; reset work_mem` },
    { kind: 'RESET ALL', set: `set work_mem = '7MB'; reset all` },
    { kind: 'DISCARD ALL', set: 'discard all' },
  ];

  test.each(undone)('$kind leaves nothing, to nobody', async ({ set }) => {
    const read = show('work_mem');
    const clean = await firstValue(other, read);
    await one.query(set);
    expect(await firstValue(other, read)).toBe(clean);
    expect(await firstValue(one, read)).toBe(clean);
    expect(await firstValue(other, show('work_mem'))).toBe(clean);
    expect((await firstValue(other, show('app.gone'))) || '').toBe('');
  });

  test('RESET ALL undoes what moved with the driver before', async () => {
    const clean = await firstValue(other, show('work_mem'));
    await one.query(`set work_mem = '7MB'`);
    await other.query('select 1');
    await one.query('reset all');
    expect(await firstValue(other, show('work_mem'))).toBe(clean);
    expect(await firstValue(one, show('work_mem'))).toBe(clean);
  });

  test('two drivers with different values each keep theirs', async () => {
    await one.query(`set app.tenant = 'one'; set time zone 'Asia/Tokyo'`);
    await other.query(`set app.tenant = 'other'; set time zone 'America/Lima'`);
    const both = `select current_setting('app.tenant') || ' ' || current_setting('TimeZone')`;
    for (let round = 0; round < ROUNDS; round += 1) {
      expect(await firstValue(one, both)).toBe('one Asia/Tokyo');
      expect(await firstValue(other, both)).toBe('other America/Lima');
    }
  });

  test('a role is back for its driver only after it was taken from the other', async () => {
    await one.query('set role leaks_role');
    const failure = await failureOf(one.query('create table public.forbidden (n int)'));
    expect(failure.code).toBe('42501');
    await other.query('create table public.allowed (n int)');
    expect((await failureOf(one.query('select * from public.allowed'))).code).toBe('42501');
    await other.query('drop table public.allowed');
  });
});

describe('what ties a connection to its driver', () => {
  interface Tie {
    kind: string;
    begin: string;
    /** Holds for the driver as long as it is tied. */
    proof: string;
    ends: string[];
  }
  const ties: Tie[] = [
    {
      kind: 'a temporary table',
      begin: 'create temp table kept as select 7 as n',
      proof: 'select n = 7 from kept',
      ends: ['drop table kept', 'discard all', 'discard temp'],
    },
    {
      kind: 'SELECT INTO TEMP',
      begin: 'select 7 as n into temp kept',
      proof: 'select n = 7 from kept',
      ends: ['drop table kept'],
    },
    {
      kind: 'a temporary function',
      begin: `create function pg_temp.kept() returns boolean language sql as 'select true'`,
      proof: 'select pg_temp.kept()',
      ends: ['drop function pg_temp.kept()', 'discard temp'],
    },
    {
      kind: 'a temporary type',
      begin: `create type pg_temp.kept as enum ('yes')`,
      proof: `select 'yes'::pg_temp.kept = 'yes'`,
      ends: ['drop type pg_temp.kept'],
    },
    {
      kind: 'an advisory lock',
      begin: 'select pg_advisory_lock(42)',
      proof: `select count(*) = 1 from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()`,
      ends: ['select pg_advisory_unlock(42)', 'select pg_advisory_unlock_all()', 'discard all'],
    },
    {
      kind: 'SQL PREPARE',
      begin: 'prepare kept as select true',
      proof: 'execute kept',
      ends: ['deallocate kept', 'deallocate all', 'discard all'],
    },
    {
      kind: 'LISTEN',
      begin: 'listen kept',
      proof: `select 'kept' in (select pg_listening_channels())`,
      ends: ['unlisten kept', 'unlisten *', 'discard all'],
    },
    {
      kind: 'a cursor WITH HOLD',
      begin: 'begin; declare kept cursor with hold for select true from generate_series(1, 100); commit',
      proof: 'fetch 1 from kept',
      ends: ['close kept', 'close all', 'discard all'],
    },
    {
      kind: 'a setting whose name only the origin knows',
      begin: `select set_config('app.' || 'tenant', 'one', false)`,
      proof: `select current_setting('app.tenant', true) = 'one'`,
      ends: ['discard all'],
    },
    {
      kind: 'a setting in an SQL PREPARE',
      begin: `prepare p as select set_config('app.tenant', 'one', false); execute p; deallocate p`,
      proof: `select current_setting('app.tenant', true) = 'one'`,
      ends: ['discard all'],
    },
  ];
  const cases = ties.flatMap(({ ends, ...tie }) => ends.map((end) => ({ ...tie, end })));

  test.each(cases)('$kind: the other waits until "$end"', async ({ begin, proof, end }) => {
    await one.query(begin);
    let hasOtherRun = false;
    const waiting = firstValue(other, LEFT_BEHIND).finally(() => {
      hasOtherRun = true;
    });
    for (let round = 0; round < 5; round += 1) expect(await firstValue(one, proof)).toBe(true);
    expect(hasOtherRun).toBe(false);
    await one.query(end);
    expect(await waiting).toBe('0');
    expect(await firstValue(one, 'select 1')).toBe(1);
  });

  test.each(ties)('$kind: gone when its driver has left', async ({ begin, proof }) => {
    await one.query(begin);
    const waiting = firstValue(other, LEFT_BEHIND);
    expect(await firstValue(one, proof)).toBe(true);
    await one.end();
    expect(await waiting).toBe('0');
    expect((await firstValue(other, `select current_setting('app.tenant', true)`)) || '').toBe('');
  });

  test('a listener hears, and only it', async () => {
    await one.query('listen news');
    const heard: string[] = [];
    one.on('notification', ({ payload }) => heard.push(`one ${payload}`));
    other.on('notification', ({ payload }) => heard.push(`other ${payload}`));
    await harness.ask(target, `notify news, 'first'`);
    await until(() => heard.length > 0, 5_000);
    await one.query('unlisten *');
    await other.query('select 1');
    await harness.ask(target, `notify news, 'second'`);
    await other.query('select 1');
    expect(heard).toEqual(['one first']);
  });
});

describe('what is easily overlooked', () => {
  afterEach(() =>
    harness.ask(
      target,
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${target.name}' and pid <> pg_backend_pid()`,
    ),
  );

  const overlooked = [
    {
      kind: 'a setting that an EXECUTE of SQL made',
      sql: [`prepare p as select set_config('work_mem', '7MB', false)`, 'execute p', 'deallocate p'],
    },
    {
      kind: 'a setting that cannot be reset',
      sql: [`set temp_buffers = '2MB'`, 'create temp table t (n int)', 'drop table t'],
    },
    { kind: 'a setting that nobody can read', sql: ['set seed = 0.5'] },
    {
      kind: 'a setting that only its role may set',
      sql: ['set log_statement = "all"', 'set role leaks_role'],
    },
    {
      kind: 'a role that is dropped meanwhile',
      sql: ['create role leaks_gone', 'set role leaks_gone', 'reset role', 'drop role leaks_gone'],
    },
    { kind: 'an aborted transaction', sql: ['begin', 'set work_mem = "7MB"', 'select 1/0', 'commit'] },
    {
      kind: 'a savepoint that is rolled back',
      sql: ['begin', 'savepoint a', 'set work_mem = "7MB"', 'rollback to a', 'commit'],
    },
    {
      kind: 'a hidden setting and then another',
      sql: [`select set_config('work' || '_mem', '7MB', false)`, `set app.x = 'y'`, 'reset app.x'],
    },
    { kind: 'EXPLAIN ANALYZE', sql: [`explain analyze select set_config('work_mem', '7MB', false)`] },
    {
      kind: 'a function’s own SET',
      sql: [
        `create or replace function leaks_set() returns void language sql set work_mem = '7MB' as 'select 1'`,
        'select leaks_set()',
      ],
    },
  ];

  test.each(overlooked)('$kind', async ({ sql }) => {
    const read = `select current_setting('work_mem') || current_setting('temp_buffers')`;
    const clean = await firstValue(other, read);
    for (const statement of sql) await one.query(statement).catch(() => {});
    await one.query('select 1');
    const waiting = [firstValue(other, read), firstValue(other, LEFT_BEHIND)];
    await one.end();
    expect(await Promise.all(waiting)).toEqual([clean, '0']);
  });

  test.each(overlooked)('$kind, while its driver stays', async ({ sql }) => {
    const read = `select current_setting('work_mem') || current_setting('temp_buffers')`;
    const clean = await firstValue(other, read);
    for (const statement of sql) await one.query(statement).catch(() => {});
    const waiting = Promise.all([firstValue(other, read), firstValue(other, LEFT_BEHIND)]);
    await one.query('select 1');
    await one.query('discard all');
    expect(await waiting).toEqual([clean, '0']);
  });
});

describe('what comes back', () => {
  test('rows and notices are each driver’s own', async () => {
    const notices: string[] = [];
    for (const [name, driver] of Object.entries({ one, other }))
      driver.on('notice', ({ message = '' }) => notices.push(`${name}: ${message}`));
    const ask = async (driver: Client, name: string): Promise<void> => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const text = `${name} ${round}`;
        await driver.query(`do $$ begin raise notice '${text}'; end $$`);
        const { rows } = await driver.query('select $1 as text, generate_series(1, 20) as n', [text]);
        expect(rows).toHaveLength(20);
        expect(rows.every((row) => row.text === text)).toBe(true);
        expect((await failureOf(driver.query(`select '${text}'::int`))).message).toContain(text);
      }
    };
    await Promise.all([ask(one, 'one'), ask(other, 'other')]);
    expect(notices).toHaveLength(2 * ROUNDS);
    expect(notices.filter((notice) => !/^(\w+): \1 /.test(notice))).toEqual([]);
  });

  test('named statements of equal name and different text are each driver’s own', async () => {
    const ask = (driver: Client, n: number): Promise<unknown> =>
      driver
        .query({ name: 'same', text: `select ${n} + $1::int as n`, values: [n] })
        .then(({ rows }) => rows);
    for (let round = 0; round < ROUNDS; round += 1) {
      expect(await Promise.all([ask(one, 10), ask(other, 20)])).toEqual([[{ n: 20 }], [{ n: 40 }]]);
    }
  });

  test('clean sessions cost the origin no byte but their own', async () => {
    const query = 'select 1';
    await one.query(query);
    await other.query(query);
    target.proxy.reset();
    for (let round = 0; round < ROUNDS; round += 1) {
      await one.query(query);
      await other.query(query);
    }
    // Type, Int32 length, text, zero byte.
    const bytes = 1 + 4 + query.length + 1;
    expect(target.proxy.stats()).toMatchObject({ connections: 0, bytesToServer: 2 * ROUNDS * bytes });
  });
});
