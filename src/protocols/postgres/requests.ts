/**
 * The driver's half of a conversation: its bytes in, bytes for the origin out.
 *
 * Only headers are looked at; a message is decoded when its text or the name of a statement matters. Messages that
 * may be large and need no look pass in pieces: CopyData, FunctionCall, and Bind behind its two names. What makes
 * a statement exist, and exist on this connection, is in preparing.ts.
 */
import { PoolerError } from '../../errors.ts';
import { withoutDeallocated } from './deallocate.ts';
import { encodeErrorResponse } from './errors.ts';
import { ExchangeLog } from './exchange-log.ts';
import { EXECUTE, QUERY, SYNC } from './expected.ts';
import { factsOf, UNKNOWN } from './facts.ts';
import { latin1 } from './latin1.ts';
import { MessageStream } from './message-stream.ts';
import { Frontend, message, readyForQuery } from './messages.ts';
import type { SharedStatement } from './prepared.ts';
import { Preparing } from './preparing.ts';
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
  readonly #log = new ExchangeLog();
  /** A message is there that must wait until what went before it is answered. */
  isHeld = false;
  /** A message is there that only an origin can answer, and none is attached. */
  isWaiting = false;

  constructor(talk: Talk) {
    this.#talk = talk;
    this.#stream = new MessageStream((bytes) => talk.toOrigin.push(bytes));
    this.#preparing = new Preparing(talk, this.#stream);
  }

  get isMidMessage(): boolean {
    return this.#stream.isMidMessage;
  }

  feed(chunk: Uint8Array): void {
    this.#log.add(chunk);
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

  /** The exchange is over: what was kept to run it again is not needed. */
  exchangeEnded(): void {
    this.#preparing.exchangeEnded();
    // So far there is only the beginning of a message: its exchange has not begun to end.
    if (this.#log.length === this.#stream.keptLength) return;
    this.#log.restart(this.#stream.kept);
    if (this.#stream.isInPieces) this.#log.spoil();
  }

  /** The exchange is known from its beginning, and tells the driver anew what columns come. */
  get canRerun(): boolean {
    const { describes, isRerun } = this.#preparing;
    return describes && !isRerun && this.#stream.isAtBoundary && this.#log.bytes !== undefined;
  }

  /** Runs the exchange again, with statements prepared anew. */
  rerun(): void {
    const { bytes } = this.#log;
    this.exchangeEnded();
    this.#preparing.isRerun = true;
    if (bytes) this.feed(bytes);
  }

  /** Answers the message that waits with an error: a simple query alone, else all up to Sync. */
  refuse(error: PoolerError): void {
    const { type } = this.#stream;
    this.#talk.toDriver.push(encodeErrorResponse(error));
    if (type === Frontend.Query || type === Frontend.FunctionCall) {
      this.#stream.cut();
      this.#talk.toDriver.push(readyForQuery('I'));
    } else this.#talk.isSkipping = true;
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
        return this.#violate(`invalid frontend message type ${type}`);
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
      const known = this.#preparing.knownParse();
      if (known) return this.#parseKnown(known);
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

  /**
   * A Parse with nothing but its Sync behind it, of a statement that is known to be valid, needs no connection. It
   * is more than a saving: libpq's PQprepare blocks a thread that may hold the very connections we would wait for.
   */
  #parseKnown(known: SharedStatement): boolean {
    const stream = this.#stream;
    const { input, end, length } = stream;
    if (input.length === end) return stream.want(length + 2);
    if (input[end] === Frontend.Sync) return this.#preparing.answerParse(known);
    return this.#hasOrigin() && this.#preparing.parse();
  }

  /** After an error messages count for nothing until Sync. */
  #isSkipped(): boolean {
    if (!this.#talk.isSkipping) return false;
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
    return !this.#isHeldBack(name) && this.#preparing.bind(names, name);
  }

  #sync(): boolean {
    const talk = this.#talk;
    talk.isSkipping = false;
    // A server that copies swallows it.
    if (talk.isCopyingIn) return this.#passUnanswered();
    if (!talk.origin) {
      // Nothing is open that it could end: the answer is ours.
      this.#stream.cut();
      talk.toDriver.push(readyForQuery('I'));
      return true;
    }
    talk.pass(this.#stream, SYNC);
    talk.isUnsynced = false;
    this.#preparing.exchangeSent();
    return true;
  }

  /** Replies of ours that nothing of the origin's comes before are due now. */
  #flush(): boolean {
    const { expected, toDriver } = this.#talk;
    for (let { first } = expected; first?.inject; { first } = expected) {
      toDriver.push(first.inject);
      expected.shift();
      this.#log.spoil();
    }
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
    talk.note(UNKNOWN);
    talk.pass(this.#stream, QUERY);
    // As behind a simple query.
    talk.isUnsynced = false;
    return true;
  }
}
