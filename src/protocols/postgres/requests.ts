/**
 * The driver's half of a conversation: its bytes in, bytes for the origin out.
 *
 * Only headers are looked at; a message is decoded when its text or the name of a statement matters. Messages that
 * may be large and need no look pass in pieces: CopyData, FunctionCall, and Bind behind its two names. What makes
 * a statement exist, and exist on this connection, is in preparing.ts.
 */
import { PoolerError } from '../../errors.ts';
import { latin1 } from '../bytes/latin1.ts';
import type { CachedReply, ReplyFacts } from '../caching.ts';
import { Answering } from './answering.ts';
import { withoutDeallocated } from './deallocate.ts';
import { EXECUTE, QUERY, SYNC } from './expected.ts';
import { factsOf, UNKNOWN } from './facts.ts';
import { takeNote } from './heeding.ts';
import { MessageStream } from './message-stream.ts';
import { Frontend, message } from './messages.ts';
import { Outdated } from './outdated.ts';
import { Preparing } from './preparing.ts';
import { Replay } from './replay.ts';
import type { Talk } from './talk.ts';

/** PostgreSQL's own bound on any message (MaxAllocSize). */
const MESSAGE_BYTES_MAX = 0x3fffffff;
/** What is kept in memory whole: statements. An eighth of an isolate. */
const STATEMENT_BYTES_MAX = 16 * 1024 * 1024;
/** Messages that only name things. PostgreSQL's own bound on them is 10,000 (PQ_SMALL_MESSAGE_LIMIT). */
const NAMES_BYTES_MAX = 64 * 1024;

export class Requests {
  readonly #talk: Talk;
  readonly #stream: MessageStream;
  readonly #preparing: Preparing;
  readonly #outdated: Outdated;
  readonly #replay: Replay;
  readonly #answering: Answering;
  /** A message is there that must wait until what went before it is answered. */
  isHeld = false;
  /** A message is there that only an origin can answer, and none is attached. */
  isWaiting = false;

  constructor(talk: Talk) {
    this.#talk = talk;
    this.#stream = new MessageStream((bytes) => talk.toOrigin.push(bytes));
    this.#preparing = new Preparing(talk, this.#stream);
    this.#outdated = new Outdated({ talk, stream: this.#stream, preparing: this.#preparing });
    this.#replay = new Replay(this.#stream, this.#preparing);
    this.#answering = new Answering({ talk, stream: this.#stream, replay: this.#replay });
  }

  get isMidMessage(): boolean {
    return this.#stream.isMidMessage;
  }

  feed(chunk: Uint8Array): void {
    this.#replay.add(chunk);
    if (this.#stream.open(chunk)) this.resume();
  }

  /** Goes on after an origin was attached, or an error told instead. */
  resume(): void {
    this.isWaiting = false;
    this.isHeld = false;
    while (!this.#talk.isOver && this.#stream.next() && this.#take()) {
      // Each step takes one message, or as much of it as is there.
    }
    if (this.#talk.isOver || this.isWaiting || this.isHeld) this.#stream.flush();
    else this.#stream.close();
  }

  exchangeEnded(): void {
    this.#replay.exchangeEnded();
  }

  get canRerun(): boolean {
    return this.#replay.isPossible;
  }

  rerun(): void {
    this.#replay.run((bytes) => this.feed(bytes));
  }

  /** Answers the message that waits with an error. */
  refuse(error: PoolerError): void {
    this.#answering.refuse(error);
    this.resume();
  }

  /** The flagged read that waits has its reply. */
  answerRead(reply: CachedReply, facts: ReplyFacts): void {
    this.#answering.answerRead(reply, facts);
    this.resume();
  }

  // --- what a message may be --------------------------------------------------------------------------------

  #take(): boolean {
    const { type, length } = this.#stream;
    if (length < 4 || length > MESSAGE_BYTES_MAX) return this.#violate(`invalid message length ${length}`);
    switch (type) {
      case Frontend.Query:
      case Frontend.Parse:
        return this.#takeWhole(STATEMENT_BYTES_MAX);
      case Frontend.Describe:
      case Frontend.Close:
      case Frontend.Execute:
      case Frontend.Sync:
      case Frontend.Flush:
      case Frontend.Terminate:
        return this.#takeWhole(NAMES_BYTES_MAX);
      case Frontend.Bind:
        return this.#bind();
      case Frontend.CopyData:
      case Frontend.CopyDone:
      case Frontend.CopyFail:
        return this.#copy();
      case Frontend.FunctionCall:
        return this.#functionCall();
      default:
        return this.#edgeNote();
    }
  }

  #takeWhole(bytesMax: number): boolean {
    const stream = this.#stream;
    const { type, length } = stream;
    if (length > bytesMax)
      return this.#violate(`a message of ${length} bytes is longer than the limit of ${bytesMax}`, '54000');
    if (!stream.isWhole) return stream.want(length + 1);
    if (type === Frontend.Terminate) return this.#terminate();
    if (type === Frontend.Sync) return this.#sync();
    if (this.#isSkipped()) return true;
    if (this.#talk.isCopyingIn && type !== Frontend.Flush) return this.#violateCopy();
    if (type === Frontend.Parse && !this.#talk.origin) {
      const known = this.#preparing.answerKnownParse();
      if (known !== 'not alone') return known === 'answered';
    }
    if (!this.#hasOrigin() || this.#isHeldBack(this.#preparing.nameInMessage())) return false;
    switch (type) {
      case Frontend.Query:
        return this.#query();
      case Frontend.Parse:
        return this.#preparing.parse() || this.#violate('invalid string in message');
      case Frontend.Describe:
        return this.#preparing.describe();
      case Frontend.Close:
        return this.#preparing.close();
      case Frontend.Execute:
        return this.#talk.pass(this.#stream, EXECUTE);
      default:
        return this.#flush();
    }
  }

  /** After an error messages count for nothing until Sync. */
  #isSkipped(): boolean {
    if (!this.#talk.isSkipping) return false;
    const { type } = this.#stream;
    if (type === Frontend.Query || type === Frontend.FunctionCall) this.#talk.caching?.skipped();
    this.#stream.cut();
    return true;
  }

  #hasOrigin(): boolean {
    this.isWaiting = !this.#talk.origin;
    return !this.isWaiting;
  }

  #isHeldBack(name: string | undefined): boolean {
    this.isHeld = this.#preparing.mustWait(name);
    return this.isHeld;
  }

  #violate(message: string, sqlState = '08P01'): false {
    this.#talk.end(new PoolerError(message, { fault: 'driver', sqlState, fatal: true }));
    return false;
  }

  #violateCopy(): false {
    const type = this.#stream.type.toString(16);
    return this.#violate(`unexpected message type 0x${type} during COPY from stdin`);
  }

  // --- messages ---------------------------------------------------------------------------------------------

  #edgeNote(): boolean {
    const { type } = this.#stream;
    const became = takeNote({ talk: this.#talk, stream: this.#stream, isAgain: this.#replay.isGoingOn });
    if (became === 'refused') return this.#violate(`invalid frontend message type ${type}`);
    this.isHeld = became === 'held';
    this.isWaiting = became === 'a read waits';
    return became === 'heeded';
  }

  #terminate(): boolean {
    this.#talk.isOver = true;
    return false;
  }

  #query(): boolean {
    const talk = this.#talk;
    const { input, at, end } = this.#stream;
    if (input[end - 1] !== 0) return this.#violate('invalid string in message');
    const text = latin1(input.subarray(at + 5, end - 1));
    const facts = factsOf(text);
    talk.caching?.runsText(text, talk.settingsNow);
    talk.note(facts);
    const expected = this.#preparing.unnamed.drop(QUERY);
    const replaced = withoutDeallocated({ talk, stream: this.#stream, text, facts });
    if (replaced === undefined) talk.pass(this.#stream, expected);
    else {
      this.#stream.cut();
      talk.send(this.#stream, message(Frontend.Query, replaced, Uint8Array.of(0)), expected);
    }
    // The ReadyForQuery behind a simple query also ends what came before it without a Sync.
    talk.isUnsynced = false;
    return true;
  }

  #bind(): boolean {
    if (this.#isSkipped()) return true;
    if (this.#talk.isCopyingIn) return this.#violateCopy();
    const stream = this.#stream;
    const names = this.#preparing.namesOfBind();
    if (!names) {
      const present = stream.input.length - stream.at;
      if (stream.isWhole) return this.#violate('invalid string in message');
      if (present > NAMES_BYTES_MAX)
        return this.#violate(`a name is longer than the limit of ${NAMES_BYTES_MAX} bytes`, '54000');
      return stream.want(present + 1);
    }
    if (!this.#hasOrigin()) return false;
    const name = latin1(stream.input.subarray(names.portalEnd + 1, names.statementEnd));
    if (this.#isHeldBack(name)) return false;
    const became = this.#outdated.takeBind(name);
    if (became === 'goes on') return this.#preparing.bind(names, name);
    this.isHeld = became === 'held';
    return became === 'refused';
  }

  #sync(): boolean {
    const talk = this.#talk;
    talk.isSkipping = false;
    // A server that copies swallows it.
    if (talk.isCopyingIn) {
      talk.caching?.skipped();
      return this.#passUnanswered();
    }
    if (!talk.origin) {
      this.#answering.answerSync();
      return true;
    }
    talk.pass(this.#stream, SYNC);
    talk.isUnsynced = false;
    this.#preparing.exchangeSent();
    return true;
  }

  #flush(): boolean {
    if (this.#talk.answerInjected()) this.#replay.spoil();
    return this.#passUnanswered();
  }

  #passUnanswered(): boolean {
    this.#stream.pass();
    return true;
  }

  #copy(): boolean {
    const talk = this.#talk;
    // Outside COPY a server ignores them: the driver has not yet noticed that its COPY failed.
    const isWanted = talk.origin && (talk.isCopyingIn || !talk.expected.isEmpty) && !talk.isSkipping;
    if (isWanted && this.#stream.type !== Frontend.CopyData) talk.isCopyingIn = false;
    if (isWanted) this.#stream.pass();
    else this.#stream.cut();
    return true;
  }

  #functionCall(): boolean {
    const talk = this.#talk;
    if (this.#isSkipped()) return true;
    if (talk.isCopyingIn) return this.#violateCopy();
    if (!this.#hasOrigin()) return false;
    talk.caching?.callsFunction();
    talk.note(UNKNOWN);
    talk.pass(this.#stream, QUERY);
    // As behind a simple query.
    talk.isUnsynced = false;
    return true;
  }
}
