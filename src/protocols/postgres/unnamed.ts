/**
 * The unnamed statement: each driver has one, each connection has one, and they must be the same when it is used. It
 * lives until the next Parse of it, a simple query or a Close (manual, 54.2.3).
 */

import { encodeText, join } from '../bytes/join.ts';
import { withoutDeallocated } from './deallocate.ts';
import { CLOSE, type Expected } from './expected.ts';
import { factsOf } from './facts.ts';
import type { MessageStream } from './message-stream.ts';
import { Frontend, message } from './messages.ts';
import type { Talk } from './talk.ts';

/** Its name on the wire. */
export const UNNAMED = Uint8Array.of(0);

export class Unnamed {
  readonly #talk: Talk;
  readonly #stream: MessageStream;
  /** The exchange that is being sent has a Parse of it. */
  isParsedHere = false;

  constructor(talk: Talk, stream: MessageStream) {
    this.#talk = talk;
    this.#stream = stream;
  }

  parse(text: string, body: Uint8Array): void {
    const talk = this.#talk;
    const { origin, unnamed: before } = talk;
    const facts = factsOf(text);
    const replaced = withoutDeallocated({ talk, stream: this.#stream, text, facts });
    const parseBody = replaced ? join([replaced, body.subarray(text.length)]) : body.slice();
    const made = { parseBody, facts, isMade: false };
    talk.unnamed = made;
    if (origin) origin.unnamed = made;
    // A later exchange of a pipeline may have made the next one. A Parse that fails takes the old one with it.
    const undo = (why: 'failed' | 'skipped'): void => {
      if (talk.unnamed === made) talk.unnamed = why === 'failed' ? undefined : before;
      if (origin?.unnamed === made) origin.unnamed = undefined;
    };
    this.isParsedHere = true;
    const expected: Expected = { reply: 'parse', undo, done: () => Object.assign(made, { isMade: true }) };
    if (replaced === undefined) talk.pass(this.#stream, expected);
    else {
      this.#stream.cut();
      talk.send(this.#stream, message(Frontend.Parse, UNNAMED, parseBody), expected);
    }
  }

  /** Makes sure that the origin holds the driver's, or none. */
  ensure(): void {
    const { unnamed, origin } = this.#talk;
    if (!origin || (unnamed && origin.unnamed === unnamed)) return;
    origin.unnamed = unnamed;
    if (!unnamed) {
      // The origin may hold another driver's; this one shall hear that there is none.
      const close = message(Frontend.Close, encodeText('S'), UNNAMED);
      this.#talk.send(this.#stream, close, { ...CLOSE, isHidden: true });
      return;
    }
    const undo = (): void => {
      if (origin.unnamed === unnamed) origin.unnamed = undefined;
    };
    const parse = message(Frontend.Parse, UNNAMED, unnamed.parseBody);
    this.#talk.send(this.#stream, parse, { reply: 'parse', isHidden: true, undo });
  }

  /** A simple query, or a Close, ends the unnamed statement, unless an error skips it. */
  drop(expected: Expected): Expected {
    const talk = this.#talk;
    const { unnamed, origin } = talk;
    talk.unnamed = undefined;
    if (origin) origin.unnamed = undefined;
    if (!unnamed) return expected;
    const undo = (): void => {
      talk.unnamed ??= unnamed;
    };
    return { ...expected, undo };
  }
}
