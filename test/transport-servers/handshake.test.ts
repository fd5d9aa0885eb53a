/** Our TLS against OpenSSL's, byte streams in memory: versions, keys, client certificates, bulk. */
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { Duplex } from 'node:stream';
import { createSecureContext, type SecureVersion, TLSSocket, type TLSSocketOptions } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClientOptions } from '../../src/transport/tls/client-handshake.ts';
import { clientHandshake } from '../../src/transport/tls/client-handshake.ts';
import { TlsConnection } from '../../src/transport/tls/connection.ts';
import { checkTrust } from '../../src/transport/tls/trust.ts';
import { CertificateMaker, type Certified, type KeyKind, makeRoot } from '../fakes/authority.ts';

const HOST = 'db.example.com';
const KINDS: KeyKind[] = ['rsa', 'p256', 'p384', 'p521', 'ed25519'];
const VERSIONS: SecureVersion[] = ['TLSv1.2', 'TLSv1.3'];

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

test.each(
  VERSIONS.flatMap((version) => KINDS.map((kind) => [version, kind] as const)),
)('%s with a key of kind %s: trusted, and what is said arrives in both directions', async (version, kind) => {
  const talk = new Talk({ server: servers[kind], version });
  await talk.shakeHands();
  expect(talk.server.getProtocol()).toBe(version);
  expect(await talk.echo(Buffer.from('hello'))).toEqual(Buffer.from('hello'));
});

test.each(VERSIONS)('%s carries a megabyte as it is', async (version) => {
  const talk = new Talk({ server: servers.p256, version });
  await talk.shakeHands();
  const bytes = randomBytes(1_000_003);
  expect(Buffer.compare(await talk.echo(bytes), bytes)).toBe(0);
});

test.each(['P-384', 'P-521'])('a server that wants %s asks for a second hello', async (ecdhCurve) => {
  const talk = new Talk({ server: servers.p256, version: 'TLSv1.3', context: { ecdhCurve } });
  await talk.shakeHands();
  expect(await talk.echo(Buffer.from('x'))).toEqual(Buffer.from('x'));
});

test.each(['TLS_AES_256_GCM_SHA384', 'ECDHE-ECDSA-AES256-GCM-SHA384'])('%s is spoken', async (ciphers) => {
  const version = ciphers.startsWith('TLS') ? 'TLSv1.3' : 'TLSv1.2';
  const talk = new Talk({ server: servers.p256, version, context: { ciphers } });
  await talk.shakeHands();
  expect(talk.server.getCipher().standardName).toMatch(/AES_256_GCM_SHA384$/);
  expect(await talk.echo(Buffer.from('x'))).toEqual(Buffer.from('x'));
});

test.each(
  VERSIONS.flatMap((version) => KINDS.map((kind) => [version, kind] as const)),
)('%s: the server knows us by a client certificate with a key of kind %s', async (version, kind) => {
  const client = await maker.make({ name: `client-${kind}`, key: kind, issuer: root });
  const talk = new Talk({ server: servers.p256, version, client, asks: root });
  await talk.shakeHands();
  await talk.echo(Buffer.from('x'));
  expect(talk.server.getPeerCertificate().subject.CN).toBe(`client-${kind}`);
});

test('a record that was changed on its way ends the connection', async () => {
  const talk = new Talk({ server: servers.p256, version: 'TLSv1.3' });
  await talk.shakeHands();
  talk.tamper = (bytes) => bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1);
  await expect(talk.echo(Buffer.from('x'))).rejects.toThrow('A record was changed on its way.');
});

test("1.2: the server's key is not taken without the signature of its certificate", async () => {
  const talk = new Talk({ server: servers.p256, version: 'TLSv1.2' });
  // The signature is the end of ServerKeyExchange, which stands before the 9 bytes of ServerHelloDone's record.
  talk.tamper = (bytes) => bytes.with(bytes.length - 10, (bytes.at(-10) ?? 0) ^ 1);
  await expect(talk.shakeHands()).rejects.toThrow('The server does not hold the key of its certificate.');
});

test('1.2: a server that anybody could have spoken to before us (RFC 5746) is refused', async () => {
  const talk = new Talk({ server: servers.p256, version: 'TLSv1.2' });
  // Its empty renegotiation_info becomes an empty server_name.
  talk.tamper = (bytes) => {
    const at = Buffer.from(bytes).indexOf(Buffer.from('ff01000100', 'hex'));
    return at < 0 ? bytes : bytes.with(at, 0).with(at + 1, 0);
  };
  await expect(talk.shakeHands()).rejects.toThrow('open to foreign renegotiation');
});

test('where somebody in between takes 1.3 out of our hello, its server tells us', async () => {
  const talk = new Talk({ server: servers.p256, version: undefined });
  talk.tamperSent = (bytes) => {
    const at = Buffer.from(bytes).indexOf(Buffer.from('0403040303', 'hex'));
    return at < 0 ? bytes : bytes.with(at + 1, 3).with(at + 2, 3);
  };
  await expect(talk.shakeHands()).rejects.toThrow('Somebody in between keeps us from TLS 1.3.');
});

test('bytes one by one make the same conversation', async () => {
  const talk = new Talk({ server: servers.rsa, version: 'TLSv1.3', pieceBytes: 1 });
  await talk.shakeHands();
  expect(await talk.echo(Buffer.from('hello'))).toEqual(Buffer.from('hello'));
});

/** A client of ours and OpenSSL's server, with a wire between them that can be tampered with. */
class Talk {
  readonly server: TLSSocket;
  tamper = (bytes: Uint8Array): Uint8Array => bytes;
  tamperSent = (bytes: Uint8Array): Uint8Array => bytes;
  readonly #client: TlsConnection;
  readonly #wire: Duplex;
  readonly #said: Uint8Array[] = [];
  readonly #pieceBytes: number;
  #wake = (): void => {};
  #error: unknown;

  constructor(options: {
    server: Certified;
    version: SecureVersion | undefined;
    client?: Certified;
    asks?: Certified;
    context?: TLSSocketOptions & { ecdhCurve?: string; ciphers?: string };
    pieceBytes?: number;
  }) {
    const { server, version, client, asks, context } = options;
    this.#pieceBytes = options.pieceBytes ?? Infinity;
    this.#wire = new Duplex({
      read: () => {},
      write: (chunk: Buffer, _encoding, done) => {
        void this.#arrive(this.tamper(new Uint8Array(chunk))).then(() => done());
      },
    });
    this.server = new TLSSocket(this.#wire, {
      isServer: true,
      secureContext: createSecureContext({
        cert: server.certificate + server.above,
        key: server.key,
        ...(version ? { minVersion: version, maxVersion: version } : {}),
        ...(asks ? { ca: asks.certificate } : {}),
        ...context,
      }),
      // It asks and verifies the signature; what a bare TLSSocket makes of the certificate is its caller's matter.
      ...(asks ? { requestCert: true } : {}),
    });
    this.server.on('data', (bytes) => this.server.write(bytes));
    // Its alert is what counts; it comes over the wire.
    this.server.on('error', () => {});
    const trust = { authorities: [derOf(root)], host: HOST, nowMs: Date.now() };
    const handshake: ClientOptions = {
      host: HOST,
      random: randomBytes(32),
      checkServer: (chain) => checkTrust(chain, trust),
      certificate: client && { chain: [derOf(client)], key: createPrivateKey(client.key) },
    };
    this.#client = new TlsConnection((channel) => clientHandshake(channel, handshake));
  }

  async shakeHands(): Promise<void> {
    await this.#flush();
    await this.#until(() => this.#client.isOpen);
  }

  async echo(bytes: Uint8Array): Promise<Buffer> {
    this.#client.say(bytes);
    await this.#flush();
    await this.#until(() => Buffer.concat(this.#said).length >= bytes.length);
    return Buffer.concat(this.#said);
  }

  async #until(isReached: () => boolean): Promise<void> {
    while (!isReached()) {
      if (this.#error !== undefined) throw this.#error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async #arrive(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; at += this.#pieceBytes)
        this.#said.push(...(await this.#client.receive(bytes.slice(at, at + this.#pieceBytes))));
    } catch (error) {
      this.#error ??= error;
    }
    await this.#flush();
    this.#wake();
  }

  async #flush(): Promise<void> {
    const bytes = await this.#client.takeOutbox();
    if (bytes.length > 0) this.#wire.push(this.tamperSent(bytes));
  }
}

function derOf({ certificate }: Certified): Uint8Array {
  return new X509Certificate(certificate).raw;
}
