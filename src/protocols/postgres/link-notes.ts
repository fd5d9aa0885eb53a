/**
 * What edge and endpoint of a caching config tell each other between the messages of a driver: a message of the
 * protocol's form whose type byte PostgreSQL does not use, with JSON inside. No driver can send one, because the
 * edge refuses types that PostgreSQL does not know.
 */
import { encodeText } from '../bytes/join.ts';
import type { EndpointNote as CommonNote, ReadFlag } from '../sql/link-notes.ts';
import { message } from './messages.ts';

export const LINK_NOTE = 0x01;

/** From edge to endpoint, in front of what it is about. */
export interface EdgeNote {
  /**
   * Statements that the edge has acknowledged to the driver: name, Parse body (one character a byte), and a mark of
   * its columns where the driver was told them.
   */
  define?: [name: string, parseBody: string, columns?: string][];
  /** Names that the driver has given up at the edge. Empty: the unnamed statement. */
  drop?: string[];
  /** `answers`: with `1` and `2` in front. */
  read?: ReadFlag & { answers: string };
}

/** From endpoint to edge. `taken` stands in front of a ReadyForQuery behind which nothing is owed. */
export interface EndpointNote extends CommonNote {
  /** The session's prepared statements are gone: all, or those with these names. */
  dropped?: true | string[];
}

export function encodeNote(note: EdgeNote | EndpointNote): Uint8Array {
  return message(LINK_NOTE, encodeText(JSON.stringify(note)));
}
