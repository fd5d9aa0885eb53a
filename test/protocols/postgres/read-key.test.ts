import fc from 'fast-check';
import { expect, test } from 'vitest';
import { latin1 } from '../../../src/protocols/bytes/latin1.ts';
import { keyOfDescription, keyOfRows } from '../../../src/protocols/postgres/read-key.ts';
import { keyOfSettings } from '../../../src/protocols/sql/settings-key.ts';
import { lengthOf, wire } from './wire.ts';

interface Read {
  text: string;
  types: number[];
  formats: number[];
  values: (string | null)[];
  resultFormats: number[];
  settings: Record<string, string>;
}

const NO_READ: Read = { text: 'x', types: [], formats: [], values: [], resultFormats: [], settings: {} };

const int16 = (value: number): number[] => [value >> 8, value & 255];
const int16s = (values: number[]): number[] => [...int16(values.length), ...values.flatMap(int16)];
const typesOf = (types: number[]): string =>
  latin1(wire(int16(types.length), ...types.map((type) => lengthOf(type))));

function boundOf({ formats, values, resultFormats }: Read): Uint8Array {
  return wire(
    int16s(formats),
    int16(values.length),
    ...values.map((value) =>
      value === null ? wire([255, 255, 255, 255]) : wire(lengthOf(value.length), value),
    ),
    int16s(resultFormats),
  );
}

function keyOf(part: Partial<Read>): string | undefined {
  const read = { ...NO_READ, ...part };
  const settings = keyOfSettings(read.settings);
  return keyOfRows(read.text, { types: typesOf(read.types), bound: boundOf(read), settings });
}

// --- what is the same -----------------------------------------------------------------------------------------

/** All that makes a difference to the reply, as a comparable text. */
function meaningOf({ text, types, formats, values, resultFormats, settings }: Read): string {
  const formatOf = (index: number): number => (formats.length === 1 ? formats[0] : formats[index]) ?? 0;
  const [forAll = 0, ...others] = resultFormats;
  return JSON.stringify([
    text,
    types,
    // Where there are no values, a format says nothing; it may make another key.
    values.length === 0 ? (formats[0] ?? 0) : values.map((value, index) => [value, formatOf(index)]),
    others.length === 0 ? forAll : resultFormats,
    Object.entries(settings)
      .filter(([name]) => name !== 'application_name' && !name.startsWith('warmpool.'))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
}

const format = fc.constantFrom(0, 1);
/** Few and dangerous ones, so that pairs come near each other. */
const words = fc.constantFrom('', 'a', '|', '1|a', '-|', '0', ',', '\0', '\0R', '=', 'a=b');
const readOf = fc
  .record({
    text: fc.constantFrom('a', 'b', 'a|', ''),
    types: fc.array(fc.constantFrom(0, 23, 0x7c7c), { maxLength: 2 }),
    values: fc.array(fc.option(words), { maxLength: 3 }),
    resultFormats: fc.array(format, { maxLength: 2 }),
    settings: fc.dictionary(
      fc.constantFrom('a', 'b', 'a=b', 'application_name', 'warmpool.debug'),
      fc.constantFrom('', 'b', 'b=', '='),
      { maxKeys: 2 },
    ),
  })
  .chain((read) => {
    const each = fc.array(format, { minLength: read.values.length, maxLength: read.values.length });
    return fc.oneof(fc.array(format, { maxLength: 1 }), each).map((formats): Read => ({ ...read, formats }));
  });

/** A read and what one step makes of it. */
const pairs = fc.oneof(
  fc.tuple(readOf, readOf),
  fc
    .tuple(readOf, readOf, fc.constantFrom<keyof Read>('text', 'types', 'resultFormats', 'settings'))
    .map(([one, other, part]): [Read, Read] => [one, { ...one, [part]: other[part] }]),
  fc.tuple(readOf, format).map(([one, all]): [Read, Read] => [
    { ...one, formats: [all] },
    { ...one, formats: one.values.map(() => all) },
  ]),
);

test('keys of reads are equal where the reads are, and only there', () => {
  fc.assert(
    fc.property(pairs, ([one, other]) => {
      const isSame = meaningOf(one) === meaningOf(other);
      expect(keyOf(one)).toBeDefined();
      if (keyOf(one) === keyOf(other)) expect(isSame).toBe(true);
      // Without values, a list of formats may be empty or of one.
      else if (one.values.length > 0) expect(isSame).toBe(false);
    }),
    { numRuns: 20_000 },
  );
});

test('a description depends on text, types and settings, and is no read', () => {
  const keys = [
    keyOfDescription('x', { types: typesOf([]), settings: '' }),
    keyOfDescription('x', { types: typesOf([23]), settings: '' }),
    keyOfDescription('y', { types: typesOf([]), settings: '' }),
    keyOfDescription('x', { types: typesOf([]), settings: 'a\0b\0' }),
    keyOf({}),
  ];
  expect(new Set(keys).size).toBe(keys.length);
});

test('a simple query has the key of the same without parameters', () => {
  expect(keyOfRows('x', { settings: '' })).toBe(keyOf({}));
});

test.each<[string, Partial<Read>, Partial<Read>]>([
  ['no formats and all text', { values: ['a', 'b'] }, { values: ['a', 'b'], formats: [0, 0] }],
  [
    'one format and one for each',
    { values: ['a', 'b'], formats: [1] },
    { values: ['a', 'b'], formats: [1, 1] },
  ],
  ['no result format and text', {}, { resultFormats: [0] }],
  ['settings in any order', { settings: { a: '1', b: '2' } }, { settings: { b: '2', a: '1' } }],
  ['the name of the application', {}, { settings: { application_name: 'x' } }],
  ['what we are told', {}, { settings: { 'warmpool.debug': 'on' } }],
])('%s make no difference', (_name, one, other) => {
  expect(keyOf(one)).toBe(keyOf(other));
});

test.each<[string, Partial<Read>, Partial<Read>]>([
  ['NULL and empty', { values: [null] }, { values: [''] }],
  ['text and binary', { values: ['a'] }, { values: ['a'], formats: [1] }],
  ['a value here or there', { values: ['a', ''] }, { values: ['', 'a'] }],
  // It is an error where there is one column.
  ['two result formats and one', { resultFormats: [0, 0] }, { resultFormats: [0] }],
  ['a setting', {}, { settings: { search_path: 'x' } }],
])('%s make a difference', (_name, one, other) => {
  expect(keyOf(one)).not.toBe(keyOf(other));
});

// --- what has no key ------------------------------------------------------------------------------------------

test.each([
  'now',
  'TODAY',
  ' tomorrow ',
  'yesterday 10:00',
  '10:00today',
  '[now,)',
  '{now,2020-01-01}',
])('the meaning of a text moves with time: %s', (value) => {
  expect(keyOf({ values: [value] })).toBeUndefined();
  expect(keyOf({ values: ['a', value], formats: [1, 0] })).toBeUndefined();
  expect(keyOf({ values: [value], formats: [1] })).toBeDefined();
  expect(keyOf({ values: [value, 'a'], formats: [1, 0] })).toBeDefined();
});

test('a long text that is padded or a list may be moments', () => {
  expect(keyOf({ values: [`${' '.repeat(500)}now`] })).toBeUndefined();
  expect(keyOf({ values: [`{${'2020-01-01,'.repeat(50)}now}`] })).toBeUndefined();
});

test.each([
  'known',
  'nowhere',
  'snow',
  `it is now or never: ${'x'.repeat(200)}`,
  '',
])('the meaning of a text stays: %s', (value) => {
  expect(keyOf({ values: [value] })).toBeDefined();
});

test('as many formats as values, or one, or none', () => {
  expect(keyOf({ values: ['a'], formats: [0, 0] })).toBeUndefined();
  expect(keyOf({ values: [], formats: [0, 0] })).toBeUndefined();
  expect(keyOf({ values: ['a', 'b', 'c'], formats: [0, 1] })).toBeUndefined();
});

test('a Bind that is cut short, or has more behind it, has no key', () => {
  const whole = boundOf({ ...NO_READ, formats: [1], values: ['abc', null], resultFormats: [0, 1] });
  expect(keyOfRows('x', { bound: whole, settings: '' })).toBeDefined();
  for (let end = 0; end < whole.length; end += 1)
    expect(keyOfRows('x', { bound: whole.subarray(0, end), settings: '' })).toBeUndefined();
  expect(keyOfRows('x', { bound: wire(whole, [0]), settings: '' })).toBeUndefined();
});

test('a value shorter than NULL has no key', () => {
  const bound = wire([0, 0], [0, 1], [255, 255, 255, 254], [0, 0]);
  expect(keyOfRows('x', { bound, settings: '' })).toBeUndefined();
});

test('hostile bytes have a key or none', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 32 }), (bound) => {
      const key = keyOfRows('x', { bound, settings: '' });
      expect(key === undefined || key.startsWith('x\0R')).toBe(true);
    }),
    { numRuns: 5_000 },
  );
});
