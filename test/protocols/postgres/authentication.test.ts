import { expect, test } from 'vitest';
import { Authentication } from '../../../src/protocols/postgres/authentication.ts';
import { COUNTING, textOf, wire } from './wire.ts';

const SASL = wire([0, 0, 0, 10], 'SCRAM-SHA-256-PLUS\0', 'SCRAM-SHA-256\0', [0]);

const END_POINT = Uint8Array.of(1, 2, 3);

function login(): Authentication {
  return new Authentication({ user: 'al', password: 'pw', random: COUNTING });
}

test('an origin that trusts us lets us in at once', () => {
  expect(login().receive(wire([0, 0, 0, 0]))).toEqual({ step: 'ok' });
});

test('a password in clear text is sent as it is', () => {
  const authentication = login();
  expect(authentication.receive(wire([0, 0, 0, 3]))).toEqual({
    step: 'send',
    send: wire('p', [0, 0, 0, 7], 'pw\0'),
  });
  expect(authentication.receive(wire([0, 0, 0, 0]))).toEqual({ step: 'ok' });
});

test('an MD5 password is hashed with the user and then with the salt', () => {
  // printf pwal | md5sum; printf <hex>'\x01\x02\x03\x04' | md5sum
  expect(login().receive(wire([0, 0, 0, 5], [1, 2, 3, 4]))).toEqual({
    step: 'send',
    send: wire('p', [0, 0, 0, 40], 'md556e06102b7ccffcafbc378e1976e4da1\0'),
  });
});

test('of the SASL mechanisms SCRAM-SHA-256 is taken, where there is nothing to bind to', () => {
  expect(login().receive(SASL)).toEqual({
    step: 'send',
    send: wire(
      'p', // type
      [0, 0, 0, 54], // length
      'SCRAM-SHA-256\0', // mechanism
      [0, 0, 0, 32], // length of the message
      'n,,n=,r=AAECAwQFBgcICQoLDA0ODxAR', // client-first-message
    ),
  });
});

test('where TLS shows what to bind to, the login is bound to it', () => {
  const login = new Authentication({ user: 'al', password: 'pw', random: COUNTING, endPoint: END_POINT });
  expect(login.receive(SASL)).toEqual({
    step: 'send',
    send: wire(
      'p', // type
      [0, 0, 0, 80], // length
      'SCRAM-SHA-256-PLUS\0', // mechanism
      [0, 0, 0, 53], // length of the message
      'p=tls-server-end-point,,n=,r=AAECAwQFBgcICQoLDA0ODxAR', // client-first-message
    ),
  });
  const first = 'r=AAECAwQFBgcICQoLDA0ODxARxyz,s=c2FsdA==,i=1';
  const { send } = login.receive(wire([0, 0, 0, 11], first)) as { send: Uint8Array };
  // printf 'p=tls-server-end-point,,\x01\x02\x03' | base64
  expect(textOf(send)).toContain('c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsAQID,r=AAECAwQFBgcICQoLDA0ODxARxyz,p=');
});

test('where TLS shows it and nothing is offered, the server hears that we know: somebody may have taken it out', () => {
  const login = new Authentication({ user: 'al', password: 'pw', random: COUNTING, endPoint: END_POINT });
  const { send } = login.receive(wire([0, 0, 0, 10], 'SCRAM-SHA-256\0', [0])) as { send: Uint8Array };
  expect(textOf(send)).toContain('y,,n=,r=AAECAwQFBgcICQoLDA0ODxAR');
});

const REFUSAL = { fault: 'origin', sqlState: '28000', apiCode: 2015, fatal: true };

test.each([
  [2, 'Kerberos V5'],
  [6, 'authentication method 6'],
  [7, 'GSSAPI'],
  [8, 'GSSAPI'],
  [9, 'SSPI'],
  [99, 'authentication method 99'],
])('authentication request %i is refused by name', (request, name) => {
  const refusal = { ...REFUSAL, message: expect.stringContaining(name) };
  expect(() => login().receive(wire([0, 0, 0, request]))).toThrow(expect.objectContaining(refusal));
});

test('an origin with other SASL mechanisms only is refused', () => {
  const oauth = wire([0, 0, 0, 10], 'OAUTHBEARER\0', [0]);
  const refusal = { ...REFUSAL, message: expect.stringContaining('OAUTHBEARER') };
  expect(() => login().receive(oauth)).toThrow(expect.objectContaining(refusal));
});

test('an origin that ends SCRAM without its proof is refused', () => {
  const authentication = login();
  authentication.receive(SASL);
  expect(() => authentication.receive(wire([0, 0, 0, 0]))).toThrow(expect.objectContaining(REFUSAL));
});

test.each([3, 5, 10])('an origin that asks again, with request %i, gets no second answer', (request) => {
  const authentication = login();
  authentication.receive(SASL);
  const again = request === 10 ? SASL : wire([0, 0, 0, request], [1, 2, 3, 4]);
  expect(() => authentication.receive(again)).toThrow(expect.objectContaining(REFUSAL));
});

test.each([11, 12])('SASL cannot go on with request %i before it has begun', (request) => {
  expect(() => login().receive(wire([0, 0, 0, request], 'r=x'))).toThrow(expect.objectContaining(REFUSAL));
});

test.each([
  [wire([0, 0, 0])],
  [wire([0, 0, 0, 5], [1, 2, 3])],
  [wire([0, 0, 0, 10], 'SCRAM-SHA-256\0')],
  [wire([0, 0, 0, 10], 'SCRAM')],
])('an authentication message that is cut short is refused: %j', (body) => {
  expect(() => login().receive(body)).toThrow(
    expect.objectContaining({ fault: 'origin', sqlState: '08P01' }),
  );
});
