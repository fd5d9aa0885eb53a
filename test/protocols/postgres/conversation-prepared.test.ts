/** Prepared statements over shared connections: the driver's names on one side, the pool's at the origin. */
import {
  BIND_COMPLETE,
  bind,
  CLOSE_COMPLETE,
  COLUMNS,
  close,
  complete,
  describe,
  error,
  execute,
  FLUSH,
  NO_DATA,
  NO_PARAMETERS,
  ours,
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

/** Steps in which a driver prepares on connection 0, and all goes well. */
const prepares = (name: string, sql: string, origin: string): Step[] => [
  {
    driver: wire(parse(name, sql), SYNC),
    toOrigin: wire(parse(origin, sql), SYNC),
    phase: 'busy',
  },
  { origin: wire(PARSE_COMPLETE, ready()), toDriver: wire(PARSE_COMPLETE, ready()), phase: 'done' },
];

scripted('a named statement gets a name of ours at the origin, and keeps it', {
  steps: [
    {
      driver: wire(parse('get', 'select 1'), describe('S', 'get'), run('get')),
      toOrigin: wire(parse('wp_1', 'select 1'), describe('S', 'wp_1'), run('wp_1')),
      phase: 'busy',
    },
    {
      origin: wire(PARSE_COMPLETE, NO_PARAMETERS, COLUMNS, RESULT),
      toDriver: wire(PARSE_COMPLETE, NO_PARAMETERS, COLUMNS, RESULT),
      phase: 'done',
    },
    { driver: run('get'), toOrigin: run('wp_1'), phase: 'busy' },
    { origin: RESULT, toDriver: RESULT, phase: 'done' },
  ],
});

scripted('a Parse of what this connection holds is not sent: ParseComplete is put in where it is due', {
  steps: [
    ...prepares('x', 'select 1', 'wp_1'),
    {
      who: 'b',
      driver: wire(parse('y', 'select 1'), bind('', 'y'), execute(''), SYNC),
      toOrigin: wire(bind('', 'wp_1'), execute(''), SYNC),
      phase: 'busy',
    },
    { who: 'b', origin: RESULT, toDriver: wire(PARSE_COMPLETE, RESULT), phase: 'done' },
    // Between replies of the origin, not in front of all of them.
    {
      who: 'b',
      driver: wire(bind('', 'y'), parse('z', 'select 1'), execute(''), parse('w', 'select 1'), SYNC),
      toOrigin: wire(bind('', 'wp_1'), execute(''), SYNC),
      phase: 'busy',
    },
    {
      who: 'b',
      origin: RESULT,
      toDriver: wire(BIND_COMPLETE, PARSE_COMPLETE, row('1'), complete('SELECT 1'), PARSE_COMPLETE, ready()),
      phase: 'done',
    },
  ],
});

scripted('a ParseComplete that is put in comes at Flush, when nothing of the origin is due before it', {
  steps: [
    ...prepares('x', 'select 1', 'wp_1'),
    {
      who: 'b',
      driver: wire(parse('y', 'select 1'), FLUSH),
      toOrigin: FLUSH,
      toDriver: PARSE_COMPLETE,
      phase: 'in transaction',
    },
    {
      who: 'b',
      driver: wire(close('S', 'y'), FLUSH),
      toOrigin: FLUSH,
      toDriver: CLOSE_COMPLETE,
      phase: 'in transaction',
    },
    { who: 'b', driver: SYNC, toOrigin: SYNC, phase: 'busy' },
    { who: 'b', origin: ready(), toDriver: ready(), phase: 'done' },
  ],
});

scripted('Bind of a statement that this connection lacks: the saved Parse goes first, its reply is cut', {
  steps: [
    ...prepares('get', 'select 1', 'wp_1'),
    {
      driver: run('get'),
      on: 1,
      toOrigin: wire(parse('wp_1', 'select 1'), run('wp_1')),
      phase: 'busy',
    },
    { origin: wire(PARSE_COMPLETE, RESULT), toDriver: RESULT, phase: 'done' },
    { driver: run('get'), on: 1, toOrigin: run('wp_1'), phase: 'busy' },
    { origin: RESULT, toDriver: RESULT, phase: 'done' },
  ],
});

scripted('Describe of a statement that this connection lacks', {
  steps: [
    ...prepares('get', 'select 1', 'wp_1'),
    {
      driver: wire(describe('S', 'get'), SYNC),
      on: 1,
      toOrigin: wire(parse('wp_1', 'select 1'), describe('S', 'wp_1'), SYNC),
      phase: 'busy',
    },
    {
      origin: wire(PARSE_COMPLETE, NO_PARAMETERS, NO_DATA, ready()),
      toDriver: wire(NO_PARAMETERS, NO_DATA, ready()),
      phase: 'done',
    },
  ],
});

scripted('a saved Parse that fails now is the error of the Bind, and is not believed to exist', {
  steps: [
    ...prepares('get', 'select 1', 'wp_1'),
    {
      driver: run('get'),
      on: 1,
      toOrigin: wire(parse('wp_1', 'select 1'), run('wp_1')),
      phase: 'busy',
    },
    {
      origin: wire(error('42P01', 'relation "t" does not exist'), ready()),
      toDriver: wire(error('42P01', 'relation "t" does not exist'), ready()),
      phase: 'done',
    },
    {
      driver: run('get'),
      on: 1,
      toOrigin: wire(parse('wp_1', 'select 1'), run('wp_1')),
      phase: 'busy',
    },
    { origin: wire(PARSE_COMPLETE, RESULT), toDriver: RESULT, phase: 'done' },
  ],
});

scripted('an unnamed statement parsed in one exchange is bound in another, on another connection', {
  steps: [
    { driver: wire(parse('', 'select 1'), SYNC), toOrigin: wire(parse('', 'select 1'), SYNC), phase: 'busy' },
    { origin: wire(PARSE_COMPLETE, ready()), toDriver: wire(PARSE_COMPLETE, ready()), phase: 'done' },
    { driver: run(''), toOrigin: run(''), phase: 'busy' },
    { origin: RESULT, toDriver: RESULT, phase: 'done' },
    { driver: run(''), on: 1, toOrigin: wire(parse('', 'select 1'), run('')), phase: 'busy' },
    { origin: wire(PARSE_COMPLETE, RESULT), toDriver: RESULT, phase: 'done' },
    // Another driver's unnamed statement comes in between.
    {
      who: 'b',
      driver: wire(parse('', 'select 2'), SYNC),
      on: 1,
      toOrigin: wire(parse('', 'select 2'), SYNC),
      phase: 'busy',
    },
    {
      who: 'b',
      origin: wire(PARSE_COMPLETE, ready()),
      toDriver: wire(PARSE_COMPLETE, ready()),
      phase: 'done',
    },
    { driver: run(''), on: 1, toOrigin: wire(parse('', 'select 1'), run('')), phase: 'busy' },
    { origin: wire(PARSE_COMPLETE, RESULT), toDriver: RESULT, phase: 'done' },
  ],
});

const NO_UNNAMED = error('26000', 'unnamed prepared statement does not exist');

scripted('a driver without an unnamed statement does not get the one that another driver left behind', {
  steps: [
    {
      driver: wire(parse('', 'select secret'), SYNC),
      toOrigin: wire(parse('', 'select secret'), SYNC),
      phase: 'busy',
    },
    { origin: wire(PARSE_COMPLETE, ready()), toDriver: wire(PARSE_COMPLETE, ready()), phase: 'done' },
    { who: 'b', driver: run(''), toOrigin: wire(close('S', ''), run('')), phase: 'busy' },
    {
      who: 'b',
      origin: wire(CLOSE_COMPLETE, NO_UNNAMED, ready()),
      toDriver: wire(NO_UNNAMED, ready()),
      phase: 'done',
    },
    {
      who: 'b',
      driver: wire(describe('S', ''), SYNC),
      toOrigin: wire(close('S', ''), describe('S', ''), SYNC),
      phase: 'busy',
    },
    {
      who: 'b',
      origin: wire(CLOSE_COMPLETE, NO_UNNAMED, ready()),
      toDriver: wire(NO_UNNAMED, ready()),
      phase: 'done',
    },
  ],
});

scripted('a full connection gives its oldest statement up, inside a pipeline too', {
  statementsMax: 2,
  steps: [
    {
      driver: wire(
        parse('x', 'select 1'),
        parse('y', 'select 2'),
        bind('', 'x'), // now y is the oldest
        parse('z', 'select 3'),
        bind('', 'y'), // now x is
        SYNC,
      ),
      toOrigin: wire(
        parse('wp_1', 'select 1'),
        parse('wp_2', 'select 2'),
        bind('', 'wp_1'),
        close('S', 'wp_2'),
        parse('wp_3', 'select 3'),
        close('S', 'wp_1'),
        parse('wp_2', 'select 2'),
        bind('', 'wp_2'),
        SYNC,
      ),
      phase: 'busy',
    },
    {
      origin: wire(
        PARSE_COMPLETE,
        PARSE_COMPLETE,
        BIND_COMPLETE,
        CLOSE_COMPLETE,
        PARSE_COMPLETE,
        CLOSE_COMPLETE,
        PARSE_COMPLETE,
        BIND_COMPLETE,
        ready(),
      ),
      toDriver: wire(PARSE_COMPLETE, PARSE_COMPLETE, BIND_COMPLETE, PARSE_COMPLETE, BIND_COMPLETE, ready()),
      phase: 'done',
    },
  ],
});

scripted('with room for one statement only, each of two takes the place of the other', {
  statementsMax: 1,
  steps: [
    ...prepares('x', 'select 1', 'wp_1'),
    {
      driver: wire(parse('y', 'select 2'), run('x'), run('y')),
      toOrigin: wire(
        close('S', 'wp_1'),
        parse('wp_2', 'select 2'),
        close('S', 'wp_2'),
        parse('wp_1', 'select 1'),
        run('wp_1'),
        close('S', 'wp_1'),
        parse('wp_2', 'select 2'),
        run('wp_2'),
      ),
      phase: 'busy',
    },
    {
      origin: wire(CLOSE_COMPLETE, PARSE_COMPLETE, CLOSE_COMPLETE, PARSE_COMPLETE, RESULT),
      toDriver: wire(PARSE_COMPLETE, RESULT),
      phase: 'busy',
    },
    { origin: wire(CLOSE_COMPLETE, PARSE_COMPLETE, RESULT), toDriver: RESULT, phase: 'done' },
  ],
});

scripted('an eviction that an error skipped did not happen', {
  statementsMax: 1,
  steps: [
    ...prepares('x', 'select 1', 'wp_1'),
    {
      driver: wire(parse('', 'boom'), parse('y', 'select 2'), SYNC),
      toOrigin: wire(parse('', 'boom'), close('S', 'wp_1'), parse('wp_2', 'select 2'), SYNC),
      phase: 'busy',
    },
    {
      origin: wire(error('42601', 'boom'), ready()),
      toDriver: wire(error('42601', 'boom'), ready()),
      phase: 'done',
    },
    { driver: run('x'), toOrigin: run('wp_1'), phase: 'busy' },
    { origin: RESULT, toDriver: RESULT, phase: 'done' },
  ],
});

scripted('a Parse that fails leaves its name free', {
  steps: [
    { driver: wire(parse('n', 'boom'), SYNC), toOrigin: wire(parse('wp_1', 'boom'), SYNC), phase: 'busy' },
    {
      origin: wire(error('42601', 'boom'), ready()),
      toDriver: wire(error('42601', 'boom'), ready()),
      phase: 'done',
    },
    ...prepares('n', 'select 1', 'wp_2'),
    { driver: run('n'), toOrigin: run('wp_2'), phase: 'busy' },
    { origin: RESULT, toDriver: RESULT, phase: 'done' },
    // The same text once more is sent once more.
    { driver: wire(parse('m', 'boom'), SYNC), toOrigin: wire(parse('wp_1', 'boom'), SYNC), phase: 'busy' },
    {
      origin: wire(error('42601', 'boom'), ready()),
      toDriver: wire(error('42601', 'boom'), ready()),
      phase: 'done',
    },
  ],
});

scripted('a name in use is refused as the origin would, in its place among the replies, skipping to Sync', {
  steps: [
    ...prepares('é', 'select 1', 'wp_1'),
    {
      driver: wire(bind('', 'é'), parse('é', 'select 2'), execute(''), SYNC),
      toOrigin: wire(
        bind('', 'wp_1'),
        bind('', 'wp_none'), // fails
        execute(''),
        SYNC,
      ),
      phase: 'busy',
    },
    {
      origin: wire(BIND_COMPLETE, error('26000', 'prepared statement "wp_none" does not exist'), ready()),
      toDriver: wire(BIND_COMPLETE, ours('ERROR', '42P05', 'prepared statement "é" already exists'), ready()),
      phase: 'done',
    },
    { driver: run('é'), toOrigin: run('wp_1'), phase: 'busy' },
    { origin: RESULT, toDriver: RESULT, phase: 'done' },
  ],
});

scripted('a refused name in a failed transaction: the origin names the greater trouble', {
  steps: [
    ...prepares('n', 'select 1', 'wp_1'),
    { driver: query('begin; boom'), toOrigin: query('begin; boom'), phase: 'busy' },
    {
      origin: wire(error('42601', 'boom'), ready('E')),
      toDriver: wire(error('42601', 'boom'), ready('E')),
      phase: 'in transaction',
    },
    {
      driver: wire(bind('', 'n'), SYNC),
      toOrigin: wire(bind('', 'wp_1'), SYNC),
      phase: 'busy',
    },
    {
      origin: wire(error('25P02', 'aborted'), ready('E')),
      toDriver: wire(error('25P02', 'aborted'), ready('E')),
      phase: 'in transaction',
    },
  ],
});

const UNKNOWN_NAME = error('26000', 'prepared statement "n" does not exist');

scripted('Bind and Describe of an unknown name get the origin’s own words', {
  steps: [
    { driver: run('n'), toOrigin: run('n'), phase: 'busy' },
    { origin: wire(UNKNOWN_NAME, ready()), toDriver: wire(UNKNOWN_NAME, ready()), phase: 'done' },
    { driver: wire(describe('S', 'n'), SYNC), toOrigin: wire(describe('S', 'n'), SYNC), phase: 'busy' },
    { origin: wire(UNKNOWN_NAME, ready()), toDriver: wire(UNKNOWN_NAME, ready()), phase: 'done' },
  ],
});

scripted('an error that names a statement names it as the driver does', {
  steps: [
    ...prepares('get "it"', 'select 1', 'wp_1'),
    { driver: run('get "it"'), toOrigin: run('wp_1'), phase: 'busy' },
    {
      origin: wire(error('08P01', 'bind message supplies 0, but prepared statement "wp_1" needs 1'), ready()),
      toDriver: wire(
        error('08P01', 'bind message supplies 0, but prepared statement "get "it"" needs 1'),
        ready(),
      ),
      phase: 'done',
    },
  ],
});

scripted('an error takes back the Parse and the Close behind it', {
  steps: [
    ...prepares('old', 'select 1', 'wp_1'),
    {
      driver: wire(parse('', 'boom'), parse('new', 'select 2'), close('S', 'old'), SYNC),
      toOrigin: wire(parse('', 'boom'), parse('wp_2', 'select 2'), SYNC),
      phase: 'busy',
    },
    {
      origin: wire(error('42601', 'boom'), ready()),
      toDriver: wire(error('42601', 'boom'), ready()),
      phase: 'done',
    },
    { driver: run('old'), toOrigin: run('wp_1'), phase: 'busy' },
    { origin: RESULT, toDriver: RESULT, phase: 'done' },
    { driver: run('new'), toOrigin: run('new'), phase: 'busy' },
    {
      origin: wire(error('26000', 'no'), ready()),
      toDriver: wire(error('26000', 'no'), ready()),
      phase: 'done',
    },
    // And the connection is not believed to hold it.
    ...prepares('new', 'select 2', 'wp_2'),
  ],
});

scripted('Close of a statement is answered by us: it may be others’ too', {
  steps: [
    ...prepares('n', 'select 1', 'wp_1'),
    {
      driver: wire(close('S', 'n'), close('P', 'p'), close('S', 'nobody'), SYNC),
      toOrigin: wire(close('P', 'p'), close('S', 'nobody'), SYNC),
      phase: 'busy',
    },
    {
      origin: wire(CLOSE_COMPLETE, CLOSE_COMPLETE, ready()),
      toDriver: wire(CLOSE_COMPLETE, CLOSE_COMPLETE, CLOSE_COMPLETE, ready()),
      phase: 'done',
    },
    // The name is free again, and the statement is known to be valid: that needs no origin.
    { driver: wire(parse('n', 'select 1'), SYNC), toDriver: wire(PARSE_COMPLETE, ready()), phase: 'idle' },
    { driver: run('n'), toOrigin: run('wp_1'), phase: 'busy' },
    { origin: RESULT, toDriver: RESULT, phase: 'done' },
  ],
});

scripted('Close of the unnamed statement', {
  steps: [
    { driver: wire(parse('', 'select 1'), SYNC), toOrigin: wire(parse('', 'select 1'), SYNC), phase: 'busy' },
    { origin: wire(PARSE_COMPLETE, ready()), toDriver: wire(PARSE_COMPLETE, ready()), phase: 'done' },
    { driver: wire(close('S', ''), SYNC), toOrigin: wire(close('S', ''), SYNC), phase: 'busy' },
    { origin: wire(CLOSE_COMPLETE, ready()), toDriver: wire(CLOSE_COMPLETE, ready()), phase: 'done' },
    { driver: run(''), toOrigin: wire(close('S', ''), run('')), phase: 'busy' },
    {
      origin: wire(CLOSE_COMPLETE, NO_UNNAMED, ready()),
      toDriver: wire(NO_UNNAMED, ready()),
      phase: 'done',
    },
  ],
});

scripted('a simple query ends the unnamed statement', {
  steps: [
    { driver: wire(parse('', 'select 1'), SYNC), toOrigin: wire(parse('', 'select 1'), SYNC), phase: 'busy' },
    { origin: wire(PARSE_COMPLETE, ready()), toDriver: wire(PARSE_COMPLETE, ready()), phase: 'done' },
    { driver: query('select 1'), toOrigin: query('select 1'), phase: 'busy' },
    {
      origin: wire(complete('SELECT 0'), ready()),
      toDriver: wire(complete('SELECT 0'), ready()),
      phase: 'done',
    },
    { driver: run(''), on: 1, toOrigin: wire(close('S', ''), run('')), phase: 'busy' },
    {
      origin: wire(CLOSE_COMPLETE, NO_UNNAMED, ready()),
      toDriver: wire(NO_UNNAMED, ready()),
      phase: 'done',
    },
  ],
});

scripted('a simple query that an error skipped leaves the unnamed statement', {
  steps: [
    { driver: wire(parse('', 'select 1'), SYNC), toOrigin: wire(parse('', 'select 1'), SYNC), phase: 'busy' },
    { origin: wire(PARSE_COMPLETE, ready()), toDriver: wire(PARSE_COMPLETE, ready()), phase: 'done' },
    {
      driver: wire(parse('n', 'boom'), query('select 1'), SYNC),
      toOrigin: wire(parse('wp_1', 'boom'), query('select 1'), SYNC),
      phase: 'busy',
    },
    {
      origin: wire(error('42601', 'boom'), ready()),
      toDriver: wire(error('42601', 'boom'), ready()),
      phase: 'done',
    },
    { driver: run(''), on: 1, toOrigin: wire(parse('', 'select 1'), run('')), phase: 'busy' },
    { origin: wire(PARSE_COMPLETE, RESULT), toDriver: RESULT, phase: 'done' },
  ],
});

const SACRIFICE = wire(close('S', 'wp_gone'), parse('wp_gone', ''));
const SACRIFICED = wire(CLOSE_COMPLETE, PARSE_COMPLETE);
const SETTLED: Step['settles'] & {} = { rows: [], phase: 'done' };

scripted('DEALLOCATE of a statement made by protocol takes a sacrifice in its place', {
  steps: [
    ...prepares('My', 'select 1', 'wp_1'),
    {
      driver: query('deallocate "My"; select 1'),
      toOrigin: wire(SACRIFICE, query('deallocate wp_gone; select 1')),
      phase: 'busy',
    },
    {
      origin: wire(SACRIFICED, complete('DEALLOCATE'), complete('SELECT 0'), ready()),
      toDriver: wire(complete('DEALLOCATE'), complete('SELECT 0'), ready()),
      phase: 'unsettled',
      settles: SETTLED,
    },
    { driver: run('My'), toOrigin: run('My'), phase: 'busy' },
    {
      origin: wire(error('26000', 'no'), ready()),
      toDriver: wire(error('26000', 'no'), ready()),
      phase: 'done',
    },
  ],
});

scripted('DEALLOCATE through the unnamed statement', {
  steps: [
    ...prepares('n', 'select 1', 'wp_1'),
    {
      driver: wire(parse('', 'deallocate n'), run('')),
      toOrigin: wire(SACRIFICE, parse('', 'deallocate wp_gone'), run('')),
      phase: 'busy',
    },
    {
      origin: wire(SACRIFICED, PARSE_COMPLETE, BIND_COMPLETE, complete('DEALLOCATE'), ready()),
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, complete('DEALLOCATE'), ready()),
      phase: 'unsettled',
      settles: SETTLED,
    },
  ],
});

scripted('DEALLOCATE of a name that is not the protocol’s passes as it is', {
  steps: [
    { driver: query('deallocate q'), toOrigin: query('deallocate q'), phase: 'busy' },
    {
      origin: wire(complete('DEALLOCATE'), ready()),
      toDriver: wire(complete('DEALLOCATE'), ready()),
      phase: 'unsettled',
      settles: SETTLED,
    },
  ],
});

for (const sql of ['DEALLOCATE ALL', 'DISCARD ALL'])
  for (const way of ['simple', 'extended'] as const) {
    const message = way === 'simple' ? query(sql) : wire(parse('', sql), run(''));
    const before = way === 'simple' ? wire() : wire(PARSE_COMPLETE, BIND_COMPLETE);
    scripted(`${sql}, ${way}: the connection holds nothing any more, the driver neither`, {
      steps: [
        ...prepares('n', 'select 1', 'wp_1'),
        { driver: message, toOrigin: message, phase: 'busy' },
        {
          origin: wire(before, complete(sql), ready()),
          toDriver: wire(before, complete(sql), ready()),
          phase: 'unsettled',
          settles: SETTLED,
        },
        { driver: run('n'), toOrigin: run('n'), phase: 'busy' },
        { origin: wire(UNKNOWN_NAME, ready()), toDriver: wire(UNKNOWN_NAME, ready()), phase: 'done' },
        {
          driver: wire(parse('n', 'select 1'), SYNC),
          toDriver: wire(PARSE_COMPLETE, ready()),
          phase: 'idle',
        },
        { driver: run('n'), toOrigin: wire(parse('wp_1', 'select 1'), run('wp_1')), phase: 'busy' },
        { origin: wire(PARSE_COMPLETE, RESULT), toDriver: RESULT, phase: 'done' },
      ],
    });
  }

scripted('DEALLOCATE ALL that fails drops nothing', {
  steps: [
    ...prepares('n', 'select 1', 'wp_1'),
    { driver: query('deallocate all'), toOrigin: query('deallocate all'), phase: 'busy' },
    {
      origin: wire(error('57014', 'canceling'), ready()),
      toDriver: wire(error('57014', 'canceling'), ready()),
      phase: 'unsettled',
      settles: SETTLED,
    },
    { driver: run('n'), toOrigin: run('wp_1'), phase: 'busy' },
    { origin: RESULT, toDriver: RESULT, phase: 'done' },
  ],
});

scripted('drivers that use the same name for other texts, or another name for the same, do not meet', {
  steps: [
    ...prepares('n', 'select 1', 'wp_1'),
    {
      who: 'b',
      driver: wire(parse('n', 'select 2'), SYNC),
      toOrigin: wire(parse('wp_2', 'select 2'), SYNC),
      phase: 'busy',
    },
    {
      who: 'b',
      origin: wire(PARSE_COMPLETE, ready()),
      toDriver: wire(PARSE_COMPLETE, ready()),
      phase: 'done',
    },
    { driver: run('n'), toOrigin: run('wp_1'), phase: 'busy' },
    { origin: RESULT, toDriver: RESULT, phase: 'done' },
    { who: 'b', driver: run('n'), toOrigin: run('wp_2'), phase: 'busy' },
    { who: 'b', origin: RESULT, toDriver: RESULT, phase: 'done' },
  ],
});

scripted('a driver that guesses a name of ours reaches nobody’s statement, and closes none', {
  steps: [
    ...prepares('x', 'select secret', 'wp_1'),
    { who: 'b', driver: run('wp_1'), toOrigin: run('wp_none'), phase: 'busy' },
    {
      who: 'b',
      origin: wire(error('26000', 'prepared statement "wp_none" does not exist'), ready()),
      toDriver: wire(error('26000', 'prepared statement "wp_1" does not exist'), ready()),
      phase: 'done',
    },
    {
      who: 'b',
      driver: wire(describe('S', 'wp_1'), SYNC),
      toOrigin: wire(describe('S', 'wp_none'), SYNC),
      phase: 'busy',
    },
    {
      who: 'b',
      origin: wire(error('26000', 'prepared statement "wp_none" does not exist'), ready()),
      toDriver: wire(error('26000', 'prepared statement "wp_1" does not exist'), ready()),
      phase: 'done',
    },
    { who: 'b', driver: wire(close('S', 'wp_1'), SYNC), toOrigin: SYNC, phase: 'busy' },
    { who: 'b', origin: ready(), toDriver: wire(CLOSE_COMPLETE, ready()), phase: 'done' },
    { driver: run('x'), toOrigin: run('wp_1'), phase: 'busy' },
    { origin: RESULT, toDriver: RESULT, phase: 'done' },
  ],
});
