/** What the edge says changes what the endpoint knows of its driver; and a read that it flags may wait here. */
import type { CachedReply, ReplyFacts } from '../caching.ts';
import { decodeEdgeNote } from './link-notes.ts';
import type { PacketStream } from './packet-stream.ts';
import type { Preparing } from './preparing.ts';
import { lastSequenceIn, parameterCountIn, withId } from './stored-reply.ts';
import type { Talk } from './talk.ts';

export class Heeding {
  readonly #talk: Talk;
  readonly #stream: PacketStream;
  readonly #preparing: Preparing;

  constructor(options: { talk: Talk; stream: PacketStream; preparing: Preparing }) {
    this.#talk = options.talk;
    this.#stream = options.stream;
    this.#preparing = options.preparing;
  }

  /** Takes the note that stands in the stream as a whole. */
  take(): 'done' | 'a read waits' | 'more is needed' | 'refused' {
    const stream = this.#stream;
    const { caching, origin } = this.#talk;
    const note = decodeEdgeNote(stream.payload);
    if (!note || !caching) return 'refused';
    // The exchange that it is about is taken as a whole.
    const wholeBytes = stream.frameLength + (note.read?.bytes ?? 0);
    if (stream.input.length - stream.at < wholeBytes) {
      stream.want(wholeBytes);
      return 'more is needed';
    }
    stream.cut();
    this.#preparing.heed(note);
    // Who holds a connection has more under way than the edge knew: the command runs as it is.
    if (!note.read || origin || !caching.flag(note.read)) return 'done';
    // The header of the command, which may be answered instead of run.
    stream.next();
    return 'a read waits';
  }

  /** The reply to the command that waits comes from a cache. False: none waits. */
  answer({ body }: CachedReply, facts: ReplyFacts): boolean {
    const talk = this.#talk;
    const { caching } = talk;
    const flag = caching?.takePending();
    if (!caching || !flag) return false;
    const text = this.#stream.payload.slice(1);
    this.#stream.cut();
    talk.note(caching.told(facts, talk.lastSequence));
    if (flag.read.wants === 'rows') talk.toDriver.push(body);
    else talk.toDriver.push(withId(body, this.#preparing.described(text, parameterCountIn(body))));
    talk.lastSequence = lastSequenceIn(body);
    talk.note(caching.answered(facts.status, talk.lastSequence));
    return true;
  }
}
