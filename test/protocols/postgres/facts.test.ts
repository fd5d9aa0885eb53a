/** What statements may change, by their text alone. Yes too often costs a question; no wrongly is a leak. */
import { expect, test } from 'vitest';
import { CLEAN, factsOf, type StatementFacts, UNKNOWN } from '../../../src/protocols/postgres/facts.ts';

const SUSPECT: Partial<StatementFacts> = { isSuspect: true };
const SCHEMA: Partial<StatementFacts> = { changesSchema: true };
const HIDDEN: Partial<StatementFacts> = { hidesSettings: true };
const DROPS: Partial<StatementFacts> = { ...UNKNOWN, dropsStatements: true };
const sets = (...settings: string[]): Partial<StatementFacts> => ({ settings });

const TABLE: [sql: string, facts: Partial<StatementFacts>][] = [
  // Clean, whatever words they contain.
  ['', {}],
  [';;', {}],
  ['select 1', {}],
  ["select 'set x = 1'", {}],
  ["select '; set x = 1'", {}],
  ["select 'it''s; set x = 1'", {}],
  ['select $$; set x = 1$$', {}],
  ['select $a$; set x = 1 $$ ; reset all $a$', {}],
  ['select 1 as "; set x = 1"', {}],
  ['select 1 -- ; set x = 1', {}],
  ['select 1 /* ; set x = 1 /* ; reset all */ ; do */', {}],
  ["select E'; set x = 1'", {}],
  ['update t set a = 1', {}],
  ['update t\nset a = 1', {}],
  ['with x as (update t set a = 1 returning *) table x', {}],
  ['insert into t values (1) on conflict (a) do update set a = 2', {}],
  ['insert into t values (1) on conflict\ndo nothing', {}],
  ['merge into t using u on true when matched then update set a = 1', {}],
  ['begin', {}],
  ['begin; set local work_mem = 1; commit', {}],
  ['SET LOCAL ROLE x', {}],
  ['set transaction isolation level serializable', {}],
  ['set constraints all deferred', {}],
  ['select temp from weather', {}],
  ["select 'temporary'", {}],
  ['fetch 1 from c', {}],
  ['move 1 from c', {}],
  ['declare c cursor for select 1', {}],
  ['declare c cursor with hold for select 1', SUSPECT],
  ['declare c no scroll cursor\nwith  /* */ hold for select 1', SUSPECT],
  ['close c', SUSPECT],
  ["prepare transaction 'x'", {}],
  ['truncate t', {}],
  ['show all', {}],
  ["select current_setting('x')", {}],

  // SET in all its spellings.
  ['set x = 1', sets('x')],
  ['SET X TO 1', sets('x')],
  ['set session x = 1', sets('x')],
  ['set "X" = 1', sets('x')],
  ['set my.app = 1', sets('my.app')],
  ['set "My"."App".z = 1', sets('my.app.z')],
  ['set role worker', sets('role')],
  ['set session role worker', sets('role')],
  ['set role none', sets('role')],
  ["set role to 'worker'", sets('role')],
  ['set session authorization bob', sets('session_authorization', 'role')],
  ['set session session authorization bob', sets('session_authorization', 'role')],
  ['set session authorization default', sets('session_authorization', 'role')],
  ["set time zone 'UTC'", sets('timezone')],
  ["set session time zone 'UTC'", sets('timezone')],
  ["set timezone to 'UTC'", sets('timezone')],
  ["set names 'UTF8'", sets('client_encoding')],
  ["set schema 'a'", sets('search_path')],
  ['set xml option document', sets('xmloption')],
  [
    'set session characteristics as transaction read only',
    sets('default_transaction_isolation', 'default_transaction_read_only', 'default_transaction_deferrable'),
  ],
  ['reset x', sets('x')],
  ['reset role', sets('role')],
  ['reset session authorization', sets('session_authorization', 'role')],
  ['reset time zone', sets('timezone')],
  ['reset all', { hasUnknownSettings: true, isSuspect: true }],

  // Where they may stand.
  [' \t\r\n\f\v set x = 1', sets('x')],
  ['-- hi\nset x = 1', sets('x')],
  ['-- hi\rset x = 1', sets('x')],
  ['/* a */set x = 1', sets('x')],
  ['/* a /* b */ c */ /**/ set x = 1', sets('x')],
  ['/* ; */ -- x\n /* y */ set x = 1', sets('x')],
  ['select 1;set x = 1', sets('x')],
  ["select ';';set x = 1", sets('x')],
  ["select 'a''';set x = 1", sets('x')],
  ['select $$;$$;set x = 1', sets('x')],
  ['select $a$ $$ $a$;set x = 1', sets('x')],
  ['select 1 as a$b;set x = 1', sets('x')],
  ['select "a""b;";set x = 1', sets('x')],
  ['set x = 1; set y = 2', sets('x', 'y')],
  ['begin;set x = 1;rollback', sets('x')],
  // A backslash in front of a quote: where the string ends depends on a setting.
  ["select E'\\';';set x = 1", { ...UNKNOWN, changesSchema: true }],
  ["select '\\';set x = 1;--'", { ...UNKNOWN, changesSchema: true }],

  // set_config.
  ["select set_config('X', 'y', false)", sets('x')],
  ["select pg_catalog.set_config ( 'x' , 'y' , $1 )", sets('x')],
  ["select set_config('x', 'y', true)", {}],
  ["select set_config('x', f(1, 2), true)", {}],
  ["select set_config('x', 'y', not true)", sets('x')],
  ["select set_config('x', 'y', true or f())", sets('x')],
  ['select set_config($1, $2, false)', HIDDEN],
  ['select set_config(name, value, false) from t', HIDDEN],
  ["select set_config('x' || 'y', 'z', false)", HIDDEN],
  ["select \"set_config\"('x', 'y', false)", sets('x')],
  ["select set_config('a', '1', false), set_config('b', '1', true)", sets('a')],
  ["select set_config('a', set_config('b', '1', false), true)", sets('b')],
  ["with x as (select set_config('a', '1', false)) table x", sets('a')],
  ["insert into t select set_config('a', '1', false)", sets('a')],
  ["select set_config(setting_name => 'a', new_value => 'b', is_local => false)", HIDDEN],

  // Advisory locks: those of the session, not those of the transaction.
  ['select pg_advisory_lock(1)', SUSPECT],
  ['select pg_advisory_lock_shared(1, 2)', SUSPECT],
  ['select pg_try_advisory_lock(1)', SUSPECT],
  ['select pg_try_advisory_lock_shared(1)', SUSPECT],
  ['select pg_advisory_unlock(1)', SUSPECT],
  ['select pg_advisory_unlock_shared(1)', SUSPECT],
  ['select pg_advisory_unlock_all()', SUSPECT],
  ['select "pg_advisory_lock"(1)', SUSPECT],
  ['select pg_advisory_xact_lock(1)', {}],
  ['select pg_advisory_xact_lock_shared(1)', {}],
  ['select pg_try_advisory_xact_lock(1)', {}],
  ['select pg_try_advisory_xact_lock_shared(1)', {}],

  // Temporary tables.
  ['create temp table t (a int)', SUSPECT],
  ['CREATE TEMPORARY TABLE IF NOT EXISTS t (a int)', SUSPECT],
  ['create local temp table t (a int)', SUSPECT],
  ['create temp view v as select 1', SUSPECT],
  ['create or replace temp view v as select 1', { ...SCHEMA, ...SUSPECT }],
  ['create temp sequence s', SUSPECT],
  ['create temp table t as select 1', SUSPECT],
  ['create temp table t (a int) on commit drop', {}],
  ['create temp table t (a int) on commit delete rows', SUSPECT],
  ['create temp table t as select commit, "on" from x -- drop', SUSPECT],
  ['create temp table t (commit int, drop int)', SUSPECT],
  ['create or replace view v as select temp from weather', { ...SCHEMA, ...SUSPECT }],
  ['create table pg_temp.t (a int)', { ...SCHEMA, ...SUSPECT }],
  ['select * into temp t from u', SUSPECT],
  ['select 1 as a into temporary table t', SUSPECT],
  ['explain analyze create temp table t as select 1', SUSPECT],
  ['explain (analyze) select 1 as temp', {}],
  ['set search_path = pg_temp', { ...sets('search_path'), ...SUSPECT }],

  // Tables and types.
  ['create table t (a int)', SCHEMA],
  ['create index i on t (a)', {}],
  ['create unique index i on t (a)', {}],
  ['alter table t add b int', SCHEMA],
  ['drop table t', { ...SCHEMA, ...SUSPECT }],
  ['import foreign schema a from server s into b', SCHEMA],

  // Statements in SQL.
  ['prepare p as select 1', SUSPECT],
  ["prepare p as select set_config('x', $1, false)", { ...SUSPECT, ...HIDDEN, ...sets('x') }],
  ['execute p', { hasUnknownSettings: true, isSuspect: true }],
  ['listen c', SUSPECT],
  ['unlisten *', SUSPECT],
  ['notify c', {}],
  ['deallocate all', { ...SUSPECT, dropsStatements: true }],
  ['deallocate prepare all', { ...SUSPECT, dropsStatements: true }],
  ['discard all', DROPS],
  ['discard plans', DROPS],
  ['discard temp', DROPS],

  // Code.
  ['do $$ begin set x = 1; end $$', { hasUnknownSettings: true, isSuspect: true }],
  ['call f()', { hasUnknownSettings: true, isSuspect: true }],
  ["load 'x'", { hasUnknownSettings: true, isSuspect: true }],

  // What is not whole.
  ["select 'set x = 1", {}],
  ['select $a$ ; set x = 1', {}],
  ['select /* ; set x = 1', {}],
  ['set', sets('')],
  ['reset', sets('')],
  ['set session', sets('')],
  ['deallocate', {}],
  ['select set_config', HIDDEN],
  ['select set_config(', HIDDEN],
];

for (const [sql, facts] of TABLE)
  test(JSON.stringify(sql), () => {
    expect(factsOf(sql)).toEqual({ ...CLEAN, ...facts });
  });

test('a statement without any is the one object that is compared by identity', () => {
  expect(factsOf('select 1')).toBe(CLEAN);
  expect(factsOf('begin; set local x = 1')).toBe(CLEAN);
  expect(factsOf('update t set a = 1')).toBe(CLEAN);
});

test('DEALLOCATE says which names, and where they stand', () => {
  const sql = 'select 1; deallocate "My ""it"""; deallocate prepare Foo; deallocate prepare';
  const { deallocated } = factsOf(sql);
  expect(deallocated.map(({ text, start, end }) => [text, sql.slice(start, end)])).toEqual([
    ['My "it"', '"My ""it"""'],
    ['foo', 'Foo'],
    ['prepare', 'prepare'],
  ]);
});
