/**
 * The beginning of COM_STMT_EXECUTE: everything in front of the values.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_stmt_execute.html
 */
import { Capability, hasFlag } from './capabilities.ts';
import { PacketReader } from './packet-reader.ts';
import type { PacketStream } from './packet-stream.ts';
import { HEADER_BYTES } from './packets.ts';

/** Packet header, command, statement id. */
export const ID_BYTES_END = HEADER_BYTES + 5;
/** ... flags, iteration count. */
const FIXED_BYTES = HEADER_BYTES + 10;
/** Of the flags: query attributes stand among the parameters, and a count of all in front of them. */
const PARAMETER_COUNT_AVAILABLE = 0x08;
const LENENC_BYTES_MAX = 9;
/** The name of an attribute. */
const NAME_BYTES_MAX = 1024;

export interface ExecuteHead {
  /** Where, from the packet's first byte, the flag stands that says whether types follow. */
  flagAt: number;
  /** As they are on the wire. Undefined: they were sent before. */
  types: Uint8Array | undefined;
}

export function readExecuteHead(
  stream: PacketStream,
  statement: { parameterCount: number; capabilities: number },
): ExecuteHead | 'more is needed' {
  const { input, at, frameLength } = stream;
  const flags = input[at + ID_BYTES_END] ?? 0;
  const hasAttributes = hasFlag(statement.capabilities, Capability.QUERY_ATTRIBUTES);
  const isCounted = hasAttributes && hasFlag(flags, PARAMETER_COUNT_AVAILABLE);
  if (!isCounted && statement.parameterCount === 0) return { flagAt: FIXED_BYTES, types: undefined };
  const there = input.subarray(at, Math.min(at + frameLength, input.length));
  const isThere = (bytes: number): boolean => {
    const needed = Math.min(bytes, frameLength);
    return there.length >= needed || stream.want(needed);
  };
  if (isCounted && !isThere(FIXED_BYTES + LENENC_BYTES_MAX)) return 'more is needed';
  const reader = new PacketReader(there.subarray(FIXED_BYTES), 'driver');
  const count = isCounted ? reader.lenencInt() : statement.parameterCount;
  const countBytes = there.length - FIXED_BYTES - reader.remaining;
  const flagAt = FIXED_BYTES + countBytes + ((count + 7) >> 3);
  if (count === 0) return { flagAt, types: undefined };
  const typeBytes = hasAttributes ? 3 + NAME_BYTES_MAX : 2;
  if (!isThere(flagAt + 1)) return 'more is needed';
  if (there[flagAt] !== 1) return { flagAt, types: undefined };
  if (!isThere(flagAt + 1 + count * typeBytes)) return 'more is needed';
  return { flagAt, types: typesIn(there.subarray(flagAt + 1), { count, hasNames: hasAttributes }) };
}

function typesIn(bytes: Uint8Array, { count, hasNames }: { count: number; hasNames: boolean }): Uint8Array {
  const reader = new PacketReader(bytes, 'driver');
  for (let at = 0; at < count; at += 1) {
    reader.int2();
    if (hasNames) reader.lenencBytes();
  }
  return bytes.slice(0, bytes.length - reader.remaining);
}
