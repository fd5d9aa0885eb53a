/** COPY in both directions, whole and broken off by either side. */
import {
  BIND_COMPLETE,
  bind,
  COPY_DONE,
  COPY_IN,
  COPY_OUT,
  complete,
  copyData,
  copyFail,
  error,
  execute,
  FLUSH,
  FUNCTION_CALL,
  fatal,
  ours,
  PARSE_COMPLETE,
  parse,
  query,
  ready,
  run,
  type Step,
  SYNC,
  scripted,
  TERMINATE,
} from './script.ts';
import { wire } from './wire.ts';

const COPY = query('copy t from stdin');
const BEGIN: Step[] = [
  { driver: COPY, toOrigin: COPY, phase: 'busy' },
  { origin: COPY_IN, toDriver: COPY_IN, phase: 'busy' },
];
const BEGIN_EXTENDED: Step[] = [
  {
    driver: wire(parse('', 'copy t from stdin'), bind('', ''), execute(''), FLUSH),
    toOrigin: wire(parse('', 'copy t from stdin'), bind('', ''), execute(''), FLUSH),
    phase: 'busy',
  },
  {
    origin: wire(PARSE_COMPLETE, BIND_COMPLETE, COPY_IN),
    toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, COPY_IN),
    phase: 'busy',
  },
];
const DATA = wire(copyData('1\n'), copyData('2\n'));

scripted('COPY in, simple', {
  steps: [
    ...BEGIN,
    { driver: DATA, toOrigin: DATA, phase: 'busy' },
    { driver: COPY_DONE, toOrigin: COPY_DONE, phase: 'busy' },
    {
      origin: wire(complete('COPY 2'), ready()),
      toDriver: wire(complete('COPY 2'), ready()),
      phase: 'done',
    },
  ],
});

scripted('COPY in, extended, with the Sync behind CopyDone', {
  steps: [
    ...BEGIN_EXTENDED,
    { driver: wire(DATA, COPY_DONE, SYNC), toOrigin: wire(DATA, COPY_DONE, SYNC), phase: 'busy' },
    {
      origin: wire(complete('COPY 2'), ready()),
      toDriver: wire(complete('COPY 2'), ready()),
      phase: 'done',
    },
  ],
});

scripted('COPY in, extended: the Sync sent before the origin said that it copies is swallowed', {
  steps: [
    {
      driver: wire(parse('', 'copy t from stdin'), run('')),
      toOrigin: wire(parse('', 'copy t from stdin'), run('')),
      phase: 'busy',
    },
    {
      origin: wire(PARSE_COMPLETE, BIND_COMPLETE, COPY_IN),
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, COPY_IN),
      phase: 'busy',
    },
    { driver: wire(DATA, COPY_DONE), toOrigin: wire(DATA, COPY_DONE), phase: 'busy' },
    { origin: complete('COPY 2'), toDriver: complete('COPY 2'), phase: 'in transaction' },
    { driver: SYNC, toOrigin: SYNC, phase: 'busy' },
    { origin: ready(), toDriver: ready(), phase: 'done' },
  ],
});

scripted('Sync and Flush during COPY pass and are not answered', {
  steps: [
    ...BEGIN,
    {
      driver: wire(copyData('1\n'), SYNC, FLUSH),
      toOrigin: wire(copyData('1\n'), SYNC, FLUSH),
      phase: 'busy',
    },
    { driver: COPY_DONE, toOrigin: COPY_DONE, phase: 'busy' },
    {
      origin: wire(complete('COPY 1'), ready()),
      toDriver: wire(complete('COPY 1'), ready()),
      phase: 'done',
    },
  ],
});

const FAILED = error('57014', 'COPY from stdin failed: no');

scripted('CopyFail, simple', {
  steps: [
    ...BEGIN,
    {
      driver: wire(copyData('1\n'), copyFail('no')),
      toOrigin: wire(copyData('1\n'), copyFail('no')),
      phase: 'busy',
    },
    { origin: wire(FAILED, ready()), toDriver: wire(FAILED, ready()), phase: 'done' },
  ],
});

scripted('CopyFail, extended: the origin skips to Sync', {
  steps: [
    ...BEGIN_EXTENDED,
    { driver: copyFail('no'), toOrigin: copyFail('no'), phase: 'busy' },
    { origin: FAILED, toDriver: FAILED, phase: 'in transaction' },
    { driver: wire(execute(''), SYNC), toOrigin: SYNC, phase: 'busy' },
    { origin: ready(), toDriver: ready(), phase: 'done' },
  ],
});

const BAD_ROW = error('22P02', 'invalid input syntax');

scripted('a server error in mid-COPY, simple: what the driver still copies is dropped', {
  steps: [
    ...BEGIN,
    { driver: copyData('x\n'), toOrigin: copyData('x\n'), phase: 'busy' },
    { origin: wire(BAD_ROW, ready()), toDriver: wire(BAD_ROW, ready()), phase: 'done' },
    { driver: wire(DATA, COPY_DONE), phase: 'idle' },
    { driver: wire(DATA, copyFail('no'), query('')), toOrigin: query(''), phase: 'busy' },
  ],
});

scripted('a server error in mid-COPY, extended: everything up to Sync is dropped', {
  steps: [
    ...BEGIN_EXTENDED,
    { driver: copyData('x\n'), toOrigin: copyData('x\n'), phase: 'busy' },
    { origin: BAD_ROW, toDriver: BAD_ROW, phase: 'in transaction' },
    { driver: wire(DATA, COPY_DONE, SYNC), toOrigin: SYNC, phase: 'busy' },
    { origin: ready(), toDriver: ready(), phase: 'done' },
  ],
});

const HALF = copyData('0123456789').subarray(0, 9);
const OTHER_HALF = copyData('0123456789').subarray(9);

scripted('a server error while a CopyData is half sent: its rest still goes out, the next one does not', {
  steps: [
    ...BEGIN,
    { driver: HALF, toOrigin: HALF, phase: 'busy' },
    { origin: wire(BAD_ROW, ready()), toDriver: wire(BAD_ROW, ready()), phase: 'in transaction' },
    { driver: wire(OTHER_HALF, DATA), toOrigin: OTHER_HALF, phase: 'done' },
  ],
});

scripted('the same, extended', {
  steps: [
    ...BEGIN_EXTENDED,
    { driver: HALF, toOrigin: HALF, phase: 'busy' },
    { origin: BAD_ROW, toDriver: BAD_ROW, phase: 'in transaction' },
    { driver: wire(OTHER_HALF, DATA, SYNC), toOrigin: wire(OTHER_HALF, SYNC), phase: 'busy' },
    { origin: ready(), toDriver: ready(), phase: 'done' },
  ],
});

scripted('COPY out', {
  steps: [
    { driver: query('copy t to stdout'), toOrigin: query('copy t to stdout'), phase: 'busy' },
    {
      origin: wire(COPY_OUT, DATA, COPY_DONE, complete('COPY 2'), ready()),
      toDriver: wire(COPY_OUT, DATA, COPY_DONE, complete('COPY 2'), ready()),
      phase: 'done',
    },
  ],
});

scripted('COPY out, extended, broken off by an error', {
  steps: [
    {
      driver: wire(parse('', 'copy t to stdout'), run('')),
      toOrigin: wire(parse('', 'copy t to stdout'), run('')),
      phase: 'busy',
    },
    {
      origin: wire(PARSE_COMPLETE, BIND_COMPLETE, COPY_OUT, DATA, BAD_ROW, ready()),
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, COPY_OUT, DATA, BAD_ROW, ready()),
      phase: 'done',
    },
  ],
});

scripted('two COPYs in one simple query', {
  steps: [
    {
      driver: query('copy t from stdin; copy t from stdin'),
      toOrigin: query('copy t from stdin; copy t from stdin'),
      phase: 'busy',
    },
    { origin: COPY_IN, toDriver: COPY_IN, phase: 'busy' },
    { driver: wire(DATA, COPY_DONE), toOrigin: wire(DATA, COPY_DONE), phase: 'busy' },
    {
      origin: wire(complete('COPY 2'), COPY_IN),
      toDriver: wire(complete('COPY 2'), COPY_IN),
      phase: 'busy',
    },
    { driver: wire(DATA, COPY_DONE), toOrigin: wire(DATA, COPY_DONE), phase: 'busy' },
    {
      origin: wire(complete('COPY 2'), ready()),
      toDriver: wire(complete('COPY 2'), ready()),
      phase: 'done',
    },
  ],
});

scripted('a driver that sends its data before it hears CopyInResponse is done with COPY afterwards', {
  steps: [
    { driver: wire(COPY, DATA, COPY_DONE), toOrigin: wire(COPY, DATA, COPY_DONE), phase: 'busy' },
    {
      origin: wire(COPY_IN, complete('COPY 2'), ready()),
      toDriver: wire(COPY_IN, complete('COPY 2'), ready()),
      phase: 'done',
    },
    { driver: query(''), toOrigin: query(''), phase: 'busy' },
  ],
});

for (const [name, bytes, type] of [
  ['Query', query('select 1'), '51'],
  ['Parse', parse('', ''), '50'],
  ['Bind', bind('', ''), '42'],
  ['FunctionCall', FUNCTION_CALL, '46'],
] as const)
  scripted(`${name} during COPY in breaks the protocol`, {
    steps: [
      ...BEGIN,
      {
        driver: bytes,
        toDriver: ours('FATAL', '08P01', `unexpected message type 0x${type} during COPY from stdin`),
        phase: 'closed',
      },
    ],
  });

scripted('a driver that leaves in mid-COPY, simple: the origin is told, and the connection saved', {
  steps: [
    ...BEGIN,
    { driver: DATA, toOrigin: DATA, phase: 'busy' },
    { driver: TERMINATE, phase: 'closed' },
    {
      call: (conversation) => conversation.driverLeft(),
      toOrigin: copyFail('the driver left'),
      phase: 'busy',
    },
    { origin: wire(FAILED, ready()), phase: 'done' },
  ],
});

scripted('a driver that leaves in mid-COPY, extended: the origin is told, with a Sync behind', {
  steps: [
    ...BEGIN_EXTENDED,
    { driver: DATA, toOrigin: DATA, phase: 'busy' },
    {
      call: (conversation) => conversation.driverLeft(),
      toOrigin: wire(copyFail('the driver left'), SYNC),
      phase: 'busy',
    },
    { origin: wire(FAILED, ready()), phase: 'done' },
  ],
});

scripted('a driver that leaves before the origin says that it copies: the origin is told when it does', {
  steps: [
    { driver: COPY, toOrigin: COPY, phase: 'busy' },
    { call: (conversation) => conversation.driverLeft(), phase: 'busy' },
    { origin: COPY_IN, toOrigin: copyFail('the driver left'), phase: 'busy' },
    { origin: wire(FAILED, ready()), phase: 'done' },
  ],
});

scripted('the same, extended: the Sync that was swallowed is sent again', {
  steps: [
    {
      driver: wire(parse('', 'copy t from stdin'), run('')),
      toOrigin: wire(parse('', 'copy t from stdin'), run('')),
      phase: 'busy',
    },
    { call: (conversation) => conversation.driverLeft(), phase: 'busy' },
    {
      origin: wire(PARSE_COMPLETE, BIND_COMPLETE, COPY_IN),
      toOrigin: wire(copyFail('the driver left'), SYNC),
      phase: 'busy',
    },
    { origin: wire(FAILED, ready()), phase: 'done' },
  ],
});

scripted('the origin says FATAL in mid-COPY', {
  steps: [
    ...BEGIN,
    {
      origin: fatal('57P01', 'terminating connection'),
      toDriver: fatal('57P01', 'terminating connection'),
      phase: 'closed',
    },
  ],
});

scripted('an exchange pipelined behind a COPY is an error of the COPY; the Sync behind that error counts', {
  steps: [
    {
      driver: wire(parse('', 'copy t from stdin'), run(''), parse('', 'select 1'), run('')),
      toOrigin: wire(parse('', 'copy t from stdin'), run(''), parse('', 'select 1'), run('')),
      phase: 'busy',
    },
    {
      origin: wire(PARSE_COMPLETE, BIND_COMPLETE, COPY_IN, error('08P01', 'unexpected'), ready()),
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, COPY_IN, error('08P01', 'unexpected'), ready()),
      phase: 'done',
    },
  ],
});
