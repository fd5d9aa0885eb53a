/** What a server of TLS 1.3 must not do, and what it then hears. The good ones stand in test/transport-servers. */
import { expect, test } from 'vitest';
import { TlsClient } from '../../../src/transport/tls/client.ts';
import { extension } from '../../../src/transport/tls/wire.ts';
import { CLIENT_CERTIFICATE, CLIENT_KEY, OTHER_KEY } from '../../fakes/certificates.ts';
import { answerHello, type Lies } from '../../fakes/rogue-tls.ts';

const CERTIFIED = { certificate: CLIENT_CERTIFICATE, key: CLIENT_KEY };

function makeClient(checkServer = (): void => {}): TlsClient {
  return new TlsClient({ host: 'db.example.com', random: new Uint8Array(32).fill(1), checkServer });
}

function talk(lies: Lies): TlsClient {
  const client = makeClient();
  client.receive(answerHello(client.takeOutbox(), CERTIFIED, lies));
  return client;
}

test('a server that keeps the rules is let in', () => {
  expect(talk({}).isOpen).toBe(true);
});

test.each<[what: string, lies: Lies, words: string]>([
  ['signs with another key', { signingKey: OTHER_KEY }, 'does not hold the key of its certificate'],
  ['leaves the proof out', { isProofLeftOut: true }, 'sent message 20 where 15 belongs'],
  ['signs by a scheme of another kind of key', { scheme: 0x0807 }, 'by a scheme that its key does not have'],
  ['did not see the same handshake', { isFinishedWrong: true }, 'The handshake was changed on its way'],
  ['answers what nobody asked', { helloExtension: extension(16) }, 'extension 16, which nobody asked for'],
  ['does so in secret', { encryptedExtension: extension(35) }, 'extension 35, which nobody asked for'],
  ['goes back to speaking in clear', { early: 'in clear' }, 'went back to speaking in clear'],
  ['speaks before it has proved itself', { early: 'encrypted' }, 'speaks before TLS is up'],
])('a server that %s is not', (_what, lies, words) => {
  expect(() => talk(lies)).toThrow(words);
});

test('it hears an alert, and nothing is taken from it any more', () => {
  const client = makeClient();
  const answer = answerHello(client.takeOutbox(), CERTIFIED, { helloExtension: extension(16) });
  expect(() => client.receive(answer)).toThrow();
  // Type 21, version, length 2, fatal, unsupported_extension.
  expect([...client.takeOutbox()]).toEqual([21, 3, 3, 0, 2, 2, 110]);
  expect(client.isEnded).toBe(true);
  expect(client.receive(answer)).toEqual([]);
});

test('what the caller says of the certificate decides', () => {
  const client = makeClient(() => {
    throw new Error('not trusted');
  });
  const answer = answerHello(client.takeOutbox(), CERTIFIED, {});
  expect(() => client.receive(answer)).toThrow('not trusted');
  expect(client.isOpen).toBe(false);
});

test.each([
  ['HTTP', new TextEncoder().encode('HTTP/1.1 400 Bad Request\r\n\r\n'), 'what it sent is no record'],
  ['a record that is too long', Uint8Array.of(22, 3, 3, 0xff, 0xff), 'A record is too long'],
  ['a message that is too long', Uint8Array.of(22, 3, 3, 0, 4, 2, 0xff, 0xff, 0xff), 'a message is too long'],
  ['a ServerHello that is cut short', Uint8Array.of(22, 3, 3, 0, 5, 2, 0, 0, 1, 3), 'a message is too short'],
  ['an alert', Uint8Array.of(21, 3, 3, 0, 2, 2, 40), 'accepts none of our ciphers'],
  ['SSL 3.0', Uint8Array.of(21, 3, 0, 0, 2, 2, 70), 'speaks neither TLS 1.2 nor TLS 1.3'],
])('%s instead of a handshake ends it', (_what, bytes, words) => {
  expect(() => makeClient().receive(bytes)).toThrow(words);
});

test('random bytes never do more than end it', () => {
  for (let round = 0; round < 300; round += 1) {
    const bytes = crypto.getRandomValues(new Uint8Array(64));
    // So that some get past the first checks.
    bytes.set([22, 3, 3, 0, 59, 2, 0, 0, 55, 3, 3].slice(0, round % 12));
    const client = makeClient();
    try {
      client.receive(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
    }
    expect(client.isOpen).toBe(false);
  }
});
