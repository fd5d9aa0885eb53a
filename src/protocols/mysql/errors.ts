/**
 * ERR packets, and what they mean as a PoolerError.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_err_packet.html
 * https://dev.mysql.com/doc/mysql-errors/9.4/en/server-error-reference.html
 */
import { PoolerError, type PoolerErrorOptions } from '../../errors.ts';
import { encodeText, join } from '../bytes/join.ts';
import { decodeText } from '../bytes/reader.ts';
import { PacketReader } from './packet-reader.ts';
import { int1, int2, Reply } from './packets.ts';

/** Those that we send or look for, by the names of the manual. */
export const ErrorNumber = {
  ER_HANDSHAKE_ERROR: 1043,
  ER_DBACCESS_DENIED_ERROR: 1044,
  ER_ACCESS_DENIED_ERROR: 1045,
  ER_UNKNOWN_COM_ERROR: 1047,
  ER_BAD_DB_ERROR: 1049,
  ER_SERVER_SHUTDOWN: 1053,
  ER_PARSE_ERROR: 1064,
  ER_NO_SUCH_THREAD: 1094,
  ER_UNKNOWN_ERROR: 1105,
  ER_NET_PACKET_TOO_LARGE: 1153,
  ER_NET_PACKETS_OUT_OF_ORDER: 1156,
  ER_NET_READ_ERROR: 1158,
  ER_NOT_SUPPORTED_YET: 1235,
  ER_UNKNOWN_STMT_HANDLER: 1243,
  ER_NOT_SUPPORTED_AUTH_MODE: 1251,
  ER_UNSUPPORTED_PS: 1295,
  ER_INVALID_CHARACTER_STRING: 1300,
  ER_QUERY_INTERRUPTED: 1317,
  ER_STMT_HAS_NO_OPEN_CURSOR: 1421,
  ER_MAX_PREPARED_STMT_COUNT_REACHED: 1461,
  ER_NEED_REPREPARE: 1615,
  ER_ACCESS_DENIED_NO_PASSWORD_ERROR: 1698,
  ER_MALFORMED_PACKET: 1835,
  ER_ACCOUNT_HAS_BEEN_LOCKED: 3118,
  ER_CLIENT_INTERACTION_TIMEOUT: 4031,
} as const;

/** A server closes behind these: it shuts down, it was told to, it has waited for too long, or got too much. */
export const LAST_WORDS: readonly number[] = [
  ErrorNumber.ER_SERVER_SHUTDOWN,
  ErrorNumber.ER_NET_PACKET_TOO_LARGE,
  1927,
  4031,
];

/** What PostgreSQL's SQLSTATEs, in which the rest of Warmpool speaks, are called here. */
const COUNTERPARTS: ReadonlyMap<string, { errno: number; sqlState: string }> = new Map([
  ['08004', { errno: ErrorNumber.ER_NET_READ_ERROR, sqlState: '08S01' }],
  ['08006', { errno: ErrorNumber.ER_NET_READ_ERROR, sqlState: '08S01' }],
  ['08P01', { errno: ErrorNumber.ER_MALFORMED_PACKET, sqlState: 'HY000' }],
  ['0A000', { errno: ErrorNumber.ER_NOT_SUPPORTED_YET, sqlState: '42000' }],
  ['22021', { errno: ErrorNumber.ER_INVALID_CHARACTER_STRING, sqlState: 'HY000' }],
  ['25P03', { errno: ErrorNumber.ER_CLIENT_INTERACTION_TIMEOUT, sqlState: 'HY000' }],
  ['28000', { errno: ErrorNumber.ER_ACCESS_DENIED_ERROR, sqlState: '28000' }],
  ['28P01', { errno: ErrorNumber.ER_ACCESS_DENIED_ERROR, sqlState: '28000' }],
  ['3D000', { errno: ErrorNumber.ER_BAD_DB_ERROR, sqlState: '42000' }],
  ['42601', { errno: ErrorNumber.ER_PARSE_ERROR, sqlState: '42000' }],
  ['54000', { errno: ErrorNumber.ER_NET_PACKET_TOO_LARGE, sqlState: '08S01' }],
  ['57014', { errno: ErrorNumber.ER_QUERY_INTERRUPTED, sqlState: '70100' }],
  ['57P01', { errno: ErrorNumber.ER_SERVER_SHUTDOWN, sqlState: '08S01' }],
]);

const UNKNOWN = { errno: ErrorNumber.ER_UNKNOWN_ERROR, sqlState: 'HY000' };

export interface ErrPacket {
  errno: number;
  sqlState: string;
  message: string;
}

/** The payload. The hint has no field of its own: it stands behind the message. */
export function encodeErr(error: PoolerError): Uint8Array {
  const { errno, sqlState } = numbersOf(error);
  const text = error.hint ? `${error.message} (${error.hint})` : error.message;
  return join([int1(Reply.ERR), int2(errno), encodeText(`#${sqlState}${text}`)]);
}

/** Takes what can be read. An ERR in place of a greeting may have no SQLSTATE. */
export function decodeErr(payload: Uint8Array): ErrPacket {
  const reader = new PacketReader(payload, 'origin');
  reader.int1();
  const errno = reader.int2();
  const text = decodeText(reader.rest());
  const [, sqlState, message] = /^#([0-9A-Z]{5})(.*)$/s.exec(text) ?? [];
  return { errno, sqlState: sqlState ?? UNKNOWN.sqlState, message: message ?? text };
}

/** An error of the origin in its own words. `options` says what the place where it came up knows of it. */
export function originError(
  { errno, sqlState, message }: ErrPacket,
  options: Pick<PoolerErrorOptions, 'apiCode' | 'fatal' | 'hint'> = {},
): PoolerError {
  const text = message || 'The origin reported an error without a message.';
  return new PoolerError(text, { fault: 'origin', errno, sqlState, ...options });
}

function numbersOf(error: PoolerError): { errno: number; sqlState: string } {
  if (error.errno !== undefined) return { errno: error.errno, sqlState: error.sqlState };
  return COUNTERPARTS.get(error.sqlState) ?? UNKNOWN;
}
