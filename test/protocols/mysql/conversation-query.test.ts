/** Queries, transactions, errors, files: bytes pass as they are, and the connection comes back in time. */
import { PoolerError } from '../../../src/errors.ts';
import { Capability } from '../../../src/protocols/mysql/capabilities.ts';
import { wire } from '../postgres/wire.ts';
import {
  CHANGED,
  command,
  eof,
  err,
  ok,
  PING,
  packets,
  QUIT,
  query,
  reply,
  result,
  row,
  Status,
  schema,
  scripted,
  variable,
} from './script.ts';

const ONE = reply(...result(['1']));
const IN_TRANSACTION = Status.IN_TRANS | Status.AUTOCOMMIT;

scripted('a query passes as it is, and so does its result', {
  steps: [
    { driver: query('select 1'), toOrigin: query('select 1'), phase: 'busy' },
    { origin: ONE, toDriver: ONE, phase: 'done' },
  ],
});

const DEPRECATED = reply(wire([1]), result([])[1] ?? wire(), row('1'), ok({ header: 0xfe }));

scripted('a result whose rows end with an OK', {
  capabilities: Capability.PROTOCOL_41 | Capability.DEPRECATE_EOF,
  steps: [
    { driver: query('select 1'), toOrigin: query('select 1'), phase: 'busy' },
    { origin: DEPRECATED, toDriver: DEPRECATED, phase: 'done' },
  ],
});

const MANY = reply(...result(['1'], 2 | Status.MORE), ok({ status: 2 | Status.MORE }), ...result([]));

scripted('many results of one query', {
  steps: [
    { driver: query('select 1; do 1; select 1'), toOrigin: query('select 1; do 1; select 1'), phase: 'busy' },
    {
      origin: MANY,
      toDriver: MANY,
      phase: 'unsettled',
      settles: { question: 'SELECT LAST_INSERT_ID()', row: ['0'], phase: 'done' },
    },
  ],
});

scripted('an error, after which the connection stays a moment', {
  steps: [
    { driver: query('boom'), toOrigin: query('boom'), phase: 'busy' },
    {
      origin: reply(err(1064, '42000', 'no')),
      toDriver: reply(err(1064, '42000', 'no')),
      phase: 'lingering',
    },
  ],
});

const HALF = [...result(['1']).slice(0, -1), err(1317, '70100', 'stopped')];

scripted('an error in the middle of rows', {
  steps: [
    { driver: query('select 1'), toOrigin: query('select 1'), phase: 'busy' },
    { origin: reply(...HALF), toDriver: reply(...HALF), phase: 'lingering' },
  ],
});

scripted('a transaction keeps its connection until the origin says that it is over', {
  steps: [
    { driver: query('begin'), toOrigin: query('begin'), phase: 'busy' },
    {
      origin: reply(ok({ status: IN_TRANSACTION })),
      toDriver: reply(ok({ status: IN_TRANSACTION })),
      phase: 'in transaction',
    },
    { driver: query('insert x'), toOrigin: query('insert x'), phase: 'busy' },
    {
      origin: reply(ok({ status: IN_TRANSACTION })),
      toDriver: reply(ok({ status: IN_TRANSACTION })),
      phase: 'in transaction',
    },
    { driver: query('commit'), toOrigin: query('commit'), phase: 'busy' },
    { origin: reply(ok()), toDriver: reply(ok()), phase: 'done' },
  ],
});

scripted('an error does not say whether the transaction is open: the origin is asked', {
  steps: [
    { driver: query('begin'), toOrigin: query('begin'), phase: 'busy' },
    {
      origin: reply(ok({ status: IN_TRANSACTION })),
      toDriver: reply(ok({ status: IN_TRANSACTION })),
      phase: 'in transaction',
    },
    { driver: query('insert x'), toOrigin: query('insert x'), phase: 'busy' },
    {
      origin: reply(err(1213, '40001', 'deadlock')),
      toDriver: reply(err(1213, '40001', 'deadlock')),
      toOrigin: PING,
      phase: 'busy',
    },
    { origin: reply(ok()), phase: 'lingering' },
  ],
});

scripted('a driver that sends ahead is answered in order', {
  steps: [
    { driver: wire(query('select 1'), query('select 2')), toOrigin: query('select 1'), phase: 'busy' },
    { origin: ONE, toDriver: ONE, toOrigin: query('select 2'), phase: 'busy' },
    { origin: ONE, toDriver: ONE, phase: 'done' },
  ],
});

scripted('COM_PING needs no connection, COM_QUIT closes, an unknown command is an error', {
  steps: [
    { driver: PING, toDriver: reply(ok()), phase: 'idle' },
    { driver: command(0x20), toDriver: reply(err(1047, '08S01', 'Unknown command')), phase: 'idle' },
    { driver: QUIT, phase: 'closed' },
  ],
});

const ASKS_FOR_FILE = reply(wire([0xfb], 'name'));

scripted('a file: request, pieces, an empty packet, OK', {
  steps: [
    { driver: query('load data local infile'), toOrigin: query('load data local infile'), phase: 'busy' },
    { origin: ASKS_FOR_FILE, toDriver: ASKS_FOR_FILE, phase: 'busy' },
    { driver: packets(2, 'abc', 'de'), toOrigin: packets(2, 'abc', 'de'), phase: 'busy' },
    { driver: packets(4, ''), toOrigin: packets(4, ''), phase: 'busy' },
    { origin: packets(5, ok()), toDriver: packets(5, ok()), phase: 'done' },
  ],
});

scripted('a file that the driver does not have is an empty packet, and the origin’s error', {
  steps: [
    { driver: query('load data local infile'), toOrigin: query('load data local infile'), phase: 'busy' },
    { origin: ASKS_FOR_FILE, toDriver: ASKS_FOR_FILE, phase: 'busy' },
    { driver: packets(2, ''), toOrigin: packets(2, ''), phase: 'busy' },
    {
      origin: packets(3, err(2, 'HY000', 'no file')),
      toDriver: packets(3, err(2, 'HY000', 'no file')),
      phase: 'lingering',
    },
  ],
});

scripted('what an OK says of the session is for us, where the driver did not ask for it', {
  steps: [
    { driver: query('set time_zone = "+02:00"'), toOrigin: query('set time_zone = "+02:00"'), phase: 'busy' },
    {
      origin: reply(ok({ state: wire(variable('time_zone', '+02:00'), CHANGED) })),
      toDriver: reply(ok()),
      phase: 'done',
    },
    {
      driver: query('select 1'),
      on: 1,
      asks: [`SET @@session.time_zone='+02:00'`],
      toOrigin: query('select 1'),
      phase: 'busy',
    },
    { origin: ONE, toDriver: ONE, phase: 'done' },
    {
      who: 'b',
      driver: query('select 1'),
      on: 1,
      asks: ['SET @@session.time_zone=@@global.time_zone'],
      toOrigin: query('select 1'),
      phase: 'busy',
    },
    { who: 'b', origin: ONE, toDriver: ONE, phase: 'done' },
  ],
});

scripted('a driver that asked for it hears what it would hear without us', {
  capabilities: Capability.PROTOCOL_41 | Capability.SESSION_TRACK,
  steps: [
    { driver: query('use other'), toOrigin: query('use other'), phase: 'busy' },
    {
      origin: reply(
        ok({ state: wire(variable('sql_mode', ''), variable('autocommit', 'ON'), schema('other'), CHANGED) }),
      ),
      toDriver: reply(ok({ state: wire(variable('autocommit', 'ON'), schema('other')) })),
      phase: 'done',
    },
    { driver: query('delete from t'), toOrigin: query('delete from t'), phase: 'busy' },
    {
      origin: reply(ok({ state: variable('statement_id', '4711') })),
      toDriver: reply(ok()),
      phase: 'done',
    },
  ],
});

scripted('who is cancelled at its own wish hears it from the origin, else from us', {
  steps: [
    { driver: query('select sleep(9)'), toOrigin: query('select sleep(9)'), phase: 'busy' },
    { call: (conversation) => conversation.cancelled(cancelled({})), phase: 'busy' },
    {
      origin: reply(err(1317, '70100', 'interrupted')),
      toDriver: reply(err(1317, '70100', 'interrupted')),
      phase: 'unsettled',
      settles: { question: 'SELECT 1', row: ['1'], phase: 'lingering' },
    },
    { driver: query('select sleep(9)'), toOrigin: query('select sleep(9)'), phase: 'busy' },
    { call: (conversation) => conversation.cancelled(cancelled({ hint: 'limit' })), phase: 'busy' },
    {
      origin: reply(err(1317, '70100', 'interrupted')),
      toDriver: reply(err(1317, '70100', 'cancelled (limit)')),
      phase: 'unsettled',
      settles: { question: 'SELECT 1', row: ['1'], phase: 'lingering' },
    },
  ],
});

function cancelled(more: { hint?: string }): PoolerError {
  return new PoolerError('cancelled', { fault: 'driver', sqlState: '57014', ...more });
}

scripted('a database follows its driver, in front of its settings', {
  steps: [
    { driver: query('use other'), toOrigin: query('use other'), phase: 'busy' },
    {
      origin: reply(ok({ state: wire(variable('sql_mode', ''), schema('other'), CHANGED) })),
      toDriver: reply(ok()),
      phase: 'done',
    },
    {
      driver: query('select 1'),
      on: 1,
      asks: ['USE `other`', `SET @@session.sql_mode=''`],
      toOrigin: query('select 1'),
      phase: 'busy',
    },
    { origin: ONE, toDriver: ONE, phase: 'done' },
    {
      who: 'b',
      driver: query('select 1'),
      asks: ['USE `shop`', `SET @@session.sql_mode='STRICT_TRANS_TABLES'`],
      toOrigin: query('select 1'),
      phase: 'busy',
    },
    { who: 'b', origin: ONE, toDriver: ONE, phase: 'done' },
  ],
});

scripted('a warning keeps the connection for the driver’s next', {
  steps: [
    { driver: query('select 1'), toOrigin: query('select 1'), phase: 'busy' },
    {
      origin: reply(...result(['1'], 2, 1)),
      toDriver: reply(...result(['1'], 2, 1)),
      phase: 'lingering',
    },
  ],
});

scripted('packets out of order end the driver’s session', {
  steps: [
    {
      driver: packets(1, wire([0x0e])),
      toDriver: packets(0, err(1156, '08S01', 'Got packets out of order')),
      phase: 'closed',
    },
  ],
});

scripted('an origin that shuts down says why, and the session ends', {
  steps: [
    { driver: query('begin'), toOrigin: query('begin'), phase: 'busy' },
    {
      origin: reply(ok({ status: IN_TRANSACTION })),
      toDriver: reply(ok({ status: IN_TRANSACTION })),
      phase: 'in transaction',
    },
    {
      origin: packets(0, err(1053, '08S01', 'shutdown')),
      toDriver: packets(0, err(1053, '08S01', 'shutdown')),
      phase: 'closed',
    },
  ],
});

scripted('an origin that was sent too much closes behind its error', {
  steps: [
    { driver: query('select 1'), toOrigin: query('select 1'), phase: 'busy' },
    {
      origin: reply(err(1153, '08S01', 'too much')),
      toDriver: reply(err(1153, '08S01', 'too much')),
      phase: 'closed',
    },
  ],
});

scripted('an EOF that nobody asked for ends the session', {
  steps: [
    { driver: query('select 1'), toOrigin: query('select 1'), phase: 'busy' },
    {
      origin: reply(eof()),
      toDriver: reply(err(1835, '08S01', 'The origin broke the protocol with an unexpected packet.')),
      phase: 'closed',
    },
  ],
});
