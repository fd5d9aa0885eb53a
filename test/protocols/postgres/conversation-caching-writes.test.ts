/** When writes are announced and when they end: before anything that commits leaves, and before the driver hears of it. */
import { expect, test } from 'vitest';
import type { Conversation } from '../../../src/protocols/contract.ts';
import { PostgresEndpointSide } from '../../../src/protocols/postgres/endpoint-side.ts';
import { WriteWatch } from '../../../src/protocols/sql/write-watch.ts';
import { FakeHooks, flagged, taken } from './fake-hooks.ts';
import {
  BIND_COMPLETE,
  bind,
  COPY_IN,
  complete,
  copyData,
  copyFail,
  error,
  execute,
  FLUSH,
  newOrigin,
  OPENING,
  ours,
  PARSE_COMPLETE,
  parse,
  query,
  ready,
  run,
  type Step,
  SYNC,
  scripted,
} from './script.ts';
import { wire } from './wire.ts';

const INSERT = query('insert into t');
const INSERTED = complete('INSERT 0 1');
const FAILED = error('23505', 'duplicate key');

/** One exchange whose bytes pass as they are. The origin answers; its last ReadyForQuery leads to `phase`. */
function exchange(
  driver: Uint8Array,
  reply: Uint8Array,
  end: { ready: 'I' | 'T' | 'E'; note?: Uint8Array },
): Step[] {
  const { note = wire() } = end;
  return [
    { driver, toOrigin: driver, phase: 'busy' },
    {
      origin: wire(reply, ready(end.ready)),
      toDriver: wire(reply, note, ready(end.ready)),
      phase: end.ready === 'I' ? 'done' : 'in transaction',
    },
  ];
}

const BEGIN = exchange(query('begin'), complete('BEGIN'), { ready: 'T' });
const INSERT_IN_TRANSACTION = exchange(INSERT, INSERTED, { ready: 'T' });
const IN_TRANSACTION = ['notaquery', 'transaction'];

// --- definitions that change -----------------------------------------------------------------------------------

function writer(hooks: FakeHooks): WriteWatch {
  const watch = new WriteWatch(hooks);
  const nothing = { reads: [], changesSchema: false };
  watch.runs({ status: 'uncacheable', ...nothing, writes: ['r1'], mayCommit: false }, { isBound: false });
  watch.sent({ isIdle: false });
  watch.ended({ wasIdle: false, isIdle: false });
  return watch;
}

test.each(['the same', 'another', 'no'])('a transaction commits under %s catalog', (which) => {
  const hooks = new FakeHooks();
  const watch = writer(hooks);
  if (which === 'another' && hooks.catalog) hooks.catalog = { ...hooks.catalog };
  if (which === 'no') hooks.catalog = undefined;
  const nothing = { reads: [], writes: [], changesSchema: false };
  watch.runs({ status: 'notaquery', ...nothing, mayCommit: true }, { isBound: false });
  expect(hooks.heard).toEqual([which === 'the same' ? '101 writes r1' : '101 writes everything']);
});

test('a commit that was bound before the write that it commits: the ticket is open before it is executed', () => {
  const hooks = new FakeHooks();
  const watch = writer(hooks);
  const nothing = { reads: [], changesSchema: false };
  watch.runs({ status: 'notaquery', ...nothing, writes: [], mayCommit: true }, { isBound: true });
  watch.runs({ status: 'uncacheable', ...nothing, writes: ['r2'], mayCommit: false }, { isBound: true });
  expect(hooks.heard).toEqual(['101 writes r1']);
  watch.executes();
  expect(hooks.heard).toEqual(['101 writes r1', '102 writes r1+r2']);
});

// --- single statements ----------------------------------------------------------------------------------------

scripted('a write that commits by itself', {
  steps: exchange(INSERT, INSERTED, { ready: 'I', note: taken(1, 101, 'uncacheable') }),
  hears: ['101 writes r1', '101 committed', 'uncacheable'],
});

scripted('a write that fails is rolled back', {
  steps: exchange(INSERT, FAILED, { ready: 'I', note: taken(1, 101, 'uncacheable') }),
  hears: ['101 writes r1', '101 rolled back', 'uncacheable'],
});

scripted('a procedure that fails may have committed before', {
  steps: exchange(query('call p()'), FAILED, {
    ready: 'I',
    note: taken(1, 101, 'uncacheable', { settings: null }),
  }).map((step) => (step.phase === 'done' ? { ...step, phase: 'unsettled' } : step)),
  hears: ['101 writes everything', '101 committed', 'uncacheable'],
});

scripted('definitions may change in steps, of which the first are kept', {
  steps: exchange(query('create x'), FAILED, { ready: 'I', note: taken(1, 101, 'notaquery') }),
  hears: ['101 writes everything and schema', '101 committed', 'notaquery'],
});

scripted('a text that nobody can read does nothing', {
  steps: exchange(query('syntax'), error('42601', 'syntax error'), {
    ready: 'I',
    note: taken(1, 101, 'parseerror'),
  }),
  hears: ['101 writes everything and schema', '101 rolled back', 'parseerror'],
});

scripted('of several statements in one text the first may be committed although the last fails', {
  steps: exchange(query('insert into t; commit; insert into u'), wire(INSERTED, complete('COMMIT'), FAILED), {
    ready: 'I',
    note: taken(1, 101, 'multiplestatements'),
  }),
  hears: ['101 writes r1+r2', '101 committed', 'multiplestatements'],
});

const PIPELINE = wire(
  parse('', 'insert into t'),
  bind('', ''),
  execute(''),
  parse('', 'insert into u'),
  run(''),
);
scripted('an extended pipeline commits at its Sync', {
  steps: exchange(
    PIPELINE,
    wire(PARSE_COMPLETE, BIND_COMPLETE, INSERTED, PARSE_COMPLETE, BIND_COMPLETE, INSERTED),
    {
      ready: 'I',
      note: taken(1, 101, 'multiplestatements'),
    },
  ),
  hears: ['101 writes r1+r2', '101 committed', 'multiplestatements'],
});

scripted('an extended pipeline is rolled back whole', {
  steps: exchange(PIPELINE, wire(PARSE_COMPLETE, BIND_COMPLETE, INSERTED, PARSE_COMPLETE, FAILED), {
    ready: 'I',
    note: taken(1, 101, 'multiplestatements'),
  }),
  hears: ['101 writes r1+r2', '101 rolled back', 'multiplestatements'],
});

scripted('before Sync nothing is committed, and no ticket is open', {
  steps: [
    {
      driver: wire(parse('', 'insert into t'), bind('', ''), execute(''), FLUSH),
      toOrigin: wire(parse('', 'insert into t'), bind('', ''), execute(''), FLUSH),
      phase: 'busy',
    },
    { call: (_, hooks) => expect(hooks.heard).toEqual([]), phase: 'busy' },
    {
      origin: wire(PARSE_COMPLETE, BIND_COMPLETE, INSERTED),
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, INSERTED),
      phase: 'in transaction',
    },
    ...exchange(SYNC, wire(), { ready: 'I', note: taken(1, 101, 'uncacheable') }),
  ],
  hears: ['101 writes r1', '101 committed', 'uncacheable'],
});

// --- transactions ---------------------------------------------------------------------------------------------

scripted('in a transaction writes are announced with its COMMIT', {
  steps: [
    ...BEGIN,
    ...INSERT_IN_TRANSACTION,
    { call: (_, hooks) => expect(hooks.heard).toEqual(IN_TRANSACTION), phase: 'in transaction' },
    ...exchange(query('commit'), complete('COMMIT'), { ready: 'I', note: taken(3, 101, 'transaction') }),
  ],
  hears: [...IN_TRANSACTION, '101 writes r1', '101 committed', 'transaction'],
});

scripted('ROLLBACK undoes them', {
  steps: [
    ...BEGIN,
    ...INSERT_IN_TRANSACTION,
    ...exchange(query('rollback'), complete('ROLLBACK'), { ready: 'I', note: taken(3, 101, 'transaction') }),
    // Nothing of it is left for the next.
    ...exchange(query('commit'), complete('COMMIT'), { ready: 'I', note: taken(4, 101, 'notaquery') }),
  ],
  hears: [...IN_TRANSACTION, '101 writes r1', '101 rolled back', 'transaction', 'notaquery'],
});

scripted('ROLLBACK to a savepoint leaves what was written before it', {
  steps: [
    ...BEGIN,
    ...INSERT_IN_TRANSACTION,
    ...exchange(query('rollback to s'), complete('ROLLBACK'), { ready: 'T' }),
    ...exchange(query('commit'), complete('COMMIT'), { ready: 'I', note: taken(4, 102, 'transaction') }),
  ],
  hears: [
    ...IN_TRANSACTION,
    '101 writes r1',
    '101 committed',
    'transaction',
    '102 writes r1',
    '102 committed',
    'transaction',
  ],
});

scripted('COMMIT of a failed transaction rolls back', {
  steps: [
    ...BEGIN,
    ...INSERT_IN_TRANSACTION,
    ...exchange(query('boom'), FAILED, { ready: 'E' }),
    ...exchange(query('commit'), complete('ROLLBACK'), { ready: 'I', note: taken(4, 101, 'transaction') }),
  ],
  hears: [...IN_TRANSACTION, 'transaction', '101 writes r1', '101 rolled back', 'transaction'],
});

scripted('in a pipeline each exchange may be the one that commits', {
  steps: [
    {
      driver: wire(query('begin'), INSERT, query('commit'), flagged(INSERT)),
      toOrigin: wire(query('begin'), INSERT, query('commit'), INSERT),
      phase: 'busy',
    },
    {
      call: (_, hooks) => expect(hooks.openTickets).toBe(3),
      phase: 'busy',
    },
    {
      origin: wire(
        complete('BEGIN'),
        ready('T'),
        INSERTED,
        ready('T'),
        complete('COMMIT'),
        ready(),
        FAILED,
        ready(),
      ),
      toDriver: wire(
        wire(complete('BEGIN'), ready('T'), INSERTED, ready('T'), complete('COMMIT'), ready(), FAILED),
        taken(4, 103, 'uncacheable'),
        ready(),
      ),
      phase: 'done',
    },
  ],
  hears: [
    '101 writes r1',
    '102 writes r1',
    '103 writes r1',
    'notaquery',
    '101 rolled back',
    'transaction',
    '102 committed',
    'transaction',
    '103 rolled back',
    'uncacheable',
  ],
});

scripted('a COMMIT that was bound earlier may be executed later, before any Sync', {
  steps: [
    ...BEGIN,
    ...INSERT_IN_TRANSACTION,
    ...exchange(wire(parse('', 'commit'), bind('p', ''), SYNC), wire(PARSE_COMPLETE, BIND_COMPLETE), {
      ready: 'T',
    }),
    { driver: wire(execute('p'), FLUSH), toOrigin: wire(execute('p'), FLUSH), phase: 'busy' },
    { call: (_, hooks) => expect(hooks.openTickets).toBe(1), phase: 'busy' },
    { origin: complete('COMMIT'), toDriver: complete('COMMIT'), phase: 'in transaction' },
    ...exchange(SYNC, wire(), { ready: 'I', note: taken(4, 102, 'transaction') }),
  ],
  hears: [
    ...IN_TRANSACTION,
    '101 writes r1',
    '101 committed',
    'transaction',
    '102 writes r1',
    '102 committed',
    'transaction',
  ],
});

scripted('under a search_path of the transaction nobody knows what a name means', {
  steps: [
    ...BEGIN,
    ...exchange(query('set local search_path = x'), complete('SET'), { ready: 'T' }),
    ...INSERT_IN_TRANSACTION,
    ...exchange(query('commit'), complete('COMMIT'), { ready: 'I', note: taken(4, 101, 'transaction') }),
    // It has ended with the transaction.
    ...exchange(INSERT, INSERTED, { ready: 'I', note: taken(5, 102, 'uncacheable') }),
  ],
  hears: [
    ...IN_TRANSACTION,
    'transaction',
    '101 writes everything',
    '101 committed',
    'transaction',
    '102 writes r1',
    '102 committed',
    'uncacheable',
  ],
});

// --- COPY, skipped messages -----------------------------------------------------------------------------------

for (const [what, ending, reply, became] of [
  ['that ends well', wire('c', [0, 0, 0, 4]), complete('COPY 1'), 'committed'],
  ['that the driver breaks off', copyFail('no'), error('57014', 'no'), 'rolled back'],
] as const)
  scripted(`a COPY ${what}, whose first Sync is swallowed`, {
    steps: [
      {
        driver: wire(parse('', 'copy t from stdin'), run('')),
        toOrigin: wire(parse('', 'copy t from stdin'), run('')),
        phase: 'busy',
      },
      {
        origin: wire(PARSE_COMPLETE, BIND_COMPLETE, COPY_IN),
        toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, COPY_IN),
        phase: 'busy',
      },
      { driver: wire(copyData('1'), ending), toOrigin: wire(copyData('1'), ending), phase: 'busy' },
      { origin: reply, toDriver: reply, phase: 'in transaction' },
      // It was not known then whether the first Sync had ended anything.
      ...exchange(SYNC, wire(), { ready: 'I', note: taken(2, 102, 'notaquery') }),
    ],
    hears: ['101 writes r1', 'uncacheable', '102 writes r1', `101 ${became}`, `102 ${became}`, 'notaquery'],
  });

scripted('Syncs behind a simple COPY are swallowed before it ends', {
  steps: [
    {
      driver: wire(query('copy t from stdin'), SYNC),
      toOrigin: wire(query('copy t from stdin'), SYNC),
      phase: 'busy',
    },
    { origin: COPY_IN, toDriver: COPY_IN, phase: 'busy' },
    ...exchange(wire('c', [0, 0, 0, 4]), complete('COPY 1'), {
      ready: 'I',
      note: taken(2, 102, 'uncacheable'),
    }),
  ],
  hears: ['101 writes r1', '102 writes r1', 'notaquery', '101 committed', '102 committed', 'uncacheable'],
});

scripted('a simple query that the origin skips ends with the Sync behind it', {
  steps: [
    {
      driver: wire(parse('', 'boom'), INSERT, SYNC),
      toOrigin: wire(parse('', 'boom'), INSERT, SYNC),
      phase: 'busy',
    },
    {
      origin: wire(FAILED, ready()),
      toDriver: wire(FAILED, taken(2, 102, 'notaquery'), ready()),
      phase: 'done',
    },
  ],
  hears: ['101 writes r1', '102 writes r1', 'uncacheable', '102 rolled back', '101 rolled back', 'notaquery'],
});

// --- ends -----------------------------------------------------------------------------------------------------

const LOST = ours(
  'FATAL',
  '08006',
  'The origin closed the connection.',
  'Its log may say why; connect again.',
);

scripted('what was on its way when the connection broke may be committed', {
  steps: [
    ...BEGIN,
    ...INSERT_IN_TRANSACTION,
    { driver: query('commit'), toOrigin: query('commit'), phase: 'busy' },
    { call: (conversation) => conversation.originLost(), toDriver: LOST, phase: 'closed' },
    { call: (conversation) => conversation.originLost(), phase: 'closed' },
  ],
  hears: [...IN_TRANSACTION, '101 writes r1', '101 committed', 'notaquery'],
});

scripted('a transaction that was open when the connection broke is rolled back', {
  steps: [
    ...BEGIN,
    ...INSERT_IN_TRANSACTION,
    { call: (conversation) => conversation.originLost(), toDriver: LOST, phase: 'closed' },
  ],
  hears: IN_TRANSACTION,
});

scripted('a driver leaves in mid-transaction', {
  steps: [
    ...BEGIN,
    ...INSERT_IN_TRANSACTION,
    {
      call: (conversation) => {
        expect(conversation.driverLeft()).toBe(true);
        expect(conversation.cleanup()).toBe('ROLLBACK');
        conversation.cleaned();
        expect(conversation.cleanup()).toBe(undefined);
      },
      phase: 'done',
    },
  ],
  hears: IN_TRANSACTION,
});

scripted('a driver leaves without a Sync: ours commits', {
  steps: [
    {
      driver: wire(parse('', 'insert into t'), bind('', ''), execute('')),
      toOrigin: wire(parse('', 'insert into t'), bind('', ''), execute('')),
      phase: 'busy',
    },
    { call: (conversation) => expect(conversation.driverLeft()).toBe(true), toOrigin: SYNC, phase: 'busy' },
    { origin: wire(PARSE_COMPLETE, BIND_COMPLETE, INSERTED, ready()), phase: 'done' },
  ],
  hears: ['101 writes r1', '101 committed', 'uncacheable'],
});

scripted('a driver leaves without a Sync, and a query that it sent is skipped', {
  steps: [
    {
      driver: wire(parse('', 'boom'), INSERT),
      toOrigin: wire(parse('', 'boom'), INSERT),
      phase: 'busy',
    },
    { call: (conversation) => expect(conversation.driverLeft()).toBe(true), phase: 'busy' },
    { origin: FAILED, toOrigin: SYNC, phase: 'busy' },
    { origin: ready(), phase: 'done' },
  ],
  hears: ['101 writes r1', 'uncacheable', '102 writes r1', '101 rolled back', '102 rolled back', 'notaquery'],
});

scripted('a driver leaves in the middle of a message: the connection goes, with what was under way', {
  steps: [
    {
      driver: wire(INSERT, wire('F', [0, 0, 0, 99])),
      toOrigin: wire(INSERT, wire('F', [0, 0, 0, 99])),
      phase: 'busy',
    },
    { call: (conversation) => expect(conversation.driverLeft()).toBe(false), phase: 'busy' },
  ],
  hears: [
    '101 writes r1',
    '102 writes everything and schema',
    '101 committed',
    'uncacheable',
    '102 committed',
    'uncacheable',
  ],
});

scripted('an origin that breaks the protocol ends what was under way', {
  steps: [
    { driver: INSERT, toOrigin: INSERT, phase: 'busy' },
    {
      origin: wire('?', [0, 0, 0, 4]),
      toDriver: ours('FATAL', '08P01', 'The origin broke the protocol with a message of type 63.'),
      phase: 'closed',
    },
  ],
  hears: ['101 writes r1', '101 committed', 'uncacheable'],
});

// --- without a catalog, and without an edge -------------------------------------------------------------------

function talk(hooks: FakeHooks): {
  conversation: Conversation;
  say: (sql: string, reply: Uint8Array) => Uint8Array;
} {
  const conversation = new PostgresEndpointSide({ statementsMax: 1 }).openConversation(OPENING, {
    caching: hooks,
  });
  const say = (sql: string, reply: Uint8Array): Uint8Array => {
    conversation.fromDriver(query(sql));
    if (conversation.phase === 'waiting') conversation.attach(newOrigin());
    conversation.toOrigin.clear();
    conversation.fromOrigin(reply);
    if (conversation.phase === 'unsettled') conversation.settled({ rows: [], results: [], idle: true });
    if (conversation.phase === 'done') conversation.detach();
    return conversation.toDriver.take() ?? wire();
  };
  return { conversation, say };
}

test('while the catalog is loaded a statement may write anything, but not words of transactions', () => {
  const hooks = new FakeHooks();
  hooks.catalog = undefined;
  const { say } = talk(hooks);
  say('begin', wire(complete('BEGIN'), ready('T')));
  say('select 1', wire(complete('SELECT 1'), ready('T')));
  say('commit', wire(complete('COMMIT'), ready()));
  say(' SHOW x;', wire(complete('SHOW'), ready()));
  say('begin; insert into t', wire(INSERTED, ready()));
  expect(hooks.heard).toEqual([
    'notaquery',
    'transaction',
    '101 writes everything',
    '101 committed',
    'transaction',
    'notaquery',
    '102 writes everything and schema',
    '102 committed',
    'uncacheable',
  ]);
});

test('what another session commits is everything', () => {
  const hooks = new FakeHooks();
  const { say } = talk(hooks);
  say("commit prepared 'x'", wire(complete('COMMIT PREPARED'), ready()));
  expect(hooks.heard).toEqual(['101 writes everything', '101 committed', 'notaquery']);
});

test('a prepared statement is judged once, until the catalog is another', () => {
  const hooks = new FakeHooks();
  const { conversation } = talk(hooks);
  const play = (bytes: Uint8Array, reply: Uint8Array): void => {
    conversation.fromDriver(bytes);
    if (conversation.phase === 'waiting') conversation.attach(newOrigin());
    conversation.fromOrigin(reply);
    conversation.detach();
  };
  play(wire(parse('n', 'select 1'), SYNC), wire(PARSE_COMPLETE, ready()));
  for (let turn = 0; turn < 3; turn += 1)
    play(run('n'), wire(PARSE_COMPLETE, BIND_COMPLETE, complete('SELECT 0'), ready()));
  expect(hooks.judged).toBe(1);
  if (hooks.catalog) hooks.catalog = { ...hooks.catalog };
  play(run('n'), wire(PARSE_COMPLETE, BIND_COMPLETE, complete('SELECT 0'), ready()));
  expect(hooks.judged).toBe(2);
});

test('an edge that takes no part hears nothing, and its driver’s writes are watched all the same', () => {
  const hooks = new FakeHooks({ isEdgeListening: false });
  const { conversation, say } = talk(hooks);
  expect(say('insert into t', wire(INSERTED, ready()))).toEqual(wire(INSERTED, ready()));
  expect(say('set x = 1', wire(complete('SET'), ready()))).toEqual(wire(complete('SET'), ready()));
  conversation.tell({ raised: [], settledUpTo: 1 });
  expect(conversation.toDriver.take()).toBeUndefined();
  conversation.fromDriver(flagged(query('select 1')));
  expect(conversation.phase).toBe('closed');
  expect(hooks.heard).toEqual(['101 writes r1', '101 committed', 'uncacheable', 'notaquery']);
});
