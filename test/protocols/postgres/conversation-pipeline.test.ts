/** Pipelines in which a later exchange depends on how an earlier one ends. */
import {
  BIND_COMPLETE,
  bind,
  CLOSE_COMPLETE,
  close,
  complete,
  error,
  execute,
  PARSE_COMPLETE,
  parse,
  query,
  ready,
  run,
  type Step,
  SYNC,
  scripted,
} from './script.ts';
import { wire } from './wire.ts';

const prepares = (name: string, sql: string, origin: string): Step[] => [
  { driver: wire(parse(name, sql), SYNC), toOrigin: wire(parse(origin, sql), SYNC), phase: 'busy' },
  { origin: wire(PARSE_COMPLETE, ready()), toDriver: wire(PARSE_COMPLETE, ready()), phase: 'done' },
];
const SACRIFICED = [CLOSE_COMPLETE, PARSE_COMPLETE];

scripted(
  "an unnamed statement whose Parse may fail is not bound before that is known: it may be another driver's",
  {
    steps: [
      {
        who: 'b',
        driver: wire(parse('', 'secret'), SYNC),
        toOrigin: wire(parse('', 'secret'), SYNC),
        phase: 'busy',
      },
      {
        who: 'b',
        origin: wire(PARSE_COMPLETE, ready()),
        toDriver: wire(PARSE_COMPLETE, ready()),
        phase: 'done',
      },
      {
        driver: wire(parse('', 'bad'), parse('', 'mine'), SYNC, run('')),
        toOrigin: wire(parse('', 'bad'), parse('', 'mine'), SYNC),
        phase: 'busy',
      },
      {
        origin: wire(error('42601', 'bad'), ready()),
        toOrigin: wire(close('S', ''), run('')),
        toDriver: wire(error('42601', 'bad'), ready()),
        phase: 'busy',
      },
      {
        origin: wire(CLOSE_COMPLETE, error('26000', 'none'), ready()),
        toDriver: wire(error('26000', 'none'), ready()),
        phase: 'done',
      },
    ],
  },
);

scripted('after DISCARD ALL in a pipeline a statement is prepared again, whatever it is called', {
  steps: [
    ...prepares('x', 'select 1', 'wp_1'),
    {
      driver: wire(query('discard all'), parse('x', 'select 1'), bind('', 'x'), execute(''), SYNC),
      toOrigin: query('discard all'),
      phase: 'busy',
    },
    {
      origin: wire(complete('DISCARD ALL'), ready()),
      toOrigin: wire(parse('wp_1', 'select 1'), bind('', 'wp_1'), execute(''), SYNC),
      toDriver: wire(complete('DISCARD ALL'), ready()),
      phase: 'busy',
    },
    {
      origin: wire(PARSE_COMPLETE, BIND_COMPLETE, complete('SELECT 1'), ready()),
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, complete('SELECT 1'), ready()),
      phase: 'unsettled',
      settles: { rows: [], phase: 'done' },
    },
  ],
});

scripted('a name whose Parse failed can be used again in the same pipeline', {
  steps: [
    {
      driver: wire(parse('n', 'bad'), SYNC, parse('n', 'good'), SYNC),
      toOrigin: wire(parse('wp_1', 'bad'), SYNC),
      phase: 'busy',
    },
    {
      origin: wire(error('42601', 'bad'), ready()),
      toOrigin: wire(parse('wp_2', 'good'), SYNC),
      toDriver: wire(error('42601', 'bad'), ready()),
      phase: 'busy',
    },
    { origin: wire(PARSE_COMPLETE, ready()), toDriver: wire(PARSE_COMPLETE, ready()), phase: 'done' },
  ],
});

scripted('two statements can be deallocated in one text', {
  steps: [
    ...prepares('x', 'select 1', 'wp_1'),
    ...prepares('y', 'select 2', 'wp_2'),
    {
      driver: query('deallocate x; deallocate y'),
      toOrigin: wire(
        close('S', 'wp_gone'),
        parse('wp_gone', ''),
        close('S', 'wp_gone_1'),
        parse('wp_gone_1', ''),
        query('deallocate wp_gone; deallocate wp_gone_1'),
      ),
      phase: 'busy',
    },
    {
      origin: wire(...SACRIFICED, ...SACRIFICED, complete('DEALLOCATE'), complete('DEALLOCATE'), ready()),
      toDriver: wire(complete('DEALLOCATE'), complete('DEALLOCATE'), ready()),
      phase: 'unsettled',
      settles: { rows: [], phase: 'done' },
    },
  ],
});

scripted('DEALLOCATE in a failed transaction keeps the statement', {
  steps: [
    ...prepares('x', 'select 1', 'wp_1'),
    { driver: query('begin; boom'), toOrigin: query('begin; boom'), phase: 'busy' },
    {
      origin: wire(error('42601', 'boom'), ready('E')),
      toDriver: wire(error('42601', 'boom'), ready('E')),
      phase: 'in transaction',
    },
    { driver: query('deallocate x'), toOrigin: query('deallocate x'), phase: 'busy' },
    {
      origin: wire(error('25P02', 'aborted'), ready('E')),
      toDriver: wire(error('25P02', 'aborted'), ready('E')),
      phase: 'in transaction',
    },
    { driver: query('rollback'), toOrigin: query('rollback'), phase: 'busy' },
    { origin: ready(), toDriver: ready(), phase: 'unsettled', settles: { rows: [], phase: 'done' } },
    { driver: run('x'), toOrigin: run('wp_1'), phase: 'busy' },
  ],
});

scripted('a Parse alone of a statement that an origin has prepared needs no connection, of any driver', {
  steps: [
    ...prepares('x', 'select 1', 'wp_1'),
    {
      who: 'b',
      driver: wire(parse('mine', 'select 1'), SYNC),
      toDriver: wire(PARSE_COMPLETE, ready()),
      phase: 'idle',
    },
    // With more behind it than Sync it goes the usual way.
    {
      driver: wire(parse('y', 'select 1'), bind('', 'y'), execute(''), SYNC),
      toOrigin: wire(bind('', 'wp_1'), execute(''), SYNC),
      phase: 'busy',
    },
    {
      origin: wire(BIND_COMPLETE, complete('SELECT 1'), ready()),
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, complete('SELECT 1'), ready()),
      phase: 'done',
    },
    // After a table changed nothing is known to be valid.
    { driver: query('alter table t add c int'), toOrigin: query('alter table t add c int'), phase: 'busy' },
    {
      origin: wire(complete('ALTER TABLE'), ready()),
      toDriver: wire(complete('ALTER TABLE'), ready()),
      phase: 'done',
    },
    {
      who: 'b',
      driver: wire(parse('again', 'select 1'), SYNC),
      toOrigin: wire(parse('wp_2', 'select 1'), SYNC),
      phase: 'busy',
    },
  ],
});

scripted('what is held goes on when the earlier exchange has ended, though more is owed', {
  steps: [
    {
      driver: wire(parse('a', 'bad'), SYNC, parse('b', 'select 2'), parse('a', 'select 1'), SYNC),
      toOrigin: wire(parse('wp_1', 'bad'), SYNC, parse('wp_2', 'select 2')),
      phase: 'busy',
    },
    {
      origin: wire(error('42601', 'bad'), ready()),
      toOrigin: wire(parse('wp_3', 'select 1'), SYNC),
      toDriver: wire(error('42601', 'bad'), ready()),
      phase: 'busy',
    },
    {
      origin: wire(PARSE_COMPLETE, PARSE_COMPLETE, ready()),
      toDriver: wire(PARSE_COMPLETE, PARSE_COMPLETE, ready()),
      phase: 'done',
    },
  ],
});
