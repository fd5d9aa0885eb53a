/** Rules that need no PostgreSQL to be seen. The corpus against a real one is in conformance/cacheability.test.ts. */

import { describe, expect, test } from 'vitest';
import { asBytes } from '../../../src/protocols/bytes/latin1.ts';
import { readBody } from '../../../src/protocols/postgres/judge-bodies.ts';
import { catalogOf, fn } from './catalog-answers.ts';

const catalog = catalogOf();

describe('a query', () => {
  test('depends on the tables that it reaches through views', () => {
    expect(catalog.judge('select * from recent', {})).toEqual({
      status: 'miss',
      reads: ['r103', 'r100'],
      writes: [],
      changesSchema: false,
      mayCommit: false,
    });
  });

  test('of 64 KiB is cached, a longer one is not', () => {
    const fits = `select 1 --${'x'.repeat(64 * 1024 - 11)}`;
    expect(fits.length).toBe(64 * 1024);
    expect(catalog.judge(fits, {}).status).toBe('miss');
    expect(catalog.judge(`${fits}x`, {})).toMatchObject({ status: 'oversizedquery', writes: [] });
  });

  test('of more than 1 MiB is not even parsed', () => {
    const long = `select 1 --${'x'.repeat(1024 * 1024)}`;
    expect(catalog.judge(long, {})).toMatchObject({
      status: 'oversizedquery',
      writes: 'everything',
      changesSchema: true,
      mayCommit: true,
    });
  });

  test('with a built-in function that only our list or only the origin knows as stable is volatile', () => {
    expect(catalog.judge('select age(x) from users', {})).toMatchObject({ status: 'volatile' });
    expect(catalog.judge('select invented_later()', {})).toMatchObject({ status: 'volatile' });
  });

  test('with a function that only settings make stable may be cached, if no cast of the user prints for it', () => {
    expect(catalog.judge("select concat('a')", {})).toMatchObject({ status: 'miss' });
    const own = catalogOf({ casts: [['json', '9001', 'e']] });
    expect(own.judge("select concat('a')", {})).toMatchObject({ status: 'volatile' });
  });

  test('with names that are not ASCII finds them', () => {
    const relations = [['200', '2200', 'größe', 'r', null]];
    const judged = catalogOf({ relations }).judge(asBytes('select * from "größe"'), {});
    expect(judged).toMatchObject({ status: 'miss', reads: ['r200'] });
  });

  test('of a partitioned table with many partitions depends on it alone: who writes them names it too', () => {
    const children = Array.from({ length: 101 }, (_, index) => String(300 + index));
    const relations = [
      ['299', '2200', 'parts', 'p', null],
      ...children.map((oid) => [oid, '2200', `part_${oid}`, 'r', null]),
    ];
    const many = catalogOf({ relations, inheritance: children.map((oid) => [oid, '299']) });
    expect(many.judge('select * from parts', {}).reads).toEqual(['r299']);
    expect(many.judge('insert into part_300 values (1)', {}).writes).toEqual(['r300', 'r299']);
    expect(many.judge('insert into parts values (1)', {}).writes).toHaveLength(102);
  });

  test('is volatile where an implicit cast of the user is', () => {
    const casts = [['text', '20003', 'i']];
    expect(catalogOf({ casts }).judge('select * from users', {})).toMatchObject({
      status: 'volatile',
      writes: 'everything',
    });
    const explicit = catalogOf({ casts: [['mood', '20003', 'e']] });
    expect(explicit.judge('select * from users', {}).status).toBe('miss');
    expect(explicit.judge("select 'x'::mood", {}).status).toBe('volatile');
  });

  test('that may call a function as a column counts as calling it, even by an escaped name', () => {
    const functions = [fn('20009', 'label', { volatility: 's', source: 'select 1', takesRow: 't' })];
    const labelled = catalogOf({ functions });
    expect(labelled.judge('select u.label from users u', {}).status).toBe('volatile');
    expect(labelled.judge('select u.u&"l\\0061bel" from users u', {}).status).toBe('uncacheable');
    expect(labelled.judge('select u.id from users u', {}).status).toBe('miss');
  });
});

describe('what changes nothing that others see', () => {
  const SQL = [
    'vacuum',
    'vacuum (analyze) users',
    'analyze users',
    'reindex table users',
    'create index on users (id)',
    'drop index by_name',
    "comment on table users is 'x'",
    'create temp table mine (id int)',
    'create temp table mine as select * from users',
  ];

  test.each(SQL)('%s writes nothing', (sql) => {
    expect(catalog.judge(sql, {})).toMatchObject({ status: 'notaquery', writes: [], changesSchema: false });
  });

  test.each(SQL)('%s writes what event triggers write', (sql) => {
    const watched = catalogOf({ triggers: [['0', '0', '20001']] });
    expect(watched.judge(sql, {}).writes).toEqual(['r106']);
  });

  test.each(SQL)('%s changes what is read of system catalogs, where that is cached', (sql) => {
    const open = catalogOf({}, { systemCatalogs: true });
    expect(open.judge(sql, {})).toMatchObject({ writes: 'everything', changesSchema: true });
  });

  test.each([
    'insert into mine values (1)',
    'insert into mine select id from users',
    'drop table mine',
    'drop table if exists mine, pg_temp.other',
  ])('%s writes nothing, in a session with temporary tables', (sql) => {
    expect(catalog.judge(sql, {}, { hasTemporary: true })).toMatchObject({
      writes: [],
      changesSchema: false,
    });
    expect(catalog.judge(sql, {}).writes).toBe('everything');
  });

  test('what the catalog knows is written even so', () => {
    const own = { hasTemporary: true };
    expect(catalog.judge('insert into log values (1)', {}, own).writes).toEqual(['r106']);
    expect(catalog.judge('insert into shop.mine values (1)', {}, own).writes).toBe('everything');
    expect(catalog.judge('drop table mine, users', {}, own)).toMatchObject({
      writes: 'everything',
      changesSchema: true,
    });
    const several =
      'create temp table mine (id int); insert into mine values (1); insert into log select 1 from mine';
    expect(catalog.judge(several, {})).toMatchObject({ writes: ['r106'], changesSchema: false });
  });

  test('rows that only move are others to whoever asks for their ctid', () => {
    for (const sql of ['vacuum full users', 'cluster users'])
      expect(catalog.judge(sql, {})).toMatchObject({
        writes: ['r100'],
        changesSchema: false,
        mayCommit: true,
      });
    expect(catalog.judge('vacuum full', {})).toMatchObject({ writes: 'everything', changesSchema: false });
  });

  test.each([
    'create temp table mine () inherits (users)',
    'create index on users (of_c())',
    'drop index by_name cascade',
  ])('%s is not of them', (sql) =>
    expect(catalog.judge(sql, {})).toMatchObject({ writes: 'everything', changesSchema: true }));
});

describe('a write', () => {
  test('goes along foreign keys that cascade and triggers that it fires', () => {
    expect(catalog.judge('delete from users', {}).writes).toEqual(['r100', 'r101']);
    expect(catalog.judge('update users set id = 1', {}).writes).toEqual(['r100']);
    expect(catalog.judge('insert into orders values (1)', {}).writes).toEqual(['r101', 'r106']);
  });

  test('through a function that nobody can look into may be anything, definitions too', () => {
    for (const sql of [
      'select of_c()',
      'select too_long()',
      'select invented_later()',
      'select unheard_of()',
    ]) {
      expect(catalog.judge(sql, {})).toMatchObject({ writes: 'everything', changesSchema: true });
    }
    expect(catalog.judge('select uuid()', {}).writes).toEqual([]);
    expect(catalog.judge('select random()', {}).writes).toEqual([]);
  });

  test('into what is not known, such as a temporary table, changes everything but no definition', () => {
    const judged = catalog.judge('insert into mine values (1)', {});
    expect(judged).toMatchObject({ writes: 'everything', changesSchema: false });
    expect(catalog.judge('insert into pg_temp.mine values (1)', {}).writes).toEqual([]);
  });

  test('that may be anything changes definitions if any reason for it may', () => {
    const judged = catalog.judge('with a as (delete from mine) select of_c()', {});
    expect(judged).toMatchObject({ writes: 'everything', changesSchema: true });
  });

  test('may run in circles of triggers and keys', () => {
    const foreignKeys = [
      ['100', '101', 'c', 'c'],
      ['101', '100', 'c', 'c'],
      ['100', '100', 'c', 'c'],
    ];
    expect(catalogOf({ foreignKeys }).judge('delete from users', {}).writes).toEqual(['r100', 'r101']);
  });

  test('by several statements may commit, and so may CALL; other single ones may not', () => {
    const mayCommit = (sql: string): boolean => catalog.judge(sql, {}).mayCommit;
    expect(
      ['commit', 'end', 'rollback', 'call p()', 'do $$ $$', 'select 1; select 2', 'select 1;'].map(mayCommit),
    ).toEqual([true, true, true, true, true, true, false]);
    expect(['begin', 'savepoint a', 'rollback to a', 'insert into users values (1)'].map(mayCommit)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});

describe('the functions in the checks of domains', () => {
  const judged = catalogOf({
    calls: [['0', '20003']],
    casts: [['checked_number', '20003', 'e']],
  });

  test('are called by a cast to one, and perhaps by each write', () => {
    expect(judged.judge('select 1::checked_number', {})).toMatchObject({
      status: 'volatile',
      writes: 'everything',
    });
    expect(judged.judge('insert into users values (1)', {}).writes).toBe('everything');
    expect(judged.judge('select 1::int', {})).toMatchObject({ status: 'miss', writes: [] });
  });
});

describe('nothing is told of a text', () => {
  test.each([
    { standard_conforming_strings: 'off' },
    { client_encoding: 'SJIS' },
    { client_encoding: 'WIN932' },
    { client_encoding: 'GBK' },
    { client_encoding: 'made up' },
  ])('under %o', (settings) => {
    const judged = catalog.judge('select 1', settings as Record<string, string>);
    expect(judged).toMatchObject({ status: 'uncacheable', writes: 'everything', mayCommit: true });
  });

  test.each(['UTF8', 'utf-8', 'Unicode', 'LATIN1', 'WIN1252', 'EUC_JP'])('but under %s it is', (name) => {
    expect(catalog.judge('select 1', { client_encoding: name }).status).toBe('miss');
  });
});

describe('the body of a PL/pgSQL function', () => {
  const writesOf = (source: string): unknown => {
    const body = readBody(source);
    return 'opaque' in body
      ? body
      : body.writes.map(({ schema, name, action }) => `${action} ${schema ?? ''}.${name}`);
  };

  test.each([
    ['begin new.at := now(); return new; end', []],
    ['begin insert into log values (1); end', ['insert .log']],
    ['begin INSERT INTO "My Log" (a) select 1; end', ['insert .My Log']],
    [
      'begin insert into shop.log values (1) on conflict do nothing; end',
      ['insert shop.log', 'update shop.log'],
    ],
    ['begin update only a.b set c = 1; delete from c; end', ['update a.b', 'delete .c']],
    ['begin select 1 from users for update; end', []],
    ['begin select 1 from users for no key update; end', []],
    ['begin truncate table x; truncate y; end', ['truncate .x', 'truncate .y']],
    ["begin raise notice 'insert into x'; /* delete from y */ end -- update z", []],
    ['begin new.update := 1; old.delete := new.execute; return new; end', []],
    [
      'begin if new.a then merge into m using s on true when matched then delete; end if; end',
      ['insert .m', 'update .m', 'delete .m'],
    ],
  ])('%s', (source, writes) => {
    expect(writesOf(source)).toEqual(writes);
  });

  test.each([
    'begin execute $$insert into x$$; end',
    'begin return query execute q; end',
    'begin create table x (); end',
    'begin truncate a, b; end',
    'begin call p(); end',
    'begin perform 1; call p(); end',
    'begin set search_path = x; end',
    'begin if true then set local role x; end if; end',
    'begin do $$ $$; end',
    'begin copy x to stdout; end',
    'begin insert into a.b.c values (1); end',
    'begin insert into größeα values (1); end',
    'begin commit; end',
    'begin perform U&"\\0066"(1); end',
  ])('is not told by: %s', (source) => {
    expect(writesOf(source)).toEqual({ opaque: expect.any(String) });
  });

  test('calls what stands in front of a parenthesis, but for words of the language', () => {
    const body = readBody(`declare n numeric(10, 2); begin
      insert into log (a, b) values (lower(x), public.f(y)) on conflict (a) do nothing;
      perform "G"(1) from t as q (r) where a in (1) and exists (select 1);
    end`);
    expect('calls' in body && body.calls).toEqual([
      { name: 'lower' },
      { schema: 'public', name: 'f' },
      { name: 'G' },
    ]);
  });
});
