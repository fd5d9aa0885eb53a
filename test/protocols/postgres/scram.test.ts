import { expect, test } from 'vitest';
import { saslPrep } from '../../../src/protocols/postgres/saslprep.ts';
import { decodeVerifier, decoyVerifier, makeVerifier } from '../../../src/protocols/postgres/scram.ts';
import { ScramClient } from '../../../src/protocols/postgres/scram-client.ts';
import { ScramServer } from '../../../src/protocols/postgres/scram-server.ts';
import { textOf, wire } from './wire.ts';

// RFC 7677, chapter 3.
const SALT = Uint8Array.from(atob('W22ZaJ0SNY7soEsUEjb6gQ=='), (c) => c.charCodeAt(0));
const CLIENT_NONCE = 'rOprNGfwEbeRWgbNEkqO';
const SERVER_NONCE = '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
const NONCE = CLIENT_NONCE + SERVER_NONCE;
const CLIENT_FIRST = `n,,n=user,r=${CLIENT_NONCE}`;
const SERVER_FIRST = `r=${NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;
const CLIENT_FINAL = `c=biws,r=${NONCE},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`;
const SERVER_FINAL = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';

const VERIFIER = makeVerifier({ token: 'pencil', salt: SALT });
const DECOY_SECRET = wire('secret');

function server({ endPoint }: { endPoint?: Uint8Array } = {}): ScramServer {
  return new ScramServer({
    user: 'user',
    verifier: VERIFIER,
    decoySecret: DECOY_SECRET,
    nonce: SERVER_NONCE,
    endPoint,
  });
}

function client(password = 'pencil'): ScramClient {
  return new ScramClient({ user: 'user', password, nonce: CLIENT_NONCE });
}

test('the server speaks the example of RFC 7677', () => {
  const scram = server();
  expect(textOf(scram.first(wire(CLIENT_FIRST)))).toBe(SERVER_FIRST);
  expect(textOf(scram.final(wire(CLIENT_FINAL)) ?? wire())).toBe(SERVER_FINAL);
});

test('the client speaks the example of RFC 7677', () => {
  const scram = client();
  expect(textOf(scram.begin())).toBe(CLIENT_FIRST);
  expect(textOf(scram.continue(wire(SERVER_FIRST)))).toBe(CLIENT_FINAL);
  expect(scram.isVerified).toBe(false);
  scram.finish(wire(SERVER_FINAL));
  expect(scram.isVerified).toBe(true);
});

test('a verifier is what PostgreSQL stores', () => {
  expect(VERIFIER).toBe(
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  );
  expect(decodeVerifier(VERIFIER)).toMatchObject({ iterations: 4096 });
  expect(decodeVerifier(VERIFIER)?.salt).toHaveLength(16);
});

test.each([
  '',
  'md5abc',
  'SCRAM-SHA-256$0:c2FsdA==$YQ==:YQ==',
  VERIFIER.replace('WG5d', 'WG5*'),
  VERIFIER.slice(0, -4),
  VERIFIER.replace('$4096:', '$40960000:'),
])('what is not a verifier is not taken for one: %s', (text) => {
  expect(decodeVerifier(text)).toBeUndefined();
});

test('a driver that could bind channels, but was not offered it, gets in', () => {
  const scram = server();
  const first = scram.first(wire(`y,,n=,r=${CLIENT_NONCE}`));
  expect(textOf(first)).toBe(SERVER_FIRST);
  expect(() => scram.final(wire(CLIENT_FINAL))).toThrow('unexpected channel-binding attribute');
  const other = server();
  other.first(wire(`y,,n=,r=${CLIENT_NONCE}`));
  // The proof is over another channel binding, so it is wrong, but the message is well-formed.
  expect(other.final(wire(CLIENT_FINAL.replace('c=biws', 'c=eSws')))).toBeUndefined();
});

const END_POINT = wire('hash of a certificate');

function boundClient(binding: Uint8Array | 'not offered'): ScramClient {
  return new ScramClient({ user: 'user', password: 'pencil', nonce: CLIENT_NONCE, binding });
}

test('a driver that binds its login to the channel gets in', () => {
  const [driver, scram] = [boundClient(END_POINT), server({ endPoint: END_POINT })];
  const last = scram.final(driver.continue(scram.first(driver.begin(), { isBound: true })));
  driver.finish(last ?? wire());
  expect(driver.isVerified).toBe(true);
});

test('a login that is bound to another channel is refused', () => {
  const [driver, scram] = [boundClient(wire('hash of another')), server({ endPoint: END_POINT })];
  const proof = driver.continue(scram.first(driver.begin(), { isBound: true }));
  const refusal = { sqlState: '28000', message: 'SCRAM channel binding check failed' };
  expect(() => scram.final(proof)).toThrow(expect.objectContaining(refusal));
});

test('a driver that was not shown the offer of channel binding is refused', () => {
  const refusal = { sqlState: '28000', message: 'SCRAM channel binding negotiation error' };
  const first = boundClient('not offered').begin();
  expect(() => server({ endPoint: END_POINT }).first(first)).toThrow(expect.objectContaining(refusal));
});

test('a driver that does without channel binding may', () => {
  const [driver, scram] = [client(), server({ endPoint: END_POINT })];
  expect(scram.final(driver.continue(scram.first(driver.begin())))).toBeDefined();
});

test.each([
  ['n,,n=,r=abc', true, 'not bound to the channel'],
  ['y,,n=,r=abc', true, 'not bound to the channel'],
  ['p=tls-unique,,n=,r=abc', true, 'not bound to the channel'],
  ['p=tls-server-end-point,a=b,n=,r=abc', true, 'authorization identity'],
  ['p=tls-server-end-point,,n=,r=abc', false, 'channel binding is not supported'],
])('client-first-message %s is refused where binding was chosen: %s', (text, isBound, words) => {
  expect(() => server({ endPoint: END_POINT }).first(wire(text), { isBound })).toThrow(words);
});

test('a wrong token is refused at the end', () => {
  const driver = client('pen');
  const scram = server();
  expect(scram.final(driver.continue(scram.first(driver.begin())))).toBeUndefined();
});

test('an unknown user is asked like a known one, with the same salt each time, and always refused', () => {
  const unknown = new ScramServer({
    user: 'nobody',
    verifier: undefined,
    decoySecret: DECOY_SECRET,
    nonce: SERVER_NONCE,
  });
  const decoy = decoyVerifier({ secret: DECOY_SECRET, user: 'nobody' });
  expect(decoy.salt).toHaveLength(16);
  expect(decoy).toEqual(decoyVerifier({ secret: DECOY_SECRET, user: 'nobody' }));
  expect(decoy.salt).not.toEqual(decoyVerifier({ secret: DECOY_SECRET, user: 'somebody' }).salt);
  expect(decoy.salt).not.toEqual(decoyVerifier({ secret: wire('other'), user: 'nobody' }).salt);
  const asked = textOf(unknown.first(wire(CLIENT_FIRST)));
  expect(asked).toMatch(/^r=[^,]+,s=[A-Za-z0-9+/]{22}==,i=4096$/);
  expect(unknown.final(wire(CLIENT_FINAL))).toBeUndefined();
});

test.each([
  ['p=tls-server-end-point,,n=,r=abc', '0A000', 'channel binding is not supported'],
  ['n,a=admin,n=,r=abc', '0A000', 'authorization identity'],
  ['n,,m=x,n=,r=abc', '0A000', 'extension'],
  ['x,,n=,r=abc', '08P01', 'channel-binding flag'],
  ['n,,r=abc,n=', '08P01', 'attribute "n"'],
  ['n,,n=', '08P01', 'attribute "r"'],
  ['n,,n=,r=', '08P01', 'nonce'],
  ['n,,n=,r=a b', '08P01', 'nonce'],
  ['n,,n=,r=ä', '08P01', 'nonce'],
  ['n,,n=,r=abc,', '08P01', 'attribute expected'],
  ['n,,n=,r=abc,1=2', '08P01', 'attribute expected'],
  ['', '08P01', 'channel-binding flag'],
  [`n,,n=,r=${'a'.repeat(4089)}`, '08P01', 'too long'],
])('client-first-message %.40s is refused with %s', (text, sqlState, words) => {
  const refusal = { fault: 'driver', sqlState, fatal: true, message: expect.stringContaining(words) };
  expect(() => server().first(wire(text))).toThrow(expect.objectContaining(refusal));
});

test('a client-first-message of exactly 4096 bytes is taken', () => {
  expect(server().first(wire(`n,,n=,r=${'a'.repeat(4088)}`)).length).toBeGreaterThan(4088);
});

test('a message that is not UTF-8 is refused', () => {
  expect(() => server().first(wire('n,,n=', [0xff], ',r=abc'))).toThrow('not UTF-8');
});

test.each([
  [CLIENT_FINAL.replace('c=biws', 'c=eSws'), 'channel-binding'],
  [CLIENT_FINAL.replace('k0,', 'k1,'), 'nonce does not match'],
  [CLIENT_FINAL.replace(SERVER_NONCE, ''), 'nonce does not match'],
  [CLIENT_FINAL.replace('VQ=', 'VQ'), 'malformed proof'],
  [CLIENT_FINAL.replace('p=dHzb', 'p='), 'malformed proof'],
  [CLIENT_FINAL.replace('p=d', 'p=*'), 'malformed proof'],
  [`${CLIENT_FINAL},x=y`, 'malformed proof'],
  [`c=biws,r=${NONCE}`, 'malformed proof'],
  [CLIENT_FINAL.replace('c=biws,', ''), 'attribute "c"'],
  ['', 'malformed proof'],
  [`${CLIENT_FINAL}${'='.repeat(4096)}`, 'too long'],
])('client-final-message %.40s is refused', (text, words) => {
  const scram = server();
  scram.first(wire(CLIENT_FIRST));
  const refusal = {
    fault: 'driver',
    sqlState: '08P01',
    fatal: true,
    message: expect.stringContaining(words),
  };
  expect(() => scram.final(wire(text))).toThrow(expect.objectContaining(refusal));
});

test.each([
  [`r=${SERVER_NONCE},s=W22Z,i=4096`, 'nonce'],
  [`r=${CLIENT_NONCE},s=W22Z,i=4096`, 'nonce'],
  [`r=${NONCE} x,s=W22Z,i=4096`, 'nonce'],
  [`r=${NONCE},s=,i=4096`, 'salt'],
  [`r=${NONCE},s=W22,i=4096`, 'salt'],
  [`r=${NONCE},s=W22Z,i=0`, 'iteration'],
  [`r=${NONCE},s=W22Z,i=-1`, 'iteration'],
  [`r=${NONCE},s=W22Z,i=1000001`, 'iteration'],
  [`r=${NONCE},s=W22Z,i=4294967297`, 'iteration'],
  [`r=${NONCE},s=W22Z,i=4096x`, 'iteration'],
  [`r=${NONCE},s=W22Z,i=`, 'iteration'],
  [`r=${NONCE},s=W22Z`, 'attribute "i"'],
  [`m=x,r=${NONCE},s=W22Z,i=4096`, 'extension'],
  [`r=${NONCE}${'a'.repeat(4096)},s=W22Z,i=1`, 'too long'],
  ['', 'attribute'],
])('server-first-message %.60s is refused', (text, words) => {
  const refusal = { fault: 'origin', apiCode: 2015, fatal: true, message: expect.stringContaining(words) };
  expect(() => client().continue(wire(text))).toThrow(expect.objectContaining(refusal));
});

test.each([
  ['v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=', 'incorrect server signature'],
  ['v=AAAA', 'malformed server signature'],
  ['e=invalid-proof', 'invalid-proof'],
  ['', 'attribute'],
])('server-final-message %s is refused', (text, words) => {
  const scram = client();
  scram.continue(wire(SERVER_FIRST));
  expect(() => scram.finish(wire(text))).toThrow(words);
  expect(scram.isVerified).toBe(false);
});

test('a server cannot skip or repeat a message', () => {
  expect(() => client().finish(wire(SERVER_FINAL))).toThrow('out of order');
  const scram = client();
  scram.continue(wire(SERVER_FIRST));
  expect(() => scram.continue(wire(SERVER_FIRST))).toThrow('out of order');
});

test.each([
  ['plain \x07 ASCII', 'plain \x07 ASCII', 'as it is'],
  ['I\u00adX', 'IX', 'soft hyphen to nothing'],
  ['\u00aa', 'a', 'compatibility character'],
  ['\u2168', 'IX', 'roman numeral'],
  ['a\u00a0b', 'a b', 'space that is not ASCII'],
  ['\u00aa\u0007', '\u00aa\u0007', 'prohibited: raw'],
  ['\u00aa\u0627', '\u00aa\u0627', 'two directions: raw'],
  ['\u00ad', '\u00ad', 'nothing left: raw'],
])('SASLprep makes of %j %j (%s)', (password, prepared) => {
  expect(saslPrep(password)).toBe(prepared);
});
