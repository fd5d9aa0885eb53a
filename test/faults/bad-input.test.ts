/** Whatever a driver says, it hears an ErrorResponse and then a close, in bounded time, and nobody else notices. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { failureOf, firstValue, openDriver } from './drivers.ts';
import { logIn } from './login.ts';
import { type Answer, int32, message, messagesOf, packet, startup, Wire } from './wire.ts';

const V3_0 = 0x30000;
const V3_2 = 0x30002;
const SSL_REQUEST = packet(int32(80877103));
const GSSENC_REQUEST = packet(int32(80877104));
const WAIT_MS = 5_000;
/** Of the edge: from the first byte to the end of the login. */
const LOGIN_MS = 15_000;
const GIBIBYTE = 2 ** 30;

let harness: Harness;
let target: Target;
/** Works all the while. */
let bystander: Client;
/** Begun first, looked at last: it takes the whole login limit. */
let slowLogins: Promise<Answer[]>;

beforeAll(async () => {
  harness = await startHarness();
  target = await harness.createTarget({ config: { origin_connection_limit: 2 } });
  slowLogins = logInSlowly();
  bystander = await openDriver(target.pooled);
  await bystander.query(`set app.tenant = 'bystander'`);
});

afterAll(async () => {
  try {
    await bystander.end();
  } finally {
    await harness.stop();
  }
});

afterEach(async () => {
  expect(await firstValue(bystander, `select current_setting('app.tenant')`)).toBe('bystander');
});

describe('before the login', () => {
  const login = (pairs: Record<string, string> = {}): Record<string, string> => ({
    user: 'app',
    database: target.name,
    ...pairs,
  });
  const cases: { says: string; bytes: () => Uint8Array; sqlState: string; text: RegExp }[] = [
    {
      says: 'garbage',
      bytes: () => Buffer.from('\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8', 'latin1'),
      sqlState: '08P01',
      text: /length/,
    },
    {
      says: 'an HTTP request',
      bytes: () => Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
      sqlState: '08P01',
      text: /length/,
    },
    {
      says: 'a TLS ClientHello',
      bytes: () => Buffer.from('16030100c8010000c40303', 'hex'),
      sqlState: '08P01',
      text: /length/,
    },
    { says: 'length 0', bytes: () => int32(0), sqlState: '08P01', text: /length/ },
    {
      says: 'length 7',
      bytes: () => Buffer.concat([int32(7), Buffer.alloc(3)]),
      sqlState: '08P01',
      text: /length/,
    },
    { says: 'length -1', bytes: () => int32(-1), sqlState: '08P01', text: /length/ },
    {
      says: 'a length of 1 GiB',
      bytes: () => Buffer.concat([int32(GIBIBYTE), int32(V3_0)]),
      sqlState: '08P01',
      text: /length/,
    },
    {
      says: 'a startup packet over 10 kB',
      bytes: () => startup(V3_0, login({ application_name: 'x'.repeat(10_000) })),
      sqlState: '08P01',
      text: /length/,
    },
    {
      says: 'no user',
      bytes: () => startup(V3_0, { database: target.name }),
      sqlState: '28000',
      text: /no PostgreSQL user name/,
    },
    {
      says: 'no terminator',
      bytes: () => packet(int32(V3_0), 'user\0app\0'),
      sqlState: '08P01',
      text: /terminator/,
    },
    { says: 'protocol 2.0', bytes: () => startup(0x20000, login()), sqlState: '0A000', text: /2\.0/ },
    { says: 'protocol 4.0', bytes: () => startup(0x40000, login()), sqlState: '0A000', text: /4\.0/ },
    {
      says: 'a replication startup',
      bytes: () => startup(V3_0, login({ replication: 'database' })),
      sqlState: '0A000',
      text: /replication/,
    },
    {
      says: 'two SSLRequests',
      bytes: () => Buffer.concat([SSL_REQUEST, SSL_REQUEST]),
      sqlState: '0A000',
      text: /unsupported/,
    },
    {
      says: 'a cancel request without a key',
      bytes: () => packet(int32(80877102)),
      sqlState: '08P01',
      text: /cancel/,
    },
    {
      says: 'a query instead of the password',
      bytes: () => Buffer.concat([startup(V3_0, login()), message('Q', 'select 1\0')]),
      sqlState: '08P01',
      text: /SASL/,
    },
    {
      says: 'a password message of 1 GiB',
      bytes: () => Buffer.concat([startup(V3_0, login()), Buffer.from('p'), int32(GIBIBYTE)]),
      sqlState: '08P01',
      text: /length/,
    },
    {
      says: 'a wrong mechanism',
      bytes: () => Buffer.concat([startup(V3_0, login()), message('p', 'PLAIN\0', int32(0))]),
      sqlState: '08P01',
      text: /mechanism/,
    },
    {
      says: 'a plain password',
      bytes: () => Buffer.concat([startup(V3_0, login()), message('p', 'secret\0')]),
      sqlState: '08P01',
      text: /./,
    },
  ];

  test.each(cases)('$says: $sqlState', async ({ bytes, sqlState, text }) => {
    const wire = await Wire.open(harness.warmpool.postgresPort);
    wire.send(bytes());
    const answer = await wire.answer(WAIT_MS);
    expect(statesOf(answer)).toEqual([sqlState]);
    expect(lastText(answer)).toMatch(text);
  });

  test('SSLRequest and GSSENCRequest are refused with N, and the login goes on', async () => {
    const wire = await Wire.open(harness.warmpool.postgresPort);
    wire.send(GSSENC_REQUEST);
    await wire.hear((heard) => heard.toString() === 'N', WAIT_MS);
    wire.send(SSL_REQUEST);
    await wire.hear((heard) => heard.toString() === 'NN', WAIT_MS);
    wire.send(startup(V3_0, login()));
    await wire.hear((heard) => heard.toString().includes('SCRAM-SHA-256'), WAIT_MS);
    wire.socket.destroy();
  });

  test('a cancel request with a key that nobody has closes without a word', async () => {
    const wire = await Wire.open(harness.warmpool.postgresPort);
    wire.send(packet(int32(80877102), int32(1), int32(2)));
    expect((await wire.answer(WAIT_MS)).bytes).toHaveLength(0);
  });

  test('half a startup packet and then the end closes', async () => {
    const wire = await Wire.open(harness.warmpool.postgresPort);
    wire.send(startup(V3_0, login()).subarray(0, 20));
    wire.socket.end();
    expect((await wire.answer(WAIT_MS)).bytes).toHaveLength(0);
  });
});

describe('who may not come in', () => {
  const refused: { who: string; change: (url: URL) => void; code: string }[] = [
    {
      who: 'an unknown config',
      change: (url) => {
        url.pathname = '/nobody_made_this';
      },
      code: '28P01',
    },
    {
      who: 'an unknown user',
      change: (url) => {
        url.username = 'stranger';
      },
      code: '28P01',
    },
    {
      who: 'a wrong password',
      change: (url) => {
        url.password = 'wrong';
      },
      code: '28P01',
    },
    {
      who: 'a bad setting',
      change: (url) => {
        url.searchParams.set('options', '-c work_mem=tiny');
      },
      code: '22023',
    },
    {
      who: 'an unknown setting',
      change: (url) => {
        url.searchParams.set('options', '-c nonsense=1');
      },
      code: '42704',
    },
  ];

  test.each(refused)('$who: $code', async ({ change, code }) => {
    const url = new URL(target.pooled);
    change(url);
    expect((await failureOf(openDriver(url.href))).code).toBe(code);
  });
});

describe('protocol versions', () => {
  test('3.2 gets a cancel key of 32 bytes, and it cancels', async () => {
    const wire = await logIn({ url: target.pooled, version: V3_2 });
    const key = messagesOf(wire.heard).find(({ type }) => type === 'K')?.body ?? Buffer.alloc(0);
    expect(key).toHaveLength(4 + 32);
    expect(messagesOf(wire.heard).some(({ type }) => type === 'v')).toBe(false);
    await cancelRunning(wire, key);
  });

  test('3.0 gets a cancel key of 4 bytes, and it cancels', async () => {
    const wire = await logIn({ url: target.pooled });
    const key = messagesOf(wire.heard).find(({ type }) => type === 'K')?.body ?? Buffer.alloc(0);
    expect(key).toHaveLength(4 + 4);
    await cancelRunning(wire, key);
  });

  test('3.9999 and unknown protocol options are negotiated down to 3.2', async () => {
    const wire = await logIn({ url: target.pooled, version: 0x3270f, pairs: { '_pq_.none': 'x' } });
    const [first] = messagesOf(wire.heard);
    expect(first?.type).toBe('v');
    expect(first?.body).toEqual(Buffer.concat([int32(V3_2), int32(1), Buffer.from('_pq_.none\0')]));
    wire.socket.destroy();
  });
});

describe('after the login', () => {
  const cases: { says: string; bytes: Uint8Array; sqlState: string }[] = [
    { says: 'garbage', bytes: Buffer.alloc(100, 0xff), sqlState: '08P01' },
    { says: 'an unknown message', bytes: message('!'), sqlState: '08P01' },
    { says: 'a second password', bytes: message('p', 'again\0'), sqlState: '08P01' },
    { says: 'length 3', bytes: Buffer.concat([Buffer.from('Q'), int32(3)]), sqlState: '08P01' },
    { says: 'length -1', bytes: Buffer.concat([Buffer.from('Q'), int32(-1)]), sqlState: '08P01' },
    {
      says: 'a query of 1 GiB',
      bytes: Buffer.concat([Buffer.from('Q'), int32(GIBIBYTE - 1)]),
      sqlState: '54000',
    },
    { says: 'a query without its zero byte', bytes: message('Q', 'select 1'), sqlState: '08P01' },
    { says: 'a Parse without strings', bytes: message('P', 'abc'), sqlState: '08P01' },
    { says: 'a Bind without strings', bytes: message('B', 'abc'), sqlState: '08P01' },
    { says: 'a Sync of 1 MiB', bytes: Buffer.concat([Buffer.from('S'), int32(2 ** 20)]), sqlState: '54000' },
    {
      says: 'a query inside COPY',
      bytes: Buffer.concat([message('Q', 'copy (select 1) to stdout; copy bad_input from stdin\0')]),
      sqlState: '08P01',
    },
  ];

  beforeAll(() => harness.ask(target, 'create table bad_input (n int)'));

  test.each(cases)('$says: $sqlState', async ({ says, bytes, sqlState }) => {
    const wire = await logIn({ url: target.pooled });
    wire.send(bytes);
    if (says === 'a query inside COPY') {
      await wire.hear((heard) => messagesOf(heard).some(({ type }) => type === 'G'), WAIT_MS);
      wire.send(message('Q', 'select 1\0'));
    }
    const answer = await wire.answer(WAIT_MS);
    expect(answer.sqlStates).toEqual([sqlState]);
  });

  test.each([
    { says: 'Execute of nothing', bytes: [message('E', '\0', int32(0)), message('S')], sqlState: '34000' },
    {
      says: 'Bind of an unknown statement',
      bytes: [message('B', '\0nothing\0', Buffer.alloc(6)), message('S')],
      sqlState: '26000',
    },
    {
      says: 'Describe of an unknown portal',
      bytes: [message('D', 'Pnothing\0'), message('S')],
      sqlState: '34000',
    },
    { says: 'Describe of nonsense', bytes: [message('D', 'Xnothing\0'), message('S')], sqlState: '08P01' },
    {
      says: 'a Bind with wrong counts',
      bytes: [
        message('P', '\0select 1\0', Buffer.alloc(2)),
        message('B', '\0\0', Buffer.alloc(3)),
        message('S'),
      ],
      sqlState: '08P01',
    },
  ])('$says: $sqlState from the origin, and the session goes on', async ({ bytes, sqlState }) => {
    const wire = await logIn({ url: target.pooled });
    await exchange(wire, ...bytes);
    await exchange(wire, message('Q', `select 'still here'\0`));
    wire.send(message('X'));
    const answer = await wire.answer(WAIT_MS);
    expect(answer.sqlStates).toEqual([sqlState]);
    expect(answer.bytes.toString()).toContain('still here');
  });

  test('CopyData and Sync out of order are ignored, as by a server', async () => {
    const wire = await logIn({ url: target.pooled });
    await exchange(wire, message('d', 'nothing'), message('c'), message('f', 'no\0'), message('S'));
    await exchange(wire, message('Q', `select 'here'\0`));
    wire.send(message('X'));
    const answer = await wire.answer(WAIT_MS);
    expect(answer.sqlStates).toEqual([]);
    expect(answer.bytes.toString()).toContain('here');
  });
});

test('whoever connects and says nothing, or trickles, hears 57014 at the login limit', async () => {
  for (const answer of await slowLogins) {
    expect(answer.sqlStates).toEqual(['57014']);
    expect(answer.tookMs).toBeGreaterThan(LOGIN_MS - 1_000);
    expect(answer.tookMs).toBeLessThan(LOGIN_MS + WAIT_MS);
  }
});

/** Two logins that never come to an end by themselves. */
async function logInSlowly(): Promise<Answer[]> {
  const port = harness.warmpool.postgresPort;
  const [silent, slow] = await Promise.all([Wire.open(port), Wire.open(port)]);
  const bytes = startup(V3_0, { user: 'app', database: target.name, application_name: 'x'.repeat(5_000) });
  let at = 0;
  const trickle = setInterval(() => {
    slow.send(bytes.subarray(at, at + 10));
    at += 10;
  }, 100);
  try {
    return await Promise.all([silent.answer(2 * LOGIN_MS), slow.answer(2 * LOGIN_MS)]);
  } finally {
    clearInterval(trickle);
  }
}

/** Sends, and waits for one ReadyForQuery more. */
async function exchange(wire: Wire, ...parts: Uint8Array[]): Promise<void> {
  const before = wire.heard.length;
  wire.send(...parts);
  const isReady = (heard: Buffer): boolean =>
    messagesOf(heard.subarray(before)).some(({ type }) => type === 'Z');
  await wire.hear(isReady, WAIT_MS);
}

/** Sends a query that sleeps, cancels it on another connection, and hears 57014. */
async function cancelRunning(wire: Wire, key: Buffer): Promise<void> {
  wire.send(message('Q', 'select pg_sleep(60)\0'));
  const isRunning = `select count(*) from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'`;
  while ((await firstValue(bystander, isRunning)) === '0') await sleep(20);
  const canceller = await Wire.open(harness.warmpool.postgresPort);
  canceller.send(packet(int32(80877102), key));
  await wire.hear((heard) => heard.toString().includes('57014'), WAIT_MS);
  wire.send(message('X'));
  expect((await wire.answer(WAIT_MS)).sqlStates).toEqual(['57014']);
}

/** An answer N to a request for encryption stands in front of the messages and is none. */
function errorsOf({ bytes }: Answer): Buffer {
  return bytes[0] === 0x4e ? bytes.subarray(1) : bytes;
}

function statesOf(answer: Answer): string[] {
  return messagesOf(errorsOf(answer))
    .filter(({ type }) => type === 'E')
    .map(({ body }) => /\0C(\w{5})\0/.exec(body.toString())?.[1] ?? '');
}

function lastText(answer: Answer): string {
  const last = messagesOf(errorsOf(answer)).at(-1)?.body.toString() ?? '';
  return /\0M([^\0]*)\0/.exec(last)?.[1] ?? '';
}
