/** TLS of our own towards a driver that came to a listener of ours. Loaded when first needed. */
import { ByteSink } from './byte-sink.ts';
import { ByteSource, type ReadResult } from './byte-source.ts';
import type { ByteStream } from './byte-stream.ts';
import type { DriverSocket } from './driver-socket.ts';
import { TlsConnection } from './tls/connection.ts';
import { type ServerOptions, serverHandshake } from './tls/server-handshake.ts';
import { shakeHands, TlsStream } from './tls-stream.ts';

/**
 * Shakes hands. `early`: bytes of the driver's that have been read already. What this returns takes the place of the
 * socket, whose streams must not be locked. Throws where the driver does not speak as it should: it has been told.
 */
export async function acceptTls(
  socket: DriverSocket,
  options: Omit<ServerOptions, 'random'> & { early: Uint8Array },
): Promise<DriverSocket> {
  const random = crypto.getRandomValues(new Uint8Array(32));
  const connection = new TlsConnection((channel) => serverHandshake(channel, { ...options, random }));
  const below = new Below(socket, options.early);
  try {
    const said = await shakeHands(below, connection);
    return socketOver(new TlsStream(below, { connection, said, explain: (cause) => cause }));
  } catch (cause) {
    await below.end();
    throw cause;
  }
}

/** The driver's socket, and in front of it what was read from it before. */
class Below implements ByteStream {
  readonly #socket: DriverSocket;
  readonly #source: ByteSource;
  readonly #sink: ByteSink;
  #early: Uint8Array | undefined;
  onBroken: () => void = () => {};

  constructor(socket: DriverSocket, early: Uint8Array) {
    this.#socket = socket;
    this.#source = new ByteSource(socket.readable);
    this.#sink = new ByteSink(socket.writable, () => this.onBroken());
    this.#early = early.length > 0 ? early : undefined;
  }

  read(): Promise<ReadResult> {
    const early = this.#early;
    if (early === undefined) return this.#source.read();
    this.#early = undefined;
    return Promise.resolve({ value: early, done: false });
  }

  /** The early ones become a buffer like others. */
  recycle(bytes: Uint8Array): void {
    this.#source.recycle(bytes);
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    return this.#sink.write(bytes);
  }

  close(): void {
    void this.end();
  }

  /** What was written leaves first: an alert, or the last words of a login. */
  async end(): Promise<void> {
    await this.#sink.close();
    await this.#socket.close().catch(ignoreClosing);
  }
}

function socketOver(stream: TlsStream): DriverSocket {
  const readable = new ReadableStream({
    type: 'bytes',
    async pull(controller: ReadableByteStreamController) {
      const { value, done } = await stream.read();
      if (!done && value) return controller.enqueue(value);
      controller.close();
      controller.byobRequest?.respond(0);
    },
    cancel: () => stream.close(),
  });
  const writable = new WritableStream<Uint8Array>({
    write: (bytes) => stream.say(bytes),
    close: () => stream.close(),
    abort: () => stream.close(),
  });
  stream.onBroken = () => void readable.cancel().catch(ignoreClosing);
  return { readable, writable, close: async () => stream.close() };
}

function ignoreClosing(): void {
  // One side has left; the other side's end is all there is to do.
}
