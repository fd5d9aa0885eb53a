/**
 * The key of a read: everything that can change its reply. Equal keys have byte-equal replies while no relation
 * that is read changes; a test proves it on real servers.
 *
 *   text | what is asked | dialect | parameters: types, NULLs, values | session settings
 *
 * Each part says where it ends, so no two reads can meet in one key. One character a byte.
 */
import { latin1 } from '../bytes/latin1.ts';
import { HEADER_BYTES } from './packets.ts';

/** Packet header, command, statement id, flags, iteration count. */
const FIXED_BYTES = HEADER_BYTES + 10;
const FLAGS_AT = HEADER_BYTES + 5;
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

/**
 * `execute`: the packet. Undefined: its reply is not like that of another, because it opens a cursor, has attributes,
 * leaves out the types of its parameters, or has one whose meaning moves.
 */
export function keyOfExecute(
  text: string,
  { execute, parameterCount, ...asker }: Asker & { execute: Uint8Array; parameterCount: number },
): string | undefined {
  if (execute.length < FIXED_BYTES || execute[FLAGS_AT] !== 0) return undefined;
  const parameters = execute.subarray(FIXED_BYTES);
  if (parameterCount === 0) return parameters.length === 0 ? `${text}\0E0|${tailOf(asker)}` : undefined;
  const typesAt = ((parameterCount + 7) >> 3) + 1;
  if (parameters.length < typesAt + 2 * parameterCount || parameters[typesAt - 1] !== 1) return undefined;
  for (let at = 0; at < parameterCount; at += 1)
    if (parameters[typesAt + 2 * at] === TYPE_TIME) return undefined;
  return `${text}\0E${parameters.length}|${latin1(parameters)}${tailOf(asker)}`;
}

/** As `keyOfExecute` has read it. */
export function typesOfExecute(execute: Uint8Array, parameterCount: number): string {
  const at = FIXED_BYTES + ((parameterCount + 7) >> 3) + 1;
  return latin1(execute.subarray(at, at + 2 * parameterCount));
}

function tailOf({ dialect, settings }: Asker): string {
  return `${dialect}\0${settings}`;
}
