/** A driver that was told a statement's columns long ago binds it where it must be prepared anew. */
import { STALE_STATEMENT } from '../../../src/protocols/postgres/edge-columns.ts';
import {
  BIND_COMPLETE,
  bind,
  COLUMNS,
  complete,
  describe,
  error,
  execute,
  FLUSH,
  NO_DATA,
  NO_PARAMETERS,
  PARSE_COMPLETE,
  parse,
  query,
  ready,
  row,
  run,
  type Step,
  SYNC,
  scripted,
} from './script.ts';
import { wire } from './wire.ts';

const RESULT = wire(BIND_COMPLETE, row('1'), complete('SELECT 1'), ready());
/** What is asked in front of a Bind that waits. */
const QUESTION = wire(parse('wp_1', 'select 1'), describe('S', 'wp_1'), FLUSH);
const PORTAL_READ = wire(bind('', 's'), describe('P', ''), execute(''), SYNC);

/** Told on connection 0; then another driver changes a table on connection 1. */
const OUTDATED: Step[] = [
  {
    driver: wire(parse('s', 'select 1'), describe('S', 's'), SYNC),
    toOrigin: wire(parse('wp_1', 'select 1'), describe('S', 'wp_1'), SYNC),
    phase: 'busy',
  },
  {
    origin: wire(PARSE_COMPLETE, NO_PARAMETERS, COLUMNS, ready()),
    toDriver: wire(PARSE_COMPLETE, NO_PARAMETERS, COLUMNS, ready()),
    phase: 'done',
  },
  {
    who: 'b',
    on: 1,
    driver: query('alter table t add x int'),
    toOrigin: query('alter table t add x int'),
    phase: 'busy',
  },
  {
    who: 'b',
    origin: wire(complete('ALTER TABLE'), ready()),
    toDriver: wire(complete('ALTER TABLE'), ready()),
    phase: 'done',
  },
];

scripted('its columns are the same: the Bind goes on, and is not asked about again', {
  steps: [
    ...OUTDATED,
    { driver: run('s'), on: 1, toOrigin: QUESTION, phase: 'busy' },
    { origin: PARSE_COMPLETE, phase: 'busy' },
    { origin: wire(NO_PARAMETERS, COLUMNS), toOrigin: run('wp_1'), phase: 'busy' },
    { origin: RESULT, toDriver: RESULT, phase: 'done' },
    { driver: run('s'), on: 1, toOrigin: run('wp_1'), phase: 'busy' },
    { origin: RESULT, toDriver: RESULT, phase: 'done' },
  ],
});

scripted(
  'its columns are others: PostgreSQL’s own error, on whichever connection, until it is prepared anew',
  {
    steps: [
      ...OUTDATED,
      { driver: run('s'), on: 1, toOrigin: QUESTION, phase: 'busy' },
      {
        origin: wire(PARSE_COMPLETE, NO_PARAMETERS, NO_DATA),
        toOrigin: wire(bind('', 'wp_none'), execute(''), SYNC),
        phase: 'busy',
      },
      {
        origin: wire(error('26000', 'there is none'), ready()),
        toDriver: wire(STALE_STATEMENT, ready()),
        phase: 'done',
      },
      { driver: run('s'), on: 0, toOrigin: wire(bind('', 'wp_none'), execute(''), SYNC), phase: 'busy' },
      {
        origin: wire(error('26000', 'there is none'), ready()),
        toDriver: wire(STALE_STATEMENT, ready()),
        phase: 'done',
      },
      {
        driver: wire(parse('again', 'select 1'), describe('S', 'again'), run('again')),
        on: 1,
        toOrigin: wire(parse('wp_2', 'select 1'), describe('S', 'wp_2'), run('wp_2')),
        phase: 'busy',
      },
      {
        origin: wire(PARSE_COMPLETE, NO_PARAMETERS, NO_DATA, RESULT),
        toDriver: wire(PARSE_COMPLETE, NO_PARAMETERS, NO_DATA, RESULT),
        phase: 'done',
      },
    ],
  },
);

scripted('it cannot be prepared any more: the origin says why', {
  steps: [
    ...OUTDATED,
    { driver: run('s'), on: 1, toOrigin: QUESTION, phase: 'busy' },
    {
      origin: error('42P01', 'no such table'),
      toDriver: error('42P01', 'no such table'),
      toOrigin: SYNC,
      phase: 'busy',
    },
    { origin: ready(), toDriver: ready(), phase: 'done' },
  ],
});

scripted('who asks for the columns each time is given them at once', {
  steps: [
    ...OUTDATED,
    {
      driver: PORTAL_READ,
      on: 1,
      toOrigin: wire(parse('wp_1', 'select 1'), bind('', 'wp_1'), describe('P', ''), execute(''), SYNC),
      phase: 'busy',
    },
    {
      origin: wire(PARSE_COMPLETE, BIND_COMPLETE, NO_DATA, complete('SELECT 0'), ready()),
      toDriver: wire(BIND_COMPLETE, NO_DATA, complete('SELECT 0'), ready()),
      phase: 'done',
    },
  ],
});

scripted('who leaves while its Bind waits leaves a connection as good as new', {
  steps: [
    ...OUTDATED,
    { driver: run('s'), on: 1, toOrigin: QUESTION, phase: 'busy' },
    { call: (conversation) => void conversation.driverLeft(), toOrigin: SYNC, phase: 'busy' },
    { origin: wire(PARSE_COMPLETE, NO_PARAMETERS, NO_DATA, ready()), phase: 'done' },
  ],
});
