/**
 * OK and EOF: the end of a reply, of its columns or of its rows.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_ok_packet.html
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_eof_packet.html
 */
import { join } from '../bytes/join.ts';
import { Capability, hasFlag, ServerStatus } from './capabilities.ts';
import { PacketReader } from './packet-reader.ts';
import { int1, int2, lenencBytes, lenencInt, PAYLOAD_BYTES_MAX, Reply } from './packets.ts';

/** A row that begins with EOF's byte has a value of 16 MiB or more in it, after the 8 bytes of its length. */
const EOF_BYTES_MAX = 8;

export interface OkPacket {
  /** EOF: it ends rows, where DEPRECATE_EOF was agreed. */
  header: typeof Reply.OK | typeof Reply.EOF;
  affectedRows: bigint;
  lastInsertId: bigint;
  status: number;
  warnings: number;
  /** What the server says for people, such as `Rows matched: 1`, in the session's character set. */
  info: Uint8Array;
  /** For `decodeSessionState`. Empty where nothing changed or SESSION_TRACK was not agreed. */
  sessionState: Uint8Array;
}

export interface EofPacket {
  warnings: number;
  status: number;
}

const NOTHING = new Uint8Array();

/** The payload, as the driver agreed to it: without SESSION_TRACK nothing of the session state is said. */
export function encodeOk(ok: Partial<OkPacket>, capabilities: number): Uint8Array {
  const { header = Reply.OK, affectedRows = 0n, lastInsertId = 0n, warnings = 0 } = ok;
  const { info = NOTHING } = ok;
  const isTracking = hasFlag(capabilities, Capability.SESSION_TRACK);
  const sessionState = isTracking ? (ok.sessionState ?? NOTHING) : NOTHING;
  const hasState = sessionState.length > 0;
  const status = (ok.status ?? 0) & ~ServerStatus.SESSION_STATE_CHANGED;
  return join([
    int1(header),
    lenencInt(affectedRows),
    lenencInt(lastInsertId),
    int2(hasState ? status | ServerStatus.SESSION_STATE_CHANGED : status),
    int2(warnings),
    info.length > 0 || hasState ? lenencBytes(info) : NOTHING,
    hasState ? lenencBytes(sessionState) : NOTHING,
  ]);
}

/** The payload of an OK, as `capabilities` were agreed with the origin. Slices of it share its memory. */
export function decodeOk(payload: Uint8Array, capabilities: number): OkPacket {
  const reader = new PacketReader(payload, 'origin');
  const header = reader.int1() === Reply.EOF ? Reply.EOF : Reply.OK;
  const affectedRows = reader.lenencBigInt();
  const lastInsertId = reader.lenencBigInt();
  const status = reader.int2();
  const warnings = reader.int2();
  const isTracking = hasFlag(capabilities, Capability.SESSION_TRACK);
  const info = readInfo(reader, isTracking);
  const hasState = isTracking && hasFlag(status, ServerStatus.SESSION_STATE_CHANGED);
  const sessionState = hasState && reader.remaining > 0 ? reader.lenencBytes() : NOTHING;
  return { header, affectedRows, lastInsertId, status, warnings, info, sessionState };
}

/** The manual has it without a length where SESSION_TRACK is off; the servers write one all the same. */
function readInfo(reader: PacketReader, isTracking: boolean): Uint8Array {
  if (reader.remaining === 0) return NOTHING;
  if (isTracking) return reader.lenencBytes();
  const rest = reader.rest();
  const [length = 0] = rest;
  return length === rest.length - 1 ? rest.subarray(1) : rest;
}

/** Whether a packet where a row may stand ends the rows: EOF, or the OK of DEPRECATE_EOF. ERR ends them too. */
export function endsRows(packet: { firstByte: number; length: number }, capabilities: number): boolean {
  if (packet.firstByte !== Reply.EOF) return false;
  const isOk = hasFlag(capabilities, Capability.DEPRECATE_EOF);
  return isOk ? packet.length < PAYLOAD_BYTES_MAX : packet.length <= EOF_BYTES_MAX;
}

export function encodeEof({ warnings, status }: EofPacket): Uint8Array {
  return join([int1(Reply.EOF), int2(warnings), int2(status)]);
}

export function decodeEof(payload: Uint8Array): EofPacket {
  const reader = new PacketReader(payload, 'origin');
  reader.int1();
  return { warnings: reader.int2(), status: reader.int2() };
}
