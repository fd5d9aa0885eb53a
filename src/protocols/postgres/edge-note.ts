/** Reads what the edge says between a driver's messages. It is a program of ours, but it talks over a network. */
import { decodeText } from '../bytes/reader.ts';
import type { EdgeNote } from './link-notes.ts';

/** JSON makes up to six bytes of one; what a note is about is itself bounded at the edge. */
export const NOTE_BYTES_MAX = 1024 * 1024;

/** Undefined: it is no such note. */
export function decodeEdgeNote(body: Uint8Array): EdgeNote | undefined {
  const note = parsed(decodeText(body));
  return isEdgeNote(note) ? note : undefined;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
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
  if (!Array.isArray(value) || value.length !== 2 || !value.every(isText)) return false;
  const [name = '', parseBody = ''] = value;
  const textEnd = parseBody.indexOf('\0');
  return !name.includes('\0') && textEnd >= 0 && parseBody.length >= textEnd + 3;
}

function isFlag(value: unknown): boolean {
  if (!isRecord(value) || !isCount(value['bytes']) || typeof value['floor'] !== 'number') return false;
  if (Number(value['bytes']) > NOTE_BYTES_MAX) return false;
  return isText(value['answers']) && /^1?2?$/.test(value['answers']) && isRead(value['read']);
}

function isRead(value: unknown): boolean {
  if (!isRecord(value) || !isText(value['key']) || !isRecord(value['control'])) return false;
  return (value['wants'] === 'rows' || value['wants'] === 'description') && isCount(value['textLength']);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isItem);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
