/** SQL cut into tokens as PostgreSQL's lexer does (manual 4.1). */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { statementsOf, type Token, tokensOf } from '../../../src/protocols/postgres/tokens.ts';

const TABLE: [sql: string, tokens: [kind: Token['kind'], text: string][]][] = [
  ['', []],
  [' \t\n\r\f\v', []],
  [
    'Select A_1$',
    [
      ['word', 'select'],
      ['word', 'a_1$'],
    ],
  ],
  ['-- a\nb', [['word', 'b']]],
  ['-- a\rb', [['word', 'b']]],
  ['--', []],
  ['/* a /* b */ c */ d', [['word', 'd']]],
  ['/* a /* b */ c', []],
  ['/**/a', [['word', 'a']]],
  ["'it''s'", [['string', "it's"]]],
  ["'a\\'", [['string', 'a\\']]],
  ["E'a\\'b'", [['string', "a'b"]]],
  ["e'\\\\'", [['string', '\\']]],
  ["b'01'", [['string', '01']]],
  ["N'a'", [['string', 'a']]],
  ["U&'a'", [['string', 'a']]],
  ["'open", [['string', 'open']]],
  ["E'open\\", [['string', 'open']]],
  ['"A ""b"""', [['quoted', 'A "b"']]],
  ['u&"a"', [['quoted', 'a']]],
  ["$$it's$$", [['string', "it's"]]],
  ['$a$ $$ $b$ $a$', [['string', ' $$ $b$ ']]],
  ['$A$ $a$ $A$', [['string', ' $a$ ']]],
  ['$a$ open', [['string', ' open']]],
  [
    '$1',
    [
      ['symbol', '$'],
      ['symbol', '1'],
    ],
  ],
  ['a$b$c', [['word', 'a$b$c']]],
  ['1.5e3', [['symbol', '1.5e3']]],
  ['\xc3\xa9t\xc3\xa9', [['word', '\xc3\xa9t\xc3\xa9']]],
  [
    'a.b',
    [
      ['word', 'a'],
      ['symbol', '.'],
      ['word', 'b'],
    ],
  ],
];

for (const [sql, tokens] of TABLE)
  test(JSON.stringify(sql), () => {
    expect(tokensOf(sql).map(({ kind, text }) => [kind, text])).toEqual(tokens);
  });

test('positions are offsets, quotes included', () => {
  const sql = ` "a" /* */ 'b' $c$d$c$ E'f' g`;
  expect(tokensOf(sql).map(({ start, end }) => sql.slice(start, end))).toEqual([
    '"a"',
    "'b'",
    '$c$d$c$',
    "E'f'",
    'g',
  ]);
});

test('statements end at semicolons outside of everything; empty ones are left out', () => {
  const texts = statementsOf(`;a ';' b;; "c;" /*;*/ $$;$$;`).map((tokens) => tokens.map(({ text }) => text));
  expect(texts).toEqual([
    ['a', ';', 'b'],
    ['c;', ';'],
  ]);
});

test('any text has an end, and its tokens stand in order', () => {
  const piece = fc.constantFrom(
    "'",
    '"',
    '$$',
    '$a$',
    '/*',
    '*/',
    '--',
    '\n',
    '\\',
    ';',
    'E',
    'U&',
    'a',
    '1',
    ' ',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(piece).map((pieces) => pieces.join('')),
        fc.string(),
      ),
      (sql) => {
        let before = 0;
        for (const { start, end } of tokensOf(sql)) {
          expect(start).toBeGreaterThanOrEqual(before);
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(sql.length);
          before = end;
        }
      },
    ),
    { numRuns: 2000 },
  );
});
