/** A socket as a stream of bytes, with the runtime's own TLS: the fast path. */
import { ByteSink } from './byte-sink.ts';
import { ByteSource, type ReadResult } from './byte-source.ts';
import type { ByteStream, SecureStream } from './byte-stream.ts';

export class TcpStream implements ByteStream {
  #socket: Socket;
  #source: ByteSource;
  #sink: ByteSink;
  onBroken: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#source = new ByteSource(socket.readable);
    this.#sink = this.#sinkOf(socket);
  }

  read(): Promise<ReadResult> {
    return this.#source.read();
  }

  recycle(bytes: Uint8Array): void {
    this.#source.recycle(bytes);
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    return this.#sink.write(bytes);
  }

  close(): void {
    this.#socket.close().catch(ignoreClosing);
  }

  /** Checks the certificate against public authorities and the host's name. Throws the runtime's own error. */
  async startTls(host: string): Promise<SecureStream> {
    this.#source.release();
    this.#sink.release();
    this.#socket = this.#socket.startTls({ expectedServerHostname: host });
    this.#source = new ByteSource(this.#socket.readable);
    this.#sink = this.#sinkOf(this.#socket);
    await this.#socket.opened;
    return this;
  }

  #sinkOf(socket: Socket): ByteSink {
    // It rejects when the peer resets; whoever reads or writes hears of it too, and handles it there.
    socket.closed.catch(ignoreClosing);
    return new ByteSink(socket.writable, () => this.onBroken());
  }
}

function ignoreClosing(): void {
  // A socket that is being given up has nothing more to say.
}
