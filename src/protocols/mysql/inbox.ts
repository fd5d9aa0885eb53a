/**
 * Bytes that arrived and are not yet a whole packet. Both login machines and our own questions take whole packets
 * out of it; what flows between driver and origin does not pass through here. A length is judged as soon as it can
 * be read, before any byte of the payload is kept.
 */
import { type Fault, PoolerError } from '../../errors.ts';
import { join } from '../bytes/join.ts';
import { ErrorNumber } from './errors.ts';
import { HEADER_BYTES, payloadLengthAt, sequenceAt } from './packets.ts';

export class Inbox {
  readonly #fault: Fault;
  readonly #payloadBytesMax: number;
  #bytes: Uint8Array = new Uint8Array();
  #sequence: number;

  /** `sequence`: the number of the first packet. `payloadBytesMax`: less than 16 MiB - 1. */
  constructor(options: { fault: Fault; payloadBytesMax: number; sequence: number }) {
    this.#fault = options.fault;
    this.#payloadBytesMax = options.payloadBytesMax;
    this.#sequence = options.sequence;
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** The number of the next packet, whichever side sends it. */
  get sequence(): number {
    return this.#sequence;
  }

  /** The next packet has this number: the other side sent some in between, or a command begins. */
  expect(sequence: number): void {
    this.#sequence = sequence & 0xff;
  }

  /** Copies: the caller's buffer is free afterwards. */
  push(bytes: Uint8Array): void {
    this.#bytes = join([this.#bytes, bytes]);
  }

  /** The payload of the next packet. Undefined: more is needed. */
  take(): Uint8Array | undefined {
    if (this.length < HEADER_BYTES) return undefined;
    const length = payloadLengthAt(this.#bytes, 0);
    if (length > this.#payloadBytesMax) throw this.#tooLarge();
    if (sequenceAt(this.#bytes, 0) !== this.#sequence) throw this.#outOfOrder();
    if (this.length < HEADER_BYTES + length) return undefined;
    const payload = this.#bytes.subarray(HEADER_BYTES, HEADER_BYTES + length);
    this.#bytes = this.#bytes.subarray(HEADER_BYTES + length);
    this.expect(this.#sequence + 1);
    return payload;
  }

  takeRest(): Uint8Array {
    const rest = this.#bytes;
    this.#bytes = new Uint8Array();
    return rest;
  }

  #tooLarge(): PoolerError {
    return this.#violation(
      `Got a packet bigger than ${this.#payloadBytesMax} bytes`,
      ErrorNumber.ER_NET_PACKET_TOO_LARGE,
    );
  }

  #outOfOrder(): PoolerError {
    return this.#violation('Got packets out of order', ErrorNumber.ER_NET_PACKETS_OUT_OF_ORDER);
  }

  #violation(text: string, errno: number): PoolerError {
    return new PoolerError(text, {
      fault: this.#fault,
      sqlState: '08S01',
      errno,
      apiCode: 2015,
      fatal: true,
    });
  }
}
