import { describe, expect, test } from 'vitest';
import { statementsOf, tokensOf, USUAL_MODE } from '../../../src/protocols/mysql/tokens.ts';

const ANSI = { ansiQuotes: true, backslashEscapes: true };
const NO_ESCAPES = { ansiQuotes: false, backslashEscapes: false };

function texts(sql: string, mode = USUAL_MODE): string[] | undefined {
  return tokensOf(sql, mode)?.map(({ text }) => text);
}

describe('words, numbers and quotes', () => {
  test.each([
    ['SELECT a1, 1a, 12', ['select', 'a1', ',', '1a', ',', '12']],
    ['5--1', ['5', '-', '-', '1']],
    ['5-- 1', ['5']],
    ['5--', ['5']],
    ['a # b\nc', ['a', 'c']],
    ['a # b\rc', ['a']],
    ['a/**/b/* ; */c', ['a', 'b', 'c']],
    ["'it''s' 'a\\'b' \"c\"\"d\"", ["it's", "a'b", 'c"d']],
    ['`a``b`.`c`', ['a`b', '.', 'c']],
    ["x'41' _utf8'a' 0x1F", ['x', '41', '_utf8', 'a', '0x1f']],
    ['@a := @@b', ['@', 'a', ':', '=', '@', '@', 'b']],
  ])('%s', (sql, expected) => {
    expect(texts(sql)).toEqual(expected);
  });

  test('a backslash escapes as sql_mode says', () => {
    expect(texts("'a\\' b", NO_ESCAPES)).toEqual(['a\\', 'b']);
    expect(texts("'a\\' b'", USUAL_MODE)).toEqual(["a' b"]);
    expect(texts('"a\\" b', ANSI)).toEqual(['a\\', 'b']);
    expect(texts('`a\\` b', USUAL_MODE)).toEqual(['a\\', 'b']);
  });

  test('names keep their case, words lose it', () => {
    expect(tokensOf('Ab', USUAL_MODE)).toEqual([{ kind: 'word', text: 'ab', name: 'Ab', start: 0, end: 2 }]);
  });
});

describe('nobody reads', () => {
  test.each([
    'select 1 /*! , now() */',
    'select 1 /*M!100100 , now() */',
    'select 1 /*T![x] , now() */',
    'select /*+ SET_VAR(sort_buffer_size = 1) */ 1',
    'select 1 /* no end',
    "select 'no end",
    'select `no end',
    'select "no end',
    'select \xa0now()',
    'select 1\0',
    'select $$ text $$',
    'select \x1f 1',
  ])('%s', (sql) => {
    expect(tokensOf(sql, USUAL_MODE)).toBeUndefined();
  });
});

test('statements end with semicolons outside of quotes and comments', () => {
  const tokens = tokensOf("select ';' ; ; -- ;\n update t", USUAL_MODE) ?? [];
  const statements = statementsOf(tokens).map((each) => each.map(({ text }) => text));
  expect(statements).toEqual([
    ['select', ';'],
    ['update', 't'],
  ]);
});
