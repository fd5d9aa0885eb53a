import { expect, test } from 'vitest';
import type { CacheableRead } from '../../../src/protocols/caching.ts';
import { PostgresEdgeConversation } from '../../../src/protocols/postgres/edge-conversation.ts';
import {
  each,
  edgeScripted,
  ending,
  facts,
  flagged,
  flaggedDescription,
  heardIn,
  note,
  rows,
} from './edge-script.ts';
import {
  BIND_COMPLETE,
  bind,
  COLUMNS,
  COPY_DONE,
  COPY_IN,
  close,
  complete,
  copyData,
  describe,
  error,
  execute,
  FLUSH,
  NO_DATA,
  NO_PARAMETERS,
  notice,
  notification,
  PARSE_COMPLETE,
  parse,
  query,
  ready,
  row,
  run,
  SYNC,
} from './script.ts';
import { textOf, wire } from './wire.ts';

const READ = 'select 1';
const BODY = rows(COLUMNS, '1', '2');
const WITHOUT_COLUMNS = wire(row('1'), row('2'), complete('SELECT 2'));
const DESCRIPTION = wire(NO_PARAMETERS, COLUMNS);
const FLAGGED_QUERY = { read: flagged(READ, { bytes: 14, answers: '' }) };
const asksByQuery = {
  driver: query(READ),
  looksUp: [READ],
  toEndpoint: [FLAGGED_QUERY, ...each(query(READ))],
  isQuiet: false,
};
const RECORDS = `records miss of origin: ${READ}`;

// --- recording ------------------------------------------------------------------------------------------------

edgeScripted('the reply to a read that missed is recorded while it passes, once', {
  steps: [
    asksByQuery,
    {
      endpoint: wire(facts(), BODY, ending(1, { at: 8 }), ready()),
      toDriver: wire(BODY, ready()),
      events: [RECORDS, `recorded up to 8: ${textOf(BODY)}`],
      isQuiet: true,
    },
    { call: (conversation) => expect(conversation.floor).toBe(8) },
    { call: (conversation) => conversation.endpointLost() },
  ],
});

edgeScripted('columns are asked for in behalf of other askers, recorded, and not told to this one', {
  steps: [
    {
      driver: wire(parse('', READ), bind('p', ''), execute('p'), SYNC),
      looksUp: [READ],
      toEndpoint: [
        { read: flagged(READ, { bytes: 17 + 14 + 8 + 11 + 5, answers: '12' }) },
        ...each(parse('', READ), bind('p', ''), describe('P', 'p'), execute('p'), SYNC),
      ],
      isQuiet: false,
    },
    {
      endpoint: wire(facts(), PARSE_COMPLETE, BIND_COMPLETE, BODY, ending(1), ready()),
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, WITHOUT_COLUMNS, ready()),
      events: [RECORDS, `recorded up to 0: ${textOf(BODY)}`],
    },
  ],
});

edgeScripted('columns that were asked for are told, and recorded', {
  steps: [
    {
      driver: wire(parse('', READ), bind('', ''), describe('P', ''), execute(''), SYNC),
      looksUp: [READ],
      toEndpoint: [
        { read: flagged(READ, { bytes: 17 + 13 + 7 + 10 + 5, answers: '12' }) },
        ...each(parse('', READ), bind('', ''), describe('P', ''), execute(''), SYNC),
      ],
      isQuiet: false,
    },
    {
      endpoint: wire(facts(), PARSE_COMPLETE, BIND_COMPLETE, BODY, ending(1), ready()),
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, BODY, ready()),
      events: [RECORDS, `recorded up to 0: ${textOf(BODY)}`],
    },
  ],
});

edgeScripted('a read that is refused is told so; columns that the driver did not ask for are kept from it', {
  steps: [
    {
      driver: wire(parse('', READ), run('')),
      looksUp: [READ],
      toEndpoint: [
        { read: flagged(READ, { bytes: 17 + 13 + 7 + 10 + 5, answers: '12' }) },
        ...each(parse('', READ), bind('', ''), describe('P', ''), execute(''), SYNC),
      ],
      isQuiet: false,
    },
    {
      endpoint: wire(
        facts({ status: 'volatile' }),
        PARSE_COMPLETE,
        BIND_COMPLETE,
        NO_DATA,
        complete('INSERT 0 1'),
        ending(1),
        ready(),
      ),
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, complete('INSERT 0 1'), ready()),
      events: [`refused volatile: ${READ}`],
    },
  ],
});

edgeScripted('a recording is abandoned by an error', {
  steps: [
    asksByQuery,
    {
      endpoint: wire(facts(), COLUMNS, row('1'), error('XX000', 'boom'), ending(1), ready()),
      toDriver: wire(COLUMNS, row('1'), error('XX000', 'boom'), ready()),
      events: [RECORDS, 'abandoned'],
      isQuiet: true,
    },
  ],
});

edgeScripted('a recording is abandoned where nobody says up to when the reply saw writes', {
  steps: [
    asksByQuery,
    {
      endpoint: wire(facts(), BODY, ready()),
      toDriver: wire(BODY, ready()),
      events: [RECORDS, 'abandoned'],
      isQuiet: false,
    },
  ],
});

edgeScripted('a recording is abandoned with the endpoint', {
  steps: [
    asksByQuery,
    { endpoint: wire(facts(), BODY), toDriver: BODY, events: [RECORDS] },
    { call: (conversation) => conversation.endpointLost(), events: ['abandoned'] },
    { call: (conversation) => conversation.endpointLost() },
  ],
});

edgeScripted('notices and second results are not recorded, notifications pass beside', {
  steps: [
    asksByQuery,
    {
      endpoint: wire(
        facts(),
        notification('c', 'x'),
        COLUMNS,
        row('1'),
        notification('c', 'y'),
        note({ news: {} }),
      ),
      toDriver: wire(notification('c', 'x'), COLUMNS, row('1'), notification('c', 'y')),
      events: [RECORDS, 'heard {}'],
    },
    {
      endpoint: wire(row('2'), complete('SELECT 2'), ending(1), ready()),
      toDriver: wire(row('2'), complete('SELECT 2'), ready()),
      events: [`recorded up to 0: ${textOf(BODY)}`],
    },
    asksByQuery,
    {
      endpoint: wire(facts(), COLUMNS, notice('hm'), row('1'), complete('SELECT 1'), ending(2), ready()),
      toDriver: wire(COLUMNS, notice('hm'), row('1'), complete('SELECT 1'), ready()),
      events: [RECORDS, 'abandoned'],
    },
    asksByQuery,
    {
      endpoint: wire(facts(), BODY, BODY, ending(3), ready()),
      toDriver: wire(BODY, BODY, ready()),
      events: [RECORDS, 'abandoned'],
    },
  ],
});

// --- descriptions ---------------------------------------------------------------------------------------------

const PDH = wire(parse('a', READ), describe('S', 'a'), FLUSH);
const asksByFlush = {
  driver: PDH,
  looksUp: [READ],
  toEndpoint: [
    { read: flaggedDescription(READ, { bytes: PDH.length, answers: '1' }) },
    ...each(parse('a', READ), describe('S', 'a'), SYNC),
  ],
  isQuiet: false,
};

edgeScripted('a description that ends with Flush goes on with Sync, whose ReadyForQuery nobody hears', {
  stored: {},
  steps: [
    asksByFlush,
    {
      endpoint: wire(facts(), PARSE_COMPLETE, DESCRIPTION, ending(1), ready()),
      toDriver: wire(PARSE_COMPLETE, DESCRIPTION),
      events: [RECORDS, `recorded up to 0: ${textOf(DESCRIPTION)}`],
      isQuiet: true,
    },
    {
      driver: wire(bind('', 'a'), describe('P', ''), execute(''), SYNC),
      looksUp: [READ],
      toEndpoint: [
        { read: flagged(READ, { bytes: 14 + 7 + 10 + 5, answers: '2' }) },
        ...each(bind('', 'a'), describe('P', ''), execute(''), SYNC),
      ],
      isQuiet: false,
    },
  ],
});

edgeScripted('an error where the driver has not said Sync: what it says until then counts for nothing', {
  steps: [
    asksByFlush,
    {
      endpoint: wire(error('42601', 'bad'), ending(1), ready()),
      toDriver: error('42601', 'bad'),
      isQuiet: true,
    },
    { driver: run('a'), toDriver: ready(), isQuiet: true },
    asksByQuery,
  ],
});

edgeScripted('what is said behind a Flush waits for its answer', {
  steps: [
    { ...asksByFlush, driver: wire(PDH, run('a'), query(READ)) },
    {
      endpoint: wire(facts(), PARSE_COMPLETE, DESCRIPTION, ending(1), ready()),
      toDriver: wire(PARSE_COMPLETE, DESCRIPTION),
      events: [RECORDS, `recorded up to 0: ${textOf(DESCRIPTION)}`],
      toEndpoint: each(bind('', 'a'), execute(''), SYNC, query(READ)),
      isQuiet: false,
    },
  ],
});

edgeScripted('what is said behind a Flush that failed is skipped up to its Sync', {
  steps: [
    { ...asksByFlush, driver: wire(PDH, run('a'), query(READ)) },
    {
      endpoint: wire(error('42601', 'bad'), ending(1), ready()),
      toDriver: wire(error('42601', 'bad'), ready()),
      toEndpoint: each(query(READ)),
      isQuiet: false,
    },
  ],
});

edgeScripted('a description from the endpoint, which knows the statement too', {
  steps: [
    asksByFlush,
    {
      endpoint: wire(
        facts({ status: 'hit', tier: 'endpoint' }),
        PARSE_COMPLETE,
        DESCRIPTION,
        ending(1),
        ready(),
      ),
      toDriver: wire(PARSE_COMPLETE, DESCRIPTION),
      events: [`records hit of endpoint: ${READ}`, `recorded up to 0: ${textOf(DESCRIPTION)}`],
      isQuiet: true,
    },
    {
      driver: query('show x'),
      toEndpoint: each(query('show x')),
      isQuiet: false,
    },
  ],
});

edgeScripted(
  'a description from the endpoint that came when the name may mean something else defines nothing',
  {
    steps: [
      {
        driver: wire(parse('', READ), describe('S', ''), SYNC, parse('', 'select 2'), SYNC),
        looksUp: [READ],
        toEndpoint: [
          { read: flaggedDescription(READ, { bytes: 17 + 7 + 5, answers: '1' }) },
          ...each(parse('', READ), describe('S', ''), SYNC, parse('', 'select 2'), SYNC),
        ],
        isQuiet: false,
      },
      {
        endpoint: wire(facts({ status: 'hit', tier: 'endpoint' }), PARSE_COMPLETE, DESCRIPTION, ready()),
        toDriver: wire(PARSE_COMPLETE, DESCRIPTION, ready()),
        events: [`records hit of endpoint: ${READ}`, 'abandoned'],
      },
      {
        endpoint: wire(PARSE_COMPLETE, ending(2), ready()),
        toDriver: wire(PARSE_COMPLETE, ready()),
        isQuiet: true,
      },
      {
        driver: run(''),
        looksUp: ['select 2'],
        toEndpoint: [
          { read: flagged('select 2', { bytes: 13 + 7 + 10 + 5, answers: '2' }) },
          ...each(bind('', ''), describe('P', ''), execute(''), SYNC),
        ],
      },
    ],
  },
);

// --- what is under way ----------------------------------------------------------------------------------------

edgeScripted('in a transaction nothing is looked up, until the endpoint has taken all and is idle', {
  steps: [
    { driver: query('begin'), toEndpoint: each(query('begin')), isQuiet: false },
    {
      endpoint: wire(complete('BEGIN'), ready('T')),
      toDriver: wire(complete('BEGIN'), ready('T')),
      isQuiet: false,
    },
    { driver: query(READ), toEndpoint: each(query(READ)), isQuiet: false },
    { driver: query('commit'), toEndpoint: each(query('commit')), isQuiet: false },
    { endpoint: wire(BODY, ready('T')), toDriver: wire(BODY, ready('T')), isQuiet: false },
    // It has not seen the commit yet, whatever it says.
    {
      endpoint: wire(complete('X'), ending(2), ready()),
      toDriver: wire(complete('X'), ready()),
      isQuiet: false,
    },
    {
      endpoint: wire(complete('COMMIT'), ending(3), ready()),
      toDriver: wire(complete('COMMIT'), ready()),
      isQuiet: true,
    },
    asksByQuery,
  ],
});

edgeScripted('an exchange that has only begun is under way', {
  steps: [
    { driver: query('set x'), toEndpoint: each(query('set x')), isQuiet: false },
    { driver: parse('a', READ), toEndpoint: each(parse('a', READ)), isQuiet: false },
    {
      endpoint: wire(complete('SET'), ending(1), ready()),
      toDriver: wire(complete('SET'), ready()),
      isQuiet: false,
    },
    { driver: SYNC, toEndpoint: each(SYNC), isQuiet: false },
    {
      endpoint: wire(error('42601', 'bad'), ending(2), ready()),
      toDriver: wire(error('42601', 'bad'), ready()),
      isQuiet: true,
    },
    // Nobody knows of the statement.
    { driver: run('a'), toEndpoint: each(bind('', 'a'), execute(''), SYNC), isQuiet: false },
  ],
});

edgeScripted('statements that are parsed by a pipeline are known, unless something failed in it', {
  steps: [
    {
      driver: wire(parse('a', READ), SYNC, parse('b', 'select 2'), SYNC),
      toEndpoint: each(parse('a', READ), SYNC, parse('b', 'select 2'), SYNC),
      isQuiet: false,
    },
    {
      endpoint: wire(PARSE_COMPLETE, ready(), PARSE_COMPLETE, ending(2), ready()),
      toDriver: wire(PARSE_COMPLETE, ready(), PARSE_COMPLETE, ready()),
      isQuiet: true,
    },
    {
      driver: run('b'),
      looksUp: ['select 2'],
      toEndpoint: [
        { read: flagged('select 2', { bytes: 14 + 7 + 10 + 5, answers: '2' }) },
        ...each(bind('', 'b'), describe('P', ''), execute(''), SYNC),
      ],
      isQuiet: false,
    },
  ],
});

edgeScripted('COPY data belongs to the exchange before it', {
  steps: [
    { driver: query('copy t from stdin'), toEndpoint: each(query('copy t from stdin')), isQuiet: false },
    { endpoint: COPY_IN, toDriver: COPY_IN, isQuiet: false },
    {
      driver: wire(copyData('1\n'), COPY_DONE),
      toEndpoint: each(copyData('1\n'), COPY_DONE),
      isQuiet: false,
    },
    {
      endpoint: wire(complete('COPY 1'), ending(1), ready()),
      toDriver: wire(complete('COPY 1'), ready()),
      isQuiet: true,
    },
    asksByQuery,
  ],
});

edgeScripted('what the endpoint says of itself passes whole while it is quiet', {
  stored: { [READ]: BODY },
  steps: [
    { endpoint: notification('c', 'x').subarray(0, 9) },
    { driver: query(READ), looksUp: [READ], toDriver: wire(BODY, ready()) },
    { endpoint: notification('c', 'x').subarray(9), toDriver: notification('c', 'x') },
  ],
});

// --- settings -------------------------------------------------------------------------------------------------

edgeScripted('where the settings are not known nothing is looked up', {
  steps: [
    { endpoint: note({ settings: null }) },
    { call: (conversation) => expect(conversation.settings).toBeUndefined() },
    { driver: query(READ), toEndpoint: each(query(READ)), isQuiet: false },
    {
      endpoint: wire(BODY, ending(1, { settings: { search_path: 'x' } }), ready()),
      toDriver: wire(BODY, ready()),
      isQuiet: true,
    },
    { call: (conversation) => expect(conversation.settings).toEqual({ search_path: 'x' }) },
    asksByQuery,
  ],
});

edgeScripted('a statement is not looked up under other settings than it was parsed under', {
  steps: [
    { driver: wire(parse('a', READ), SYNC), toEndpoint: each(parse('a', READ), SYNC), isQuiet: false },
    {
      endpoint: wire(PARSE_COMPLETE, ending(1), ready(), note({ settings: { datestyle: 'x' } })),
      toDriver: wire(PARSE_COMPLETE, ready()),
      isQuiet: true,
    },
    { driver: run('a'), toEndpoint: each(bind('', 'a'), execute(''), SYNC), isQuiet: false },
  ],
});

edgeScripted('the session has lost its statements', {
  steps: [
    { driver: wire(parse('a', READ), SYNC), toEndpoint: each(parse('a', READ), SYNC), isQuiet: false },
    {
      endpoint: wire(PARSE_COMPLETE, ending(1), ready()),
      toDriver: wire(PARSE_COMPLETE, ready()),
      isQuiet: true,
    },
    { driver: query('discard all'), toEndpoint: each(query('discard all')), isQuiet: false },
    {
      endpoint: wire(complete('DISCARD ALL'), ending(2, { dropped: true }), ready()),
      toDriver: wire(complete('DISCARD ALL'), ready()),
      isQuiet: true,
    },
    { driver: run('a'), toEndpoint: each(bind('', 'a'), execute(''), SYNC), isQuiet: false },
  ],
});

// --- by calls -------------------------------------------------------------------------------------------------

const QUIET_HOOKS = { record: () => undefined, refused: () => {}, heard: () => {} };

function conversationWith(settings: Record<string, string> = {}): PostgresEdgeConversation {
  return new PostgresEdgeConversation({ dialect: '', settings, hooks: QUIET_HOOKS });
}

function keyOf(read: CacheableRead | undefined): string {
  if (!read) throw new Error('nothing is looked up');
  return `${read.wants} ${read.key}`;
}

test('equal reads under other settings have other keys', () => {
  const keys = [{}, { search_path: 'x' }, { search_path: 'y' }].map((settings) => {
    const conversation = conversationWith(settings);
    conversation.fromDriver(query(READ));
    return keyOf(conversation.read);
  });
  expect(new Set(keys).size).toBe(3);
});

test('a simple query and the same without parameters have one key', () => {
  const keys = [query(READ), wire(parse('', READ), run(''))].map((bytes) => {
    const conversation = conversationWith();
    conversation.fromDriver(bytes);
    return keyOf(conversation.read);
  });
  expect(keys[0]).toBe(keys[1]);
});

test.each([
  ['a simple query', [query(READ)]],
  ['a Parse and its Bind', [wire(parse('a', READ), run('a'))]],
  ['a statement that is known', [wire(parse('a', READ), describe('S', 'a'), SYNC), run('a')]],
  ['a description', [wire(parse('a', READ), describe('S', 'a'), SYNC)]],
  ['a description with Flush', [wire(parse('', READ), describe('S', ''), FLUSH)]],
  ['a description of what is known', [PDH, wire(describe('S', 'a'), FLUSH)]],
])('%s is refreshed by an exchange of the same key', (_name, said) => {
  const conversation = conversationWith();
  for (const [at, bytes] of said.entries()) {
    conversation.fromDriver(bytes);
    if (at < said.length - 1)
      conversation.answer({ body: DESCRIPTION }, { seenUpTo: 0, ageMs: 0, tier: 'memory' });
  }
  const other = conversationWith();
  const refreshing = conversation.refreshing();
  other.fromDriver(refreshing);
  expect(keyOf(other.read)).toBe(keyOf(conversation.read));
  other.forward();
  // What goes to the endpoint is the same, and asks for columns.
  const [, ...sent] = heardIn(other.toEndpoint.take() ?? wire());
  expect(sent).toEqual(heardIn(refreshing));
  expect(sent.at(-1)).toBe(textOf(refreshing[0] === 0x51 ? query(READ) : SYNC));
});

test('a read that waits may wait for long: what else is in the chunk waits too', () => {
  const conversation = conversationWith();
  conversation.fromDriver(wire(query(READ), query('select 2')));
  expect(conversation.read?.key.startsWith(READ)).toBe(true);
  expect(conversation.toEndpoint.length).toBe(0);
  conversation.answer({ body: BODY }, { seenUpTo: 3, ageMs: 0, tier: 'cache api' });
  expect(conversation.floor).toBe(3);
  expect(conversation.read?.key.startsWith('select 2')).toBe(true);
});

test('many unnamed statements that are all answered here tell the endpoint nothing', () => {
  const conversation = conversationWith();
  for (let count = 0; count < 5_000; count += 1) {
    conversation.fromDriver(wire(parse('', `${READ} as some_quite_long_name_${count}`), run('')));
    conversation.answer({ body: BODY }, { seenUpTo: 0, ageMs: 0, tier: 'memory' });
    conversation.toDriver.clear();
  }
  expect(conversation.toEndpoint.length).toBe(0);
});

test('many named statements that are only known here are told before they get too many', () => {
  const conversation = conversationWith();
  for (let count = 0; count < 5_000; count += 1) {
    conversation.fromDriver(wire(parse(`s${count}`, READ), run(`s${count}`)));
    conversation.answer({ body: BODY }, { seenUpTo: 0, ageMs: 0, tier: 'memory' });
    conversation.toDriver.clear();
  }
  const notes = heardIn(conversation.toEndpoint.take() ?? wire());
  expect(notes.length).toBe(2);
  conversation.fromDriver(query('show x'));
  const [last] = heardIn(conversation.toEndpoint.take() ?? wire());
  const names = [...notes, last].flatMap((said) =>
    typeof said === 'object' && Array.isArray(said['define']) ? said['define'] : [],
  );
  expect(names.length).toBe(5_000);
});

edgeScripted('a Close that was skipped may have left its statement: its name is not free', {
  stored: { [READ]: BODY },
  steps: [
    { driver: wire(parse('a', READ), SYNC), toEndpoint: each(parse('a', READ), SYNC), isQuiet: false },
    {
      endpoint: wire(PARSE_COMPLETE, ending(1), ready()),
      toDriver: wire(PARSE_COMPLETE, ready()),
      isQuiet: true,
    },
    {
      driver: wire(bind('', 'none'), close('S', 'a'), SYNC),
      toEndpoint: each(bind('', 'none'), close('S', 'a'), SYNC),
      isQuiet: false,
    },
    {
      endpoint: wire(error('26000', 'none'), ending(2), ready()),
      toDriver: wire(error('26000', 'none'), ready()),
      isQuiet: true,
    },
    {
      driver: wire(parse('a', READ), run('a')),
      toEndpoint: each(parse('a', READ), bind('', 'a'), execute(''), SYNC),
      isQuiet: false,
    },
  ],
});

test('of a reply that is given in parts the end is said last', () => {
  const conversation = conversationWith();
  conversation.fromDriver(query(READ));
  const head = wire(COLUMNS, row('1'));
  conversation.answer({ body: head, isPart: true }, { seenUpTo: 0, ageMs: 0, tier: 'cache api' });
  expect(textOf(conversation.toDriver.take() ?? wire())).toBe(textOf(head));
  conversation.answered();
  expect(textOf(conversation.toDriver.take() ?? wire())).toBe(textOf(ready()));
});
