/** How exchanges and sessions end badly: violations of either side, connections lost, waiting in vain, stale plans. */
import { expect, test } from 'vitest';
import { PoolerError } from '../../../src/errors.ts';
import { PostgresEndpointSide } from '../../../src/protocols/postgres/endpoint-side.ts';
import {
  BIND_COMPLETE,
  bind,
  COLUMNS,
  complete,
  copyData,
  describe,
  error,
  execute,
  FLUSH,
  FUNCTION_CALL,
  fatal,
  NO_PARAMETERS,
  newOrigin,
  OPENING,
  ours,
  PARSE_COMPLETE,
  parse,
  query,
  ready,
  row,
  run,
  type Step,
  SYNC,
  scripted,
  TERMINATE,
} from './script.ts';
import { framed, wire } from './wire.ts';

const SELECT = query('select 1');
const SELECTED = wire(COLUMNS, row('1'), complete('SELECT 1'), ready());

// --- the driver breaks the protocol ---------------------------------------------------------------------------

const VIOLATIONS: [name: string, bytes: Uint8Array, sqlState: string, message: string][] = [
  ['an unknown type', wire('z', [0, 0, 0, 4]), '08P01', 'invalid frontend message type 122'],
  ['a type of zero', wire([0], [0, 0, 0, 4]), '08P01', 'invalid frontend message type 0'],
  ['a password where none is due', framed('p', 'x\0'), '08P01', 'invalid frontend message type 112'],
  ['a length of 3', wire('Q', [0, 0, 0, 3]), '08P01', 'invalid message length 3'],
  ['a length of 0', wire('S', [0, 0, 0, 0]), '08P01', 'invalid message length 0'],
  ['a length of 1 GiB', wire('d', [64, 0, 0, 0]), '08P01', 'invalid message length 1073741824'],
  ['a negative length', wire('Q', [255, 255, 255, 255]), '08P01', 'invalid message length 4294967295'],
  ['a Query of no text', wire('Q', [0, 0, 0, 4]), '08P01', 'invalid string in message'],
  ['a Query without NUL', wire('Q', [0, 0, 0, 5], 'x'), '08P01', 'invalid string in message'],
  ['a Parse without NUL', wire('P', [0, 0, 0, 5], 'x'), '08P01', 'invalid string in message'],
  ['a Parse with one string', wire('P', [0, 0, 0, 7], 'x\0y'), '08P01', 'invalid string in message'],
  ['a Bind without NUL', wire('B', [0, 0, 0, 6], '\0x'), '08P01', 'invalid string in message'],
];

const ANOTHER_MESSAGE = wire([0, 0, 0], query('x'));

for (const [name, bytes, sqlState, message] of VIOLATIONS)
  scripted(`${name} is FATAL, and nothing behind it counts`, {
    steps: [
      { driver: SELECT, toOrigin: SELECT, phase: 'busy' },
      { driver: wire(bytes, ANOTHER_MESSAGE), toDriver: ours('FATAL', sqlState, message), phase: 'closed' },
    ],
  });

test('lengths over our own limits are refused by their header, before anything is kept', () => {
  for (const [header, limit] of [
    [wire('Q', [1, 0, 0, 1]), 16777216],
    [wire('P', [63, 255, 255, 255]), 16777216],
    [wire('D', [0, 1, 0, 1]), 65536],
    [wire('S', [0, 1, 0, 1]), 65536],
    [wire('H', [0, 1, 0, 1]), 65536],
    [wire('X', [0, 1, 0, 1]), 65536],
  ] as const) {
    const conversation = new PostgresEndpointSide({ statementsMax: 1 }).openConversation(OPENING);
    conversation.fromDriver(header);
    expect(conversation.phase).toBe('closed');
    const length = new DataView(header.buffer).getUint32(1);
    expect(conversation.toDriver.take()).toEqual(
      ours('FATAL', '54000', `a message of ${length} bytes is longer than the limit of ${limit}`),
    );
  }
});

test('a Bind whose names do not end is refused when they are longer than any name', () => {
  const conversation = new PostgresEndpointSide({ statementsMax: 1 }).openConversation(OPENING);
  conversation.fromDriver(wire('B', [1, 0, 0, 0]));
  conversation.fromDriver(new Uint8Array(65536).fill(0x61));
  expect(conversation.phase).toBe('closed');
  expect(conversation.toDriver.take()).toEqual(
    ours('FATAL', '54000', 'a name is longer than the limit of 65536 bytes'),
  );
});

test('a Bind of 64 MB passes in pieces, as slices of what was read', () => {
  const conversation = new PostgresEndpointSide({ statementsMax: 1 }).openConversation(OPENING);
  conversation.fromDriver(wire(parse('n', 'select $1')));
  conversation.attach(newOrigin());
  conversation.toOrigin.take();
  conversation.fromDriver(wire('B', [4, 0, 0, 0], '\0n\0'));
  // Renamed: three bytes longer than `n`.
  expect(conversation.toOrigin.take()).toEqual(wire('B', [4, 0, 0, 3], '\0wp_1\0'));
  const piece = new Uint8Array(65536);
  let left = 0x4000000 - 4 - 3;
  while (left > 0) {
    conversation.fromDriver(piece.subarray(0, left));
    expect(conversation.toOrigin.take()?.buffer).toBe(piece.buffer);
    left -= Math.min(left, piece.length);
    expect(conversation.phase).toBe('busy');
  }
  conversation.fromDriver(SYNC);
  expect(conversation.toOrigin.take()).toEqual(SYNC);
});

scripted('CopyData, CopyDone and CopyFail outside COPY are ignored, with and without a connection', {
  steps: [{ driver: wire(copyData('x'), framed('c'), framed('f', 'x\0')), phase: 'idle' }],
});

// --- the origin breaks the protocol ---------------------------------------------------------------------------

const brokenBy = (what: string): Uint8Array =>
  ours('FATAL', '08P01', `The origin broke the protocol with ${what}.`);

for (const [name, bytes, what] of [
  ['an unknown type', framed('?'), 'a message of type 63'],
  ['a length of 3', wire('C', [0, 0, 0, 3]), 'a message of length 3'],
  ['an ErrorResponse of 2 MiB', wire('E', [0, 32, 0, 0]), 'a message of 2097152 bytes'],
  ['a ParseComplete that nobody asked for', PARSE_COMPLETE, 'a reply to parse that nobody asked for'],
] as const)
  scripted(`${name} from the origin ends the session and the connection`, {
    steps: [
      { driver: SELECT, toOrigin: SELECT, phase: 'busy' },
      { origin: wire(COLUMNS, bytes, row('1')), toDriver: wire(COLUMNS, brokenBy(what)), phase: 'closed' },
      { call: (conversation) => expect(conversation.driverLeft()).toBe(false), phase: 'busy' },
    ],
  });

scripted('a second ReadyForQuery is one that nobody asked for', {
  steps: [
    { driver: query('begin'), toOrigin: query('begin'), phase: 'busy' },
    {
      origin: wire(ready('T'), ready('T')),
      toDriver: wire(ready('T'), brokenBy('a ReadyForQuery that nobody asked for')),
      phase: 'closed',
    },
  ],
});

// --- FATAL, and connections that break ------------------------------------------------------------------------

const SHUTDOWN = fatal('57P01', 'terminating connection due to administrator command');

scripted('FATAL in a reply is the driver’s last word too', {
  steps: [
    { driver: SELECT, toOrigin: SELECT, phase: 'busy' },
    { origin: wire(COLUMNS, SHUTDOWN), toDriver: wire(COLUMNS, SHUTDOWN), phase: 'closed' },
    { call: (conversation) => expect(conversation.driverLeft()).toBe(false), phase: 'busy' },
  ],
});

scripted('FATAL while the origin waits for the driver', {
  steps: [
    { driver: query('begin'), toOrigin: query('begin'), phase: 'busy' },
    { origin: ready('T'), toDriver: ready('T'), phase: 'in transaction' },
    { origin: SHUTDOWN, toDriver: SHUTDOWN, phase: 'closed' },
  ],
});

const LOST = ours(
  'FATAL',
  '08006',
  'The origin closed the connection.',
  'Its log may say why; connect again.',
);

const HALF_WAY: [name: string, steps: Step[]][] = [
  ['nothing has been sent', []],
  ['a reply is owed', [{ driver: SELECT, toOrigin: SELECT, phase: 'busy' }]],
  [
    'a transaction is open',
    [
      { driver: SELECT, toOrigin: SELECT, phase: 'busy' },
      { origin: ready('T'), toDriver: ready('T'), phase: 'in transaction' },
    ],
  ],
  [
    'the session must be asked about',
    [
      { driver: query('set x = 1'), toOrigin: query('set x = 1'), phase: 'busy' },
      { origin: ready(), toDriver: ready(), phase: 'unsettled' },
    ],
  ],
  [
    'messages wait for Sync',
    [{ driver: wire(parse('', ''), FLUSH), toOrigin: wire(parse('', ''), FLUSH), phase: 'busy' }],
  ],
  [
    'a message is half cut out of its bytes',
    [
      { driver: SELECT, toOrigin: SELECT, phase: 'busy' },
      { origin: wire('E', [0, 0, 0, 9], 'S'), phase: 'busy' },
    ],
  ],
];

for (const [name, steps] of HALF_WAY)
  scripted(`the origin is lost when ${name}`, {
    steps: [
      ...steps,
      { call: (conversation) => conversation.originLost(), toDriver: LOST, phase: 'closed' },
      {
        call: (conversation) => {
          conversation.originLost();
          conversation.fromDriver(query('x'));
        },
        phase: 'closed',
      },
    ],
  });

scripted('the origin’s own reason, where it is known, is what the driver hears', {
  steps: [
    { driver: SELECT, toOrigin: SELECT, phase: 'busy' },
    {
      call: (conversation) =>
        conversation.originLost(new PoolerError('why', { fault: 'origin', sqlState: '57P01', fatal: true })),
      toDriver: ours('FATAL', '57P01', 'why'),
      phase: 'closed',
    },
  ],
});

// --- waiting --------------------------------------------------------------------------------------------------

const FULL = new PoolerError('Timed out.', { fault: 'pooler', sqlState: '58000' });
const REFUSED = ours('ERROR', '58000', 'Timed out.');

scripted('waiting in vain: a simple query alone is refused, the session goes on', {
  steps: [
    { driver: SELECT, on: 'none', phase: 'waiting' },
    { call: (conversation) => conversation.fail(FULL), toDriver: wire(REFUSED, ready()), phase: 'idle' },
    { driver: SELECT, toOrigin: SELECT, phase: 'busy' },
  ],
});

scripted('waiting in vain: each of two pipelined queries waits for itself', {
  steps: [
    // Whole: nothing may be fed while a message waits.
    {
      call: (conversation) => conversation.fromDriver(wire(SELECT, FUNCTION_CALL, query(''))),
      on: 'none',
      phase: 'waiting',
    },
    {
      call: (conversation) => conversation.fail(FULL),
      on: 'none',
      toDriver: wire(REFUSED, ready()),
      phase: 'waiting',
    },
    {
      call: (conversation) => conversation.fail(FULL),
      on: 'none',
      toDriver: wire(REFUSED, ready()),
      phase: 'waiting',
    },
    { call: (conversation) => conversation.attach(newOrigin()), toOrigin: query(''), phase: 'busy' },
  ],
});

scripted('waiting in vain: extended messages are refused up to Sync', {
  steps: [
    { driver: parse('n', 'select 1'), on: 'none', phase: 'waiting' },
    { call: (conversation) => conversation.fail(FULL), toDriver: REFUSED, phase: 'idle' },
    { driver: wire(bind('', 'n'), execute(''), FLUSH, query('x')), on: 'none', phase: 'idle' },
    { driver: SYNC, on: 'none', toDriver: ready(), phase: 'idle' },
    // The name that was refused does not exist.
    {
      driver: wire(parse('n', 'select 2'), SYNC),
      toOrigin: wire(parse('wp_1', 'select 2'), SYNC),
      phase: 'busy',
    },
  ],
});

scripted('a fatal failure while waiting ends the session', {
  steps: [
    { driver: SELECT, on: 'none', phase: 'waiting' },
    {
      call: (conversation) => conversation.fail(FULL.asFatal()),
      toDriver: ours('FATAL', '58000', 'Timed out.'),
      phase: 'closed',
    },
  ],
});

// --- cancelling -----------------------------------------------------------------------------------------------

const BECAUSE = new PoolerError('statement timeout', {
  fault: 'driver',
  sqlState: '57014',
  hint: 'The limit.',
});
const CANCELED = error('57014', 'canceling statement due to user request');

scripted('what was cancelled says why in our words, and only that', {
  steps: [
    { driver: SELECT, toOrigin: SELECT, phase: 'busy' },
    { call: (conversation) => conversation.cancelled(BECAUSE), phase: 'busy' },
    {
      origin: wire(CANCELED, ready()),
      toDriver: wire(ours('ERROR', '57014', 'statement timeout', 'The limit.'), ready()),
      phase: 'done',
    },
    { driver: SELECT, toOrigin: SELECT, phase: 'busy' },
    { origin: wire(CANCELED, ready()), toDriver: wire(CANCELED, ready()), phase: 'done' },
  ],
});

// --- the driver leaves ----------------------------------------------------------------------------------------

scripted('a driver leaves in mid-query: the reply comes to an end unheard', {
  steps: [
    { driver: wire(SELECT, TERMINATE), toOrigin: SELECT, phase: 'closed' },
    { call: (conversation) => expect(conversation.driverLeft()).toBe(true), phase: 'busy' },
    { origin: SELECTED, phase: 'done' },
  ],
});

scripted('a driver leaves without Sync: we send it, and the implicit transaction ends', {
  steps: [
    { driver: wire(parse('', 'x'), FLUSH), toOrigin: wire(parse('', 'x'), FLUSH), phase: 'busy' },
    { call: (conversation) => expect(conversation.driverLeft()).toBe(true), toOrigin: SYNC, phase: 'busy' },
    { origin: wire(error('42601', 'x'), ready()), phase: 'done' },
  ],
});

scripted('a driver leaves after an error, while messages are skipped: Sync brings the origin back', {
  steps: [
    { driver: wire(parse('', 'x'), SELECT), toOrigin: wire(parse('', 'x'), SELECT), phase: 'busy' },
    { origin: error('42601', 'x'), toDriver: error('42601', 'x'), phase: 'in transaction' },
    { call: (conversation) => expect(conversation.driverLeft()).toBe(true), toOrigin: SYNC, phase: 'busy' },
    { origin: ready(), phase: 'done' },
  ],
});

scripted('an error that comes after the driver left in front of a simple query: Sync is sent then', {
  steps: [
    { driver: wire(parse('', 'x'), SELECT), toOrigin: wire(parse('', 'x'), SELECT), phase: 'busy' },
    { call: (conversation) => expect(conversation.driverLeft()).toBe(true), phase: 'busy' },
    { origin: error('42601', 'x'), toOrigin: SYNC, phase: 'busy' },
    { origin: ready(), phase: 'done' },
  ],
});

test('a driver that leaves in mid-message makes the connection useless, if the origin has got the beginning', () => {
  for (const [bytes, isUseful] of [
    [wire(parse('', ''), bind('', '').subarray(0, 9)), false],
    [FUNCTION_CALL.subarray(0, 8), false],
    [parse('', 'select').subarray(0, 9), true],
    [wire(SELECT, SELECT.subarray(0, 9)), true],
  ] as const) {
    const conversation = new PostgresEndpointSide({ statementsMax: 1 }).openConversation(OPENING);
    conversation.fromDriver(bytes);
    if (conversation.phase === 'waiting') conversation.attach(newOrigin());
    expect(conversation.driverLeft()).toBe(isUseful);
  }
});

// --- stale plans ----------------------------------------------------------------------------------------------

const STALE = error('0A000', 'cached plan must not change result type', { routine: 'RevalidateCachedQuery' });
const PREPARE: Step[] = [
  {
    driver: wire(parse('n', 'table t'), SYNC),
    toOrigin: wire(parse('wp_1', 'table t'), SYNC),
    phase: 'busy',
  },
  { origin: wire(PARSE_COMPLETE, ready()), toDriver: wire(PARSE_COMPLETE, ready()), phase: 'done' },
];
const DESCRIBED = wire(bind('', 'n'), describe('P', ''), execute(''), SYNC);
const DESCRIBED_AT_ORIGIN = (name: string): Uint8Array =>
  wire(bind('', name), describe('P', ''), execute(''), SYNC);
const ANSWER = wire(BIND_COMPLETE, SELECTED);

scripted('a plan older than its table is prepared anew, once, where the driver is told of the columns', {
  steps: [
    ...PREPARE,
    { driver: DESCRIBED, toOrigin: DESCRIBED_AT_ORIGIN('wp_1'), phase: 'busy' },
    {
      origin: wire(STALE, ready()),
      toOrigin: wire(parse('wp_2', 'table t'), DESCRIBED_AT_ORIGIN('wp_2')),
      phase: 'busy',
    },
    { origin: wire(PARSE_COMPLETE, ANSWER), toDriver: ANSWER, phase: 'done' },
    { driver: run('n'), toOrigin: run('wp_2'), phase: 'busy' },
  ],
});

scripted('a plan that is stale again is an error', {
  steps: [
    ...PREPARE,
    { driver: DESCRIBED, toOrigin: DESCRIBED_AT_ORIGIN('wp_1'), phase: 'busy' },
    {
      origin: wire(STALE, ready()),
      toOrigin: wire(parse('wp_2', 'table t'), DESCRIBED_AT_ORIGIN('wp_2')),
      phase: 'busy',
    },
    {
      origin: wire(PARSE_COMPLETE, STALE, ready()),
      toDriver: wire(STALE, ready()),
      phase: 'done',
    },
  ],
});

scripted('a driver that does not ask for the columns must be told', {
  steps: [
    ...PREPARE,
    { driver: run('n'), toOrigin: run('wp_1'), phase: 'busy' },
    { origin: wire(STALE, ready()), toDriver: wire(STALE, ready()), phase: 'done' },
    // A new statement of the same text is a new one at the origin.
    {
      driver: wire(parse('m', 'table t'), SYNC),
      toOrigin: wire(parse('wp_2', 'table t'), SYNC),
      phase: 'busy',
    },
  ],
});

scripted('in a transaction the error stands: the transaction has failed', {
  steps: [
    ...PREPARE,
    { driver: query('begin'), toOrigin: query('begin'), phase: 'busy' },
    { origin: ready('T'), toDriver: ready('T'), phase: 'in transaction' },
    { driver: DESCRIBED, toOrigin: DESCRIBED_AT_ORIGIN('wp_1'), phase: 'busy' },
    { origin: wire(STALE, ready('E')), toDriver: wire(STALE, ready('E')), phase: 'in transaction' },
  ],
});

scripted('with another exchange behind it the error stands', {
  steps: [
    ...PREPARE,
    {
      driver: wire(DESCRIBED, SELECT),
      toOrigin: wire(DESCRIBED_AT_ORIGIN('wp_1'), SELECT),
      phase: 'busy',
    },
    { origin: wire(STALE, ready(), SELECTED), toDriver: wire(STALE, ready(), SELECTED), phase: 'done' },
  ],
});

scripted('an exchange with a Parse that we answer is run again whole', {
  steps: [
    ...PREPARE,
    {
      who: 'b',
      driver: wire(parse('', 'x'), parse('m', 'table t'), DESCRIBED),
      toOrigin: wire(parse('', 'x'), bind('', 'n'), describe('P', ''), execute(''), SYNC),
      phase: 'busy',
    },
    // Something has been answered: the driver must be told.
    {
      who: 'b',
      origin: wire(PARSE_COMPLETE, STALE, ready()),
      toDriver: wire(PARSE_COMPLETE, PARSE_COMPLETE, STALE, ready()),
      phase: 'done',
    },
    {
      who: 'b',
      driver: wire(parse('o', 'table t'), bind('', 'o'), describe('P', ''), SYNC),
      toOrigin: wire(parse('wp_2', 'table t'), bind('', 'wp_2'), describe('P', ''), SYNC),
      phase: 'busy',
    },
    {
      who: 'b',
      origin: wire(PARSE_COMPLETE, BIND_COMPLETE, COLUMNS, ready()),
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, COLUMNS, ready()),
      phase: 'done',
    },
    {
      driver: wire(parse('p', 'table t'), bind('', 'p'), describe('P', ''), SYNC),
      toOrigin: wire(bind('', 'wp_2'), describe('P', ''), SYNC),
      phase: 'busy',
    },
    {
      origin: wire(STALE, ready()),
      toOrigin: wire(parse('wp_3', 'table t'), bind('', 'wp_3'), describe('P', ''), SYNC),
      phase: 'busy',
    },
    {
      origin: wire(PARSE_COMPLETE, BIND_COMPLETE, COLUMNS, ready()),
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, COLUMNS, ready()),
      phase: 'done',
    },
  ],
});

scripted(
  'an exchange whose first message came with the end of the one before is run again from its beginning',
  {
    steps: [
      ...PREPARE,
      { driver: SELECT, toOrigin: SELECT, phase: 'busy' },
      { origin: SELECTED, toDriver: SELECTED, phase: 'done' },
      { driver: DESCRIBED.subarray(0, 4), phase: 'idle' },
      { driver: DESCRIBED.subarray(4), toOrigin: DESCRIBED_AT_ORIGIN('wp_1'), phase: 'busy' },
      {
        origin: wire(STALE, ready()),
        toOrigin: wire(parse('wp_2', 'table t'), DESCRIBED_AT_ORIGIN('wp_2')),
        phase: 'busy',
      },
    ],
  },
);

scripted('a driver that has got its ParseComplete at Flush does not get it twice', {
  steps: [
    ...PREPARE,
    {
      who: 'b',
      driver: wire(parse('m', 'table t'), FLUSH),
      toOrigin: FLUSH,
      toDriver: PARSE_COMPLETE,
      phase: 'in transaction',
    },
    {
      who: 'b',
      driver: wire(bind('', 'm'), describe('P', ''), execute(''), SYNC),
      toOrigin: DESCRIBED_AT_ORIGIN('wp_1'),
      phase: 'busy',
    },
    { who: 'b', origin: wire(STALE, ready()), toDriver: wire(STALE, ready()), phase: 'done' },
  ],
});

scripted('an ordinary 0A000 is not about plans', {
  steps: [
    ...PREPARE,
    { driver: DESCRIBED, toOrigin: DESCRIBED_AT_ORIGIN('wp_1'), phase: 'busy' },
    {
      origin: wire(error('0A000', 'not supported'), ready()),
      toDriver: wire(error('0A000', 'not supported'), ready()),
      phase: 'done',
    },
  ],
});

scripted('a described statement whose Describe itself is stale', {
  steps: [
    ...PREPARE,
    {
      driver: wire(describe('S', 'n'), SYNC),
      toOrigin: wire(describe('S', 'wp_1'), SYNC),
      phase: 'busy',
    },
    {
      origin: wire(STALE, ready()),
      toOrigin: wire(parse('wp_2', 'table t'), describe('S', 'wp_2'), SYNC),
      phase: 'busy',
    },
    {
      origin: wire(PARSE_COMPLETE, NO_PARAMETERS, COLUMNS, ready()),
      toDriver: wire(NO_PARAMETERS, COLUMNS, ready()),
      phase: 'done',
    },
  ],
});
