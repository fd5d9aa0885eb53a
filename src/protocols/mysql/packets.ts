/**
 * The bytes of packets: header, sequence number, pieces of 16 MiB, and the encoders that several files use.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html
 */
import { PoolerError } from '../../errors.ts';
import { encodeText, join } from '../bytes/join.ts';

/** Length of the payload in three bytes, then the sequence number. */
export const HEADER_BYTES = 4;

/** A payload of so many bytes or more goes on in the next packet, which may be empty. */
export const PAYLOAD_BYTES_MAX = 0xff_ffff;

/** First bytes of what a driver sends. */
export const Command = {
  SLEEP: 0x00,
  QUIT: 0x01,
  INIT_DB: 0x02,
  QUERY: 0x03,
  FIELD_LIST: 0x04,
  CREATE_DB: 0x05,
  DROP_DB: 0x06,
  REFRESH: 0x07,
  SHUTDOWN: 0x08,
  STATISTICS: 0x09,
  PROCESS_INFO: 0x0a,
  CONNECT: 0x0b,
  PROCESS_KILL: 0x0c,
  DEBUG: 0x0d,
  PING: 0x0e,
  TIME: 0x0f,
  DELAYED_INSERT: 0x10,
  CHANGE_USER: 0x11,
  BINLOG_DUMP: 0x12,
  TABLE_DUMP: 0x13,
  CONNECT_OUT: 0x14,
  REGISTER_SLAVE: 0x15,
  STMT_PREPARE: 0x16,
  STMT_EXECUTE: 0x17,
  STMT_SEND_LONG_DATA: 0x18,
  STMT_CLOSE: 0x19,
  STMT_RESET: 0x1a,
  SET_OPTION: 0x1b,
  STMT_FETCH: 0x1c,
  DAEMON: 0x1d,
  BINLOG_DUMP_GTID: 0x1e,
  RESET_CONNECTION: 0x1f,
  CLONE: 0x20,
  SUBSCRIBE_GROUP_REPLICATION_STREAM: 0x21,
  /** MariaDB only. */
  STMT_BULK_EXECUTE: 0xfa,
} as const;

/** First bytes of what a server sends. A row or a column count may begin with the same byte: length and place tell. */
export const Reply = {
  OK: 0x00,
  AUTH_MORE_DATA: 0x01,
  LOCAL_INFILE: 0xfb,
  /** EOF, AuthSwitchRequest, or the OK of DEPRECATE_EOF. */
  EOF: 0xfe,
  ERR: 0xff,
} as const;

/** Length of the payload whose header stands at `at`. Its four bytes must be there. */
export function payloadLengthAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
}

export function sequenceAt(bytes: Uint8Array, at: number): number {
  return bytes[at + 3] ?? 0;
}

/** How many packets a payload of this length takes; the next sequence number is so many further, modulo 256. */
export function packetCountOf(payloadLength: number): number {
  return Math.floor(payloadLength / PAYLOAD_BYTES_MAX) + 1;
}

export function packetHeader(payloadLength: number, sequence: number): Uint8Array {
  return Uint8Array.of(payloadLength, payloadLength >>> 8, payloadLength >>> 16, sequence);
}

/** One packet. The payload is shorter than 16 MiB - 1: what may be longer goes through `packetSlices`. */
export function packet(sequence: number, ...parts: Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length >= PAYLOAD_BYTES_MAX) {
    throw new PoolerError('a packet is too long', { fault: 'pooler', sqlState: '08S01', errno: 1153 });
  }
  return join([packetHeader(length, sequence), ...parts]);
}

/** A payload of any length as headers and slices of it: nothing is copied. */
export function packetSlices(sequence: number, payload: Uint8Array): Uint8Array[] {
  return Array.from({ length: packetCountOf(payload.length) }, (_, index) => {
    const piece = payload.subarray(index * PAYLOAD_BYTES_MAX, (index + 1) * PAYLOAD_BYTES_MAX);
    return [packetHeader(piece.length, sequence + index), piece];
  }).flat();
}

export function int1(value: number): Uint8Array {
  return Uint8Array.of(value);
}

export function int2(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8);
}

export function int3(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16);
}

export function int4(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
}

export function int8(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

/** A number that takes as few bytes as it needs: 1, 3, 4 or 9. */
export function lenencInt(value: number | bigint): Uint8Array {
  if (value < 0xfb) return int1(Number(value));
  if (value <= 0xffff) return join([int1(0xfc), int2(Number(value))]);
  if (value <= 0xff_ffff) return join([int1(0xfd), int3(Number(value))]);
  return join([int1(0xfe), int8(BigInt(value))]);
}

export function lenencBytes(bytes: Uint8Array): Uint8Array {
  return join([lenencInt(bytes.length), bytes]);
}

export function lenencText(text: string): Uint8Array {
  return lenencBytes(encodeText(text));
}

/** Text that ends with a zero byte, and so must not hold one. */
export function nulText(text: string): Uint8Array {
  if (text.includes('\0')) {
    throw new PoolerError('a string with a zero byte cannot be sent', { fault: 'pooler', sqlState: 'HY000' });
  }
  return encodeText(`${text}\0`);
}
