/**
 * Bytes that arrived and are not yet a whole message. Both login machines take whole messages out of it; it
 * knows lengths and types, not what is in a message. A length is judged as soon as it can be read, before any
 * byte of the body is kept.
 */
import { type Fault, PoolerError } from '../../errors.ts';
import { join } from '../bytes/join.ts';
import { Reader } from '../bytes/reader.ts';

export interface Message {
  type: number;
  body: Uint8Array;
}

export class Inbox {
  readonly #fault: Fault;
  #bytes: Uint8Array = new Uint8Array();

  /** `fault`: who sends the bytes. */
  constructor(fault: Fault) {
    this.#fault = fault;
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** Copies: the caller's buffer is free afterwards. */
  push(bytes: Uint8Array): void {
    this.#bytes = join([this.#bytes, bytes]);
  }

  peekByte(): number | undefined {
    return this.#bytes[0];
  }

  takeByte(): number | undefined {
    const byte = this.#bytes[0];
    this.#bytes = this.#bytes.subarray(1);
    return byte;
  }

  /** A message without a type byte. Undefined: more is needed. */
  takePacket(bounds: { bytesMin: number; bytesMax: number; outOfBounds: string }): Uint8Array | undefined {
    if (this.length < 4) return undefined;
    return this.#takeFrom(0, bounds);
  }

  /** A message with a type byte; `bytesMax` bounds the length that it states. Undefined: more is needed. */
  takeMessage(bytesMax: number): Message | undefined {
    const type = this.peekByte();
    if (type === undefined || this.length < 5) return undefined;
    const body = this.#takeFrom(1, { bytesMin: 4, bytesMax, outOfBounds: 'invalid message length' });
    return body && { type, body };
  }

  takeRest(): Uint8Array {
    const rest = this.#bytes;
    this.#bytes = new Uint8Array();
    return rest;
  }

  #takeFrom(
    at: number,
    bounds: { bytesMin: number; bytesMax: number; outOfBounds: string },
  ): Uint8Array | undefined {
    const stated = new Reader(this.#bytes.subarray(at), this.#fault).int32();
    if (stated < bounds.bytesMin || stated > bounds.bytesMax) {
      throw new PoolerError(bounds.outOfBounds, { fault: this.#fault, sqlState: '08P01', fatal: true });
    }
    if (this.length < at + stated) return undefined;
    const body = this.#bytes.subarray(at + 4, at + stated);
    this.#bytes = this.#bytes.subarray(at + stated);
    return body;
  }
}
