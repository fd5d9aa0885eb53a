/** TLS of our own over any stream of bytes: for what the runtime's cannot do. Loaded when first needed. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { PoolerError } from '../errors.ts';
import { ByteSink } from './byte-sink.ts';
import type { ReadResult } from './byte-source.ts';
import type { ByteStream, SecureStream } from './byte-stream.ts';
import { withDeadline } from './deadline.ts';
import type { OwnTlsOptions } from './own-tls.ts';
import { refusal } from './refusal.ts';
import { CertificateError } from './tls/alerts.ts';
import { endPointOf } from './tls/certificate.ts';
import { TlsClient } from './tls/client.ts';
import type { HandshakeOptions } from './tls/handshake.ts';
import { checkTrust } from './tls/trust.ts';
import { join } from './tls/wire.ts';

/** Shakes hands. Throws a PoolerError; the stream below stays the caller's to close. */
export async function startTls(below: ByteStream, options: OwnTlsOptions): Promise<SecureStream> {
  const client = new TlsClient(handshakeOptions(options));
  const early: Uint8Array[] = [];
  try {
    for (;;) {
      await flush(below, client);
      if (client.isOpen) return new TlsStream(below, { client, said: early, options });
      const { value, done } = await below.read();
      if (done || !value) throw new Error('The server closed the connection.');
      try {
        early.push(...(await client.receive(value)));
      } finally {
        below.recycle(value);
      }
      if (client.isEnded) throw new Error('The server said goodbye.');
    }
  } catch (cause) {
    await flush(below, client);
    throw handshakeError(cause);
  }
}

function handshakeOptions(options: OwnTlsOptions): HandshakeOptions {
  const { host, authorities, isHostChecked, client } = options;
  return {
    host,
    random: crypto.getRandomValues(new Uint8Array(32)),
    checkServer(chain) {
      if (authorities === undefined) return;
      const trusted = certificatesOf(authorities);
      checkTrust(chain, { authorities: trusted, host: isHostChecked ? host : undefined, nowMs: Date.now() });
    },
    certificate: client && { chain: certificatesOf(client.certificates), key: createPrivateKey(client.key) },
  };
}

function certificatesOf(pem: string): Uint8Array[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block).raw);
}

async function flush(below: ByteStream, client: TlsClient): Promise<void> {
  const bytes = await client.takeOutbox();
  if (bytes.length > 0) await below.write(bytes);
}

const GOODBYE_MS = 1_000;

const LEFT = 'The server left when it had seen our client certificate; it may not accept it';

class TlsStream implements SecureStream {
  readonly #below: ByteStream;
  readonly #client: TlsClient;
  readonly #sink: ByteSink;
  #flushed: Promise<void> = Promise.resolve();
  /** What was said and not read yet. */
  readonly #said: Uint8Array[];
  /** The server's first words prove that it took our certificate: in 1.3 it says no only now. */
  #hasServerSpoken = false;
  readonly #isCertificateShown: boolean;
  readonly endPoint?: Uint8Array;
  onBroken: (why?: PoolerError) => void = () => {};

  constructor(
    below: ByteStream,
    { client, said, options }: { client: TlsClient; said: Uint8Array[]; options: OwnTlsOptions },
  ) {
    this.#isCertificateShown = options.client !== undefined;
    this.#below = below;
    this.#client = client;
    this.#said = said;
    below.onBroken = (why) => this.onBroken(why);
    const writable = new WritableStream<Uint8Array>({ write: (bytes) => this.#say(bytes) });
    this.#sink = new ByteSink(writable, () => this.onBroken());
    const certificate = client.serverCertificate;
    const isVouchedFor = options.authorities !== undefined;
    const endPoint = certificate && endPointOf(certificate, { isVouchedFor });
    if (endPoint !== undefined) this.endPoint = endPoint;
  }

  async read(): Promise<ReadResult> {
    for (;;) {
      // As one: each read of ours costs whoever passes it on a write.
      if (this.#said.length > 0) return { value: join(this.#said.splice(0)), done: false };
      if (this.#client.isEnded) return { value: undefined, done: true };
      const bytes = await this.#readBelow();
      if (bytes === undefined) return { value: undefined, done: true };
      await this.#receive(bytes);
      this.#below.recycle(bytes);
    }
  }

  /** Undefined: the end. What the server said last may be lost with a reset: then this is all that is known. */
  async #readBelow(): Promise<Uint8Array | undefined> {
    const mayBeRefused = this.#isCertificateShown && !this.#hasServerSpoken;
    try {
      const { value, done } = await this.#below.read();
      if (!done && value) return value;
      if (mayBeRefused) throw handshakeError(new Error(LEFT));
      return undefined;
    } catch (cause) {
      throw mayBeRefused ? handshakeError(new Error(LEFT, { cause })) : cause;
    }
  }

  /** Theirs are no buffers of ours: each piece was made for its reader. */
  recycle(): void {}

  write(bytes: Uint8Array): Promise<void> | undefined {
    return this.#sink.write(bytes);
  }

  close(): void {
    this.#client.close();
    void this.#sayGoodbye();
  }

  /** A server that takes nothing more does not hear it, and does not keep the stream open. */
  async #sayGoodbye(): Promise<void> {
    try {
      await withDeadline(this.#flush(), GOODBYE_MS, () => new Error('not taken'));
    } catch {
      // What was not sent is lost.
    } finally {
      this.#below.close();
    }
  }

  #say(bytes: Uint8Array): Promise<void> {
    if (this.#client.isOpen) this.#client.say(bytes);
    return this.#flush();
  }

  /** One after the other: records must leave in the order in which they were numbered. */
  #flush(): Promise<void> {
    this.#flushed = this.#flushed.then(() => flush(this.#below, this.#client));
    return this.#flushed;
  }

  /** Throws a PoolerError; then the stream is of no use any more. */
  async #receive(bytes: Uint8Array): Promise<void> {
    try {
      this.#said.push(...(await this.#client.receive(bytes)));
      this.#hasServerSpoken ||= this.#said.length > 0;
    } catch (cause) {
      throw this.#hasServerSpoken ? lost(cause) : handshakeError(cause);
    } finally {
      void this.#flush();
    }
  }
}

function lost(cause: unknown): PoolerError {
  const words = cause instanceof Error ? cause.message : String(cause);
  const options = { fault: 'origin', sqlState: '08006', apiCode: 2010, cause } as const;
  return new PoolerError(`The TLS connection to the database was lost: ${words}`, options);
}

function handshakeError(cause: unknown): PoolerError {
  if (cause instanceof PoolerError) return cause;
  const words = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof CertificateError)
    return refusal('tls_handshake_failed', `TLS handshake failed: cert validation failed: ${words}`, cause);
  return refusal('tls_handshake_failed', `TLS handshake failed: ${words}`, cause);
}
