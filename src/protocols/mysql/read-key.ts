/**
 * The key of a read: everything that can change its reply. Equal keys have byte-equal replies while no relation
 * that is read changes; a test proves it on real servers.
 *
 *   text | what is asked | dialect | parameters: types, NULLs, values | session settings
 *
 * Each part says where it ends, so no two reads can meet in one key. One character a byte.
 */
import { latin1 } from '../bytes/latin1.ts';
import { PacketReader } from './packet-reader.ts';
import { HEADER_BYTES } from './packets.ts';

/** Packet header, command, statement id, flags, iteration count. */
const FIXED_BYTES = HEADER_BYTES + 10;
const FLAGS_AT = HEADER_BYTES + 5;
/** Of the flags: where query attributes were agreed on, a count of all parameters follows, and each has a name. */
const PARAMETER_COUNT_AVAILABLE = 0x08;
/** A TIME becomes a date by way of today's. */
const TYPE_TIME = 0x0b;

export interface Asker {
  /** As it was agreed on. */
  dialect: string;
  /** Key of the session's settings. */
  settings: string;
}

export function keyOfQuery(text: string, asker: Asker): string {
  return `${text}\0Q${tailOf(asker)}`;
}

export function keyOfPrepare(text: string, asker: Asker): string {
  return `${text}\0P${tailOf(asker)}`;
}

export interface Execution {
  /** Types of the parameters, as they are on the wire. */
  types: Uint8Array;
  /** All behind the fixed head. */
  parameters: Uint8Array;
}

/**
 * `execute`: the packet, which is whole. Undefined: its reply is not like that of another, because it opens a cursor,
 * has attributes, leaves out the types of its parameters, or has one whose meaning moves.
 */
export function readExecute(
  execute: Uint8Array,
  { parameterCount, hasAttributes }: { parameterCount: number; hasAttributes: boolean },
): Execution | undefined {
  if (execute.length < FIXED_BYTES) return undefined;
  const flags = execute[FLAGS_AT];
  const isCounted = hasAttributes && flags === PARAMETER_COUNT_AVAILABLE;
  if (flags !== 0 && !isCounted) return undefined;
  const parameters = execute.subarray(FIXED_BYTES);
  const reader = new PacketReader(parameters, 'driver');
  if (isCounted && (reader.remaining === 0 || reader.int1() !== parameterCount)) return undefined;
  if (parameterCount === 0)
    return reader.remaining === 0 ? { types: new Uint8Array(), parameters } : undefined;
  const nullBytes = (parameterCount + 7) >> 3;
  if (reader.remaining <= nullBytes) return undefined;
  reader.bytes(nullBytes);
  if (reader.int1() !== 1) return undefined;
  const typesAt = parameters.length - reader.remaining;
  for (let at = 0; at < parameterCount; at += 1) {
    if (reader.remaining < 2 || (reader.int2() & 0xff) === TYPE_TIME) return undefined;
    // A name belongs to an attribute.
    if (hasAttributes && (reader.remaining === 0 || reader.int1() !== 0)) return undefined;
  }
  return { types: parameters.subarray(typesAt, parameters.length - reader.remaining), parameters };
}

export function keyOfExecute(text: string, { parameters }: Execution, asker: Asker): string {
  return `${text}\0E${parameters.length}|${latin1(parameters)}${tailOf(asker)}`;
}

function tailOf({ dialect, settings }: Asker): string {
  return `${dialect}\0${settings}`;
}
