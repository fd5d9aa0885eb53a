/** A session of a caching config at the endpoint: flagged reads, writes and when they count, and what the edge is told. */
import type { CacheableRead } from '../../../src/protocols/caching.ts';
import type { Conversation } from '../../../src/protocols/contract.ts';
import {
  type EndpointNote,
  encodeEdgeNote,
  encodeEndpointNote,
} from '../../../src/protocols/mysql/link-notes.ts';
import { type FakeHooks, HIT, MISS } from '../postgres/fake-hooks.ts';
import { textOf, wire } from '../postgres/wire.ts';
import {
  err,
  execute,
  ok,
  prepare,
  prepared,
  query,
  reply,
  result,
  Status,
  type Step,
  scripted,
  variable,
} from './script.ts';

const SELECT = query('select 1');
const ROWS = reply(...result(['1', '2']));
const READ: CacheableRead = { wants: 'rows', key: 'select 1', textLength: 8, control: {} };
const FLAGGED = wire(encodeEdgeNote({ read: { read: READ, floor: 7, bytes: SELECT.length } }), SELECT);
const hit = (conversation: Conversation): void => conversation.answerRead({ body: ROWS }, HIT);
const miss = (conversation: Conversation, hooks: FakeHooks): void =>
  conversation.runRead(MISS, hooks.recording());
/** Number of the last packet of `ROWS`. */
const LAST = 6;

/** Behind a reply whose last packet has this number. */
const ending = (previous: number, taken: number, more: Partial<EndpointNote>): Uint8Array =>
  encodeEndpointNote({ taken, ...more }, previous);

/** One command that passes, and its reply with what the edge hears behind it. */
function exchange(
  driver: Uint8Array,
  said: Uint8Array,
  note: Uint8Array,
  phase: Step['phase'] = 'done',
): Step[] {
  return [
    { driver, toOrigin: driver, phase: 'busy' },
    { origin: said, toDriver: wire(said, note), phase },
  ];
}

const ZONE = query("set time_zone = '+02:00'");
const OK = reply(ok());
const OPEN = reply(ok({ status: Status.IN_TRANS | Status.AUTOCOMMIT }));

// --- a flagged read -------------------------------------------------------------------------------------------

scripted('a flagged read is answered without a connection', {
  steps: [
    {
      driver: FLAGGED,
      decides: hit,
      toDriver: wire(
        encodeEndpointNote({ reply: HIT }, 0),
        ROWS,
        ending(LAST, 1, { status: 'hit', at: 100, keeps: true }),
      ),
      phase: 'idle',
    },
  ],
  hears: ['hit'],
});

scripted('one that runs is recorded, and the edge hears first what it is', {
  steps: [
    { driver: FLAGGED, decides: miss, toOrigin: SELECT, phase: 'busy' },
    {
      origin: ROWS,
      toDriver: wire(
        encodeEndpointNote({ reply: MISS }, 0),
        ROWS,
        ending(LAST, 1, { status: 'miss', at: 100, keeps: true }),
      ),
      phase: 'done',
    },
  ],
  hears: [`recorded up to 100: ${textOf(ROWS)}`, 'miss'],
});

scripted('one that fails is not kept', {
  steps: [
    { driver: FLAGGED, decides: miss, toOrigin: SELECT, phase: 'busy' },
    {
      origin: reply(err(1146, '42S02', 'gone')),
      toDriver: wire(
        encodeEndpointNote({ reply: MISS }, 0),
        reply(err(1146, '42S02', 'gone')),
        ending(1, 1, { status: 'miss', at: 100 }),
      ),
      phase: 'lingering',
    },
  ],
  hears: ['abandoned', 'miss'],
});

scripted('in a transaction it runs as it is', {
  steps: [
    ...exchange(query('begin'), OPEN, ending(1, 1, { status: 'notaquery' }), 'in transaction'),
    { driver: FLAGGED, toOrigin: SELECT, phase: 'busy' },
    {
      origin: reply(...result(['1'], Status.IN_TRANS)),
      toDriver: wire(reply(...result(['1'], Status.IN_TRANS)), ending(5, 2, { status: 'transaction' })),
      phase: 'in transaction',
    },
    ...exchange(query('rollback'), OK, ending(1, 3, { status: 'transaction', at: 100 })),
  ],
  hears: ['notaquery', 'transaction', 'transaction'],
});

// --- writes ---------------------------------------------------------------------------------------------------

scripted('a write is announced before it leaves, and over before its driver hears of it', {
  steps: [
    { driver: query('insert into t'), toOrigin: query('insert into t'), phase: 'busy' },
    { call: (_, hooks) => hooks.heard.push(`${hooks.openTickets} open`), phase: 'busy' },
    {
      origin: OK,
      toDriver: wire(OK, ending(1, 1, { status: 'uncacheable', at: 101 })),
      phase: 'done',
    },
  ],
  hears: ['101 writes r1', '1 open', '101 committed', 'uncacheable'],
});

scripted('one that fails by itself has written nothing', {
  steps: exchange(
    query('insert into t'),
    reply(err(1062, '23000', 'twice')),
    ending(1, 1, { status: 'uncacheable', at: 101 }),
    'lingering',
  ),
  hears: ['101 writes r1', '101 rolled back', 'uncacheable'],
});

for (const [end, word] of [
  ['commit', 'committed'],
  ['rollback', 'rolled back'],
] as const)
  scripted(`in a transaction it counts with its end: ${end}`, {
    steps: [
      ...exchange(query('begin'), OPEN, ending(1, 1, { status: 'notaquery' }), 'in transaction'),
      ...exchange(query('insert into t'), OPEN, ending(1, 2, { status: 'transaction' }), 'in transaction'),
      ...exchange(query(end), OK, ending(1, 3, { status: 'transaction', at: 101 })),
    ],
    hears: ['notaquery', 'transaction', '101 writes r1', `101 ${word}`, 'transaction'],
  });

scripted('what is on its way when the connection breaks may be committed', {
  steps: [
    { driver: query('insert into t'), toOrigin: query('insert into t'), phase: 'busy' },
    {
      call: (conversation) => conversation.originLost(),
      toDriver: reply(
        err(
          1158,
          '08S01',
          'Lost connection to the origin during the query. (Its log may say why; connect again.)',
        ),
      ),
      phase: 'closed',
    },
  ],
  hears: ['101 writes r1', '101 committed', 'uncacheable'],
});

scripted('a prepared write counts each time that it is executed', {
  steps: [
    { driver: prepare('insert into t'), toOrigin: prepare('insert into t'), phase: 'busy' },
    {
      origin: reply(...prepared(30)),
      toDriver: wire(
        reply(...prepared(1)),
        ending(3, 1, { status: 'notaquery', at: 100, prepared: [1, 'insert into t', 0, ''] }),
      ),
      phase: 'done',
    },
    { driver: execute(1), toOrigin: execute(30), phase: 'busy' },
    { origin: OK, toDriver: wire(OK, ending(1, 2, { status: 'uncacheable', at: 101 })), phase: 'done' },
  ],
  hears: ['notaquery', '101 writes r1', '101 committed', 'uncacheable'],
});

// --- settings -------------------------------------------------------------------------------------------------

scripted('the edge hears of settings with the reply that changed them', {
  steps: [
    { driver: ZONE, toOrigin: ZONE, phase: 'busy' },
    {
      origin: reply(ok({ state: variable('time_zone', '+02:00') })),
      toDriver: wire(OK, ending(1, 1, { status: 'notaquery', at: 100, settings: { time_zone: '+02:00' } })),
      phase: 'done',
    },
  ],
  hears: ['notaquery'],
});
