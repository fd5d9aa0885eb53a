/** Simple and extended queries on one connection: nothing is rewritten, and the connection comes back in time. */
import {
  BIND_COMPLETE,
  bind,
  CLOSE_COMPLETE,
  COLUMNS,
  close,
  complete,
  describe,
  EMPTY_QUERY,
  error,
  execute,
  FLUSH,
  FUNCTION_CALL,
  NO_DATA,
  NO_PARAMETERS,
  notice,
  PARSE_COMPLETE,
  PORTAL_SUSPENDED,
  parse,
  query,
  ready,
  row,
  run,
  SYNC,
  scripted,
} from './script.ts';
import { framed, wire } from './wire.ts';

const ONE_ROW = wire(COLUMNS, row('1'), complete('SELECT 1'));
const MANY = wire(ONE_ROW, complete('INSERT 0 3'), notice('look'), ONE_ROW, ready());
const UNNAMED = wire(parse('', 'select 1'), bind('', ''), describe('P', ''), execute(''), SYNC);
const UNNAMED_REPLY = wire(PARSE_COMPLETE, BIND_COMPLETE, ONE_ROW, ready());

scripted('a simple query passes as it is, and so does its reply', {
  steps: [
    { driver: query('select 1'), toOrigin: query('select 1'), phase: 'busy' },
    { origin: wire(ONE_ROW, ready()), toDriver: wire(ONE_ROW, ready()), phase: 'done' },
  ],
});

scripted('a simple query of many statements ends with its one ReadyForQuery', {
  steps: [
    { driver: query('select 1;x;select 1'), toOrigin: query('select 1;x;select 1'), phase: 'busy' },
    { origin: MANY, toDriver: MANY, phase: 'done' },
  ],
});

scripted('an empty query is answered by the origin', {
  steps: [
    { driver: query(''), toOrigin: query(''), phase: 'busy' },
    { origin: wire(EMPTY_QUERY, ready()), toDriver: wire(EMPTY_QUERY, ready()), phase: 'done' },
  ],
});

scripted('an error of a simple query in the middle of many', {
  steps: [
    { driver: query('select 1; boom'), toOrigin: query('select 1; boom'), phase: 'busy' },
    {
      origin: wire(ONE_ROW, error('42601', 'boom'), ready()),
      toDriver: wire(ONE_ROW, error('42601', 'boom'), ready()),
      phase: 'done',
    },
  ],
});

scripted('simple queries in a pipeline are answered in order', {
  steps: [
    {
      driver: wire(query('select 1'), query('boom'), query('')),
      toOrigin: wire(query('select 1'), query('boom'), query('')),
      phase: 'busy',
    },
    { origin: wire(ONE_ROW, ready()), toDriver: wire(ONE_ROW, ready()), phase: 'busy' },
    {
      origin: wire(error('42601', 'boom'), ready()),
      toDriver: wire(error('42601', 'boom'), ready()),
      phase: 'busy',
    },
    { origin: wire(EMPTY_QUERY, ready()), toDriver: wire(EMPTY_QUERY, ready()), phase: 'done' },
  ],
});

scripted('an extended query with the unnamed statement passes as it is', {
  steps: [
    { driver: UNNAMED, toOrigin: UNNAMED, phase: 'busy' },
    { origin: UNNAMED_REPLY, toDriver: UNNAMED_REPLY, phase: 'done' },
  ],
});

scripted('a transaction keeps the connection until the origin says idle, also a failed one', {
  steps: [
    { driver: query('begin'), toOrigin: query('begin'), phase: 'busy' },
    {
      origin: wire(complete('BEGIN'), ready('T')),
      toDriver: wire(complete('BEGIN'), ready('T')),
      phase: 'in transaction',
    },
    { driver: query('boom'), toOrigin: query('boom'), phase: 'busy' },
    {
      origin: wire(error('42601', 'boom'), ready('E')),
      toDriver: wire(error('42601', 'boom'), ready('E')),
      phase: 'in transaction',
    },
    { driver: UNNAMED, toOrigin: UNNAMED, phase: 'busy' },
    {
      origin: wire(error('25P02', 'aborted'), ready('E')),
      toDriver: wire(error('25P02', 'aborted'), ready('E')),
      phase: 'in transaction',
    },
    { driver: query('rollback'), toOrigin: query('rollback'), phase: 'busy' },
    {
      origin: wire(complete('ROLLBACK'), ready()),
      toDriver: wire(complete('ROLLBACK'), ready()),
      phase: 'done',
    },
  ],
});

scripted('Flush without Sync is no end: the connection stays, whatever has been answered', {
  steps: [
    {
      driver: wire(parse('', 'select 1'), describe('S', ''), FLUSH),
      toOrigin: wire(parse('', 'select 1'), describe('S', ''), FLUSH),
      phase: 'busy',
    },
    {
      origin: wire(PARSE_COMPLETE, NO_PARAMETERS, COLUMNS),
      toDriver: wire(PARSE_COMPLETE, NO_PARAMETERS, COLUMNS),
      phase: 'in transaction',
    },
    {
      driver: wire(bind('', ''), execute(''), FLUSH),
      toOrigin: wire(bind('', ''), execute(''), FLUSH),
      phase: 'busy',
    },
    {
      origin: wire(BIND_COMPLETE, row('1'), complete('SELECT 1')),
      toDriver: wire(BIND_COMPLETE, row('1'), complete('SELECT 1')),
      phase: 'in transaction',
    },
    { driver: SYNC, toOrigin: SYNC, phase: 'busy' },
    { origin: ready(), toDriver: ready(), phase: 'done' },
  ],
});

scripted('a named portal gives its rows in parts: PortalSuspended ends an Execute', {
  steps: [
    {
      driver: wire(parse('', 'select 1'), bind('p', ''), execute('p', 1), FLUSH),
      toOrigin: wire(parse('', 'select 1'), bind('p', ''), execute('p', 1), FLUSH),
      phase: 'busy',
    },
    {
      origin: wire(PARSE_COMPLETE, BIND_COMPLETE, row('1'), PORTAL_SUSPENDED),
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, row('1'), PORTAL_SUSPENDED),
      phase: 'in transaction',
    },
    {
      driver: wire(execute('p', 1), close('P', 'p'), SYNC),
      toOrigin: wire(execute('p', 1), close('P', 'p'), SYNC),
      phase: 'busy',
    },
    {
      origin: wire(row('2'), complete('SELECT 1'), CLOSE_COMPLETE, ready()),
      toDriver: wire(row('2'), complete('SELECT 1'), CLOSE_COMPLETE, ready()),
      phase: 'done',
    },
  ],
});

scripted('many Syncs in a pipeline: an error skips to its own Sync only', {
  steps: [
    { driver: wire(UNNAMED, UNNAMED, UNNAMED), toOrigin: wire(UNNAMED, UNNAMED, UNNAMED), phase: 'busy' },
    {
      origin: wire(UNNAMED_REPLY, PARSE_COMPLETE, error('22012', 'division by zero'), ready()),
      toDriver: wire(UNNAMED_REPLY, PARSE_COMPLETE, error('22012', 'division by zero'), ready()),
      phase: 'busy',
    },
    { origin: UNNAMED_REPLY, toDriver: UNNAMED_REPLY, phase: 'done' },
  ],
});

scripted('simple and extended queries mixed in a pipeline', {
  steps: [
    {
      driver: wire(UNNAMED, query('select 1'), UNNAMED),
      toOrigin: wire(UNNAMED, query('select 1'), UNNAMED),
      phase: 'busy',
    },
    {
      origin: wire(UNNAMED_REPLY, ONE_ROW, ready(), UNNAMED_REPLY),
      toDriver: wire(UNNAMED_REPLY, ONE_ROW, ready(), UNNAMED_REPLY),
      phase: 'done',
    },
  ],
});

scripted('a simple query ends extended messages that came without Sync', {
  steps: [
    {
      driver: wire(parse('', 'select 1'), bind('', ''), execute(''), query('select 1')),
      toOrigin: wire(parse('', 'select 1'), bind('', ''), execute(''), query('select 1')),
      phase: 'busy',
    },
    {
      origin: wire(PARSE_COMPLETE, BIND_COMPLETE, row('1'), complete('SELECT 1'), ONE_ROW, ready()),
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, row('1'), complete('SELECT 1'), ONE_ROW, ready()),
      phase: 'done',
    },
  ],
});

scripted('an error before a simple query without a Sync swallows the query: the connection waits for Sync', {
  steps: [
    {
      driver: wire(parse('', 'boom'), query('select 1')),
      toOrigin: wire(parse('', 'boom'), query('select 1')),
      phase: 'busy',
    },
    {
      origin: error('42601', 'boom'),
      toDriver: error('42601', 'boom'),
      phase: 'in transaction',
    },
    { driver: query('select 2'), phase: 'in transaction' },
    { driver: SYNC, toOrigin: SYNC, phase: 'busy' },
    { origin: ready(), toDriver: ready(), phase: 'done' },
  ],
});

scripted('an error before Sync was sent: later messages count for nothing until Sync', {
  steps: [
    { driver: wire(parse('', 'boom'), FLUSH), toOrigin: wire(parse('', 'boom'), FLUSH), phase: 'busy' },
    { origin: error('42601', 'boom'), toDriver: error('42601', 'boom'), phase: 'in transaction' },
    {
      driver: wire(parse('n', 'select 1'), bind('', 'n'), execute(''), close('S', 'n'), FLUSH, FUNCTION_CALL),
      phase: 'in transaction',
    },
    { driver: SYNC, toOrigin: SYNC, phase: 'busy' },
    { origin: ready(), toDriver: ready(), phase: 'done' },
    // The skipped Parse left nothing behind: the origin says so itself.
    { driver: run('n'), toOrigin: run('n'), phase: 'busy' },
    {
      origin: wire(error('26000', 'prepared statement "n" does not exist'), ready()),
      toDriver: wire(error('26000', 'prepared statement "n" does not exist'), ready()),
      phase: 'done',
    },
  ],
});

scripted('an error at Sync itself, of a deferred constraint, is followed by ReadyForQuery', {
  steps: [
    { driver: UNNAMED, toOrigin: UNNAMED, phase: 'busy' },
    {
      origin: wire(PARSE_COMPLETE, BIND_COMPLETE, NO_DATA, complete('INSERT 0 1'), error('23503', 'fk')),
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, NO_DATA, complete('INSERT 0 1'), error('23503', 'fk')),
      phase: 'busy',
    },
    { origin: ready(), toDriver: ready(), phase: 'done' },
  ],
});

scripted('Sync alone, with no connection held, is answered without one', {
  steps: [
    { driver: SYNC, toDriver: ready(), on: 'none', phase: 'idle' },
    { driver: wire(SYNC, SYNC), toDriver: wire(ready(), ready()), on: 'none', phase: 'idle' },
  ],
});

const FUNCTION_RESULT = framed('V', [0, 0, 0, 1], '7'); // length of the result, result

scripted('FunctionCall is an exchange of its own, and may have changed the session', {
  steps: [
    { driver: FUNCTION_CALL, toOrigin: FUNCTION_CALL, phase: 'busy' },
    {
      origin: wire(FUNCTION_RESULT, ready()),
      toDriver: wire(FUNCTION_RESULT, ready()),
      phase: 'unsettled',
      settles: { rows: [], phase: 'done' },
    },
  ],
});

scripted('a FunctionCall that fails is answered at once, without Sync', {
  steps: [
    { driver: FUNCTION_CALL, toOrigin: FUNCTION_CALL, phase: 'busy' },
    {
      origin: wire(error('42883', 'no function'), ready()),
      toDriver: wire(error('42883', 'no function'), ready()),
      phase: 'unsettled',
      settles: { rows: [], phase: 'done' },
    },
  ],
});

scripted('the ReadyForQuery of a FunctionCall ends extended messages that came without Sync', {
  steps: [
    {
      driver: wire(parse('', 'select 1'), FUNCTION_CALL),
      toOrigin: wire(parse('', 'select 1'), FUNCTION_CALL),
      phase: 'busy',
    },
    {
      origin: wire(PARSE_COMPLETE, FUNCTION_RESULT, ready()),
      toDriver: wire(PARSE_COMPLETE, FUNCTION_RESULT, ready()),
      phase: 'unsettled',
      settles: { rows: [], phase: 'done' },
    },
  ],
});
