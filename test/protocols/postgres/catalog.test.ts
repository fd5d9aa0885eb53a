import { describe, expect, test } from 'vitest';
import { factsOfCatalog } from '../../../src/protocols/postgres/catalog-facts.ts';
import { namesOfSession, schemasOfPath } from '../../../src/protocols/postgres/catalog-names.ts';
import { catalogQuestions } from '../../../src/protocols/postgres/catalog-questions.ts';
import { ANSWERS, catalogOf } from './catalog-answers.ts';

describe('a search path', () => {
  test.each([
    ['"$user", public', ['$user', 'public']],
    ['Shop,PUBLIC', ['shop', 'public']],
    ['"Shop, Inc", "a""b"', ['Shop, Inc', 'a"b']],
    ['', []],
    ['""', ['']],
  ])('%s', (path, schemas) => {
    expect(schemasOfPath(path)).toEqual(schemas);
  });
});

describe('a name of a relation', () => {
  const facts = factsOfCatalog(ANSWERS);
  const found = (name: string, settings: Record<string, string> = {}): string[] =>
    namesOfSession(facts, settings)
      .relations({ name })
      .map(({ oid }) => oid);

  test('is the first along the search path', () => {
    expect(found('users')).toEqual(['100']);
    expect(found('users', { search_path: 'shop, public' })).toEqual(['102']);
    expect(found('users', { search_path: 'nowhere, shop' })).toEqual(['102']);
  });

  test('is of pg_catalog before all others, unless the path says otherwise', () => {
    expect(found('pg_class')).toEqual(['50']);
    expect(found('pg_class', { search_path: 'public, pg_catalog' })).toEqual(['50']);
  });

  test('is not looked for in a schema that the login may not use', () => {
    expect(found('secret')).toEqual([]);
  });

  test('may be any along the path when another role is on, whose rights are not known', () => {
    expect(found('users', { search_path: 'shop, public', role: 'clerk' })).toEqual(['102', '100']);
    expect(found('users', { search_path: 'shop, public', role: 'none' })).toEqual(['102']);
    expect(found('secret', { role: 'app' })).toEqual(['105']);
  });

  test('with a schema is of that schema alone', () => {
    const names = namesOfSession(facts, {});
    expect(names.relations({ schema: 'shop', name: 'users' }).map(({ oid }) => oid)).toEqual(['102']);
    expect(names.relations({ schema: 'shop', name: 'orders' })).toEqual([]);
    expect(names.relations({ schema: 'pg_temp', name: 'users' })).toEqual([]);
  });
});

describe('a catalog', () => {
  test('has the same fingerprint for the same answers, and another for others', () => {
    const { fingerprint } = catalogOf();
    expect(catalogOf().fingerprint).toBe(fingerprint);
    expect(catalogOf({ rules: [['100']] }).fingerprint).not.toBe(fingerprint);
    expect(catalogOf({ definitions: [['103', 'SELECT 1']] }).fingerprint).not.toBe(fingerprint);
    const moved = catalogOf({ rules: [['1', '23']] }).fingerprint;
    expect(catalogOf({ rules: [['12', '3']] }).fingerprint).not.toBe(moved);
    expect(catalogOf({ rules: [['1'], ['23']] }).fingerprint).not.toBe(moved);
    expect(catalogOf({ rules: [[null]] }).fingerprint).not.toBe(catalogOf({ rules: [['']] }).fingerprint);
  });

  test('knows relations by the names that people give', () => {
    const catalog = catalogOf();
    expect(catalog.dependencyOf('users')).toBe('r100');
    expect(catalog.dependencyOf('USERS')).toBe('r100');
    expect(catalog.dependencyOf('shop.users')).toBe('r102');
    expect(catalog.dependencyOf('"Odd"')).toBe('r104');
    expect(catalog.dependencyOf('odd')).toBeUndefined();
    expect(catalog.dependencyOf('naïve☃')).toBe('r107');
    expect(catalog.dependencyOf('public."naïve☃"')).toBe('r107');
    expect(catalog.dependencyOf('a.b.c')).toBeUndefined();
    expect(catalog.dependencyOf('')).toBeUndefined();
    expect(catalog.nameOf('r100')).toBe('users');
    expect(catalog.nameOf('r102')).toBe('shop.users');
    expect(catalog.nameOf('tag:x')).toBe('tag:x');
    expect(catalog.nameOf('r999')).toBe('r999');
  });

  test('that is too large lets nothing be cached and takes each write for anything', () => {
    const catalog = catalogOf({}, { rowsMax: 4 });
    expect(catalog.judge('select * from users', {})).toEqual({
      status: 'uncacheable',
      reason: expect.stringContaining('too large: more than 4 rows of relations'),
      reads: [],
      writes: 'everything',
      changesSchema: true,
      mayCommit: false,
    });
    expect(catalog.judge('commit', {})).toMatchObject({ status: 'notaquery', writes: [], mayCommit: true });
    expect(catalog.judge('begin', {})).toMatchObject({ status: 'notaquery', writes: [], mayCommit: false });
  });

  test('gives the very same verdict for the same text under the same names, and another under others', () => {
    const catalog = catalogOf();
    const first = catalog.judge('select * from users', {});
    expect(first.reads).toEqual(['r100']);
    expect(catalog.judge('select * from users', { timezone: 'UTC' })).toBe(first);
    expect(catalog.judge('select * from users', { search_path: 'shop' }).reads).toEqual(['r102']);
    expect(catalog.judge('select * from users', {})).toBe(first);
  });
});

test('each question is one statement with a bound', () => {
  for (const question of catalogQuestions.questions) {
    expect(question).toMatch(/^SELECT .* LIMIT 100001$/s);
    expect(question).not.toContain(';');
  }
});

test('answers are taken in the order of the questions', () => {
  const names = Object.keys(ANSWERS);
  expect(catalogQuestions.questions).toHaveLength(names.length);
  const catalog = catalogQuestions.catalogOf(
    Object.values(ANSWERS).map((rows) => rows.map((row) => [...row])),
    { systemCatalogs: false },
  );
  expect(catalog.judge('select * from recent', {})).toMatchObject({
    status: 'miss',
    reads: ['r103', 'r100'],
  });
});
