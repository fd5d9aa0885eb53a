import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readTextOf } from '../../../src/protocols/postgres/read-text.ts';
import { tokensOf } from '../../../src/protocols/postgres/tokens.ts';

test.each([
  ['select 1 -- x', 'select 1'],
  ['-- x\nselect 1', 'select 1'],
  ['/* x */ select /* y */ 1', 'select 1'],
  ['select/**/1', 'select 1'],
  ['select 1/* x */+/* y */2', 'select 1 + 2'],
  ['select /* a /* b */ -- */ 1', 'select 1'],
  ['select 1 -- /* x\n, 2', 'select 1\n, 2'],
  ['select 1 /* -- */, 2', 'select 1 , 2'],
  ['select 1--2\n+3', 'select 1\n+3'],
  ["select '-- x', '/* y */' -- z", "select '-- x', '/* y */'"],
  ["select 'it''s /* x */' /* y */", "select 'it''s /* x */'"],
  ['select "a--b" /* x */ from "/*"', 'select "a--b" from "/*"'],
  ['select $$ -- x $$, $a$ /* $$ */ $a$ -- y', 'select $$ -- x $$, $a$ /* $$ */ $a$'],
  ["select 'a' -- x\n'b'", "select 'a'\n'b'"],
  ["select 'a' -- /* x\n'b'", "select 'a'\n'b'"],
  ["select 'a' /* x */\n'b'", "select 'a' 'b'"],
  ["select 'a' -- x\n/* y */ 'b'", "select 'a' 'b'"],
  // The last byte of à in UTF-8 is no space.
  ['select 1 as \xc3\xa0 -- x', 'select 1 as \xc3\xa0'],
  ['-- only', ''],
])('without comments: %s', (sql, text) => {
  expect(readTextOf(sql).text).toBe(text);
});

test('without comments a text stays as it is', () => {
  expect(readTextOf(' select  1 ; ').text).toBe(' select  1 ; ');
});

test.each([
  'select 1',
  ' \n SELECT 1',
  '/* x */ select 1',
  '-- x\n-- y\nselect 1',
  '(select 1) union select 2',
  '( ( values (1)))',
  'with a as (select 1) table a',
  'table t',
  'values (1)',
  'select(1)',
])('it begins as a read does: %s', (sql) => {
  expect(readTextOf(sql).isRead).toBe(true);
});

test.each([
  '',
  '-- select 1',
  'update t set a = 1',
  'insert into t select 1',
  'selected',
  'explain select 1',
  'begin',
  "/* x */ 'select'",
  // Errors, and must stay errors.
  'select 1 /* x',
  'select 1 /* x /* y */',
  // Nobody knows whether the string ends before the comment.
  "select '\\' -- x'\n'",
])('it does not begin as a read does, or cannot be read: %s', (sql) => {
  expect(readTextOf(sql).isRead).toBe(false);
});

test.each([
  ['select 1 /* warmpool: ttl=5 */', { ttlSeconds: 5 }],
  ['/* warmpool: ttl=5 *//* other */ select 1', { ttlSeconds: 5 }],
  ['/* other */ /* warmpool: ttl=5 */ select 1', { ttlSeconds: 5 }],
  ['-- other\n-- warmpool: ttl=5\nselect 1', { ttlSeconds: 5 }],
  ['/* warmpool: ttl=5 */ select 1 -- warmpool: tag=a', { ttlSeconds: 5, tags: ['a'] }],
  ['/* x */ select 1 /* y */ -- warmpool: nocache', { isOff: true }],
  ['/* x /* warmpool: nocache */ */ select 1', {}],
  ["select '/* warmpool: nocache */' -- x", {}],
  ['select 1', {}],
])('what comments ask of the cache: %s', (sql, control) => {
  expect(readTextOf(sql).control).toEqual(control);
});

test('a text is remembered as it was read, also where many are', () => {
  for (let round = 0; round < 2; round += 1)
    for (let count = 0; count < 1_500; count += 1)
      expect(readTextOf(`select ${count} -- warmpool: ttl=${count + 1}`)).toEqual({
        isRead: true,
        text: `select ${count}`,
        control: { ttlSeconds: count + 1 },
      });
});

test('the text without comments has the same tokens, and no comment', () => {
  const token = fc.constantFrom(
    ...[
      "'a -- b'",
      "'it''s'",
      '"q /* x"',
      '$$ */ $$',
      '$t$ -- $t$',
      'select',
      'a',
      '1',
      '+',
      '*',
      '/',
      '(',
      '\xc3\xa0',
    ],
  );
  const comment = fc.constantFrom(
    ...[
      '/**/',
      '/* x */',
      '/* a /* b */ c */',
      "/* ' */",
      '-- x\n',
      "-- ' /*\r\n",
      '--\n',
      '/* -- */',
      '/* $$ */',
    ],
  );
  const space = fc.constantFrom(' ', '\n', '\t ');
  const between = fc.array(fc.oneof(comment, space), { maxLength: 3 });
  fc.assert(
    fc.property(fc.array(fc.tuple(between, token)), between, (parts, end) => {
      const sql = [...parts.map(([gap, text]) => ` ${gap.join('')} ${text}`), ...end].join('');
      const { text } = readTextOf(sql);
      const kinds = (of: string) => tokensOf(of).map((found) => [found.kind, found.text]);
      expect(kinds(text)).toEqual(kinds(sql));
      expect(kinds(text).length).toBe(parts.length);
      const rest = tokensOf(text).reduceRight(
        (left, found) => left.slice(0, found.start) + left.slice(found.end),
        text,
      );
      if (sql.includes('--') || sql.includes('/*')) expect(rest.trim()).toBe('');
    }),
    { numRuns: 5_000 },
  );
});
