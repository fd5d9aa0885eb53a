/** What the edge says changes what the endpoint knows of its driver; and a read that it flags may wait here. */

import { bytesOfLatin1 } from '../bytes/latin1.ts';
import { NOTE_BYTES_MAX } from '../sql/link-notes.ts';
import { decodeEdgeNote } from './edge-note.ts';
import { factsOf } from './facts.ts';
import { intern } from './interning.ts';
import { type EdgeNote, LINK_NOTE } from './link-notes.ts';
import type { MessageStream } from './message-stream.ts';
import { noteColumns } from './outdated.ts';
import { checkNames } from './preparing.ts';
import type { Talk } from './talk.ts';

export function takeNote(options: {
  talk: Talk;
  stream: MessageStream;
  /** It was heeded before: its exchange runs a second time. */
  isAgain: boolean;
}): 'heeded' | 'a read waits' | 'held' | 'not all there' | 'refused' {
  const { talk, stream, isAgain } = options;
  const { input, at, end, length, type } = stream;
  if (type !== LINK_NOTE || !talk.caching?.isEdgeListening || length > NOTE_BYTES_MAX) return 'refused';
  if (!stream.isWhole) {
    stream.want(length + 1);
    return 'not all there';
  }
  const note = decodeEdgeNote(input.subarray(at + 5, end));
  if (!note) return 'refused';
  // The exchange that it is about is taken as a whole.
  const wholeBytes = length + 1 + (note.read?.bytes ?? 0);
  if (input.length - at < wholeBytes) {
    stream.want(wholeBytes);
    return 'not all there';
  }
  // What is about to be dropped is not what the note defines.
  if (talk.watchesTags && talk.expected.hasEnd) return 'held';
  stream.cut();
  const flag = isAgain ? undefined : heed(note, talk);
  if (!flag) return 'heeded';
  talk.caching.flag(flag, talk.settings);
  return 'a read waits';
}

/** Returns the read that waits from now on. It is none of a driver that has more under way: that runs as it is. */
function heed(note: EdgeNote, talk: Talk): EdgeNote['read'] {
  for (const name of note.drop ?? []) drop(name, talk);
  for (const [name, ...what] of note.define ?? []) define(name, what, talk);
  return note.read && mayWait(talk) ? note.read : undefined;
}

function drop(name: string, talk: Talk): void {
  if (name === '') talk.unnamed = undefined;
  else talk.statements.delete(name);
}

/** The driver has its ParseComplete, and may know the columns. An origin hears of the statement when it is used. */
export function define(
  name: string,
  [parseBody, columns]: readonly [parseBody: string, columns?: string],
  talk: Talk,
): void {
  const body = bytesOfLatin1(parseBody);
  const text = parseBody.slice(0, parseBody.indexOf('\0'));
  if (name === '') talk.unnamed = { parseBody: body, facts: factsOf(text), isMade: true };
  else {
    const statement = intern(talk, { text, body });
    if (columns !== undefined) noteColumns(statement, { columns, registry: talk.registry });
    talk.statements.set(name, statement);
  }
  checkNames(talk);
}

function mayWait(talk: Talk): boolean {
  const { origin, isSkipping, isCopyingIn, isOver, isDriverGone } = talk;
  if (origin || isSkipping || isCopyingIn || isOver || isDriverGone) return false;
  return talk.isAtRest && talk.rest.settings !== undefined;
}
