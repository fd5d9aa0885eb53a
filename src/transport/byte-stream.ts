/**
 * What every way to an origin comes to: a stream of bytes in both directions, which may be made private once. Whoever
 * logs in, leases or cancels knows this and no socket.
 */
import type { PoolerError } from '../errors.ts';
import type { ReadResult } from './byte-source.ts';

export interface ByteStream {
  /** The bytes stay valid until they are handed back with `recycle`. Ends, or rejects, when the stream does. */
  read(): Promise<ReadResult>;
  recycle(bytes: Uint8Array): void;
  /** A promise where the bytes must stay as they are until it resolves; undefined where they were copied. */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** What was not sent yet is lost. */
  close(): void;
  /**
   * Runs, once or more, when the other side takes no more bytes. `why` where that is known. Nothing is done about it
   * unless somebody says so here: what the other side said before it left can still be read.
   */
  onBroken: (why?: PoolerError) => void;
}

export interface SecureStream extends ByteStream {
  /** What a login can be bound to (`tls-server-end-point`, RFC 5929), where the TLS layer shows the certificate. */
  readonly endPoint?: Uint8Array;
}

/** Open, and in clear. */
export interface OpenStream {
  stream: ByteStream;
  /** Upgrades the stream to TLS. From then on only what this returns is read and written. */
  secure(): Promise<SecureStream>;
}

/** A way to one origin: host, port, or whatever else leads there, and what TLS must prove. */
export interface Transport {
  /** Throws a PoolerError. `signal`: nobody waits for it any more. */
  open(signal: AbortSignal): Promise<OpenStream>;
}
