import fc from 'fast-check';
import { expect, test } from 'vitest';
import { latin1 } from '../../../src/protocols/bytes/latin1.ts';
import {
  EXCHANGE_BYTES_MAX,
  type Exchange,
  findExchange,
  readExchange,
} from '../../../src/protocols/postgres/exchange.ts';
import {
  bind,
  COPY_DONE,
  close,
  copyData,
  describe,
  execute,
  FLUSH,
  FUNCTION_CALL,
  parse,
  query,
  SYNC,
  TERMINATE,
} from './script.ts';
import { framed, lengthOf, wire } from './wire.ts';

/** Of the exchange at the beginning of these bytes. */
function read(...parts: Uint8Array[]): Exchange | undefined | string {
  const bytes = wire(...parts);
  const found = findExchange(bytes, 0);
  return found.found === 'exchange' ? readExchange(bytes.subarray(0, found.end), found.types) : found.found;
}

const P = parse('a', 'select 1');
const PARSED = { name: 'a', body: wire('select 1\0', [0, 0]) };
const BOUND = wire([0, 0], [0, 0], [0, 0]);
const rows = { kind: 'rows', statement: 'a', portal: '', bound: BOUND };

test('a simple query', () => {
  expect(read(query('select 1'))).toEqual({ kind: 'query', text: 'select 1' });
});

test.each([
  ['P B D E S', [P, bind('', 'a'), describe('P', ''), execute(''), SYNC], { parse: PARSED, describes: true }],
  ['P B E S', [P, bind('', 'a'), execute(''), SYNC], { parse: PARSED, describes: false }],
  ['B D E S', [bind('', 'a'), describe('P', ''), execute(''), SYNC], { parse: undefined, describes: true }],
  ['B E S', [bind('', 'a'), execute(''), SYNC], { parse: undefined, describes: false }],
])('rows of %s', (_form, messages, more) => {
  expect(read(...messages)).toEqual({ ...rows, ...more });
});

test('rows of a portal with a name', () => {
  expect(read(bind('p', 'a'), execute('p'), SYNC)).toEqual({
    ...rows,
    portal: 'p',
    parse: undefined,
    describes: false,
  });
});

test.each([
  ['P D S', [P, describe('S', 'a'), SYNC], { parse: PARSED, endsWithFlush: false }],
  ['P D H', [P, describe('S', 'a'), FLUSH], { parse: PARSED, endsWithFlush: true }],
  ['D S', [describe('S', 'a'), SYNC], { parse: undefined, endsWithFlush: false }],
  ['D H', [describe('S', 'a'), FLUSH], { parse: undefined, endsWithFlush: true }],
])('a description of %s', (_form, messages, more) => {
  expect(read(...messages)).toEqual({ kind: 'description', statement: 'a', ...more });
});

test.each([
  ['a limit of rows', [bind('', 'a'), execute('', 1), SYNC]],
  ['a limit below zero', [bind('', 'a'), execute('', -1), SYNC]],
  ['Execute of another portal', [bind('', 'a'), execute('p'), SYNC]],
  ['Describe of another portal', [bind('', 'a'), describe('P', 'p'), execute(''), SYNC]],
  ['Describe of a statement behind Bind', [bind('', 'a'), describe('S', ''), execute(''), SYNC]],
  ['Bind of another statement than was parsed', [P, bind('', 'b'), execute(''), SYNC]],
  ['Describe of another statement than was parsed', [P, describe('S', 'b'), SYNC]],
  ['Describe of a portal alone', [describe('P', 'a'), SYNC]],
  ['two Binds', [bind('', 'a'), bind('', 'a'), execute(''), SYNC]],
  ['two Executes', [bind('', 'a'), execute(''), execute(''), SYNC]],
  ['two Parses', [P, P, bind('', 'a'), execute(''), SYNC]],
  ['Describe behind Execute', [bind('', 'a'), execute(''), describe('P', ''), SYNC]],
  ['Close inside', [bind('', 'a'), execute(''), close('P', ''), SYNC]],
  ['Flush in place of Sync', [bind('', 'a'), execute(''), FLUSH]],
  ['Parse alone', [P, SYNC]],
  ['Sync alone', [SYNC]],
  ['Flush alone', [FLUSH]],
  ['a query behind a Bind', [bind('', 'a'), query('select 1')]],
  ['a query without its zero byte', [framed('Q', 'select 1')]],
  ['a query with a zero byte inside', [framed('Q', 'select 1\0R\0')]],
  ['an empty query message', [framed('Q')]],
  ['Parse without a text', [framed('P', 'a\0'), describe('S', 'a'), SYNC]],
  ['Parse without types', [framed('P', 'a\0select 1\0'), describe('S', 'a'), SYNC]],
  ['Parse with half its types', [framed('P', 'a\0select 1\0', [0, 1, 0, 0]), describe('S', 'a'), SYNC]],
  ['Parse with more than its types', [framed('P', 'a\0x\0', [0, 0, 0]), describe('S', 'a'), SYNC]],
  ['a Bind without its names', [framed('B', 'a'), execute(''), SYNC]],
  ['an Execute without its limit', [bind('', 'a'), framed('E', '\0'), SYNC]],
  ['an Execute with more behind it', [bind('', 'a'), framed('E', '\0', lengthOf(0), [0]), SYNC]],
  ['a Describe without its zero byte', [framed('D', 'Sa'), SYNC]],
  ['an empty Describe', [framed('D'), SYNC]],
])('%s is of no interest', (_name, messages) => {
  expect(read(...messages)).toBeUndefined();
});

test.each([
  ['COPY data', [copyData('x')]],
  ['the end of COPY', [COPY_DONE]],
  ['a FunctionCall', [FUNCTION_CALL]],
  ['a goodbye', [TERMINATE]],
  ['a FunctionCall behind a Bind', [bind('', 'a'), FUNCTION_CALL]],
  ['a length that is too small', [wire('Q', [0, 0, 0, 3], 'x')]],
  ['a length that is too small, behind a Bind', [bind('', 'a'), wire('E', [0, 0, 0, 0], 'x')]],
  ['a message that is too large', [wire('Q', lengthOf(EXCHANGE_BYTES_MAX))]],
  ['the largest length', [wire('Q', [255, 255, 255, 255])]],
])('%s begins something else', (_name, messages) => {
  expect(read(...messages)).toBe('something else');
});

test('an exchange may be 64 KiB and no larger', () => {
  expect(read(query('x'.repeat(EXCHANGE_BYTES_MAX - 6)))).toMatchObject({ kind: 'query' });
  expect(read(query('x'.repeat(EXCHANGE_BYTES_MAX - 5)))).toBe('something else');
  const half = parse('a', 'x'.repeat(EXCHANGE_BYTES_MAX / 2));
  expect(read(half, half)).toBe('something else');
});

test('what is not all there says how much must be there to know more', () => {
  const bytes = wire(P, bind('', 'a'), describe('P', ''), execute(''), SYNC);
  for (let present = 0; present < bytes.length; present += 1) {
    const found = findExchange(bytes.subarray(0, present), 0);
    if (found.found !== 'nothing yet') throw new Error(`${present} bytes: ${found.found}`);
    expect(found.bytesNeeded).toBeGreaterThan(present);
    expect(found.bytesNeeded).toBeLessThanOrEqual(bytes.length);
  }
  const before = wire('xyz', bytes, query('select 2'));
  expect(findExchange(before, 3)).toEqual({ found: 'exchange', end: 3 + bytes.length, types: 'PBDES' });
});

test('hostile bytes are found or not, and what is read of them stands in them', () => {
  const message = fc
    .tuple(fc.constantFrom(...'QPBDESHC'), fc.uint8Array({ maxLength: 16 }))
    .map(([type, body]) => framed(type, body));
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.array(message, { maxLength: 5 }).map((messages) => wire(...messages, SYNC)),
  );
  fc.assert(
    fc.property(bytes, (said) => {
      const found = findExchange(said, 0);
      if (found.found !== 'exchange') return;
      expect(found.end).toBeLessThanOrEqual(said.length);
      const exchange = readExchange(said.subarray(0, found.end), found.types);
      if (exchange?.kind === 'query') expect(latin1(said)).toContain(`${exchange.text}\0`);
      else if (exchange) expect(latin1(said)).toContain(`${exchange.statement}\0`);
    }),
    { numRuns: 5_000 },
  );
});
