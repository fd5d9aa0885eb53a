/** Our TLS as a server against OpenSSL's client, byte streams in memory: keys, curves, ciphers, protocols, bulk. */
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { Duplex } from 'node:stream';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TlsConnection } from '../../src/transport/tls/connection.ts';
import { certificatesOf } from '../../src/transport/tls/pem.ts';
import { serverHandshake } from '../../src/transport/tls/server-handshake.ts';
import { CertificateMaker, type Certified, type KeyKind, makeRoot } from '../fakes/authority.ts';

const HOST = 'db.example.com';
const KINDS: KeyKind[] = ['rsa', 'p256', 'p384', 'p521', 'ed25519'];

let maker: CertificateMaker;
let root: Certified;
const servers = {} as Record<KeyKind, Certified>;

beforeAll(async () => {
  maker = await CertificateMaker.open();
  root = await makeRoot(maker, 'Test CA');
  for (const key of KINDS)
    servers[key] = await maker.make({ name: 'server', key, alternatives: `DNS:${HOST}`, issuer: root });
});

afterAll(() => maker.stop());

test.each(KINDS)('a key of kind %s: the client trusts it, and hears what it says', async (kind) => {
  const talk = new Talk({ server: servers[kind] });
  await talk.shakeHands();
  expect(talk.client.authorized).toBe(true);
  expect(await talk.echo(Buffer.from('hello'))).toEqual(Buffer.from('hello'));
});

test.each(['X25519', 'P-256', 'P-384', 'P-521'])('a key is agreed on with %s', async (ecdhCurve) => {
  const talk = new Talk({ server: servers.p256, client: { ecdhCurve } });
  await talk.shakeHands();
  expect(await talk.echo(Buffer.from('x'))).toEqual(Buffer.from('x'));
  expect(talk.hellos).toBe(1);
});

test('a client that begins with a curve of its own is asked for a second hello', async () => {
  const talk = new Talk({ server: servers.p256, client: { ecdhCurve: 'X448:P-384' } });
  await talk.shakeHands();
  expect(await talk.echo(Buffer.from('x'))).toEqual(Buffer.from('x'));
  expect(talk.hellos).toBe(2);
});

test.each(['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384'])('%s is spoken', async (ciphers) => {
  const talk = new Talk({ server: servers.rsa, client: { ciphers } });
  await talk.shakeHands();
  expect(talk.client.getCipher().standardName).toBe(ciphers);
});

test('a megabyte arrives as it is, in both directions', async () => {
  const talk = new Talk({ server: servers.p256 });
  await talk.shakeHands();
  const bytes = randomBytes(1_000_003);
  expect(Buffer.compare(await talk.echo(bytes), bytes)).toBe(0);
});

test('a chain longer than a record arrives in several', async () => {
  const { certificate, key, above } = servers.p256;
  const talk = new Talk({ server: { certificate, key, above: above + root.certificate.repeat(40) } });
  await talk.shakeHands();
  expect(await talk.echo(Buffer.from('x'))).toEqual(Buffer.from('x'));
});

test.each([
  { offered: ['postgresql'], isNeeded: true },
  { offered: ['h2', 'postgresql'], isNeeded: false },
])('a client that offers $offered is answered with postgresql', async ({ offered, isNeeded }) => {
  const talk = new Talk({ server: servers.p256, client: { ALPNProtocols: offered }, isNeeded });
  await talk.shakeHands();
  expect(talk.client.alpnProtocol).toBe('postgresql');
});

test('a client that says nothing of a protocol is let in where none is needed', async () => {
  const talk = new Talk({ server: servers.p256 });
  await talk.shakeHands();
  expect(talk.client.alpnProtocol).toBe(false);
});

test.each<[what: string, client: ConnectionOptions, isNeeded: boolean, words: RegExp]>([
  ['offers other protocols', { ALPNProtocols: ['h2'] }, false, /no application protocol/],
  ['offers none where one is needed', {}, true, /no application protocol/],
  ['knows TLS 1.2 only', { maxVersion: 'TLSv1.2' }, false, /protocol version/],
  ['has no cipher of ours', { ciphers: 'TLS_CHACHA20_POLY1305_SHA256' }, false, /handshake failure/],
  ['has no curve of ours', { ecdhCurve: 'X448' }, false, /handshake failure/],
  ['takes no signature of our key', { sigalgs: 'rsa_pss_rsae_sha256' }, false, /handshake failure/],
])('a client that %s hears why', async (_what, client, isNeeded, words) => {
  await expect(new Talk({ server: servers.p256, client, isNeeded }).shakeHands()).rejects.toThrow(words);
});

test('bytes one by one make the same conversation', async () => {
  const talk = new Talk({ server: servers.rsa, client: { ecdhCurve: 'X448:P-256' }, pieceBytes: 1 });
  await talk.shakeHands();
  expect(await talk.echo(Buffer.from('hello'))).toEqual(Buffer.from('hello'));
});

test('each side may say goodbye', async () => {
  const talk = new Talk({ server: servers.p256 });
  await talk.shakeHands();
  await talk.echo(Buffer.from('x'));
  const ended = new Promise((resolve) => talk.client.once('end', resolve));
  await talk.goodbye();
  await ended;
  const other = new Talk({ server: servers.p256 });
  await other.shakeHands();
  other.client.end();
  await other.untilEnded();
});

/** A server of ours that echoes, and OpenSSL's client. */
class Talk {
  readonly client: TLSSocket;
  hellos = 0;
  readonly #server: TlsConnection;
  readonly #wire: Duplex;
  readonly #pieceBytes: number;
  readonly #failed: Promise<never>;
  readonly #ended = Promise.withResolvers<void>();

  constructor(options: {
    server: Pick<Certified, 'certificate' | 'key' | 'above'>;
    client?: ConnectionOptions;
    isNeeded?: boolean;
    pieceBytes?: number;
  }) {
    const { server, client, isNeeded = false } = options;
    this.#pieceBytes = options.pieceBytes ?? Infinity;
    const certificate = {
      chain: certificatesOf(server.certificate + server.above),
      key: createPrivateKey(server.key),
    };
    this.#server = new TlsConnection((channel) =>
      serverHandshake(channel, {
        certificate,
        random: randomBytes(32),
        protocol: 'postgresql',
        isProtocolNeeded: isNeeded,
      }),
    );
    this.#wire = new Duplex({
      read: () => {},
      write: (chunk: Buffer, _encoding, done) => {
        this.hellos += hellosIn(chunk);
        void this.#arrive(new Uint8Array(chunk)).then(() => done());
      },
    });
    this.client = connect({ socket: this.#wire, servername: HOST, ca: root.certificate, ...client });
    this.#failed = new Promise((_resolve, reject) => this.client.once('error', reject));
    this.#failed.catch(() => {});
  }

  async shakeHands(): Promise<void> {
    const secured = new Promise((resolve) => this.client.once('secureConnect', resolve));
    await Promise.race([secured, this.#failed]);
  }

  async echo(bytes: Uint8Array): Promise<Buffer> {
    const heard: Buffer[] = [];
    const all = new Promise<void>((resolve) => {
      this.client.on('data', (piece: Buffer) => {
        heard.push(piece);
        if (Buffer.concat(heard).length >= bytes.length) resolve();
      });
    });
    this.client.write(bytes);
    await Promise.race([all, this.#failed]);
    return Buffer.concat(heard);
  }

  async goodbye(): Promise<void> {
    this.#server.close();
    await this.#flush();
  }

  untilEnded(): Promise<void> {
    return this.#ended.promise;
  }

  async #arrive(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += this.#pieceBytes) {
      try {
        const said = await this.#server.receive(bytes.slice(at, at + this.#pieceBytes));
        for (const words of said) this.#server.say(words);
      } catch {
        // The client hears why: that is what counts here.
      }
      if (this.#server.isEnded) this.#ended.resolve();
      await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    const bytes = await this.#server.takeOutbox();
    if (bytes.length > 0) this.#wire.push(bytes);
  }
}

/** Records of handshakes in clear. */
function hellosIn(flight: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < flight.length; at += 5 + (flight[at + 3] ?? 0) * 256 + (flight[at + 4] ?? 0))
    if (flight[at] === 0x16) count += 1;
  return count;
}

test('what a certificate file holds is read in its order', () => {
  const { certificate, above } = servers.p256;
  const [first] = certificatesOf(certificate + above + root.certificate);
  expect(first).toEqual(new X509Certificate(certificate).raw);
});
