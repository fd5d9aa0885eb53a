/** Reads what the edge says between a driver's messages. It is a program of ours, but it talks over a network. */
import { decodeText } from '../bytes/reader.ts';
import { isListOf, isReadFlag, isRecord, isText, parsedNote } from '../sql/link-notes.ts';
import type { EdgeNote } from './link-notes.ts';

/** Undefined: it is no such note. */
export function decodeEdgeNote(body: Uint8Array): EdgeNote | undefined {
  const note = parsedNote(decodeText(body));
  return isEdgeNote(note) ? note : undefined;
}

function isEdgeNote(note: unknown): note is EdgeNote {
  return (
    isRecord(note) &&
    (note['define'] === undefined || isListOf(note['define'], isDefinition)) &&
    (note['drop'] === undefined || isListOf(note['drop'], isText)) &&
    (note['read'] === undefined || isFlag(note['read']))
  );
}

/** A Parse body has a text that ends in a zero byte, and a count behind it. */
function isDefinition(value: unknown): boolean {
  if (!Array.isArray(value) || value.length < 2 || value.length > 3 || !value.every(isText)) return false;
  const [name = '', parseBody = ''] = value;
  const textEnd = parseBody.indexOf('\0');
  return !name.includes('\0') && textEnd >= 0 && parseBody.length >= textEnd + 3;
}

function isFlag(value: unknown): boolean {
  return isReadFlag(value) && isRecord(value) && isText(value['answers']) && /^1?2?$/.test(value['answers']);
}
