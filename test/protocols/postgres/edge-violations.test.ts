import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PostgresEdgeConversation } from '../../../src/protocols/postgres/edge-conversation.ts';
import { each, edgeScripted, ending, rows } from './edge-script.ts';
import {
  COLUMNS,
  COPY_DONE,
  complete,
  describe,
  FLUSH,
  ours,
  parse,
  query,
  ready,
  SYNC,
  TERMINATE,
} from './script.ts';
import { framed, lengthOf, textOf, wire } from './wire.ts';

const BODY = rows(COLUMNS, '1');

const VIOLATIONS: [string, Uint8Array, string][] = [
  ['a type that nobody knows', framed('?', 'x'), 'invalid frontend message type 63'],
  ['a note of the link', framed('\x01', '{}'), 'invalid frontend message type 1'],
  ['a password', framed('p', 'x\0'), 'invalid frontend message type 112'],
  ['a length that is too small', wire('Q', [0, 0, 0, 3]), 'invalid message length 3'],
  ['a length that is too large', wire('Q', [255, 255, 255, 255]), 'invalid message length 4294967295'],
];

for (const [name, bytes, message] of VIOLATIONS) {
  // The rest of it is not waited for.
  const header = bytes.subarray(0, 5);
  edgeScripted(`${name} is the end, in quiet`, {
    stored: { 'select 1': BODY },
    steps: [
      {
        driver: wire(query('select 1'), header),
        looksUp: ['select 1'],
        toDriver: wire(BODY, ready(), ours('FATAL', '08P01', message)),
        isOver: true,
      },
    ],
  });
  edgeScripted(`${name} is the end, while something is under way`, {
    steps: [
      {
        driver: wire(query('begin'), header),
        toEndpoint: each(query('begin')),
        toDriver: ours('FATAL', '08P01', message),
        isOver: true,
      },
    ],
  });
}

edgeScripted('goodbye in the midst of something is told to the endpoint', {
  steps: [
    { driver: wire(parse('', 'x'), FLUSH), toEndpoint: each(parse('', 'x'), FLUSH) },
    { driver: TERMINATE, toEndpoint: each(TERMINATE), isOver: true },
  ],
});

edgeScripted('a goodbye with more in it is one too', {
  steps: [{ driver: framed('X').subarray(0, 5), isOver: true }],
});

edgeScripted('what is no exchange of interest passes as it is', {
  steps: [
    {
      driver: wire(COPY_DONE, framed('Q', 'select 1'), FLUSH, SYNC),
      toEndpoint: each(COPY_DONE, framed('Q', 'select 1'), FLUSH, SYNC),
      isQuiet: false,
    },
    {
      endpoint: wire(complete('X'), ready(), ending(2), ready()),
      toDriver: wire(complete('X'), ready(), ready()),
      isQuiet: true,
    },
  ],
});

test('who says too much behind a Flush before it is answered is sent away', () => {
  const hooks = { record: () => undefined, refused: () => {}, heard: () => {} };
  const conversation = new PostgresEdgeConversation({ dialect: '', settings: {}, hooks });
  conversation.fromDriver(wire(parse('', 'select 1'), describe('S', ''), FLUSH));
  conversation.forward();
  const data = wire('B', lengthOf(2 ** 24));
  conversation.fromDriver(data);
  for (let count = 0; count < 17 && !conversation.isOver; count += 1)
    conversation.fromDriver(new Uint8Array(65_536));
  expect(conversation.isOver).toBe(true);
  expect(textOf(conversation.toDriver.take() ?? wire())).toContain('C54000');
});

test('an exchange larger than 64 KiB passes in pieces, and is not kept', () => {
  const hooks = { record: () => undefined, refused: () => {}, heard: () => {} };
  const conversation = new PostgresEdgeConversation({ dialect: '', settings: {}, hooks });
  const text = `select '${'x'.repeat(65_600)}'`;
  const bytes = query(text);
  conversation.fromDriver(bytes.subarray(0, 100));
  expect(textOf(conversation.toEndpoint.take() ?? wire())).toBe(textOf(bytes.subarray(0, 100)));
  conversation.fromDriver(bytes.subarray(100));
  expect(conversation.toEndpoint.length).toBe(bytes.length - 100);
  expect(conversation.read).toBeUndefined();
});

test('whatever a driver says, it is answered without an exception', () => {
  const pieces = fc.oneof(
    fc.uint8Array({ maxLength: 20 }),
    fc
      .tuple(fc.constantFrom(...'QPBDESHCXdcfFp'), fc.uint8Array({ maxLength: 24 }))
      .map(([type, body]) => framed(type, body)),
    fc.constantFrom(wire(parse('', 'select 1'), SYNC), query('select 1'), SYNC, FLUSH),
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), fc.boolean(), (said, isHit) => {
      const hooks = { record: () => undefined, refused: () => {}, heard: () => {} };
      const conversation = new PostgresEdgeConversation({ dialect: '', settings: {}, hooks });
      for (const bytes of said) {
        if (conversation.isOver) return;
        conversation.fromDriver(bytes);
        while (conversation.read)
          if (isHit) conversation.answer({ body: BODY }, { seenUpTo: 0, ageMs: 0, tier: 'memory' });
          else conversation.forward();
      }
    }),
    { numRuns: 3_000 },
  );
});
