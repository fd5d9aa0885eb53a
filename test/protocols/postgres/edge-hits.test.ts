import { expect, test } from 'vitest';
import { columnsOf } from '../../../src/protocols/postgres/edge-columns.ts';
import { PostgresEdgeConversation } from '../../../src/protocols/postgres/edge-conversation.ts';
import { each, edgeScripted, ending, flagged, rows } from './edge-script.ts';
import {
  BIND_COMPLETE,
  bind,
  COLUMNS,
  close,
  complete,
  describe,
  execute,
  FLUSH,
  NO_DATA,
  NO_PARAMETERS,
  notice,
  PARSE_COMPLETE,
  parameter,
  parse,
  query,
  ready,
  row,
  run,
  SYNC,
  TERMINATE,
} from './script.ts';
import { wire } from './wire.ts';

const READ = 'select 1';
const BODY = rows(COLUMNS, '1');
const WITHOUT_COLUMNS = wire(row('1'), complete('SELECT 1'));
const stored = { [READ]: BODY };
const DESCRIPTION = wire(NO_PARAMETERS, COLUMNS);

edgeScripted('a simple query is answered from the cache, and the endpoint hears nothing', {
  stored,
  steps: [
    { driver: query(READ), looksUp: [READ], toDriver: wire(BODY, ready()), isQuiet: true },
    { driver: TERMINATE, isOver: true },
  ],
});

edgeScripted('a read in one exchange with its Parse gets each reply it asked for', {
  stored,
  steps: [
    {
      driver: wire(parse('', READ), bind('', ''), describe('P', ''), execute(''), SYNC),
      looksUp: [READ],
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, BODY, ready()),
    },
    {
      driver: wire(bind('', ''), describe('P', ''), execute(''), SYNC),
      looksUp: [READ],
      toDriver: wire(BIND_COMPLETE, BODY, ready()),
    },
    { driver: run(''), looksUp: [READ], toDriver: wire(BIND_COMPLETE, WITHOUT_COLUMNS, ready()) },
    {
      driver: wire(parse('', READ), run('')),
      looksUp: [READ],
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, WITHOUT_COLUMNS, ready()),
    },
    {
      driver: wire(bind('p', ''), describe('P', 'p'), execute('p'), SYNC),
      looksUp: [READ],
      toDriver: wire(BIND_COMPLETE, BODY, ready()),
    },
  ],
});

edgeScripted('a description is answered with Sync or Flush, and the read behind it', {
  stored: { ...stored, 'update t': DESCRIPTION, 'select $1': wire(NO_PARAMETERS, NO_DATA) },
  steps: [
    {
      driver: wire(parse('u', 'update t'), describe('S', 'u'), SYNC),
      looksUp: ['update t'],
      toDriver: wire(PARSE_COMPLETE, DESCRIPTION, ready()),
    },
    {
      driver: wire(parse('a', 'update t'), describe('S', 'a'), FLUSH),
      looksUp: ['update t'],
      toDriver: wire(PARSE_COMPLETE, DESCRIPTION),
    },
    { driver: wire(describe('S', 'a'), FLUSH), looksUp: ['update t'], toDriver: DESCRIPTION },
    { driver: SYNC, toDriver: ready() },
    {
      driver: wire(describe('S', 'u'), SYNC),
      looksUp: ['update t'],
      toDriver: wire(DESCRIPTION, ready()),
    },
    // What only the edge has acknowledged goes in front of what must go on.
    {
      driver: run('a'),
      toEndpoint: [
        {
          define: [
            ['u', 'update t\0\0\0', columnsOf(COLUMNS)],
            ['a', 'update t\0\0\0', columnsOf(COLUMNS)],
          ],
        },
        ...each(bind('', 'a'), execute(''), SYNC),
      ],
      isQuiet: false,
    },
    {
      endpoint: wire(BIND_COMPLETE, complete('UPDATE 0'), ending(1), ready()),
      toDriver: wire(BIND_COMPLETE, complete('UPDATE 0'), ready()),
      isQuiet: true,
    },
    { driver: TERMINATE, toEndpoint: each(TERMINATE), isOver: true },
  ],
});

edgeScripted('hits of one chunk are answered in their order, and a Sync alone too', {
  stored: { ...stored, 'select 2': rows(COLUMNS, '2') },
  steps: [
    {
      driver: wire(query(READ), SYNC, query('select 2'), query(READ)),
      looksUp: [READ, 'select 2', READ],
      toDriver: wire(BODY, ready(), ready(), rows(COLUMNS, '2'), ready(), BODY, ready()),
    },
  ],
});

edgeScripted('a hit and a miss in one chunk: the rest goes on uninspected', {
  stored,
  steps: [
    {
      driver: wire(query(READ), query('select 3'), query(READ)),
      looksUp: [READ, 'select 3'],
      toDriver: wire(BODY, ready()),
      toEndpoint: [
        { drop: [''], read: flagged('select 3', { bytes: 14, answers: '' }) },
        ...each(query('select 3'), query(READ)),
      ],
      isQuiet: false,
    },
    {
      endpoint: wire(rows(COLUMNS, '3'), ready()),
      toDriver: wire(rows(COLUMNS, '3'), ready()),
      isQuiet: false,
    },
    { endpoint: wire(BODY, ending(2), ready()), toDriver: wire(BODY, ready()), isQuiet: true },
    { driver: query(READ), looksUp: [READ], toDriver: wire(BODY, ready()) },
  ],
});

edgeScripted('who asks to hear of it is told what became of each query', {
  stored,
  settings: { 'warmpool.debug': 'on' },
  steps: [
    {
      driver: query(READ),
      looksUp: [READ],
      toDriver: wire(BODY, notice('warmpool: hit (memory, 1.5 s old)'), ready()),
    },
    { driver: query('begin'), toEndpoint: [{ drop: [''] }, ...each(query('begin'))] },
    {
      endpoint: wire(complete('BEGIN'), note1('notaquery'), ready('T')),
      toDriver: wire(complete('BEGIN'), notice('warmpool: notaquery'), ready('T')),
      isQuiet: false,
    },
  ],
});

function note1(status: string): Uint8Array {
  return ending(1, { status });
}

edgeScripted('a bookmark is taken, and told where it has moved', {
  stored,
  seenUpTo: 9,
  settings: { 'warmpool.bookmark': '7' },
  steps: [
    { call: (conversation) => expect(conversation.floor).toBe(7) },
    {
      driver: query(READ),
      looksUp: [READ],
      toDriver: wire(BODY, parameter('warmpool.bookmark', '9'), ready()),
    },
    { driver: query(READ), looksUp: [READ], toDriver: wire(BODY, ready()) },
    { driver: query('begin'), toEndpoint: [{ drop: [''] }, ...each(query('begin'))] },
    {
      endpoint: wire(complete('BEGIN'), ending(1, { at: 12 }), ready('T')),
      toDriver: wire(complete('BEGIN'), parameter('warmpool.bookmark', '12'), ready('T')),
    },
  ],
});

test.each([
  '',
  '-1',
  '1e300',
  'Infinity',
  'x',
  '1.5',
])('a bookmark that makes no sense is none: %s', (bookmark) => {
  const hooks = { record: () => undefined, refused: () => {}, heard: () => {} };
  const settings = { 'warmpool.bookmark': bookmark };
  expect(new PostgresEdgeConversation({ dialect: '', settings, hooks }).floor).toBe(0);
});

edgeScripted('only the edge knows a statement: it is defined before anything else is said', {
  stored,
  steps: [
    {
      driver: wire(parse('a', READ), run('a')),
      looksUp: [READ],
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, WITHOUT_COLUMNS, ready()),
    },
    {
      driver: wire(close('S', 'a'), SYNC),
      toEndpoint: [{ define: [['a', `${READ}\0\0\0`, columnsOf(COLUMNS)]] }, ...each(close('S', 'a'), SYNC)],
      isQuiet: false,
    },
    { endpoint: wire('3', [0, 0, 0, 4], ending(1), ready()), toDriver: wire('3', [0, 0, 0, 4], ready()) },
    // It is closed here too.
    { driver: run('a'), toEndpoint: each(bind('', 'a'), execute(''), SYNC), isQuiet: false },
  ],
});

edgeScripted('an unnamed statement that is known here goes with the read that misses', {
  stored: { 'select 2': DESCRIPTION },
  steps: [
    {
      driver: wire(parse('', READ), describe('S', ''), SYNC),
      looksUp: [READ],
      toEndpoint: [
        {
          read: {
            answers: '1',
            bytes: 29,
            floor: 0,
            read: { wants: 'description', key: READ, textLength: 8, control: {} },
          },
        },
        ...each(parse('', READ), describe('S', ''), SYNC),
      ],
      isQuiet: false,
    },
    {
      endpoint: wire(PARSE_COMPLETE, DESCRIPTION, ending(1), ready()),
      toDriver: wire(PARSE_COMPLETE, DESCRIPTION, ready()),
      isQuiet: true,
    },
    {
      driver: wire(parse('', 'select 2'), describe('S', ''), SYNC),
      looksUp: ['select 2'],
      toDriver: wire(PARSE_COMPLETE, DESCRIPTION, ready()),
    },
    {
      driver: query('show x'),
      toEndpoint: [{ define: [['', 'select 2\0\0\0', columnsOf(COLUMNS)]] }, ...each(query('show x'))],
      isQuiet: false,
    },
    {
      endpoint: wire(complete('SHOW'), ending(2), ready()),
      toDriver: wire(complete('SHOW'), ready()),
      isQuiet: true,
    },
    // The simple query has ended it.
    { driver: run(''), toEndpoint: each(bind('', ''), execute(''), SYNC), isQuiet: false },
  ],
});

edgeScripted('a name that is taken is parsed by nobody here', {
  stored,
  steps: [
    {
      driver: wire(parse('a', READ), run('a')),
      looksUp: [READ],
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, WITHOUT_COLUMNS, ready()),
    },
    {
      driver: wire(parse('a', READ), run('a')),
      toEndpoint: [
        { define: [['a', `${READ}\0\0\0`, columnsOf(COLUMNS)]] },
        ...each(parse('a', READ), bind('', 'a'), execute(''), SYNC),
      ],
      isQuiet: false,
    },
  ],
});

edgeScripted('nocache in a comment, and what is no read, go on', {
  stored,
  steps: [
    {
      driver: query(`${READ} -- warmpool: nocache`),
      toEndpoint: each(query(`${READ} -- warmpool: nocache`)),
      isQuiet: false,
    },
    { endpoint: wire(BODY, ending(1), ready()), toDriver: wire(BODY, ready()), isQuiet: true },
    { driver: query(`/* x */ ${READ}`), looksUp: [READ], toDriver: wire(BODY, ready()) },
    { driver: query('update t'), toEndpoint: [{ drop: [''] }, ...each(query('update t'))], isQuiet: false },
  ],
});
