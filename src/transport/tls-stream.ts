/** TLS of our own over any stream of bytes, whichever side we are, once hands are shaken. */
import type { PoolerError } from '../errors.ts';
import { ByteSink } from './byte-sink.ts';
import type { ReadResult } from './byte-source.ts';
import type { ByteStream } from './byte-stream.ts';
import { withDeadline } from './deadline.ts';
import type { TlsConnection } from './tls/connection.ts';
import { join } from './tls/wire.ts';

/** Returns what the other side said at once behind its handshake. Where it throws the other side was told. */
export async function shakeHands(below: ByteStream, connection: TlsConnection): Promise<Uint8Array[]> {
  const said: Uint8Array[] = [];
  try {
    for (;;) {
      await flush(below, connection);
      if (connection.isOpen) return said;
      const { value, done } = await below.read();
      if (done || !value) throw new Error('The connection was closed.');
      try {
        said.push(...(await connection.receive(value)));
      } finally {
        below.recycle(value);
      }
      if (connection.isEnded) throw new Error('It ended with a goodbye.');
    }
  } catch (cause) {
    await flush(below, connection);
    throw cause;
  }
}

async function flush(below: ByteStream, connection: TlsConnection): Promise<void> {
  const bytes = await connection.takeOutbox();
  if (bytes.length > 0) await below.write(bytes);
}

const GOODBYE_MS = 1_000;

export interface TlsStreamOptions {
  /** Open. */
  connection: TlsConnection;
  /** What the other side has said already. */
  said: Uint8Array[];
  /** What a reader hears where TLS failed, or the stream below. */
  explain(cause: unknown, about: { hasPeerSpoken: boolean }): unknown;
  /** What a reader hears where the other side leaves without having said a word. Undefined: that is the end. */
  explainSilence?: (cause?: unknown) => unknown;
}

export class TlsStream implements ByteStream {
  readonly #below: ByteStream;
  readonly #connection: TlsConnection;
  readonly #options: TlsStreamOptions;
  readonly #sink: ByteSink;
  #flushed: Promise<void> = Promise.resolve();
  /** What was said and not read yet. */
  readonly #said: Uint8Array[];
  #hasPeerSpoken = false;
  onBroken: (why?: PoolerError) => void = () => {};

  constructor(below: ByteStream, options: TlsStreamOptions) {
    const { connection, said } = options;
    this.#options = options;
    this.#below = below;
    this.#connection = connection;
    this.#said = said;
    this.#hasPeerSpoken = said.length > 0;
    below.onBroken = (why) => this.onBroken(why);
    const writable = new WritableStream<Uint8Array>({ write: (bytes) => this.say(bytes) });
    this.#sink = new ByteSink(writable, () => this.onBroken());
  }

  async read(): Promise<ReadResult> {
    for (;;) {
      // As one: each read of ours costs whoever passes it on a write.
      if (this.#said.length > 0) return { value: join(this.#said.splice(0)), done: false };
      if (this.#connection.isEnded) return { value: undefined, done: true };
      const bytes = await this.#readBelow();
      if (bytes === undefined) return { value: undefined, done: true };
      await this.#receive(bytes);
      this.#below.recycle(bytes);
    }
  }

  /** Undefined: the end. What the other side said last may be lost with a reset: then this is all that is known. */
  async #readBelow(): Promise<Uint8Array | undefined> {
    const explainSilence = this.#hasPeerSpoken ? undefined : this.#options.explainSilence;
    try {
      const { value, done } = await this.#below.read();
      if (!done && value) return value;
    } catch (cause) {
      throw explainSilence?.(cause) ?? cause;
    }
    if (explainSilence) throw explainSilence();
    return undefined;
  }

  /** Theirs are no buffers of ours: each piece was made for its reader. */
  recycle(): void {}

  write(bytes: Uint8Array): Promise<void> | undefined {
    return this.#sink.write(bytes);
  }

  close(): void {
    this.#connection.close();
    void this.#sayGoodbye();
  }

  /** Who takes nothing more does not hear it, and does not keep the stream open. */
  async #sayGoodbye(): Promise<void> {
    try {
      await withDeadline(this.#flush(), GOODBYE_MS, () => new Error('not taken'));
    } catch {
      // What was not sent is lost.
    } finally {
      this.#below.close();
    }
  }

  /** Resolves when the bytes, which must stay as they are until then, are on their way. */
  say(bytes: Uint8Array): Promise<void> {
    if (this.#connection.isOpen) this.#connection.say(bytes);
    return this.#flush();
  }

  /** One after the other: records must leave in the order in which they were numbered. */
  #flush(): Promise<void> {
    this.#flushed = this.#flushed.then(() => flush(this.#below, this.#connection));
    return this.#flushed;
  }

  /** What it throws is explained; then the stream is of no use any more. */
  async #receive(bytes: Uint8Array): Promise<void> {
    try {
      this.#said.push(...(await this.#connection.receive(bytes)));
      this.#hasPeerSpoken ||= this.#said.length > 0;
    } catch (cause) {
      throw this.#options.explain(cause, { hasPeerSpoken: this.#hasPeerSpoken });
    } finally {
      void this.#flush();
    }
  }
}
