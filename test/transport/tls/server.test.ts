/** Our server of TLS against our own client, and against whoever breaks a rule. OpenSSL stands in test/transport-servers. */
import { createPrivateKey } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clientHandshake } from '../../../src/transport/tls/client-handshake.ts';
import { TlsConnection } from '../../../src/transport/tls/connection.ts';
import { KeyExchange, X25519 } from '../../../src/transport/tls/key-exchange.ts';
import { certificatesOf } from '../../../src/transport/tls/pem.ts';
import { Content, plainRecord } from '../../../src/transport/tls/records.ts';
import { serverHandshake } from '../../../src/transport/tls/server-handshake.ts';
import { extension, join, uint, vector } from '../../../src/transport/tls/wire.ts';
import { CLIENT_CERTIFICATE, CLIENT_KEY } from '../../fakes/certificates.ts';

const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const certificate = { chain: certificatesOf(CLIENT_CERTIFICATE), key: createPrivateKey(CLIENT_KEY) };

function makeServer(): TlsConnection {
  const options = { certificate, protocol: 'postgresql', isProtocolNeeded: false };
  const random = new Uint8Array(32).fill(2);
  return new TlsConnection((channel) => serverHandshake(channel, { ...options, random }));
}

function makeClient(): TlsConnection {
  const options = { host: 'db.example.com', checkServer: () => {} };
  const random = new Uint8Array(32).fill(1);
  return new TlsConnection((channel) => clientHandshake(channel, { ...options, random }));
}

/** Both have shaken hands. */
async function pair(): Promise<{ server: TlsConnection; client: TlsConnection }> {
  const [server, client] = [makeServer(), makeClient()];
  await server.receive(await client.takeOutbox());
  await client.receive(await server.takeOutbox());
  await server.receive(await client.takeOutbox());
  return { server, client };
}

test('what one says the other hears, cut anywhere', async () => {
  const { server, client } = await pair();
  expect([server.isOpen, client.isOpen]).toEqual([true, true]);
  client.say(text('select 1'));
  const sent = await client.takeOutbox();
  for (let at = 0; at < sent.length; at += 1) {
    const heard = await server.receive(sent.subarray(at, at + 1));
    expect(join(heard)).toEqual(at === sent.length - 1 ? text('select 1') : new Uint8Array());
  }
  server.say(text('one row'));
  expect(join(await client.receive(await server.takeOutbox()))).toEqual(text('one row'));
});

test('no byte of what the client says in a handshake can be changed on its way', async () => {
  const hello = await makeClient().takeOutbox();
  const changed = async (at: number): Promise<boolean> => {
    const [server, client] = [makeServer(), makeClient()];
    try {
      const first = await client.takeOutbox();
      await server.receive(first.with(at, (first[at] ?? 0) ^ 1));
      await client.receive(await server.takeOutbox());
      await server.receive(await client.takeOutbox());
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
    }
    return server.isOpen;
  };
  // The record's version, which means nothing.
  expect(await changed(2)).toBe(true);
  for (let at = 0; at < hello.length; at += 1)
    if (at !== 2) expect([at, await changed(at)]).toEqual([at, false]);
});

test('a proof that was changed lets nobody in', async () => {
  const [server, client] = [makeServer(), makeClient()];
  await server.receive(await client.takeOutbox());
  await client.receive(await server.takeOutbox());
  const proof = await client.takeOutbox();
  await expect(server.receive(proof.with(-1 + proof.length, (proof.at(-1) ?? 0) ^ 1))).rejects.toThrow();
  expect([server.isOpen, server.isEnded]).toEqual([false, true]);
});

test('whoever says something before the proof is not heard', async () => {
  const server = makeServer();
  await server.receive(await makeClient().takeOutbox());
  const early = plainRecord({ type: Content.applicationData, content: text('select 1') });
  await expect(server.receive(early)).rejects.toThrow('A record was changed on its way.');
});

test('any bytes in place of a hello end the connection with an alert, or are waited with', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      const server = makeServer();
      try {
        expect(await server.receive(bytes)).toEqual([]);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        expect((await server.takeOutbox())[0]).toBe(Content.alert);
      }
      expect(server.isOpen).toBe(false);
    }),
  );
});

/** A record with a ClientHello of these parts. */
function hello(changes: Partial<Record<'suites' | 'session' | 'compressions' | 'extensions', Uint8Array>>) {
  const {
    suites = uint(2, 0x1301),
    session = new Uint8Array(),
    compressions = uint(1, 0),
    extensions = usual(),
  } = changes;
  const body = [uint(2, 0x0303), new Uint8Array(32), vector(1, session), vector(2, suites)];
  const rest = [vector(1, compressions), vector(2, extensions)];
  const content = join([uint(1, 1), vector(3, ...body, ...rest)]);
  return plainRecord({ type: Content.handshake, content });
}

const X25519_KEY = new KeyExchange(X25519).publicKey;
const PARTS = {
  versions: extension(43, vector(1, uint(2, 0x0304))),
  groups: extension(10, vector(2, uint(2, 29), uint(2, 24))),
  schemes: extension(13, vector(2, uint(2, 0x0403), uint(2, 0x0804))),
  share: extension(51, vector(2, uint(2, 29), vector(2, X25519_KEY))),
};

function usual(changes: Partial<Record<keyof typeof PARTS, Uint8Array>> = {}): Uint8Array {
  return join(Object.values({ ...PARTS, ...changes }));
}

const NONE = new Uint8Array();
const TWICE = extension(
  51,
  vector(
    2,
    ...Array(2)
      .fill([uint(2, 29), vector(2, X25519_KEY)])
      .flat(),
  ),
);
const ZERO = extension(51, vector(2, uint(2, 29), vector(2, new Uint8Array(32))));

test.each<[what: string, bytes: Uint8Array, alert: number]>([
  ['without versions', hello({ extensions: usual({ versions: NONE }) }), 70],
  ['of TLS 1.2', hello({ extensions: usual({ versions: extension(43, vector(1, uint(2, 0x0303))) }) }), 70],
  ['without curves', hello({ extensions: usual({ groups: NONE }) }), 109],
  ['without signatures', hello({ extensions: usual({ schemes: NONE }) }), 109],
  ['without keys', hello({ extensions: usual({ share: NONE }) }), 109],
  ['with two keys for a curve', hello({ extensions: usual({ share: TWICE }) }), 47],
  ['with a key that leads to zero', hello({ extensions: usual({ share: ZERO }) }), 47],
  ['with an extension twice', hello({ extensions: join([usual(), PARTS.groups]) }), 47],
  ['with compression', hello({ compressions: Uint8Array.of(1, 0) }), 47],
  ['with a long session', hello({ session: new Uint8Array(33) }), 47],
  ['without a cipher of ours', hello({ suites: uint(2, 0x1303) }), 40],
  [
    'without a curve of ours',
    hello({
      extensions: usual({ groups: extension(10, vector(2, uint(2, 30))), share: extension(51, vector(2)) }),
    }),
    40,
  ],
  ['that ends early', hello({ extensions: uint(1, 0) }), 50],
  [
    'that is another message',
    plainRecord({ type: Content.handshake, content: Uint8Array.of(2, 0, 0, 0) }),
    10,
  ],
  ['longer than any', plainRecord({ type: Content.handshake, content: Uint8Array.of(1, 0xff, 0, 0) }), 50],
  ['of HTTP', text('GET / HTTP/1.1\r\n\r\n'), 50],
])('a hello %s is answered with the alert for it', async (_what, bytes, alert) => {
  const server = makeServer();
  await expect(server.receive(bytes)).rejects.toThrow();
  expect(await server.takeOutbox()).toEqual(Uint8Array.of(21, 3, 3, 0, 2, 2, alert));
});

test('a second hello that is not what was asked for is refused', async () => {
  const server = makeServer();
  const first = hello({ extensions: usual({ share: extension(51, vector(2)) }) });
  await server.receive(first);
  // ServerHello with the random of a retry.
  expect(Buffer.from(await server.takeOutbox()).toString('hex')).toContain('cf21ad74e59a6111');
  await expect(server.receive(first)).rejects.toThrow('The second hello is not what was asked for.');
});
