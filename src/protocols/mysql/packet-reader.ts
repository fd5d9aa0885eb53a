/**
 * Reads the fields of one payload, least significant byte first. Each read checks the length first: the bytes are
 * hostile. A slice that it returns shares memory with the payload.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_data_types.html
 */
import { type Fault, PoolerError } from '../../errors.ts';
import { decodeText } from '../bytes/reader.ts';

/** ER_MALFORMED_PACKET */
const MALFORMED = 1835;

export class PacketReader {
  readonly #bytes: Uint8Array;
  readonly #fault: Fault;
  #at = 0;

  /** `fault`: who sent the bytes, and so whose fault it is when they end too early. */
  constructor(payload: Uint8Array, fault: Fault) {
    this.#bytes = payload;
    this.#fault = fault;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  int1(): number {
    return this.#number(1);
  }

  int2(): number {
    return this.#number(2);
  }

  int3(): number {
    return this.#number(3);
  }

  /** Unsigned. */
  int4(): number {
    return this.#number(4) >>> 0;
  }

  int8(): bigint {
    const bytes = this.bytes(8);
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  }

  /** A count or an id: all 64 bits. */
  lenencBigInt(): bigint {
    const first = this.int1();
    switch (first) {
      case 0xfb: // NULL, where a row is read: see `lenencBytesOrNull`
      case 0xff:
        throw this.#malformed();
      case 0xfc:
        return BigInt(this.int2());
      case 0xfd:
        return BigInt(this.int3());
      case 0xfe:
        return this.int8();
      default:
        return BigInt(first);
    }
  }

  /** A length: more than can be there is malformed. */
  lenencInt(): number {
    const value = this.lenencBigInt();
    if (value > Number.MAX_SAFE_INTEGER) throw this.#malformed();
    return Number(value);
  }

  bytes(length: number): Uint8Array {
    if (length > this.remaining) throw this.#malformed();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  rest(): Uint8Array {
    return this.bytes(this.remaining);
  }

  lenencBytes(): Uint8Array {
    return this.bytes(this.lenencInt());
  }

  /** A value of a text row. */
  lenencBytesOrNull(): Uint8Array | null {
    if (this.#bytes[this.#at] !== 0xfb) return this.lenencBytes();
    this.#at += 1;
    return null;
  }

  lenencText(): string {
    return decodeText(this.lenencBytes());
  }

  /** Up to the next zero byte, which is taken too. */
  nulBytes(): Uint8Array {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw this.#malformed();
    const bytes = this.bytes(end - this.#at);
    this.#at += 1;
    return bytes;
  }

  /** Bytes that are not UTF-8 become U+FFFD. */
  nulText(): string {
    return decodeText(this.nulBytes());
  }

  /** For what stands last, where some leave out the zero byte. */
  nulTextOrRest(): string {
    const hasEnd = this.#bytes.indexOf(0, this.#at) >= 0;
    return hasEnd ? this.nulText() : decodeText(this.rest());
  }

  #number(length: 1 | 2 | 3 | 4): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.bytes(length);
    return a | (b << 8) | (c << 16) | (d << 24);
  }

  #malformed(): PoolerError {
    return new PoolerError('Malformed communication packet.', {
      fault: this.#fault,
      sqlState: 'HY000',
      errno: MALFORMED,
      fatal: true,
    });
  }
}
