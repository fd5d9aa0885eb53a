import { expect, test } from 'vitest';
import { isSensitive, quotedString, Settings, transition } from '../../../src/protocols/postgres/settings.ts';

const of = (values: Record<string, string>): Settings => Settings.of(Object.entries(values));

test('settings are equal whatever their order, and differ by any value', () => {
  expect(of({ a: '1', b: '2' }).key).toBe(of({ b: '2', a: '1' }).key);
  expect(of({ a: '1' }).key).not.toBe(of({ a: '2' }).key);
  expect(of({ a: '1', b: '2' }).key).not.toBe(of({ a: '1b=2' }).key);
  expect(of({})).toBe(Settings.none);
});

test('with() changes and takes out, and leaves the old ones as they were', () => {
  const before = of({ a: '1', b: '2' });
  expect(
    before.with([
      ['a', null],
      ['c', '3'],
    ]).key,
  ).toBe(of({ b: '2', c: '3' }).key);
  expect(
    before.with([
      ['a', null],
      ['b', null],
    ]),
  ).toBe(Settings.none);
  expect(before.key).toBe(of({ a: '1', b: '2' }).key);
});

test('application_name changes the key, but not what statements mean', () => {
  expect(of({ application_name: 'x', a: '1' }).parsingKey).toBe(of({ a: '1' }).parsingKey);
});

test.each<[string, Record<string, string>, Record<string, string>, string | undefined]>([
  ['nothing', { a: '1' }, { a: '1' }, undefined],
  ['a new one', {}, { a: '1' }, "SELECT pg_catalog.set_config('a','1',false)"],
  ['a changed one', { a: '1' }, { a: '2' }, "SELECT pg_catalog.set_config('a','2',false)"],
  ['one that goes', { a: '1' }, {}, 'RESET "a"'],
  ['one with dots', { 'my.app': '1' }, {}, 'RESET "my"."app"'],
  ['one with quotes', { 'a"b': '1' }, {}, 'RESET "a""b"'],
  ['hostile values', {}, { a: "'; x --\\" }, "SELECT pg_catalog.set_config('a',E'''; x --\\\\',false)"],
  [
    'goes first, comes after',
    { a: '1', b: '1' },
    { b: '2', c: '3' },
    `RESET "a";SELECT pg_catalog.set_config('b','2',false);SELECT pg_catalog.set_config('c','3',false)`,
  ],
  ['a role', {}, { role: 'x' }, "SELECT pg_catalog.set_config('role','x',false)"],
  [
    'a role for another is reset first: what else changes may not be its to change',
    { role: 'x', a: '1' },
    { role: 'y' },
    `SET SESSION AUTHORIZATION DEFAULT;RESET ROLE;RESET "a";SELECT pg_catalog.set_config('role','y',false)`,
  ],
  ['a role that goes', { role: 'x' }, {}, 'SET SESSION AUTHORIZATION DEFAULT;RESET ROLE'],
  [
    'who it is comes last, and is set anew when a part of it goes',
    { role: 'x', session_authorization: 'y' },
    { a: '1', session_authorization: 'y' },
    "SET SESSION AUTHORIZATION DEFAULT;RESET ROLE;SELECT pg_catalog.set_config('a','1',false);SELECT pg_catalog.set_config('session_authorization','y',false)",
  ],
])('transition: %s', (_, from, to, sql) => {
  expect(transition(of(from), of(to))).toBe(sql);
});

test('who the session is, is sensitive; what it prefers is not', () => {
  expect(isSensitive(of({}), of({ role: 'x' }))).toBe(true);
  expect(isSensitive(of({ role: 'x' }), of({}))).toBe(true);
  expect(isSensitive(of({ session_authorization: 'x' }), of({}))).toBe(true);
  expect(isSensitive(of({ role: 'x', a: '1' }), of({ role: 'x' }))).toBe(false);
});

test('a string literal means the same whatever standard_conforming_strings is', () => {
  expect(quotedString('')).toBe("''");
  expect(quotedString("it's")).toBe("'it''s'");
  expect(quotedString("\\'")).toBe("E'\\\\'''");
});
