/**
 * DEALLOCATE, in SQL, of a statement that the driver prepared by protocol: the origin knows it by another name, and
 * other drivers may use it. The text gets the name of a statement that is made to be deallocated.
 */

import { encodeText } from '../bytes/join.ts';
import { bytesOfLatin1 } from '../bytes/latin1.ts';
import { PARSE } from './expected.ts';
import type { StatementFacts } from './facts.ts';
import type { MessageStream } from './message-stream.ts';
import { cString, Frontend, message } from './messages.ts';
import { SACRIFICE } from './settle.ts';
import { FAILED, type Talk } from './talk.ts';

/** The text with other names in it; undefined where it can stay. Sends what makes those names. */
export function withoutDeallocated(options: {
  talk: Talk;
  stream: MessageStream;
  text: string;
  facts: StatementFacts;
}): Uint8Array | undefined {
  const { talk, stream, text, facts } = options;
  // In a failed transaction nothing runs, and the origin says so.
  if (talk.status === FAILED) return undefined;
  const ours = facts.deallocated.filter(({ text: name }) => talk.statements.delete(name));
  if (ours.length === 0) return undefined;
  for (const { text: name } of ours) talk.caching?.notes.droppedNames.add(name);
  let replaced = '';
  let at = 0;
  for (const [index, { start, end }] of ours.entries()) {
    const name = index === 0 ? SACRIFICE : `${SACRIFICE}_${index}`;
    makeSacrifice({ talk, stream, name: cString(name) });
    replaced += text.slice(at, start) + name;
    at = end;
  }
  return bytesOfLatin1(replaced + text.slice(at));
}

function makeSacrifice({
  talk,
  stream,
  name,
}: {
  talk: Talk;
  stream: MessageStream;
  name: Uint8Array;
}): void {
  const close = message(Frontend.Close, encodeText('S'), name);
  talk.send(stream, close, { reply: 'close', isHidden: true });
  const parse = message(Frontend.Parse, name, new Uint8Array(3));
  talk.send(stream, parse, { ...PARSE, isHidden: true });
}
