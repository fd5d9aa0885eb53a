/** What edge and endpoint of a caching config tell each other in any protocol, as JSON between a driver's messages. */
import type { CacheableRead, CacheStatus, ReplyFacts, WriteNews } from '../caching.ts';

/** JSON makes up to six bytes of one; what a note is about is itself bounded at the edge. */
export const NOTE_BYTES_MAX = 1024 * 1024;

/** The next `bytes` bytes are an exchange whose reply may be cached. */
export interface ReadFlag {
  read: CacheableRead;
  /** The moment up to which the driver may have seen writes. */
  floor: number;
  bytes: number;
}

/** From endpoint to edge. */
export interface EndpointNote {
  /** How many exchanges have been taken from this link. */
  taken?: number;
  /** The endpoint's clock, where nothing is owed: what was answered so far may show writes that began before. */
  at?: number;
  /** The session's settings, where they have changed. Null: not known now, or the session has more that matters. */
  settings?: Record<string, string> | null;
  /** What became of the exchange that ends here. */
  status?: CacheStatus;
  /** In front of the reply to a flagged read. */
  reply?: ReplyFacts;
  news?: WriteNews;
}

export function isReadFlag(value: unknown): boolean {
  if (!isRecord(value) || !isCount(value['bytes']) || typeof value['floor'] !== 'number') return false;
  return Number(value['bytes']) <= NOTE_BYTES_MAX && isRead(value['read']);
}

function isRead(value: unknown): boolean {
  if (!isRecord(value) || !isText(value['key']) || !isRecord(value['control'])) return false;
  return (value['wants'] === 'rows' || value['wants'] === 'description') && isCount(value['textLength']);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isItem);
}

export function isText(value: unknown): value is string {
  return typeof value === 'string';
}

export function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** Undefined: it is no JSON. */
export function parsedNote(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
