/**
 * Reads big-endian fields of one message. Each read checks the length first: the bytes are hostile. A slice that
 * it returns shares memory with the message.
 */
import { type Fault, PoolerError } from '../../errors.ts';

export class Reader {
  readonly #bytes: Uint8Array;
  readonly #fault: Fault;
  #at = 0;

  /** `fault`: who sent the bytes, and so whose fault it is when they end too early. */
  constructor(bytes: Uint8Array, fault: Fault) {
    this.#bytes = bytes;
    this.#fault = fault;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  uint8(): number {
    const [value = 0] = this.bytes(1);
    return value;
  }

  int32(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.bytes(4);
    return (a << 24) | (b << 16) | (c << 8) | d;
  }

  bytes(length: number): Uint8Array {
    if (length < 0 || length > this.remaining) throw this.#malformed('insufficient data left in message');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  rest(): Uint8Array {
    return this.bytes(this.remaining);
  }

  /** Text up to the next zero byte. Bytes that are not UTF-8 become U+FFFD. */
  cString(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw this.#malformed('invalid string in message');
    const text = decodeText(this.bytes(end - this.#at));
    this.#at += 1;
    return text;
  }

  #malformed(message: string): PoolerError {
    return new PoolerError(message, { fault: this.#fault, sqlState: '08P01', fatal: true });
  }
}

// ignoreBOM: a byte order mark is text here, not to be dropped.
const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

export function decodeText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
