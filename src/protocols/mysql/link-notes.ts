/**
 * What edge and endpoint of a caching config tell each other between the packets of a driver: a packet whose first
 * byte is no command of any server's, with JSON inside.
 *
 * - To the endpoint it stands where a command may stand. The edge takes none with this byte from a driver.
 * - From the endpoint it stands in front of a reply or behind one. A reply, or a row, may begin with the same byte,
 *   but not with such a sequence number: it neither follows on the one before nor begins a reply.
 */
import { encodeText } from '../bytes/join.ts';
import { decodeText } from '../bytes/reader.ts';
import {
  type EndpointNote as CommonNote,
  isCount,
  isListOf,
  isReadFlag,
  isRecord,
  isText,
  parsedNote,
  type ReadFlag,
} from '../sql/link-notes.ts';
import { int1, packet } from './packets.ts';

export const LINK_NOTE = 0xc1;

/** From edge to endpoint, in front of what it is about. Texts have one character a byte. */
export interface EdgeNote {
  /** Statements that the edge has prepared for the driver. */
  define?: [id: number, text: string, parameterCount: number][];
  /** Types of parameters that the driver has told the edge alone. */
  types?: [id: number, types: string][];
  read?: ReadFlag;
}

/** From endpoint to edge, behind each reply and sometimes in front of one. */
export interface EndpointNote extends CommonNote {
  /** The reply to the flagged read has ended, and is one that may be kept. */
  keeps?: true;
  /** The endpoint has prepared a statement for the driver, under settings with this key. */
  prepared?: [id: number, text: string, parameterCount: number, parsingKey: string];
  /** What the driver sends next is a file, up to an empty packet. */
  file?: true;
}

export function encodeEdgeNote(note: EdgeNote): Uint8Array {
  return packet(0, int1(LINK_NOTE), encodeText(JSON.stringify(note)));
}

/** `previous`: sequence number of the packet before, as the driver hears them. */
export function encodeEndpointNote(note: EndpointNote, previous: number): Uint8Array {
  return packet(sequenceOfNote(previous), int1(LINK_NOTE), encodeText(JSON.stringify(note)));
}

/** Next comes `previous` + 1, or 1, or, behind a file, whatever an OK or an error has. */
export function sequenceOfNote(previous: number): number {
  const sequence = (previous + 3) & 0xff;
  return sequence === 1 ? 2 : sequence;
}

/** Of a note's payload. Undefined: it is none. */
export function decodeEdgeNote(payload: Uint8Array): EdgeNote | undefined {
  const note = parsedNote(decodeText(payload.subarray(1)));
  return isEdgeNote(note) ? note : undefined;
}

/** The endpoint is believed. */
export function decodeEndpointNote(payload: Uint8Array): EndpointNote {
  return JSON.parse(decodeText(payload.subarray(1)));
}

function isEdgeNote(note: unknown): note is EdgeNote {
  return (
    isRecord(note) &&
    (note['define'] === undefined || isListOf(note['define'], isDefinition)) &&
    (note['types'] === undefined || isListOf(note['types'], isTypes)) &&
    (note['read'] === undefined || isReadFlag(note['read']))
  );
}

function isDefinition(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 3) return false;
  const [id, text, parameterCount] = value;
  return isCount(id) && isText(text) && isCount(parameterCount);
}

function isTypes(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && isCount(value[0]) && isText(value[1]);
}
