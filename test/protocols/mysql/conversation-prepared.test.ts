/** Prepared statements over shared connections: the driver's ids are ours, the origin's are each connection's. */
import { Capability } from '../../../src/protocols/mysql/capabilities.ts';
import { wire } from '../postgres/wire.ts';
import {
  COLUMN,
  closeStatement,
  eof,
  err,
  execute,
  fetchRows,
  initDb,
  longData,
  ok,
  PING,
  prepare,
  prepared,
  preparedHead,
  query,
  reply,
  resetStatement,
  result,
  row,
  Status,
  type Step,
  schema,
  scripted,
} from './script.ts';

const ONE = reply(...result(['1']));
const SQL = 'select x';

/** Driver a prepares on connection 0, where the origin calls it 30. */
const PREPARED: Step[] = [
  { driver: prepare(SQL), toOrigin: prepare(SQL), phase: 'busy' },
  { origin: reply(...prepared(30)), toDriver: reply(...prepared(1)), phase: 'done' },
];
const PREPARED_WITH_PARAMETER: Step[] = [
  { driver: prepare(SQL), toOrigin: prepare(SQL), phase: 'busy' },
  { origin: reply(...prepared(30, 1)), toDriver: reply(...prepared(1, 1)), phase: 'done' },
];
const answered = (more: Partial<Step> = {}): Step =>
  ({ origin: ONE, toDriver: ONE, phase: 'done', ...more }) as Step;

scripted('a statement is executed where it was prepared', {
  steps: [...PREPARED, { driver: execute(1), toOrigin: execute(30), phase: 'busy' }, answered()],
});

scripted('on a connection that lacks it, it is prepared first', {
  steps: [
    ...PREPARED,
    { driver: execute(1), on: 1, toOrigin: prepare(SQL), phase: 'busy' },
    { origin: reply(...prepared(50)), toOrigin: execute(50), phase: 'busy' },
    answered(),
    { driver: execute(1), on: 1, toOrigin: execute(50), phase: 'busy' },
    answered(),
  ],
});

scripted('where that fails, the execution hears it', {
  steps: [
    ...PREPARED,
    { driver: execute(1), on: 1, toOrigin: prepare(SQL), phase: 'busy' },
    {
      origin: reply(err(1146, '42S02', 'gone')),
      toDriver: reply(err(1146, '42S02', 'gone')),
      phase: 'done',
    },
    { driver: execute(1), on: 1, toOrigin: prepare(SQL), phase: 'busy' },
  ],
});

/** What MariaDB's drivers send without waiting: the statement that was prepared last. */
const LAST_PREPARED = 0xffff_ffff;

scripted('an execution that was sent along goes on where no EOF ends the definitions', {
  capabilities: Capability.PROTOCOL_41 | Capability.DEPRECATE_EOF,
  steps: [
    {
      driver: wire(prepare(SQL), execute(LAST_PREPARED, { value: 5 })),
      toOrigin: prepare(SQL),
      phase: 'busy',
    },
    {
      origin: reply(preparedHead(30, { columns: 1, parameters: 1 }), COLUMN, COLUMN),
      toDriver: reply(preparedHead(1, { columns: 1, parameters: 1 }), COLUMN, COLUMN),
      toOrigin: execute(30, { value: 5 }),
      phase: 'busy',
    },
  ],
});

scripted('equal statements of two drivers are one at the origin', {
  steps: [
    ...PREPARED,
    { who: 'b', driver: prepare(SQL), toOrigin: prepare(SQL), phase: 'busy' },
    {
      who: 'b',
      origin: reply(...prepared(31)),
      toDriver: reply(...prepared(1)),
      toOrigin: closeStatement(30),
      phase: 'done',
    },
    { driver: execute(1), toOrigin: execute(31), phase: 'busy' },
    answered(),
  ],
});

scripted('it means what it meant when it was prepared, whatever database is selected now', {
  steps: [
    ...PREPARED,
    { driver: initDb('other'), toOrigin: initDb('other'), phase: 'busy' },
    { origin: reply(ok({ state: schema('other') })), toDriver: reply(ok()), phase: 'done' },
    {
      driver: execute(1),
      on: 1,
      asks: ['USE `other`'],
      toOrigin: wire(query('USE `shop`'), prepare(SQL), query('USE `other`')),
      phase: 'busy',
    },
    {
      origin: wire(reply(ok({ state: schema('shop') })), reply(...prepared(50)), reply(ok())),
      toOrigin: execute(50),
      phase: 'busy',
    },
    answered(),
  ],
});

scripted('types that were sent once are put in where the connection has not heard them from this driver', {
  steps: [
    ...PREPARED_WITH_PARAMETER,
    { driver: execute(1, { value: 5 }), toOrigin: execute(30, { value: 5 }), phase: 'busy' },
    answered(),
    {
      driver: execute(1, { value: 6, sendsType: false }),
      toOrigin: execute(30, { value: 6, sendsType: false }),
      phase: 'busy',
    },
    answered(),
    { driver: execute(1, { value: 7, sendsType: false }), on: 1, toOrigin: prepare(SQL), phase: 'busy' },
    { origin: reply(...prepared(50, 1)), toOrigin: execute(50, { value: 7 }), phase: 'busy' },
    answered(),
  ],
});

const FLOAT = 4;
const NULL = 6;

scripted('with parameters of other types it is prepared anew, for the server keeps to those of before', {
  steps: [
    ...PREPARED_WITH_PARAMETER,
    { driver: execute(1, { value: 5 }), toOrigin: execute(30, { value: 5 }), phase: 'busy' },
    answered(),
    // Of NULL there is any type.
    ...[NULL, 3].flatMap((type): Step[] => [
      { driver: execute(1, { value: 5, type }), toOrigin: execute(30, { value: 5, type }), phase: 'busy' },
      answered(),
    ]),
    {
      driver: execute(1, { value: 5, type: FLOAT }),
      toOrigin: wire(closeStatement(30), prepare(SQL)),
      phase: 'busy',
    },
    {
      origin: reply(...prepared(31, 1)),
      toOrigin: execute(31, { value: 5, type: FLOAT }),
      phase: 'busy',
    },
    answered(),
  ],
});

scripted('the first type behind NULL is the statement’s', {
  steps: [
    ...PREPARED_WITH_PARAMETER,
    ...[NULL, FLOAT].flatMap((type): Step[] => [
      { driver: execute(1, { value: 5, type }), toOrigin: execute(30, { value: 5, type }), phase: 'busy' },
      answered(),
    ]),
    { driver: execute(1, { value: 5 }), toOrigin: wire(closeStatement(30), prepare(SQL)), phase: 'busy' },
  ],
});

scripted('closing is the driver’s own affair, and an id that it closed is unknown', {
  steps: [
    ...PREPARED,
    { driver: closeStatement(1), phase: 'idle' },
    {
      driver: execute(1),
      toDriver: reply(err(1243, 'HY000', 'Unknown prepared statement handler (1) given to EXECUTE')),
      phase: 'done',
    },
  ],
});

scripted('the least recently used is closed where there are too many', {
  statementsMax: 1,
  steps: [
    ...PREPARED,
    { driver: prepare('select y'), toOrigin: prepare('select y'), phase: 'busy' },
    {
      origin: reply(...prepared(31)),
      toDriver: reply(...prepared(2)),
      toOrigin: closeStatement(30),
      phase: 'done',
    },
    { driver: execute(1), toOrigin: prepare(SQL), phase: 'busy' },
    {
      origin: reply(...prepared(32)),
      toOrigin: wire(closeStatement(31), execute(32)),
      phase: 'busy',
    },
    answered(),
  ],
});

scripted('MariaDB’s drivers execute what they prepared last without knowing its id', {
  steps: [
    {
      driver: wire(prepare(SQL), execute(0xffff_ffff)),
      toOrigin: prepare(SQL),
      phase: 'busy',
    },
    { origin: reply(...prepared(30)), toDriver: reply(...prepared(1)), toOrigin: execute(30), phase: 'busy' },
    answered(),
  ],
});

scripted('long data ties the statement to its connection until it is executed', {
  steps: [
    ...PREPARED_WITH_PARAMETER,
    { driver: longData(1, 'abc'), toOrigin: longData(30, 'abc'), phase: 'pinned' },
    { driver: longData(1, 'def'), toOrigin: longData(30, 'def'), phase: 'pinned' },
    { driver: execute(1, { value: 1 }), toOrigin: execute(30, { value: 1 }), phase: 'busy' },
    answered(),
  ],
});

scripted('a reset drops long data', {
  steps: [
    ...PREPARED_WITH_PARAMETER,
    { driver: longData(1, 'abc'), toOrigin: longData(30, 'abc'), phase: 'pinned' },
    { driver: resetStatement(1), toOrigin: resetStatement(30), phase: 'busy' },
    { origin: reply(ok()), toDriver: reply(ok()), phase: 'done' },
    { driver: resetStatement(1), toDriver: reply(ok()), phase: 'idle' },
  ],
});

const OPENED = reply(wire([1]), result([])[1] ?? wire(), eof(2 | Status.CURSOR));
const opens: Step[] = [
  ...PREPARED,
  { driver: execute(1, { hasCursor: true }), toOrigin: execute(30, { hasCursor: true }), phase: 'busy' },
  { origin: OPENED, toDriver: OPENED, phase: 'pinned' },
];
const FETCHED = reply(row('1'), eof(2 | Status.CURSOR));
const LAST = reply(eof(2 | Status.LAST_ROW));

scripted('a cursor ties the statement to its connection until its last row is sent', {
  steps: [
    ...opens,
    { driver: fetchRows(1, 1), toOrigin: fetchRows(30, 1), phase: 'busy' },
    { origin: FETCHED, toDriver: FETCHED, phase: 'pinned' },
    { driver: PING, toDriver: reply(ok()), phase: 'pinned' },
    { driver: fetchRows(1, 1), toOrigin: fetchRows(30, 1), phase: 'busy' },
    { origin: LAST, toDriver: LAST, phase: 'done' },
    {
      driver: fetchRows(1, 1),
      toDriver: reply(err(1421, 'HY000', 'The statement (1) has no open cursor.')),
      phase: 'idle',
    },
  ],
});

scripted('closing a statement with a cursor closes it at the origin', {
  steps: [...opens, { driver: closeStatement(1), toOrigin: closeStatement(30), phase: 'done' }],
});
