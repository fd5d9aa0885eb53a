/**
 * The bytes of messages: type codes under the manual's names, and the encoders that several files use.
 * https://www.postgresql.org/docs/18/protocol-message-formats.html
 */
import { PoolerError } from '../../errors.ts';
import { encodeText, join } from '../bytes/join.ts';

/** First bytes of what a driver sends. */
export const Frontend = {
  Bind: 0x42, // B
  Close: 0x43, // C
  CopyData: 0x64, // d
  CopyDone: 0x63, // c
  CopyFail: 0x66, // f
  Describe: 0x44, // D
  Execute: 0x45, // E
  Flush: 0x48, // H
  FunctionCall: 0x46, // F
  Parse: 0x50, // P
  /** PasswordMessage, SASLInitialResponse, SASLResponse and GSSResponse share one code. */
  Password: 0x70, // p
  Query: 0x51, // Q
  Sync: 0x53, // S
  Terminate: 0x58, // X
} as const;

/** First bytes of what a server sends. */
export const Backend = {
  Authentication: 0x52, // R
  BackendKeyData: 0x4b, // K
  BindComplete: 0x32, // 2
  CloseComplete: 0x33, // 3
  CommandComplete: 0x43, // C
  CopyBothResponse: 0x57, // W
  CopyData: 0x64, // d
  CopyDone: 0x63, // c
  CopyInResponse: 0x47, // G
  CopyOutResponse: 0x48, // H
  DataRow: 0x44, // D
  EmptyQueryResponse: 0x49, // I
  ErrorResponse: 0x45, // E
  FunctionCallResponse: 0x56, // V
  NegotiateProtocolVersion: 0x76, // v
  NoData: 0x6e, // n
  NoticeResponse: 0x4e, // N
  NotificationResponse: 0x41, // A
  ParameterDescription: 0x74, // t
  ParameterStatus: 0x53, // S
  ParseComplete: 0x31, // 1
  PortalSuspended: 0x73, // s
  ReadyForQuery: 0x5a, // Z
  RowDescription: 0x54, // T
} as const;

/** Int32 of an Authentication message: what the server wants, or that it is content. */
export const AuthenticationRequest = {
  Ok: 0,
  KerberosV5: 2,
  CleartextPassword: 3,
  MD5Password: 5,
  GSS: 7,
  GSSContinue: 8,
  SSPI: 9,
  SASL: 10,
  SASLContinue: 11,
  SASLFinal: 12,
} as const;

/** Int32 that stands in a packet without a type byte, where a StartupMessage has its version. */
export const RequestCode = {
  CancelRequest: 80877102,
  SSLRequest: 80877103,
  GSSENCRequest: 80877104,
} as const;

/** Protocol 3.0; the minor version is added to it. */
export const PROTOCOL_3 = 196608;

/** Idle, in a transaction, in a failed transaction. */
export type TransactionStatus = 'I' | 'T' | 'E';

/** A message with its type byte and length. */
export function message(type: number, ...parts: Uint8Array[]): Uint8Array {
  return join([Uint8Array.of(type), packet(...parts)]);
}

/** A message without a type byte, as only the first ones of a connection are. */
export function packet(...parts: Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 4);
  return join([int32(length), ...parts]);
}

export function authentication(request: number, ...parts: Uint8Array[]): Uint8Array {
  return message(Backend.Authentication, int32(request), ...parts);
}

export function parameterStatus(name: string, value: string): Uint8Array {
  return message(Backend.ParameterStatus, cString(name), cString(value));
}

export function readyForQuery(status: TransactionStatus): Uint8Array {
  return message(Backend.ReadyForQuery, encodeText(status));
}

export function query(sql: string): Uint8Array {
  return message(Frontend.Query, cString(sql));
}

export function int32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

export function cString(text: string): Uint8Array {
  if (text.includes('\0')) {
    throw new PoolerError('a string with a zero byte cannot be sent', { fault: 'pooler', sqlState: '08P01' });
  }
  return encodeText(`${text}\0`);
}
