/** Texts behind which a name may mean another relation. */
import { expect, test } from 'vitest';
import { movesNames } from '../../../src/protocols/postgres/name-resolution.ts';

test.each([
  'set search_path = x',
  'SET LOCAL search_path TO x, y',
  '/* c */ set session search_path = x',
  'select 1; set local "search_path" = x',
  "set schema 'x'",
  'set local role x',
  'set role none',
  'set session authorization x',
  'reset search_path',
  'reset all',
  'discard all',
  "select set_config('search_path', 'x', true)",
  "select pg_catalog.set_config('Role', 'x', true)",
  'select set_config($1, $2, true)',
  "select set_config('search' || '_path', 'x', true)",
  "select U&\"set\\005fconfig\"('search_path', 'x', true)",
  "select set_config(E'search\\x5fpath', 'x', true)",
  "select query_to_xml('select 1', true, true, '')",
  "select '\\'; set search_path = x; --'",
])('%s moves names', (sql) => {
  expect(movesNames(sql)).toBe(true);
});

test.each([
  'select 1',
  'set work_mem = 1',
  "set local app.tenant = '7'",
  "select set_config('app.tenant', '7', true)",
  "update users set role = 'x'",
  "update users\nset role = 'x'",
  "select 'set search_path = x'",
  'create schema x',
  'select role, search_path from settings',
])('%s does not', (sql) => {
  expect(movesNames(sql)).toBe(false);
});
