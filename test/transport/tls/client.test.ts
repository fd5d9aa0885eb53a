/** What a server of TLS 1.3 must not do, and what it then hears. The good ones stand in test/transport-servers. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { clientHandshake } from '../../../src/transport/tls/client-handshake.ts';
import { TlsConnection } from '../../../src/transport/tls/connection.ts';
import { Handshake, message } from '../../../src/transport/tls/messages.ts';
import { Content, type PlainRecord, plainRecord } from '../../../src/transport/tls/records.ts';
import { extension, uint, vector } from '../../../src/transport/tls/wire.ts';
import { CLIENT_CERTIFICATE, CLIENT_KEY, OTHER_KEY } from '../../fakes/certificates.ts';
import { answerHello, type Lies } from '../../fakes/rogue-tls.ts';

const CERTIFIED = { certificate: CLIENT_CERTIFICATE, key: CLIENT_KEY };

const ALERT = { type: Content.alert, content: Uint8Array.of(2, 40) };
const TICKET = told(4, 0, 0, 0);

function told(...bytes: number[]): PlainRecord {
  return { type: Content.handshake, content: Uint8Array.from(bytes) };
}

function said(text: string): PlainRecord {
  return { type: Content.applicationData, content: new TextEncoder().encode(text) };
}

function makeClient(checkServer = (): void => {}): TlsConnection {
  return new TlsConnection((channel) =>
    clientHandshake(channel, { host: 'db.example.com', random: new Uint8Array(32).fill(1), checkServer }),
  );
}

async function talk(lies: Lies): Promise<TlsConnection> {
  const client = makeClient();
  await client.receive(await answerHello(await client.takeOutbox(), CERTIFIED, lies));
  return client;
}

test('a server that keeps the rules is let in', async () => {
  expect((await talk({})).isOpen).toBe(true);
});

test.each<[what: string, lies: Lies, words: string]>([
  ['signs with another key', { signingKey: OTHER_KEY }, 'does not hold the key of its certificate'],
  ['leaves the proof out', { isProofLeftOut: true }, 'Message 20 comes where 15 belongs'],
  ['signs by a scheme of another kind of key', { scheme: 0x0807 }, 'by a scheme that its key does not have'],
  ['did not see the same handshake', { isFinishedWrong: true }, 'The handshake was changed on its way'],
  ['answers what nobody asked', { helloExtension: extension(16) }, 'extension 16, which nobody asked for'],
  ['does so in secret', { encryptedExtension: extension(35) }, 'extension 35, which nobody asked for'],
  ['goes back to speaking in clear', { early: 'in clear' }, 'went back to speaking in clear'],
  ['speaks before it has proved itself', { early: 'encrypted' }, 'speaks before TLS is up'],
  ['goes on with a session', { session: Uint8Array.of(1) }, 'answers another hello than ours'],
  ['shows a certificate on request', { context: Uint8Array.of(1) }, 'answers a request that nobody made'],
  ['interrupts its own message', { inside: said('x') }, 'Something else stands inside of a message'],
  ['sends an alert within a message', { inside: ALERT }, 'Something else stands inside of a message'],
  ['sends a part of a message that is empty', { inside: told() }, 'a record of messages is empty'],
  ['asks who we are later', { later: [told(13, 0, 0, 0)] }, 'Message 13 comes too late'],
  ['renews its key in a third way', { later: [told(24, 0, 0, 1, 2)] }, 'renews its key in an unknown way'],
  ['sends records without end', { later: Array(1001).fill(said('')) }, 'sends records and says nothing'],
  ['sends tickets without end', { later: Array(1001).fill(TICKET) }, 'sends records and says nothing'],
])('a server that %s is not', async (_what, lies, words) => {
  await expect(talk(lies)).rejects.toThrow(words);
});

test('tickets and empty records between words are overlooked', async () => {
  const client = makeClient();
  const later = [said('a'), ...Array<PlainRecord>(900).fill(TICKET), said('b'), said(''), said('c')];
  const heard = await client.receive(await answerHello(await client.takeOutbox(), CERTIFIED, { later }));
  expect(heard.map((bytes) => new TextDecoder().decode(bytes))).toEqual(['a', 'b', 'c']);
});

/** A HelloRetryRequest with these extensions. */
function retry(...extensions: Uint8Array[]): Uint8Array {
  const random = createHash('sha256').update('HelloRetryRequest').digest();
  const version = extension(43, uint(2, 0x0304));
  const body = [
    uint(2, 0x0303),
    random,
    vector(1),
    uint(2, 0x1301),
    uint(1, 0),
    vector(2, version, ...extensions),
  ];
  return plainRecord({ type: Content.handshake, content: message(Handshake.serverHello, ...body) });
}

const COOKIE = extension(44, vector(2, Uint8Array.of(1, 2, 3)));

test.each([
  ['nothing', [], 'asks for the same hello again'],
  ['the curve that it was offered', [extension(51, uint(2, 23))], 'asks for the same hello again'],
  ['that curve and a cookie', [extension(51, uint(2, 23)), COOKIE], 'asks for the same hello again'],
  ['a curve that we do not have', [extension(51, uint(2, 29))], 'chose an unknown curve'],
  ['a curve and more', [extension(51, uint(2, 24), uint(1, 0))], 'a message is too long'],
  [
    'what nobody offered',
    [extension(51, uint(2, 24)), extension(16)],
    'extension 16, which nobody asked for',
  ],
])('a server that asks for %s with a second hello is not let in', async (_what, extensions, words) => {
  await expect(makeClient().receive(retry(...extensions))).rejects.toThrow(words);
});

test('it may ask for a cookie alone, and for one second hello', async () => {
  const client = makeClient();
  const first = await client.takeOutbox();
  await client.receive(retry(COOKIE));
  const second = await client.takeOutbox();
  expect(Buffer.from(second).includes(COOKIE)).toBe(true);
  // The key that was offered is offered again: 65 bytes at the end.
  expect(second.slice(-65)).toEqual(first.slice(-65));
  await expect(client.receive(retry(COOKIE))).rejects.toThrow('contradicts its own HelloRetryRequest');
});

test('it hears an alert, and nothing is taken from it any more', async () => {
  const client = makeClient();
  const answer = await answerHello(await client.takeOutbox(), CERTIFIED, { helloExtension: extension(16) });
  await expect(client.receive(answer)).rejects.toThrow();
  // Type 21, version, length 2, fatal, unsupported_extension.
  expect([...(await client.takeOutbox())]).toEqual([21, 3, 3, 0, 2, 2, 110]);
  expect(client.isEnded).toBe(true);
  expect(await client.receive(answer)).toEqual([]);
});

test('what the caller says of the certificate decides', async () => {
  const client = makeClient(() => {
    throw new Error('not trusted');
  });
  const answer = await answerHello(await client.takeOutbox(), CERTIFIED, {});
  await expect(client.receive(answer)).rejects.toThrow('not trusted');
  expect(client.isOpen).toBe(false);
});

test.each([
  ['HTTP', new TextEncoder().encode('HTTP/1.1 400 Bad Request\r\n\r\n'), 'what it sent is no record'],
  [
    'a record in clear that is too long',
    plainRecord({ type: 22, content: new Uint8Array(16_385) }),
    'too long',
  ],
  ['a record that is too long', Uint8Array.of(22, 3, 3, 0xff, 0xff), 'A record is too long'],
  ['a message that is too long', Uint8Array.of(22, 3, 3, 0, 4, 2, 0xff, 0xff, 0xff), 'a message is too long'],
  ['a ServerHello that is cut short', Uint8Array.of(22, 3, 3, 0, 5, 2, 0, 0, 1, 3), 'a message is too short'],
  ['an alert', Uint8Array.of(21, 3, 3, 0, 2, 2, 40), 'alert 40'],
  ['SSL 3.0', Uint8Array.of(21, 3, 0, 0, 2, 2, 70), 'alert 70'],
])('%s instead of a handshake ends it', async (_what, bytes, words) => {
  await expect(makeClient().receive(bytes)).rejects.toThrow(words);
});

test('random bytes never do more than end it', async () => {
  for (let round = 0; round < 300; round += 1) {
    const bytes = crypto.getRandomValues(new Uint8Array(64));
    // So that some get past the first checks.
    bytes.set([22, 3, 3, 0, 59, 2, 0, 0, 55, 3, 3].slice(0, round % 12));
    const client = makeClient();
    try {
      await client.receive(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
    }
    expect(client.isOpen).toBe(false);
  }
});
