/** What the edge of a caching config says and hears: flagged reads, definitions, settings, how far all has been taken. */
import { expect } from 'vitest';
import { PoolerError } from '../../../src/errors.ts';
import type { Conversation } from '../../../src/protocols/contract.ts';
import { type FakeHooks, flagged, HIT, MISS, note, taken } from './fake-hooks.ts';
import {
  BIND_COMPLETE,
  bind,
  CLOSE_COMPLETE,
  COLUMNS,
  COPY_IN,
  close,
  complete,
  copyData,
  describe,
  error,
  execute,
  FLUSH,
  FUNCTION_CALL,
  NO_DATA,
  NO_PARAMETERS,
  notice,
  notification,
  ours,
  PARSE_COMPLETE,
  parameter,
  parse,
  query,
  ready,
  row,
  run,
  SYNC,
  scripted,
  TERMINATE,
} from './script.ts';
import { framed, textOf, wire } from './wire.ts';

const SELECT = query('select 1');
const ROWS = wire(COLUMNS, row('1'), row('2'), complete('SELECT 2'));
const EXTENDED = wire(parse('', 'select 1'), bind('', ''), describe('P', ''), execute(''), SYNC);
const hit = (conversation: Conversation): void => conversation.answerRead({ body: ROWS }, HIT);
const miss = (conversation: Conversation, hooks: FakeHooks): void =>
  conversation.runRead(MISS, hooks.recording());
const RECORDED = `recorded up to 100: ${textOf(ROWS)}`;

// --- a flagged read -------------------------------------------------------------------------------------------

scripted('a flagged query is answered without a connection', {
  steps: [
    {
      driver: flagged(SELECT),
      decides: hit,
      toDriver: wire(note({ reply: HIT }), ROWS, taken(1, 100, 'hit'), ready()),
      phase: 'idle',
    },
    { driver: SELECT, toOrigin: SELECT, phase: 'busy' },
    { origin: wire(ROWS, ready()), toDriver: wire(ROWS, taken(2, 100, 'miss'), ready()), phase: 'done' },
  ],
  hears: ['hit', 'miss'],
});

scripted('what is recorded no further still passes', {
  steps: [
    {
      driver: flagged(SELECT),
      decides: miss,
      toOrigin: SELECT,

      phase: 'busy',
    },
    { origin: COLUMNS, toDriver: wire(note({ reply: MISS }), COLUMNS), phase: 'busy' },
    { call: (conversation) => conversation.stopRecording(), phase: 'busy' },
    {
      origin: wire(row('1'), complete('SELECT 1'), ready()),
      toDriver: wire(row('1'), complete('SELECT 1'), taken(1, 100, 'miss'), ready()),
      phase: 'done',
    },
  ],
  hears: ['abandoned', 'miss'],
});

scripted('a flagged extended query is answered with what its driver expects, and another behind it', {
  steps: [
    {
      driver: wire(flagged(EXTENDED, { answers: '12' }), flagged(run('n'), { answers: '2' })),
      decides: hit,
      toDriver: wire(
        note({ reply: HIT }),
        PARSE_COMPLETE,
        BIND_COMPLETE,
        ROWS,
        taken(1, 100, 'hit'),
        ready(),
        note({ reply: HIT }),
        BIND_COMPLETE,
        ROWS,
        taken(2, 100, 'hit'),
        ready(),
      ),
      phase: 'idle',
    },
  ],
  hears: ['hit', 'hit'],
});

scripted('a read shows what it is about while it waits', {
  openings: { a: { settings: { work_mem: '1MB' } } },
  steps: [
    {
      driver: flagged(SELECT),
      on: 'none',
      phase: 'waiting',
    },
    {
      call: (conversation) =>
        expect(conversation.pendingRead).toEqual({
          read: { wants: 'rows', key: 'select 1', textLength: 8, control: {} },
          floor: 7,
          settings: { work_mem: '1MB' },
        }),
      on: 'none',
      phase: 'waiting',
    },
  ],
  hears: [],
});

scripted('a read waits when all of it is there, and not before', {
  steps: [
    { driver: flagged(SELECT).subarray(0, -1), phase: 'idle' },
    {
      driver: wire(SELECT.subarray(-1), SYNC),
      decides: hit,
      toDriver: wire(
        note({ reply: HIT }),
        ROWS,
        taken(1, 100, 'hit'),
        ready(),
        taken(2, 100, 'notaquery'),
        ready(),
      ),
      phase: 'idle',
    },
  ],
  hears: ['hit', 'notaquery'],
});

scripted('a miss goes to the origin, and its rows are recorded as they were', {
  steps: [
    { driver: flagged(SELECT), decides: miss, toOrigin: SELECT, phase: 'busy' },
    {
      origin: wire(ROWS, ready()),
      toDriver: wire(note({ reply: MISS }), ROWS, taken(1, 100, 'miss'), ready()),
      phase: 'done',
    },
  ],
  hears: [RECORDED, 'miss'],
});

scripted('of an extended miss only what every asker gets is recorded', {
  steps: [
    { driver: flagged(EXTENDED, { answers: '12' }), decides: miss, toOrigin: EXTENDED, phase: 'busy' },
    {
      origin: wire(PARSE_COMPLETE, notification('c', 'p'), BIND_COMPLETE, ROWS.subarray(0, 47)),
      toDriver: wire(
        note({ reply: MISS }),
        PARSE_COMPLETE,
        notification('c', 'p'),
        BIND_COMPLETE,
        // A row may come in pieces: the second begins at 39.
        ROWS.subarray(0, 47),
      ),
      phase: 'busy',
    },
    {
      origin: wire(ROWS.subarray(47), ready()),
      toDriver: wire(ROWS.subarray(47), taken(1, 100, 'miss'), ready()),
      phase: 'done',
    },
  ],
  hears: [RECORDED, 'miss'],
});

const DESCRIBE = wire(parse('n', 'select 1'), describe('S', 'n'), SYNC);
const DESCRIBE_AT_ORIGIN = wire(parse('wp_1', 'select 1'), describe('S', 'wp_1'), SYNC);

scripted('a statement that an answered read has parsed exists, also for what comes right behind', {
  steps: [
    {
      driver: wire(flagged(DESCRIBE, { wants: 'description', answers: '1' }), run('n')),
      decides: (conversation) => conversation.answerRead({ body: wire(NO_PARAMETERS, COLUMNS) }, HIT),
      toDriver: wire(
        note({ reply: HIT }),
        PARSE_COMPLETE,
        NO_PARAMETERS,
        COLUMNS,
        taken(1, 100, 'hit'),
        ready(),
      ),
      toOrigin: wire(parse('wp_1', 'select 1'), bind('', 'wp_1'), execute(''), SYNC),
      phase: 'busy',
    },
  ],
  hears: ['hit'],
});

for (const [what, columns] of [
  ['columns', COLUMNS],
  ['no columns', NO_DATA],
] as const)
  scripted(`a description with ${what} is recorded`, {
    steps: [
      {
        driver: flagged(DESCRIBE, { wants: 'description', answers: '1' }),
        decides: miss,
        toOrigin: DESCRIBE_AT_ORIGIN,
        phase: 'busy',
      },
      {
        origin: wire(PARSE_COMPLETE, NO_PARAMETERS, columns, ready()),
        toDriver: wire(
          note({ reply: MISS }),
          PARSE_COMPLETE,
          NO_PARAMETERS,
          columns,
          taken(1, 100, 'miss'),
          ready(),
        ),
        phase: 'done',
      },
    ],
    hears: [`recorded up to 100: ${textOf(wire(NO_PARAMETERS, columns))}`, 'miss'],
  });

const FAILED = error('22012', 'division by zero');
for (const [what, reply, passes] of [
  ['an error', wire(COLUMNS, row('1'), FAILED), undefined],
  ['a notice', wire(COLUMNS, notice('look'), row('1'), complete('SELECT 1')), undefined],
  ['two results', wire(ROWS, ROWS), undefined],
  ['no columns', complete('SELECT 1'), undefined],
  [
    'a changed parameter',
    wire(COLUMNS, parameter('TimeZone', 'UTC'), row('1'), complete('SELECT 1')),
    wire(COLUMNS, parameter('TimeZone', 'UTC'), row('1'), complete('SELECT 1')),
  ],
  ['a half COPY', wire(framed('H', [0, 0, 0]), copyData('x'), framed('c'), complete('COPY 1')), undefined],
] as const)
  scripted(`a reply with ${what} is not recorded`, {
    steps: [
      { driver: flagged(SELECT), decides: miss, toOrigin: SELECT, phase: 'busy' },
      {
        origin: wire(reply, ready()),
        toDriver: wire(
          note({ reply: MISS }),
          passes ?? reply,
          taken(1, 100, 'miss', what === 'a changed parameter' ? { settings: null } : {}),
          ready(),
        ),
        phase: what === 'a changed parameter' ? 'unsettled' : 'done',
      },
    ],
    hears: ['abandoned', 'miss'],
  });

scripted('a read that runs without being recorded', {
  steps: [
    {
      driver: flagged(SELECT),
      decides: (conversation) => conversation.runRead({ ...MISS, status: 'volatile' }),
      toOrigin: SELECT,
      phase: 'busy',
    },
    {
      origin: wire(ROWS, ready()),
      toDriver: wire(
        note({ reply: { ...MISS, status: 'volatile' } }),
        ROWS,
        taken(1, 100, 'volatile'),
        ready(),
      ),
      phase: 'done',
    },
  ],
  hears: ['volatile'],
});

const LOST = ours(
  'FATAL',
  '08006',
  'The origin closed the connection.',
  'Its log may say why; connect again.',
);
scripted('a recording ends with its connection', {
  steps: [
    { driver: flagged(SELECT), decides: miss, toOrigin: SELECT, phase: 'busy' },
    { origin: COLUMNS, toDriver: wire(note({ reply: MISS }), COLUMNS), phase: 'busy' },
    { call: (conversation) => conversation.originLost(), toDriver: LOST, phase: 'closed' },
  ],
  hears: ['abandoned', 'miss'],
});

scripted('a driver that leaves lets others have the reply', {
  steps: [
    { driver: flagged(SELECT), decides: miss, toOrigin: SELECT, phase: 'busy' },
    { call: (conversation) => expect(conversation.driverLeft()).toBe(true), phase: 'busy' },
    { origin: wire(ROWS, ready()), phase: 'done' },
  ],
  hears: [RECORDED, 'miss'],
});

scripted('a driver that leaves before there is a connection', {
  steps: [
    { driver: flagged(SELECT), decides: miss, on: 'none', phase: 'waiting' },
    { call: (conversation) => expect(conversation.driverLeft()).toBe(true), on: 'none', phase: 'waiting' },
  ],
  hears: ['abandoned'],
});

const FULL = new PoolerError('Timed out.', { fault: 'pooler', sqlState: '58000' });
const REFUSED = ours('ERROR', '58000', 'Timed out.');

scripted('waiting in vain for a decision: the exchange alone is refused', {
  steps: [
    { driver: wire(flagged(EXTENDED, { answers: '12' }), SELECT), on: 'none', phase: 'waiting' },
    {
      call: (conversation) => conversation.fail(FULL),
      toDriver: wire(REFUSED, taken(1, 100, 'uncacheable'), ready()),
      toOrigin: SELECT,
      phase: 'busy',
    },
  ],
  hears: ['uncacheable'],
});

scripted('waiting in vain for a connection ends the recording', {
  steps: [
    { driver: flagged(EXTENDED, { answers: '12' }), decides: miss, on: 'none', phase: 'waiting' },
    {
      call: (conversation) => conversation.fail(FULL),
      toDriver: wire(REFUSED, taken(1, 100, 'notaquery'), ready()),
      phase: 'idle',
    },
  ],
  hears: ['abandoned', 'notaquery'],
});

scripted('in a transaction, in a pipeline and behind an error a flag counts for nothing', {
  steps: [
    { driver: query('begin'), toOrigin: query('begin'), phase: 'busy' },
    { origin: ready('T'), toDriver: ready('T'), phase: 'in transaction' },
    { driver: flagged(SELECT), toOrigin: SELECT, phase: 'busy' },
    { origin: wire(ROWS, ready('T')), toDriver: wire(ROWS, ready('T')), phase: 'in transaction' },
    {
      driver: wire(query('commit'), flagged(SELECT)),
      toOrigin: wire(query('commit'), SELECT),
      phase: 'busy',
    },
    {
      origin: wire(complete('COMMIT'), ready(), ROWS, ready()),
      toDriver: wire(complete('COMMIT'), ready(), ROWS, taken(4, 100, 'miss'), ready()),
      phase: 'done',
    },
  ],
  hears: ['notaquery', 'transaction', 'transaction', 'miss'],
});

const STALE = error('0A000', 'cached plan must not change result type', { routine: 'RevalidateCachedQuery' });
scripted('a flagged read that runs a second time is announced once and not recorded', {
  steps: [
    {
      driver: wire(parse('n', 'select 1'), SYNC),
      toOrigin: wire(parse('wp_1', 'select 1'), SYNC),
      phase: 'busy',
    },
    {
      origin: wire(PARSE_COMPLETE, ready()),
      toDriver: wire(PARSE_COMPLETE, taken(1, 100, 'notaquery'), ready()),
      phase: 'done',
    },
    {
      driver: flagged(wire(bind('', 'n'), describe('P', ''), execute(''), SYNC), { answers: '2' }),
      decides: miss,
      toOrigin: wire(bind('', 'wp_1'), describe('P', ''), execute(''), SYNC),
      phase: 'busy',
    },
    {
      origin: wire(STALE, ready()),
      toOrigin: wire(parse('wp_2', 'select 1'), bind('', 'wp_2'), describe('P', ''), execute(''), SYNC),
      phase: 'busy',
    },
    {
      origin: wire(PARSE_COMPLETE, BIND_COMPLETE, ROWS, ready()),
      toDriver: wire(note({ reply: MISS }), BIND_COMPLETE, ROWS, taken(2, 100, 'miss'), ready()),
      phase: 'done',
    },
  ],
  hears: ['notaquery', 'abandoned', 'miss'],
});

// --- statements that only the edge has acknowledged -----------------------------------------------------------

scripted('a statement that the edge defined is prepared where it is bound', {
  steps: [
    { driver: note({ define: [['n', 'select 1\0\0\0']] }), phase: 'idle' },
    {
      driver: run('n'),
      toOrigin: wire(parse('wp_1', 'select 1'), bind('', 'wp_1'), execute(''), SYNC),
      phase: 'busy',
    },
    {
      origin: wire(PARSE_COMPLETE, BIND_COMPLETE, row('1'), complete('SELECT 1'), ready()),
      toDriver: wire(BIND_COMPLETE, row('1'), complete('SELECT 1'), taken(1, 100, 'miss'), ready()),
      phase: 'done',
    },
    { driver: wire(note({ drop: ['n'] }), run('n')), toOrigin: run('n'), phase: 'busy' },
  ],
  // It may have been made by PREPARE, in SQL.
  hears: ['miss', '101 writes everything'],
});

scripted('so is the unnamed one, on whichever connection; and dropped, there is none', {
  steps: [
    {
      driver: wire(note({ define: [['', 'select 1\0\0\0']] }), run('')),
      toOrigin: wire(parse('', 'select 1'), run('')),
      phase: 'busy',
    },
    {
      origin: wire(PARSE_COMPLETE, BIND_COMPLETE, row('1'), complete('SELECT 1'), ready()),
      toDriver: wire(BIND_COMPLETE, row('1'), complete('SELECT 1'), taken(1, 100, 'miss'), ready()),
      phase: 'done',
    },
    {
      driver: wire(note({ drop: [''] }), run('')),
      on: 1,
      toOrigin: wire(close('S', ''), run('')),
      phase: 'busy',
    },
  ],
  hears: ['miss'],
});

scripted('a definition waits for what drops all statements before it', {
  steps: [
    {
      driver: wire(query('deallocate all'), note({ define: [['n', 'select 1\0\0\0']] }), run('n')),
      toOrigin: query('deallocate all'),
      phase: 'busy',
    },
    {
      origin: wire(complete('DEALLOCATE ALL'), ready()),
      toDriver: wire(
        complete('DEALLOCATE ALL'),
        note({ dropped: true, taken: 1, at: 100, status: 'notaquery', settings: null }),
        ready(),
      ),
      toOrigin: wire(parse('wp_1', 'select 1'), bind('', 'wp_1'), execute(''), SYNC),
      phase: 'busy',
    },
  ],
  hears: ['notaquery'],
});

scripted(
  'the edge hears which statements were given up by name in SQL, also of those that only it has made',
  {
    steps: [
      {
        driver: wire(note({ define: [['n', 'select 1\0\0\0']] }), query('deallocate n')),
        toOrigin: wire(close('S', 'wp_gone'), parse('wp_gone', ''), query('deallocate wp_gone')),
        phase: 'busy',
      },
      {
        origin: wire(CLOSE_COMPLETE, PARSE_COMPLETE, complete('DEALLOCATE'), ready()),
        toDriver: wire(
          complete('DEALLOCATE'),
          note({ dropped: ['n'], taken: 1, at: 100, status: 'notaquery', settings: null }),
          ready(),
        ),
        phase: 'unsettled',
      },
    ],
    hears: ['notaquery'],
  },
);

// --- settings -------------------------------------------------------------------------------------------------

scripted('the edge hears that settings change, and what they are once that is known', {
  steps: [
    { driver: query('set work_mem = 1'), toOrigin: query('set work_mem = 1'), phase: 'busy' },
    {
      origin: wire(complete('SET'), ready()),
      toDriver: wire(complete('SET'), taken(1, 100, 'notaquery', { settings: null }), ready()),
      phase: 'unsettled',
      settles: {
        rows: [['setting', 'work_mem', '1kB', '4MB']],
        phase: 'done',
        toDriver: note({ settings: { work_mem: '1kB' } }),
      },
    },
    { driver: SELECT, toOrigin: SELECT, phase: 'busy' },
    { origin: wire(ROWS, ready()), toDriver: wire(ROWS, taken(2, 100, 'miss'), ready()), phase: 'done' },
  ],
  hears: ['notaquery', 'miss'],
});

scripted('a session with more than settings is not known', {
  steps: [
    { driver: query('listen c'), toOrigin: query('listen c'), phase: 'busy' },
    {
      origin: wire(complete('LISTEN'), ready()),
      toDriver: wire(complete('LISTEN'), taken(1, 100, 'notaquery', { settings: null }), ready()),
      phase: 'unsettled',
      settles: { rows: [['pin', 'listen', null, null]], phase: 'pinned' },
    },
    { driver: flagged(SELECT), toOrigin: SELECT, phase: 'busy' },
    { origin: wire(ROWS, ready()), toDriver: wire(ROWS, taken(2, 100, 'miss'), ready()), phase: 'pinned' },
  ],
  hears: ['notaquery', 'miss'],
});

// --- how far it has been taken --------------------------------------------------------------------------------

scripted('in a pipeline the note stands in front of the last ReadyForQuery', {
  steps: [
    {
      driver: wire(SELECT, parse('', 'select 1'), run(''), SELECT, FUNCTION_CALL),
      toOrigin: wire(SELECT, parse('', 'select 1'), run(''), SELECT, FUNCTION_CALL),
      phase: 'busy',
    },
    {
      origin: wire(
        ROWS,
        ready(),
        PARSE_COMPLETE,
        BIND_COMPLETE,
        complete('SELECT 0'),
        ready(),
        ROWS,
        ready(),
      ),
      toDriver: wire(
        ROWS,
        ready(),
        PARSE_COMPLETE,
        BIND_COMPLETE,
        complete('SELECT 0'),
        ready(),
        ROWS,
        ready(),
      ),
      phase: 'busy',
    },
    {
      origin: wire(framed('V', [255, 255, 255, 255]), ready()),
      toDriver: wire(
        framed('V', [255, 255, 255, 255]),
        taken(4, 101, 'uncacheable', { settings: null }),
        ready(),
      ),
      phase: 'unsettled',
    },
  ],
  hears: ['101 writes everything and schema', 'miss', 'miss', 'miss', '101 committed', 'uncacheable'],
});

scripted('messages that count for nothing count all the same', {
  steps: [
    { driver: SYNC, toDriver: wire(taken(1, 100, 'notaquery'), ready()), phase: 'idle' },
    {
      driver: wire(parse('', 'x'), bind('', ''), FLUSH),
      toOrigin: wire(parse('', 'x'), bind('', ''), FLUSH),
      phase: 'busy',
    },
    { origin: error('42601', 'no'), toDriver: error('42601', 'no'), phase: 'in transaction' },
    { driver: wire(SELECT, FUNCTION_CALL, SYNC), toOrigin: SYNC, phase: 'busy' },
    { origin: ready(), toDriver: wire(taken(4, 100, 'notaquery'), ready()), phase: 'done' },
  ],
  hears: ['notaquery', 'notaquery', 'notaquery', 'notaquery'],
});

scripted('news come between messages, also between two rows', {
  steps: [
    { driver: flagged(SELECT), decides: miss, toOrigin: SELECT, phase: 'busy' },
    {
      origin: wire(COLUMNS, row('1').subarray(0, 7)),
      toDriver: wire(note({ reply: MISS }), COLUMNS, row('1').subarray(0, 7)),
      phase: 'busy',
    },
    { call: (conversation) => conversation.tell({ raised: [['r1', 101]], settledUpTo: 101 }), phase: 'busy' },
    {
      origin: wire(row('1').subarray(7), row('2')),
      toDriver: wire(
        row('1').subarray(7),
        note({ news: { raised: [['r1', 101]], settledUpTo: 101 } }),
        row('2'),
      ),
      phase: 'busy',
    },
    {
      call: (conversation, hooks) => {
        conversation.tell({ raised: [], settledUpTo: 102 });
        hooks.fresh = { raised: [], settledUpTo: 103 };
      },
      toDriver: note({ news: { raised: [], settledUpTo: 102 } }),
      phase: 'busy',
    },
    {
      origin: wire(complete('SELECT 2'), ready()),
      toDriver: wire(
        complete('SELECT 2'),
        taken(1, 100, 'miss', { news: { raised: [], settledUpTo: 103 } }),
        ready(),
      ),
      phase: 'done',
    },
  ],
  hears: [RECORDED, 'miss'],
});

// --- who may say it -------------------------------------------------------------------------------------------

const refused = (message: string): Uint8Array => ours('FATAL', '08P01', message);
scripted('without caching a note is a message of a type that PostgreSQL does not know', {
  steps: [
    { driver: note({ drop: ['n'] }), toDriver: refused('invalid frontend message type 1'), phase: 'closed' },
  ],
});

for (const [what, content] of [
  ['no JSON', 'x'],
  ['no object', '[]'],
  ['a name that is none', '{"drop":[1]}'],
  ['a definition without a text', '{"define":[["n","select 1"]]}'],
  [
    'a read of no length',
    '{"read":{"read":{"wants":"rows","key":"","textLength":0,"control":{}},"floor":0}}',
  ],
  [
    'other answers',
    '{"read":{"read":{"wants":"rows","key":"","textLength":0,"control":{}},"floor":0,"bytes":1,"answers":"3"}}',
  ],
] as const)
  scripted(`a note with ${what} is refused`, {
    steps: [
      {
        driver: framed('\x01', content),
        toDriver: refused('invalid frontend message type 1'),
        phase: 'closed',
      },
    ],
    hears: [],
  });

scripted('a note longer than 1 MiB is refused by its header', {
  steps: [
    {
      driver: wire([1], [0, 16, 0, 1]),
      toDriver: refused('invalid frontend message type 1'),
      phase: 'closed',
    },
  ],
  hears: [],
});

scripted('a COPY takes the Syncs that it swallows', {
  steps: [
    { driver: query('copy t from stdin'), toOrigin: query('copy t from stdin'), phase: 'busy' },
    { origin: COPY_IN, toDriver: COPY_IN, phase: 'busy' },
    {
      driver: wire(copyData('1'), SYNC, framed('c'), TERMINATE.subarray(0, 0)),
      toOrigin: wire(copyData('1'), SYNC, framed('c')),
      phase: 'busy',
    },
    {
      origin: wire(complete('COPY 1'), ready()),
      toDriver: wire(complete('COPY 1'), taken(2, 101, 'uncacheable'), ready()),
      phase: 'done',
    },
  ],
  hears: ['101 writes r1', 'notaquery', '101 committed', 'uncacheable'],
});
