/** What a driver has in its session: what moves, what ties, and how it is forgotten. */
import { expect, test } from 'vitest';
import { PoolerError } from '../../../src/errors.ts';
import { Capability } from '../../../src/protocols/mysql/capabilities.ts';
import { MySqlConversation } from '../../../src/protocols/mysql/conversation.ts';
import { StatementRegistry } from '../../../src/protocols/mysql/prepared.ts';
import { textOf, wire } from '../postgres/wire.ts';
import {
  CHANGED,
  command,
  eof,
  err,
  initDb,
  newOrigin,
  ok,
  openingWith,
  packets,
  query,
  RESET_CONNECTION,
  reply,
  result,
  Status,
  type Step,
  schema,
  scripted,
  variable,
} from './script.ts';

const ONE = reply(...result(['1']));
const SET_UP =
  `SET @@session.session_track_system_variables='*',@@session.session_track_schema='ON',` +
  `@@session.session_track_state_change='ON',@@session.sql_mode='STRICT_TRANS_TABLES'`;
/** An OK of the origin's, and what the driver hears of it. */
const okWith = (state: Uint8Array, outcome: Partial<Step> & { phase: Step['phase'] }): Step =>
  ({ origin: reply(ok({ state })), toDriver: reply(ok()), ...outcome }) as Step;
const ran = (sql: string): Step => ({ driver: query(sql), toOrigin: query(sql), phase: 'busy' });

scripted('a user variable ties the session to its connection until it is reset', {
  steps: [
    ran('set @x = 1'),
    okWith(CHANGED, { phase: 'pinned' }),
    ran('select 1'),
    { origin: ONE, toDriver: ONE, phase: 'pinned' },
    { driver: RESET_CONNECTION, toOrigin: wire(RESET_CONNECTION, query(SET_UP)), phase: 'busy' },
    { origin: reply(ok()), toDriver: reply(ok()), phase: 'busy' },
    { origin: reply(ok({ state: CHANGED })), phase: 'done' },
  ],
});

scripted('a session that holds no connection is reset where it stands', {
  steps: [
    ran(`set time_zone = '+02:00'`),
    okWith(wire(variable('time_zone', '+02:00'), CHANGED), { phase: 'done' }),
    { driver: RESET_CONNECTION, toDriver: reply(ok()), phase: 'idle' },
    {
      driver: query('select 1'),
      asks: ['SET @@session.time_zone=@@global.time_zone'],
      toOrigin: query('select 1'),
      phase: 'busy',
    },
  ],
});

scripted('a change that no text tells ties, too', {
  steps: [ran('insert into t values (1)'), okWith(CHANGED, { phase: 'pinned' })],
});

scripted('a temporary table is gone with its DROP, of the database that it is in', {
  steps: [
    ran('create temporary table t (a int)'),
    okWith(CHANGED, { phase: 'pinned' }),
    { driver: initDb('other'), toOrigin: initDb('other'), phase: 'busy' },
    okWith(wire(schema('other'), CHANGED), { phase: 'pinned' }),
    ran('drop table t'),
    okWith(CHANGED, { phase: 'pinned' }),
    ran('drop table shop.t'),
    okWith(CHANGED, { phase: 'done' }),
  ],
});

scripted('whether a named lock is held the origin is asked', {
  steps: [
    ran(`select get_lock('a', 1)`),
    {
      origin: ONE,
      toDriver: ONE,
      phase: 'unsettled',
      settles: { question: `SELECT IS_USED_LOCK('a') <=> CONNECTION_ID()`, row: ['1'], phase: 'pinned' },
    },
    ran(`select release_lock('a')`),
    {
      origin: ONE,
      toDriver: ONE,
      phase: 'unsettled',
      settles: { question: `SELECT IS_USED_LOCK('a') <=> CONNECTION_ID()`, row: ['0'], phase: 'done' },
    },
  ],
});

scripted('SET NAMES does not say which collation it chose', {
  steps: [
    ran('set names latin1'),
    okWith(wire(variable('character_set_connection', 'latin1'), CHANGED), {
      phase: 'unsettled',
      settles: {
        question: 'SELECT @@session.collation_connection',
        row: ['latin1_swedish_ci'],
        phase: 'done',
      },
    }),
    {
      driver: query('select 1'),
      on: 1,
      asks: [
        `SET @@session.character_set_connection='latin1',@@session.collation_connection='latin1_swedish_ci'`,
      ],
      toOrigin: query('select 1'),
      phase: 'busy',
    },
  ],
});

scripted('SET TRANSACTION counts for what comes next, and no longer', {
  steps: [
    ran('set transaction read only'),
    { origin: reply(ok()), toDriver: reply(ok()), phase: 'pinned' },
    ran('start transaction'),
    {
      origin: reply(ok({ status: Status.IN_TRANS | Status.AUTOCOMMIT })),
      toDriver: reply(ok({ status: Status.IN_TRANS | Status.AUTOCOMMIT })),
      phase: 'in transaction',
    },
    ran('commit'),
    { origin: reply(ok()), toDriver: reply(ok()), phase: 'done' },
  ],
});

scripted('LAST_INSERT_ID() is put where its driver goes', {
  steps: [
    ran('insert into t values (1)'),
    { origin: reply(ok({ insertId: 7 })), toDriver: reply(ok({ insertId: 7 })), phase: 'done' },
    ran('select last_insert_id()'),
    { origin: ONE, toDriver: ONE, phase: 'done' },
    {
      driver: query('select last_insert_id()'),
      on: 1,
      toOrigin: wire(query('SET @@session.last_insert_id=7'), query('select last_insert_id()')),
      phase: 'busy',
    },
    { origin: wire(reply(ok()), ONE), toDriver: ONE, phase: 'done' },
    {
      who: 'b',
      driver: query('select last_insert_id()'),
      toOrigin: wire(query('SET @@session.last_insert_id=0'), query('select last_insert_id()')),
      phase: 'busy',
    },
  ],
});

scripted('nobody looks back on the statement of another', {
  steps: [
    ran('select 1'),
    { origin: ONE, toDriver: ONE, phase: 'done' },
    {
      who: 'b',
      driver: query('show warnings'),
      toOrigin: wire(query('DO (SELECT COUNT(*) FROM information_schema.ENGINES)'), query('show warnings')),
      phase: 'busy',
    },
  ],
});

scripted('an origin without session tracking keeps whoever sets something', {
  origin: { isTracking: false },
  steps: [ran('set time_zone = "x"'), { origin: reply(ok()), toDriver: reply(ok()), phase: 'pinned' }],
});

// --- COM_CHANGE_USER, COM_SET_OPTION, KILL ------------------------------------------------------------------------

const changeUser = (user: string, plugin: string): Uint8Array =>
  command(
    0x11,
    `${user}\0`,
    [2, 9, 9], // proof
    'shop\0', // database
    [45, 0], // collation
    `${plugin}\0`,
  );

scripted('the same user may log in again, which makes the session new', {
  steps: [
    { driver: changeUser('al', 'mysql_native_password'), toDriver: reply(ok()), phase: 'idle' },
    {
      driver: changeUser('al', 'caching_sha2_password'),
      toDriver: reply(wire([1, 3]), ok()),
      phase: 'idle',
    },
  ],
});

scripted('the same user, where a connection is held', {
  steps: [
    ran('set @x = 1'),
    okWith(CHANGED, { phase: 'pinned' }),
    {
      driver: changeUser('al', 'mysql_native_password'),
      toOrigin: wire(RESET_CONNECTION, query(SET_UP)),
      phase: 'busy',
    },
    { origin: reply(ok()), toDriver: reply(ok()), phase: 'busy' },
    { origin: reply(ok()), phase: 'done' },
  ],
});

const DENIED = `Access denied for user 'bo' (A connection stays with the user that it logged in as: open another.)`;

scripted('another user may not', {
  steps: [
    {
      driver: changeUser('bo', 'mysql_native_password'),
      toDriver: reply(err(1045, '28000', DENIED)),
      phase: 'closed',
    },
  ],
});

scripted('COM_SET_OPTION where no connection is held', {
  steps: [{ driver: command(0x1b, [0, 0]), toDriver: reply(eof()), phase: 'idle' }],
});

test('COM_SET_OPTION makes another dialect of the driver’s', () => {
  const opening = openingWith(Capability.FOUND_ROWS);
  const conversation = new MySqlConversation({
    opening,
    registry: new StatementRegistry(1),
    peers: undefined,
  });
  conversation.fromDriver(command(0x1b, [0, 0]));
  expect(conversation.dialect).toBe('10002.0.2d');
  conversation.fromDriver(command(0x1b, [1, 0]));
  expect(conversation.dialect).toBe('2.0.2d');
});

const heard: string[] = [];
const peers = {
  cancel: (key: string) => heard.push(`cancel ${key}`) > 0 && key === '05000000',
  end: (key: string) => heard.push(`end ${key}`) > 0 && key === '05000000',
};
const FORM = '(KILL alone, with the id of a connection to this config as its driver was told it, works.)';

scripted('KILL reaches drivers of the same config by the ids that we gave', {
  peers,
  steps: [
    { driver: query('kill query 5'), toDriver: reply(ok()), phase: 'idle' },
    { driver: query('KILL 5;'), toDriver: reply(ok()), phase: 'idle' },
    { driver: command(0x0c, [5, 0, 0, 0]), toDriver: reply(ok()), phase: 'idle' },
    {
      driver: query('kill 6'),
      toDriver: reply(err(1094, 'HY000', 'Unknown thread id: 6')),
      phase: 'idle',
    },
    {
      driver: query('select 1; kill 5'),
      toDriver: reply(err(1235, '42000', `This form of KILL is not supported. ${FORM}`)),
      phase: 'idle',
    },
    {
      driver: command(0x16, 'kill 5'),
      toDriver: reply(err(1295, '42000', `KILL as a prepared statement is not supported. ${FORM}`)),
      phase: 'idle',
    },
  ],
});

// --- ends -------------------------------------------------------------------------------------------------------

const open = (): MySqlConversation =>
  new MySqlConversation({
    opening: openingWith(Capability.PROTOCOL_41),
    registry: new StatementRegistry(10),
    peers: undefined,
  });

/** A conversation whose query has been sent. */
function running(sql: string): MySqlConversation {
  const conversation = open();
  conversation.fromDriver(query(sql));
  conversation.attach(newOrigin());
  conversation.toOrigin.take();
  return conversation;
}

test('a driver that leaves in a transaction costs a ROLLBACK, one that is tied a reset', () => {
  const inTransaction = running('begin');
  inTransaction.fromOrigin(reply(ok({ status: Status.IN_TRANS })));
  expect(inTransaction.driverLeft()).toBe(true);
  expect(inTransaction.cleanup()).toBe('ROLLBACK');
  const tied = running('set @x = 1');
  tied.fromOrigin(reply(ok()));
  expect(tied.driverLeft()).toBe(true);
  expect(tied.cleanup()).toBe('RESET CONNECTION');
  tied.cleaned();
  expect(tied.cleanup()).toBeUndefined();
});

test('a driver that leaves in the middle of its file leaves nothing that could be committed', () => {
  const conversation = running('load data local infile');
  conversation.fromOrigin(reply(wire([0xfb], 'name')));
  expect(conversation.driverLeft()).toBe(false);
});

test('a cancelled query ends in our words where they say more, and a request that came too late is absorbed', () => {
  const conversation = running('select 1');
  const because = { fault: 'driver', sqlState: '57014', hint: 'The limit is 5 ms.' } as const;
  conversation.cancelled(new PoolerError('timeout', because));
  conversation.fromOrigin(reply(err(1317, '70100', 'interrupted')));
  expect(textOf(conversation.toDriver.take() ?? wire())).toBe(
    textOf(reply(err(1317, '70100', 'timeout (The limit is 5 ms.)'))),
  );
  expect(conversation.phase).toBe('unsettled');
  expect(conversation.settleQuestion()).toBe('SELECT 1');
  const rows: (string | null)[][] = [];
  const error = new PoolerError('interrupted', { fault: 'origin', sqlState: '70100' });
  conversation.settled({ rows, results: [], idle: true, error });
  expect(conversation.phase).toBe('lingering');
});

test('an origin that is lost while nothing is asked is a silent end; in a query it is an error', () => {
  const idle = running('set @x = 1');
  idle.fromOrigin(reply(ok()));
  idle.toDriver.take();
  idle.originLost();
  expect(idle.toDriver.take()).toBeUndefined();
  expect(idle.phase).toBe('closed');
  const busy = running('select 1');
  busy.originLost();
  expect(textOf(busy.toDriver.take() ?? wire())).toContain('Lost connection to the origin');
});

test('no connection is an error of the query alone', () => {
  const conversation = open();
  conversation.fromDriver(query('select 1'));
  expect(conversation.phase).toBe('waiting');
  conversation.fail(new PoolerError('none', { fault: 'pooler', sqlState: '58000' }));
  expect(textOf(conversation.toDriver.take() ?? wire())).toBe(textOf(reply(err(1105, 'HY000', 'none'))));
  expect(conversation.phase).toBe('idle');
});

test('a statement that is too long is swallowed and answered, whatever packets it comes in', () => {
  const conversation = open();
  const length = 0xff_ffff;
  conversation.fromDriver(wire([0xff, 0xff, 0xff, 0], [3]));
  const piece = new Uint8Array(65_536);
  for (let sent = 1; sent < length; sent += piece.length)
    conversation.fromDriver(piece.subarray(0, Math.min(piece.length, length - sent)));
  expect(conversation.toDriver.take()).toBeUndefined();
  conversation.fromDriver(packets(1, 'rest'));
  const told = textOf(conversation.toDriver.take() ?? wire());
  expect(told).toContain('Got a packet bigger than');
  expect(told.charCodeAt(3)).toBe(2);
  conversation.fromDriver(query('select 1'));
  expect(conversation.phase).toBe('waiting');
});
