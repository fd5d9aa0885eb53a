/** Session state: replayed for its driver, gone for the others; what cannot move pins the connection. */
import { expect, test } from 'vitest';
import { PoolerError } from '../../../src/errors.ts';
import { PostgresEndpointSide } from '../../../src/protocols/postgres/endpoint-side.ts';
import {
  BIND_COMPLETE,
  complete,
  error,
  newOrigin,
  notice,
  notification,
  OPENING,
  ours,
  PARSE_COMPLETE,
  parameter,
  parse,
  query,
  ready,
  run,
  type Step,
  SYNC,
  scripted,
} from './script.ts';
import { wire } from './wire.ts';

const TIMEOUT = new PoolerError('statement timeout', { fault: 'origin', sqlState: '57014' });
const SELECT = query('select 1');
const SELECTED = wire(complete('SELECT 1'), ready());
const SET = wire(complete('SET'), ready());
const ONE_ROW_EACH = complete('SELECT 1');

/** A driver sets something, the origin agrees, and says afterwards what is there now. */
const sets = (sql: string, rows: (string | null)[][], reported = wire()): Step[] => [
  { driver: query(sql), toOrigin: query(sql), phase: 'busy' },
  {
    origin: wire(complete('SET'), reported, ready()),
    toDriver: wire(complete('SET'), reported, ready()),
    phase: 'unsettled',
    settles: { rows, phase: 'done' },
  },
];

scripted('SET work_mem is taken away for the next driver and comes back for its own, without a round trip', {
  steps: [
    ...sets("set work_mem = '9MB'", [['setting', 'work_mem', '9216', '4096']]),
    {
      who: 'b',
      driver: SELECT,
      toOrigin: wire(query('RESET "work_mem"'), SELECT),
      phase: 'busy',
    },
    { who: 'b', origin: wire(complete('RESET'), ready(), SELECTED), toDriver: SELECTED, phase: 'done' },
    {
      driver: SELECT,
      toOrigin: wire(query("SELECT pg_catalog.set_config('work_mem','9216',false)"), SELECT),
      phase: 'busy',
    },
    // The replay's own words are cut out: rows, notices, tags.
    {
      origin: wire(notice('ours'), ONE_ROW_EACH, ready(), SELECTED),
      toDriver: SELECTED,
      phase: 'done',
    },
    { driver: SELECT, toOrigin: SELECT, phase: 'busy' },
    { origin: SELECTED, toDriver: SELECTED, phase: 'done' },
  ],
});

scripted('the replay of settings ends the unnamed statement of the connection, which is parsed again', {
  steps: [
    ...sets("set work_mem = '9MB'", [['setting', 'work_mem', '9216', '4096']]),
    { driver: wire(parse('', 'select 2'), SYNC), toOrigin: wire(parse('', 'select 2'), SYNC), phase: 'busy' },
    {
      origin: wire(PARSE_COMPLETE, ready()),
      toDriver: wire(PARSE_COMPLETE, ready()),
      phase: 'done',
    },
    {
      who: 'b',
      driver: wire(parse('named', 'select 3'), run('named')),
      toOrigin: wire(query('RESET "work_mem"'), parse('wp_1', 'select 3'), run('wp_1')),
      phase: 'busy',
    },
    {
      who: 'b',
      origin: wire(complete('RESET'), ready(), PARSE_COMPLETE, BIND_COMPLETE, SELECTED),
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, SELECTED),
      phase: 'done',
    },
    {
      driver: run(''),
      toOrigin: wire(
        query("SELECT pg_catalog.set_config('work_mem','9216',false)"),
        parse('', 'select 2'),
        run(''),
      ),
      phase: 'busy',
    },
  ],
});

scripted('a SET that was rolled back is no setting', {
  steps: [
    ...sets('begin; set work_mem = 1; rollback', [['setting', 'work_mem', '4096', '4096']]),
    { who: 'b', driver: SELECT, toOrigin: SELECT, phase: 'busy' },
  ],
});

scripted('a setting of the driver’s startup goes in front of its first exchange, asked for once', {
  openings: { a: { settings: { search_path: "o'neil\\" } }, b: { settings: { search_path: "o'neil\\" } } },
  steps: [
    {
      driver: SELECT,
      asks: "SELECT pg_catalog.set_config('search_path',E'o''neil\\\\',false)",
      toOrigin: SELECT,
      phase: 'busy',
    },
    { origin: SELECTED, toDriver: SELECTED, phase: 'done' },
    // The same setting works on any connection from now on.
    {
      who: 'b',
      driver: SELECT,
      on: 1,
      toOrigin: wire(query("SELECT pg_catalog.set_config('search_path',E'o''neil\\\\',false)"), SELECT),
      phase: 'busy',
    },
    { who: 'b', origin: wire(ONE_ROW_EACH, ready(), SELECTED), toDriver: SELECTED, phase: 'done' },
  ],
});

scripted('a role is never assumed to be granted: it is asked for before anything else is sent', {
  steps: [
    ...sets('set role worker', [['setting', 'role', 'worker', 'none']]),
    {
      who: 'b',
      driver: SELECT,
      asks: 'SET SESSION AUTHORIZATION DEFAULT;RESET ROLE',
      toOrigin: SELECT,
      phase: 'busy',
    },
    { who: 'b', origin: SELECTED, toDriver: SELECTED, phase: 'done' },
    {
      driver: SELECT,
      asks: "SELECT pg_catalog.set_config('role','worker',false)",
      toOrigin: SELECT,
      phase: 'busy',
    },
    { origin: SELECTED, toDriver: SELECTED, phase: 'done' },
  ],
});

scripted('statements are not shared between drivers whose search_path differs', {
  steps: [
    ...sets('set search_path = a', [['setting', 'search_path', 'a', 'public']]),
    {
      driver: wire(parse('n', 'select * from t'), run('n')),
      toOrigin: wire(parse('wp_1', 'select * from t'), run('wp_1')),
      phase: 'busy',
    },
    {
      origin: wire(PARSE_COMPLETE, BIND_COMPLETE, SELECTED),
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, SELECTED),
      phase: 'done',
    },
    {
      who: 'b',
      driver: wire(parse('n', 'select * from t'), run('n')),
      toOrigin: wire(query('RESET "search_path"'), parse('wp_2', 'select * from t'), run('wp_2')),
      phase: 'busy',
    },
  ],
});

const TOKYO = parameter('TimeZone', 'Asia/Tokyo');
const UTC = parameter('TimeZone', 'UTC');

scripted('each driver hears of the reported parameters that differ from what it last heard', {
  parameters: { TimeZone: 'UTC' },
  steps: [
    ...sets("set time zone 'Asia/Tokyo'", [['setting', 'timezone', 'Asia/Tokyo', 'UTC']], TOKYO),
    // The other driver never knew of Tokyo: it must hear nothing of its end.
    {
      who: 'b',
      driver: SELECT,
      toOrigin: wire(query('RESET "timezone"'), SELECT),
      phase: 'busy',
    },
    { who: 'b', origin: wire(complete('RESET'), UTC, ready(), SELECTED), toDriver: SELECTED, phase: 'done' },
    {
      driver: SELECT,
      toOrigin: wire(query("SELECT pg_catalog.set_config('timezone','Asia/Tokyo',false)"), SELECT),
      phase: 'busy',
    },
    { origin: wire(ONE_ROW_EACH, TOKYO, ready(), SELECTED), toDriver: SELECTED, phase: 'done' },
  ],
});

scripted('a connection whose parameters changed meanwhile is told of before its reply', {
  parameters: { TimeZone: 'UTC' },
  openings: { a: { parameters: { TimeZone: 'Asia/Tokyo' } } },
  steps: [
    { driver: SELECT, toOrigin: SELECT, toDriver: UTC, phase: 'busy' },
    { origin: SELECTED, toDriver: SELECTED, phase: 'done' },
  ],
});

scripted('a setting that is refused on replay ends the session: nothing behind it may be believed', {
  steps: [
    ...sets("set work_mem = '9MB'", [['setting', 'work_mem', '9216', '4096']]),
    {
      driver: SELECT,
      on: 1,
      toOrigin: wire(query("SELECT pg_catalog.set_config('work_mem','9216',false)"), SELECT),
      phase: 'busy',
    },
    {
      origin: wire(error('22023', 'invalid value'), ready()),
      toDriver: wire(
        error('22023', 'invalid value'),
        ours('FATAL', '08P01', 'The origin broke the protocol with settings that it refused.'),
      ),
      phase: 'closed',
    },
  ],
});

scripted('LISTEN pins the connection; notifications reach the driver; UNLISTEN gives it back', {
  steps: [
    { driver: query('listen news'), toOrigin: query('listen news'), phase: 'busy' },
    {
      origin: wire(complete('LISTEN'), ready()),
      toDriver: wire(complete('LISTEN'), ready()),
      phase: 'unsettled',
      settles: { rows: [['pin', 'listen', null, null]], phase: 'pinned' },
    },
    { origin: notification('news', 'x'), toDriver: notification('news', 'x'), phase: 'pinned' },
    { driver: SELECT, toOrigin: SELECT, phase: 'busy' },
    { origin: SELECTED, toDriver: SELECTED, phase: 'pinned' },
    { driver: query('unlisten *'), toOrigin: query('unlisten *'), phase: 'busy' },
    {
      origin: wire(complete('UNLISTEN'), ready()),
      toDriver: wire(complete('UNLISTEN'), ready()),
      phase: 'unsettled',
      settles: { rows: [], phase: 'done' },
    },
  ],
});

scripted(
  'a ParameterStatus in the middle of nothing, after a reload, reaches the driver that holds the connection',
  {
    parameters: { TimeZone: 'UTC' },
    steps: [
      { driver: query('listen news'), toOrigin: query('listen news'), phase: 'busy' },
      {
        origin: wire(complete('LISTEN'), ready()),
        toDriver: wire(complete('LISTEN'), ready()),
        phase: 'unsettled',
        settles: { rows: [['pin', 'listen', null, null]], phase: 'pinned' },
      },
      {
        origin: TOKYO,
        toDriver: TOKYO,
        phase: 'unsettled',
        settles: {
          rows: [
            ['pin', 'listen', null, null],
            ['setting', 'timezone', 'Asia/Tokyo', 'Asia/Tokyo'],
          ],
          phase: 'pinned',
        },
      },
    ],
  },
);

scripted('a pinned driver leaves: DISCARD ALL, then the connection is as good as new', {
  steps: [
    { driver: query('create temp table t ()'), toOrigin: query('create temp table t ()'), phase: 'busy' },
    {
      origin: wire(complete('CREATE TABLE'), ready()),
      toDriver: wire(complete('CREATE TABLE'), ready()),
      phase: 'unsettled',
      settles: { rows: [['pin', 'temporary object', null, null]], phase: 'pinned' },
    },
    {
      call: (conversation) => {
        expect(conversation.driverLeft()).toBe(true);
        expect(conversation.cleanup()).toBe('DISCARD ALL');
        conversation.cleaned();
        expect(conversation.cleanup()).toBeUndefined();
      },
      phase: 'done',
    },
  ],
});

scripted('a driver leaves in a transaction that set something: ROLLBACK, then DISCARD ALL', {
  steps: [
    { driver: query('begin; set work_mem = 1'), toOrigin: query('begin; set work_mem = 1'), phase: 'busy' },
    {
      origin: wire(complete('SET'), ready('T')),
      toDriver: wire(complete('SET'), ready('T')),
      phase: 'in transaction',
    },
    {
      call: (conversation) => {
        expect(conversation.driverLeft()).toBe(true);
        expect(conversation.cleanup()).toBe('ROLLBACK');
        conversation.cleaned();
        expect(conversation.cleanup()).toBe('DISCARD ALL');
        conversation.cleaned();
        expect(conversation.cleanup()).toBeUndefined();
      },
      phase: 'done',
    },
  ],
});

scripted('a driver leaves in a clean transaction: ROLLBACK is all', {
  steps: [
    { driver: query('begin'), toOrigin: query('begin'), phase: 'busy' },
    {
      origin: wire(complete('BEGIN'), ready('E')),
      toDriver: wire(complete('BEGIN'), ready('E')),
      phase: 'in transaction',
    },
    {
      call: (conversation) => {
        conversation.driverLeft();
        expect(conversation.cleanup()).toBe('ROLLBACK');
        conversation.cleaned();
        expect(conversation.cleanup()).toBeUndefined();
      },
      phase: 'done',
    },
  ],
});

scripted('set_config with a computed name pins for good: nobody can tell what it set', {
  steps: [
    {
      driver: query("select set_config(chr(97), 'x', false)"),
      toOrigin: query("select set_config(chr(97), 'x', false)"),
      phase: 'busy',
    },
    { origin: SELECTED, toDriver: SELECTED, phase: 'unsettled', settles: { rows: [], phase: 'pinned' } },
  ],
});

scripted('a settle question that fails pins for good', {
  steps: [
    { driver: query('set work_mem = 1'), toOrigin: query('set work_mem = 1'), phase: 'busy' },
    { origin: SET, toDriver: SET, phase: 'unsettled' },
    {
      call: (conversation) => {
        conversation.settled({ rows: [], results: [], idle: true, error: TIMEOUT });
      },
      phase: 'pinned',
    },
  ],
});

test('the settle question asks for just the settings that the exchange named', () => {
  const side = new PostgresEndpointSide({ statementsMax: 10 });
  const conversation = side.openConversation(OPENING);
  conversation.fromDriver(query("set Work_Mem = 1; select set_config('My.App', 'x', false)"));
  conversation.attach(newOrigin());
  conversation.fromOrigin(wire(complete('SET'), complete('SELECT 1'), ready()));
  expect(conversation.phase).toBe('unsettled');
  expect(conversation.settleQuestion()).toContain("(VALUES ('work_mem'),('my.app')) v(n)");
  expect(conversation.settleQuestion()).not.toContain("source = 'session'");
});

test('the key that a pool chooses a connection by follows the settings', () => {
  const side = new PostgresEndpointSide({ statementsMax: 10 });
  const settings = { work_mem: '1', application_name: 'x' };
  const conversation = side.openConversation({ ...OPENING, settings });
  const origin = newOrigin();
  expect(origin.settingsKey).toBe('');
  expect(conversation.settingsKey).toBe('application_name=x\0work_mem=1\0');
  conversation.fromDriver(SELECT);
  expect(conversation.beforeAttach(origin)).toBeDefined();
  conversation.attach(origin);
  expect(origin.settingsKey).toBe(conversation.settingsKey);
});
