import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DriverStep, Identity } from '../../../src/protocols/driver-login.ts';
import { DriverHandshakeMachine } from '../../../src/protocols/postgres/driver-side.ts';
import { decodeErrorFields } from '../../../src/protocols/postgres/errors.ts';
import { makeVerifier } from '../../../src/protocols/postgres/scram.ts';
import { ScramClient } from '../../../src/protocols/postgres/scram-client.ts';
import { COUNTING, cuttings, framed, textOf, wire } from './wire.ts';

const SSL_REQUEST = wire([0, 0, 0, 8], [4, 210, 22, 47]);
const GSSENC_REQUEST = wire([0, 0, 0, 8], [4, 210, 22, 48]);
const STARTUP = wire(
  [0, 0, 0, 31], // length
  [0, 3, 0, 0], // version 3.0
  'user\0al\0',
  'database\0shop\0',
  [0], // terminator
);
const STARTUP_3_2 = wire([0, 0, 0, 31], [0, 3, 0, 2], 'user\0al\0', 'database\0shop\0', [0]);

const IDENTITY: Identity = {
  facts: { serverVersion: '18.4', parameters: { server_version: '18.4', TimeZone: 'UTC' } },
  database: 'shop',
  verifier: makeVerifier({ token: 'secret', salt: new Uint8Array(16) }),
  cancelRoute: 0xabcde,
};

// COUNTING gives the nonce bytes 0 to 17, the process id's random bits from 18 and 19, the secret from 20 on.
// 0xabcde << 11 is 0x55e6f000; the low 11 bits of 0x1213 are 0x213.
const PROCESS_ID = [0x55, 0xe6, 0xf2, 0x13];

const WELCOME = wire(
  wire('R', [0, 0, 0, 8], [0, 0, 0, 0]), // AuthenticationOk
  wire('S', [0, 0, 0, 24], 'server_version\0', '18.4\0'), // ParameterStatus
  wire('S', [0, 0, 0, 17], 'TimeZone\0', 'UTC\0'), // ParameterStatus
  wire('K', [0, 0, 0, 12], PROCESS_ID, [20, 21, 22, 23]), // BackendKeyData
  wire('Z', [0, 0, 0, 5], 'I'), // ReadyForQuery
);

const SASL_REQUEST = wire(
  'R', // type
  [0, 0, 0, 23], // length
  [0, 0, 0, 10], // AuthenticationSASL
  'SCRAM-SHA-256\0', // mechanism
  [0], // end of mechanisms
);

function machine(
  options: { passwordNeeded: boolean; offersTls?: boolean; tlsEndPoint?: Uint8Array } = {
    passwordNeeded: false,
  },
): DriverHandshakeMachine {
  const rest = { offersTls: false, random: COUNTING, decoySecret: wire('decoy') };
  return new DriverHandshakeMachine({ ...rest, ...options });
}

/** Feeds all chunks; the result is the first step that is not `read`, with all that was sent up to the end. */
function feed(handshake: DriverHandshakeMachine, chunks: readonly Uint8Array[]): DriverStep {
  let result: DriverStep = { step: 'read', send: wire() };
  let sent = wire();
  for (const chunk of chunks) {
    const step = handshake.receive(chunk);
    if ('send' in step) sent = wire(sent, step.send);
    if (result.step === 'read') result = step;
  }
  return 'send' in result ? { ...result, send: sent } : result;
}

function sentBy(step: DriverStep): Uint8Array {
  return 'send' in step ? step.send : wire();
}

/** The fields of the ErrorResponse that ends what was sent. */
function errorIn(step: DriverStep): ReturnType<typeof decodeErrorFields> {
  expect(step.step).toBe('close');
  const sent = sentBy(step);
  return decodeErrorFields(sent.subarray(textOf(sent).lastIndexOf('SFATAL')));
}

/** A whole login with a password; `cut` cuts each message of the driver. */
function logIn(options: {
  startup?: Uint8Array;
  identity?: Identity | undefined;
  password?: string;
  cut?: (bytes: Uint8Array) => Uint8Array[];
}): { sent: Uint8Array[]; last: DriverStep } {
  const { startup = STARTUP, password = 'secret', cut = (bytes) => [bytes] } = options;
  const identity = 'identity' in options ? options.identity : IDENTITY;
  const handshake = machine({ passwordNeeded: true });
  const driver = new ScramClient({ password, nonce: 'abc' });
  const identify = feed(handshake, cut(startup));
  const asked = handshake.identified(identity);
  const initial = framed('p', 'SCRAM-SHA-256\0', [0, 0, 0, 11], driver.begin());
  const continued = feed(handshake, cut(initial));
  const final = framed('p', driver.continue(sentBy(continued).subarray(9)));
  const last = feed(handshake, cut(final));
  return { sent: [identify, asked, continued, last].map(sentBy), last };
}

test('a driver that needs no password is in after its StartupMessage', () => {
  const handshake = machine();
  expect(handshake.receive(STARTUP)).toEqual({
    step: 'identify',
    send: wire(),
    user: 'al',
    database: 'shop',
  });
  expect(handshake.identified(IDENTITY)).toEqual({
    step: 'accepted',
    send: WELCOME,
    opening: {
      user: 'al',
      settings: {},
      parameters: { server_version: '18.4', TimeZone: 'UTC' },
      cancelKey: '55e6f21314151617',
      dialect: '',
    },
    rest: wire(),
  });
});

test('SSLRequest and GSSENCRequest are each answered N once, in any order and cut anywhere', () => {
  for (const bytes of [
    wire(SSL_REQUEST, GSSENC_REQUEST, STARTUP),
    wire(GSSENC_REQUEST, SSL_REQUEST, STARTUP),
  ]) {
    for (const chunks of cuttings(bytes)) {
      expect(feed(machine(), chunks)).toEqual({
        step: 'identify',
        send: wire('NN'),
        user: 'al',
        database: 'shop',
      });
    }
  }
});

test('a second SSLRequest is a version that nobody supports', () => {
  const step = feed(machine(), [SSL_REQUEST, SSL_REQUEST]);
  expect(sentBy(step)[0]).toBe('N'.charCodeAt(0));
  expect(errorIn(step)).toMatchObject({
    C: '0A000',
    M: 'unsupported frontend protocol 1234.5679: server supports 3.0 to 3.2',
  });
});

test('what the driver says behind its StartupMessage is handed over', () => {
  const query = wire('Q', [0, 0, 0, 13], 'SELECT 1\0');
  for (const chunks of cuttings(wire(STARTUP, query))) {
    const handshake = machine();
    expect(feed(handshake, chunks).step).toBe('identify');
    expect(handshake.identified(IDENTITY)).toMatchObject({ step: 'accepted', send: WELCOME, rest: query });
  }
});

test('a driver that says too much before it is let in is closed', () => {
  const handshake = machine();
  handshake.receive(STARTUP);
  expect(handshake.receive(new Uint8Array(65_536)).step).toBe('read');
  expect(errorIn(handshake.receive(new Uint8Array(1)))).toMatchObject({ C: '08P01' });
});

test('a driver with the right token is in, however its messages are cut', () => {
  const whole = logIn({});
  expect(whole.sent[1]).toEqual(SASL_REQUEST);
  const salt = 'AAAAAAAAAAAAAAAAAAAAAA==';
  const serverFirst = `r=abcAAECAwQFBgcICQoLDA0ODxAR,s=${salt},i=4096`;
  expect(whole.sent[2]).toEqual(framed('R', [0, 0, 0, 11], serverFirst));
  const last = whole.sent[3] ?? wire();
  expect(textOf(last.subarray(0, 11))).toBe('R\0\0\0\x36\0\0\0\x0cv='); // AuthenticationSASLFinal
  expect(last.subarray(55)).toEqual(WELCOME);
  expect(whole.last).toMatchObject({ step: 'accepted', opening: { user: 'al' }, rest: wire() });
  for (const way of cuttings(wire(new Uint8Array(40))).keys()) {
    expect(logIn({ cut: (bytes) => cuttings(bytes)[way] ?? [bytes] })).toEqual(whole);
  }
});

test('the proof of the server can be verified by the driver', () => {
  const handshake = machine({ passwordNeeded: true });
  const driver = new ScramClient({ password: 'secret', nonce: 'abc' });
  handshake.receive(STARTUP);
  handshake.identified(IDENTITY);
  const initial = framed('p', 'SCRAM-SHA-256\0', [0, 0, 0, 11], driver.begin());
  const final = framed('p', driver.continue(sentBy(handshake.receive(initial)).subarray(9)));
  driver.finish(sentBy(handshake.receive(final)).subarray(9, 55));
  expect(driver.isVerified).toBe(true);
});

const WRONG_PASSWORD = {
  S: 'FATAL',
  V: 'FATAL',
  C: '28P01',
  M: 'password authentication failed for user "al"',
  H: 'Check the user, the client token and the config name in the connection string.',
};

test('a wrong token, an unknown user and a config without a verifier are refused alike', () => {
  const { verifier, ...withoutVerifier } = IDENTITY;
  expect(verifier).toBeDefined();
  const wrong = logIn({ password: 'guess' });
  const unknown = logIn({ identity: undefined });
  expect(errorIn(wrong.last)).toEqual(WRONG_PASSWORD);
  expect(errorIn(unknown.last)).toEqual(WRONG_PASSWORD);
  expect(errorIn(logIn({ identity: withoutVerifier }).last)).toEqual(WRONG_PASSWORD);
  expect(unknown.sent.map((bytes) => bytes.length)).toEqual(wrong.sent.map((bytes) => bytes.length));
  expect(unknown.sent[3]).toEqual(wrong.sent[3]);
});

test('without a password an unknown database is refused by name', () => {
  const handshake = machine();
  handshake.receive(STARTUP);
  expect(errorIn(handshake.identified(undefined))).toMatchObject({
    S: 'FATAL',
    C: '3D000',
    M: 'database "shop" does not exist',
  });
});

test('protocol 3.2 gets a long cancel key and no negotiation', () => {
  const handshake = machine();
  handshake.receive(STARTUP_3_2);
  const step = handshake.identified(IDENTITY);
  const key = wire(PROCESS_ID, COUNTING.subarray(20, 52));
  expect(textOf(sentBy(step)).startsWith('R')).toBe(true);
  expect(textOf(sentBy(step))).toContain(textOf(wire('K', [0, 0, 0, 40], key, 'Z')));
  expect(step).toMatchObject({ opening: { cancelKey: Buffer.from(key).toString('hex') } });
});

test('protocol 3.1 is served as 3.0, without negotiation', () => {
  const handshake = machine();
  handshake.receive(wire([0, 0, 0, 31], [0, 3, 0, 1], STARTUP.subarray(8)));
  expect(sentBy(handshake.identified(IDENTITY))).toEqual(WELCOME);
});

test('a newer minor version is negotiated down to 3.2', () => {
  const handshake = machine();
  handshake.receive(wire([0, 0, 0, 31], [0, 3, 0x27, 0x0f], STARTUP.subarray(8)));
  const sent = sentBy(handshake.identified(IDENTITY));
  expect(sent.subarray(0, 13)).toEqual(
    wire(
      'v', // type
      [0, 0, 0, 12], // length
      [0, 3, 0, 2], // newest version that we have
      [0, 0, 0, 0], // unknown options
    ),
  );
  expect(textOf(sent)).toContain(textOf(wire('K', [0, 0, 0, 40])));
});

test('unknown options of the protocol are named, before the password is asked for', () => {
  const handshake = machine({ passwordNeeded: true });
  handshake.receive(wire([0, 0, 0, 27], [0, 3, 0, 0], 'user\0al\0', '_pq_.x\0', '1y\0', [0]));
  expect(sentBy(handshake.identified(IDENTITY))).toEqual(
    wire(
      'v', // type
      [0, 0, 0, 19], // length
      [0, 3, 0, 0], // the version stays 3.0
      [0, 0, 0, 1], // unknown options
      '_pq_.x\0', // name
      SASL_REQUEST,
    ),
  );
});

test('a CancelRequest carries the key that the driver was given', () => {
  for (const secret of [wire([20, 21, 22, 23]), COUNTING.subarray(20, 52)]) {
    const length = 12 + secret.length;
    for (const chunks of cuttings(wire([0, 0, 0, length], [4, 210, 22, 46], PROCESS_ID, secret))) {
      expect(feed(machine(), chunks)).toEqual({
        step: 'cancel',
        key: wire(PROCESS_ID, secret),
        cancelRoute: 0xabcde,
      });
    }
  }
});

test.each([
  [[0, 0, 0, 7], '08P01', 'invalid length of startup packet'],
  [[0, 0, 0, 0], '08P01', 'invalid length of startup packet'],
  [[0, 0, 0x27, 0x11], '08P01', 'invalid length of startup packet'],
  [[0xff, 0xff, 0xff, 0xff], '08P01', 'invalid length of startup packet'],
  ['GET / HTTP/1.1\r\n', '08P01', 'invalid length of startup packet'],
  [[0, 0, 0, 9, 0, 2, 0, 0, 0], '0A000', 'unsupported frontend protocol 2.0: server supports 3.0 to 3.2'],
  [[0, 0, 0, 9, 0, 3, 0, 0, 0], '28000', 'no PostgreSQL user name specified in startup packet'],
  [[0, 0, 0, 8, 0, 3, 0, 0], '08P01', 'invalid startup packet layout: expected terminator as last byte'],
])('a first packet %j is refused with %s, however it is cut', (bytes, sqlState, text) => {
  for (const chunks of cuttings(wire(bytes))) {
    expect(errorIn(feed(machine(), chunks))).toMatchObject({ S: 'FATAL', C: sqlState, M: text });
  }
});

test('a StartupMessage of 10,000 bytes is taken', () => {
  const value = 'x'.repeat(9_980);
  const packet = wire([0, 0, 0x27, 0x10], [0, 3, 0, 0], 'user\0al\0', `a\0${value}\0`, [0]);
  expect(packet).toHaveLength(10_000);
  expect(machine().receive(packet).step).toBe('identify');
});

/** A machine that has just asked for the password. */
function asking(): DriverHandshakeMachine {
  const handshake = machine({ passwordNeeded: true });
  handshake.receive(STARTUP);
  handshake.identified(IDENTITY);
  return handshake;
}

test.each([
  ['another message', wire('Q', [0, 0, 0, 5], [0]), 'expected SASL response, got message type 81'],
  ['a message that is too long', wire('p', [0, 0, 0x27, 0x11]), 'invalid message length'],
  ['a message that is too short', wire('p', [0, 0, 0, 3]), 'invalid message length'],
  ['another mechanism', framed('p', 'SCRAM-SHA-1\0', [0, 0, 0, 0]), 'invalid SASL authentication mechanism'],
  ['a plain password', framed('p', 'secret\0'), 'invalid SASL authentication mechanism'],
  ['no response', framed('p', 'SCRAM-SHA-256\0', [255, 255, 255, 255]), 'insufficient data'],
  ['a longer response', framed('p', 'SCRAM-SHA-256\0', [0, 0, 0, 9], 'n,,'), 'insufficient data'],
  ['more than a response', framed('p', 'SCRAM-SHA-256\0', [0, 0, 0, 1], 'n,,'), 'invalid message format'],
  ['a broken response', framed('p', 'SCRAM-SHA-256\0', [0, 0, 0, 3], 'n,,'), 'malformed SCRAM message'],
])('where SASLInitialResponse is due, %s is refused, however it is cut', (_, bytes, text) => {
  for (const chunks of cuttings(bytes)) {
    const error = errorIn(feed(asking(), chunks));
    expect(error).toMatchObject({ S: 'FATAL', C: '08P01', M: expect.stringContaining(text) });
  }
});

test('where SASLResponse is due, another message is refused', () => {
  const handshake = asking();
  handshake.receive(framed('p', 'SCRAM-SHA-256\0', [0, 0, 0, 11], 'n,,n=,r=abc'));
  expect(errorIn(handshake.receive(wire('X', [0, 0, 0, 4])))).toMatchObject({
    M: 'expected SASL response, got message type 88',
  });
});

test('a setting that the origin would refuse is refused after the login', () => {
  const handshake = machine();
  handshake.receive(wire([0, 0, 0, 36], [0, 3, 0, 0], 'user\0a\0', 'client_encoding\0xyz\0', [0]));
  expect(errorIn(handshake.identified(IDENTITY))).toMatchObject({ C: '22023' });
});

test('what makes no sense to the caller closes the session as our own fault', () => {
  expect(errorIn(machine().identified(IDENTITY))).toMatchObject({ C: '58000' });
  const handshake = machine();
  handshake.receive(STARTUP);
  expect(errorIn(handshake.identified({ ...IDENTITY, cancelRoute: 0x100000 }))).toMatchObject({ C: '58000' });
});

test('after its end a machine only closes', () => {
  const handshake = machine();
  handshake.receive(wire([0, 0, 0, 0]));
  expect(handshake.receive(STARTUP)).toEqual({ step: 'close', send: wire() });
});

/** Goes on to the end, answering `identify`; fails where something throws or more is sent than a login needs. */
function survive(passwordNeeded: boolean, chunks: readonly Uint8Array[]): void {
  const handshake = machine({ passwordNeeded });
  let sentBytes = 0;
  for (const chunk of chunks) {
    const step = handshake.receive(chunk);
    sentBytes += sentBy(step).length;
    if (step.step === 'identify') sentBytes += sentBy(handshake.identified(IDENTITY)).length;
    expect(['read', 'identify', 'accepted', 'cancel', 'close']).toContain(step.step);
    // An error may repeat the name of the user, and a nonce comes back.
    expect(sentBytes).toBeLessThan(30_000);
  }
}

test('random bytes never make it throw', () => {
  const property = fc.property(fc.boolean(), fc.array(fc.uint8Array({ maxLength: 300 })), survive);
  fc.assert(property, { numRuns: 300 });
});

test('a login with random bytes changed in it never makes it throw', () => {
  const initial = framed('p', 'SCRAM-SHA-256\0', [0, 0, 0, 11], 'n,,n=,r=abc');
  const final = framed('p', `c=biws,r=abcAAECAwQFBgcICQoLDA0ODxAR,p=${'A'.repeat(43)}=`);
  const login = wire(SSL_REQUEST, STARTUP, initial, final);
  const changes = fc.array(fc.tuple(fc.nat(login.length - 1), fc.nat(255)), { maxLength: 4 });
  const property = fc.property(fc.boolean(), changes, fc.nat(login.length), (passwordNeeded, changed, at) => {
    const bytes = login.slice();
    for (const [index, value] of changed) bytes[index] = value;
    survive(passwordNeeded, [bytes.subarray(0, at), bytes.subarray(at)]);
  });
  fc.assert(property, { numRuns: 1000 });
});

test('where TLS can begin a request for it is answered with S, and the login goes on inside', () => {
  const handshake = machine({ passwordNeeded: false, offersTls: true });
  expect(handshake.receive(SSL_REQUEST.subarray(0, 7))).toEqual({ step: 'read', send: wire() });
  const step = handshake.receive(SSL_REQUEST.subarray(7));
  expect(step).toEqual({ step: 'startTls', send: wire('S'), early: wire(), isDirect: false });
  expect(handshake.receive(STARTUP_3_2)).toMatchObject({ step: 'identify', user: 'al', database: 'shop' });
});

test('GSS encryption is refused first, and TLS begins behind it', () => {
  const handshake = machine({ passwordNeeded: false, offersTls: true });
  expect(handshake.receive(GSSENC_REQUEST)).toEqual({ step: 'read', send: wire('N') });
  expect(handshake.receive(SSL_REQUEST)).toMatchObject({ step: 'startTls', send: wire('S') });
});

test('what came in clear behind the request for TLS is not taken for something secret', () => {
  const handshake = machine({ passwordNeeded: false, offersTls: true });
  const step = handshake.receive(wire(SSL_REQUEST, STARTUP_3_2));
  expect(step).toMatchObject({ step: 'close' });
  expect(wordsOf(step)).toContain('received unencrypted data after SSL request');
});

test('a driver that begins with TLS itself is not asked for more, and must name the protocol there', () => {
  const hello = wire([0x16, 3, 1, 0, 5], [1, 2, 3]);
  const handshake = machine({ passwordNeeded: false, offersTls: true });
  expect(handshake.receive(hello)).toEqual({ step: 'startTls', send: wire(), early: hello, isDirect: true });
  const none = machine({ passwordNeeded: false });
  expect(wordsOf(none.receive(hello))).toContain('invalid length of startup packet');
});

test('inside of TLS there is no second one', () => {
  for (const again of [SSL_REQUEST, GSSENC_REQUEST]) {
    const handshake = machine({ passwordNeeded: false, offersTls: true });
    handshake.receive(SSL_REQUEST);
    expect(wordsOf(handshake.receive(again))).toContain('unsupported frontend protocol 1234.56');
  }
});

test('inside of TLS a login can be bound to the channel, in clear it cannot', () => {
  const options = { passwordNeeded: true, offersTls: true, tlsEndPoint: wire('hash') };
  const secure = machine(options);
  secure.receive(SSL_REQUEST);
  secure.receive(STARTUP);
  const both = wire('SCRAM-SHA-256-PLUS\0', 'SCRAM-SHA-256\0', [0]);
  const request = wire('R', [0, 0, 0, 42], [0, 0, 0, 10], both);
  expect(sentBy(secure.identified(IDENTITY))).toEqual(request);
  const clear = machine(options);
  clear.receive(STARTUP);
  expect(sentBy(clear.identified(IDENTITY))).toEqual(SASL_REQUEST);
  const initial = framed('p', 'SCRAM-SHA-256-PLUS\0', [0, 0, 0, 32], 'p=tls-server-end-point,,n=,r=abc');
  expect(errorIn(clear.receive(initial))).toMatchObject({ C: '08P01' });
  expect(secure.receive(initial)).toMatchObject({ step: 'read' });
});

function wordsOf(step: DriverStep): string {
  return 'send' in step ? textOf(step.send) : '';
}
