/** A driver that reads rows by columns it heard of once is not given rows of other columns. */
import { expect, test } from 'vitest';
import { columnsOf, STALE_STATEMENT } from '../../../src/protocols/postgres/edge-columns.ts';
import { type EdgeStep, each, edgeScripted, ending, facts, flagged, rows } from './edge-script.ts';
import {
  BIND_COMPLETE,
  bind,
  COLUMNS,
  complete,
  describe,
  error,
  execute,
  NO_DATA,
  NO_PARAMETERS,
  PARSE_COMPLETE,
  parse,
  query,
  ready,
  run,
  SYNC,
} from './script.ts';
import { framed, wire } from './wire.ts';

const READ = 'select 1';
const UPDATE = 'update t';
/** As a table looks after a column was added; the table is another one, the format binary. */
const columns = (...names: string[]): Uint8Array =>
  framed(
    'T',
    [0, names.length],
    ...names.flatMap((name) => [
      `${name}\0`,
      [0, 0, 0, 9], // of a table
      [0, 1], // attribute
      [0, 0, 0, 23], // type: int4
      [0, 4], // size
      [255, 255, 255, 255], // modifier
      [0, 1], // binary
    ]),
  );
const OTHERS = columns('x', 'y');

/** The statement is described while something else is under way. */
const describedAs = (told: Uint8Array): EdgeStep[] => [
  {
    driver: wire(query(UPDATE), parse('a', READ), describe('S', 'a'), SYNC),
    toEndpoint: each(query(UPDATE), parse('a', READ), describe('S', 'a'), SYNC),
    isQuiet: false,
  },
  {
    endpoint: wire(complete('UPDATE 1'), ready(), PARSE_COMPLETE, NO_PARAMETERS, told, ending(2), ready()),
    toDriver: wire(complete('UPDATE 1'), ready(), PARSE_COMPLETE, NO_PARAMETERS, told, ready()),
    isQuiet: true,
  },
];
const described = describedAs(COLUMNS);
const runs = {
  driver: run('a'),
  looksUp: [READ],
  toEndpoint: [
    { read: flagged(READ, { bytes: 14 + 7 + 10 + 5, answers: '2' }) },
    ...each(bind('', 'a'), describe('P', ''), execute(''), SYNC),
  ],
  isQuiet: false,
};
const RECORDS = `records miss of origin: ${READ}`;

test('names and types are compared; tables, places, sizes and formats are not', () => {
  expect(columnsOf(columns('x'))).toBe(columnsOf(COLUMNS));
  expect(columnsOf(OTHERS)).not.toBe(columnsOf(COLUMNS));
  expect(columnsOf(columns('z'))).not.toBe(columnsOf(COLUMNS));
  expect(columnsOf(NO_DATA)).not.toBe(columnsOf(COLUMNS));
});

edgeScripted('what is stored has the columns that the driver believes: it is answered', {
  stored: { [READ]: rows(columns('x'), '7') },
  steps: [
    ...described,
    {
      driver: run('a'),
      looksUp: [READ],
      toDriver: wire(BIND_COMPLETE, rows(wire(), '7'), ready()),
      isQuiet: true,
    },
  ],
});

edgeScripted('what is stored has other columns: the endpoint is asked, and its reply is refused too', {
  stored: { [READ]: rows(OTHERS, '7') },
  steps: [
    ...described,
    runs,
    {
      endpoint: wire(facts(), BIND_COMPLETE, rows(OTHERS, '7', '8'), ending(3), ready()),
      toDriver: wire(BIND_COMPLETE, STALE_STATEMENT, ready()),
      events: [RECORDS, 'abandoned'],
      isQuiet: true,
    },
    // It asks anew what the columns are: by a Parse of its own it gets what is stored.
    {
      driver: wire(parse('', READ), bind('', ''), describe('P', ''), execute(''), SYNC),
      looksUp: [READ],
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, rows(OTHERS, '7'), ready()),
    },
  ],
});

edgeScripted('a rerun at the endpoint that fails after all is one error', {
  steps: [
    ...described,
    runs,
    {
      endpoint: wire(facts(), BIND_COMPLETE, OTHERS, error('22012', 'division by zero'), ending(3), ready()),
      toDriver: wire(BIND_COMPLETE, STALE_STATEMENT, ready()),
      events: [RECORDS, 'abandoned'],
      isQuiet: true,
    },
  ],
});

edgeScripted('the origin’s own error reaches the driver as it is', {
  steps: [
    ...described,
    runs,
    {
      endpoint: wire(facts(), error('0A000', 'cached plan must not change result type'), ending(3), ready()),
      toDriver: wire(error('0A000', 'cached plan must not change result type'), ready()),
      events: [RECORDS, 'abandoned'],
      isQuiet: true,
    },
  ],
});

const OF_FORMATS = error('08P01', 'bind message has 2 result formats but query has 3 columns', {
  routine: 'PortalSetResultFormat',
});
const ANOTHER = error('08P01', 'other', { routine: 'exec_bind_message' });

edgeScripted('an error about formats of columns that are others tells the driver so; another one passes', {
  steps: [
    ...describedAs(OTHERS),
    runsWith([0, 1]),
    failsWith(OF_FORMATS, STALE_STATEMENT, 3),
    runsWith([0, 1]),
    failsWith(ANOTHER, ANOTHER, 4),
  ],
});

edgeScripted('an error about formats that never were as many as the columns passes', {
  steps: [...describedAs(OTHERS), runsWith([0, 1, 0]), failsWith(OF_FORMATS, OF_FORMATS, 3)],
});

function runsWith(formats: number[]): EdgeStep {
  return {
    driver: wire(bind('', 'a', formats), execute(''), SYNC),
    looksUp: [READ],
    toEndpoint: [
      { read: flagged(READ, { bytes: 14 + 2 * formats.length + 7 + 10 + 5, answers: '2' }) },
      ...each(bind('', 'a', formats), describe('P', ''), execute(''), SYNC),
    ],
    isQuiet: false,
  };
}

function failsWith(said: Uint8Array, heard: Uint8Array, taken: number): EdgeStep {
  return {
    endpoint: wire(facts(), said, ending(taken), ready()),
    toDriver: wire(heard, ready()),
    events: [RECORDS, 'abandoned'],
    isQuiet: true,
  };
}

edgeScripted('after an error it is not known what came of descriptions: the endpoint is asked', {
  stored: { [READ]: rows(OTHERS, '7') },
  steps: [
    {
      driver: wire(query(UPDATE), parse('a', READ), describe('S', 'a'), SYNC, parse('b', READ), SYNC),
      toEndpoint: each(query(UPDATE), parse('a', READ), describe('S', 'a'), SYNC, parse('b', READ), SYNC),
      isQuiet: false,
    },
    {
      endpoint: wire(error('42501', 'no'), ready(), PARSE_COMPLETE, NO_PARAMETERS, COLUMNS, ready()),
      toDriver: wire(error('42501', 'no'), ready(), PARSE_COMPLETE, NO_PARAMETERS, COLUMNS, ready()),
      isQuiet: false,
    },
    {
      endpoint: wire(PARSE_COMPLETE, ending(3), ready()),
      toDriver: wire(PARSE_COMPLETE, ready()),
      isQuiet: true,
    },
    { driver: run('a'), toEndpoint: each(bind('', 'a'), execute(''), SYNC), isQuiet: false },
  ],
});

edgeScripted('statements that were given up in SQL are not known here any more, and others are', {
  stored: { [READ]: rows(COLUMNS, '7') },
  steps: [
    {
      driver: wire(query(UPDATE), parse('a', READ), SYNC, parse('b', READ), SYNC, query('deallocate a')),
      toEndpoint: each(query(UPDATE), parse('a', READ), SYNC, parse('b', READ), SYNC, query('deallocate a')),
      isQuiet: false,
    },
    {
      endpoint: wire(
        wire(complete('UPDATE 1'), ready(), PARSE_COMPLETE, ready(), PARSE_COMPLETE, ready()),
        wire(complete('DEALLOCATE'), ending(4, { dropped: ['a'] }), ready()),
      ),
      toDriver: wire(
        wire(complete('UPDATE 1'), ready(), PARSE_COMPLETE, ready(), PARSE_COMPLETE, ready()),
        wire(complete('DEALLOCATE'), ready()),
      ),
      isQuiet: true,
    },
    { driver: run('b'), looksUp: [READ], toDriver: wire(BIND_COMPLETE, rows(wire(), '7'), ready()) },
    { driver: run('a'), toEndpoint: each(bind('', 'a'), execute(''), SYNC), isQuiet: false },
  ],
});
