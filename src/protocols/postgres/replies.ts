/**
 * The origin's half of a conversation: its bytes in, bytes for the driver out.
 *
 * Rows are never looked at: whatever is the driver's passes as a slice of what was read. Replies to messages of
 * ours are cut out, replies to messages that were never sent are put in, and errors skip to Sync as the manual
 * says (54.2.3).
 */
import { PoolerError } from '../../errors.ts';
import { latin1 } from '../bytes/latin1.ts';
import type { WriteNews } from '../caching.ts';
import { errorForDriver } from './error-for-driver.ts';
import { decodeErrorFields, type ErrorFields } from './errors.ts';
import type { Reply } from './expected.ts';
import type { MessageStream } from './message-stream.ts';
import { Backend } from './messages.ts';
import { IDLE, type Talk } from './talk.ts';
import { Telling } from './telling.ts';

/** Messages that are decoded: errors, notices, parameters, tags. */
const DECODED_BYTES_MAX = 1024 * 1024;
const DUPLICATE_STATEMENT = '42P05';
const STALE_PLAN = { sqlState: '0A000', routine: 'RevalidateCachedQuery' };

/** What only the requests know. */
export interface Rerun {
  readonly canRerun: boolean;
  rerun(): void;
}

export class Replies {
  readonly #talk: Talk;
  readonly #requests: Rerun;
  readonly #telling: Telling;
  readonly #stream: MessageStream;
  /** The exchange failed on stale knowledge of ours: its replies are cut, and it runs again. */
  #willRerun = false;

  constructor(talk: Talk, requests: Rerun) {
    this.#talk = talk;
    this.#requests = requests;
    this.#telling = new Telling(talk);
    this.#stream = this.#telling.stream;
  }

  feed(chunk: Uint8Array): void {
    if (!this.#stream.open(chunk)) return;
    while (!this.#talk.isOriginBroken && this.#stream.next() && this.#take()) {
      // Each step takes one message, or as much of it as is there.
    }
    this.#stream.close();
    this.#telling.tellNews();
  }

  tell(news: WriteNews): void {
    this.#telling.tell(news);
  }

  /** A new connection begins: nothing of the old one's bytes is left. */
  reset(): void {
    this.#stream.reset();
    this.#telling.hasAnswered = false;
    this.#willRerun = false;
  }

  exchangeEnded(): void {
    this.#telling.hasAnswered = false;
  }

  // --- what a message may be --------------------------------------------------------------------------------

  #take(): boolean {
    const stream = this.#stream;
    const { type, length } = stream;
    if (length < 4) return this.#violate(`a message of length ${length}`);
    this.#telling.tellNews();
    if (this.#isDecoded(type) && !stream.isWhole) {
      if (length > DECODED_BYTES_MAX) return this.#violate(`a message of ${length} bytes`);
      return stream.want(length + 1);
    }
    return this.#dispatch(type);
  }

  /** The others may be large. CommandComplete must be whole too: a reply may have to be put in behind it. */
  #isDecoded(type: number): boolean {
    return type !== Backend.DataRow && type !== Backend.CopyData && type !== Backend.FunctionCallResponse;
  }

  #dispatch(type: number): boolean {
    switch (type) {
      case Backend.DataRow:
      case Backend.CopyData:
      case Backend.CopyDone:
      case Backend.CopyOutResponse:
      case Backend.ParameterDescription:
      case Backend.FunctionCallResponse:
        return this.#part();
      case Backend.ParseComplete:
        return this.#finish('parse');
      case Backend.BindComplete:
        return this.#finish('bind');
      case Backend.CloseComplete:
        return this.#finish('close');
      case Backend.NoData:
        return this.#finish('describe');
      case Backend.RowDescription:
        return this.#finishOrPart('describe');
      case Backend.EmptyQueryResponse:
      case Backend.PortalSuspended:
        return this.#finishOrPart('execute');
      case Backend.CommandComplete:
        return this.#commandComplete();
      case Backend.ReadyForQuery:
        return this.#readyForQuery();
      case Backend.ErrorResponse:
        return this.#errorResponse();
      case Backend.CopyInResponse:
        return this.#copyIn();
      case Backend.ParameterStatus:
        return this.#parameterStatus();
      case Backend.NoticeResponse:
        return this.#telling.pass({ isHidden: this.#isHidden });
      case Backend.NotificationResponse:
        return this.#telling.pass({ isHidden: false });
      default:
        return this.#violate(`a message of type ${type}`);
    }
  }

  get #isHidden(): boolean {
    return this.#willRerun || this.#talk.expected.first?.isHidden === true;
  }

  /** Of the current message, which is whole. */
  get #body(): Uint8Array {
    const { input, at, end } = this.#stream;
    return input.subarray(at + 5, end);
  }

  #violate(what: string): false {
    this.#stream.flush();
    this.#talk.isOriginBroken = true;
    this.#talk.end(
      new PoolerError(`The origin broke the protocol with ${what}.`, {
        fault: 'origin',
        sqlState: '08P01',
        fatal: true,
      }),
    );
    return false;
  }

  // --- messages ---------------------------------------------------------------------------------------------

  /** Part of a reply; what is owed stays owed. */
  #part(): boolean {
    this.#injectDue();
    if (this.#talk.expected.isEmpty) return this.#violate('a reply that nobody asked for');
    return this.#telling.pass({ isHidden: this.#isHidden });
  }

  #finish(reply: Reply): boolean {
    this.#injectDue();
    const { expected } = this.#talk;
    if (expected.first?.reply !== reply) return this.#violate(`a reply to ${reply} that nobody asked for`);
    const isHidden = this.#isHidden;
    const { input, at, end } = this.#stream;
    expected.first.done?.(input.subarray(at, end));
    expected.shift();
    this.#telling.pass({ isHidden });
    this.#injectDue();
    return true;
  }

  /** In the reply to a simple query these messages are parts; else they finish what was asked. */
  #finishOrPart(reply: Reply): boolean {
    this.#injectDue();
    return this.#talk.expected.first?.reply === reply ? this.#finish(reply) : this.#part();
  }

  /** Puts in the replies to messages that were never sent, where they are due. */
  #injectDue(): void {
    const { expected } = this.#talk;
    for (let { first } = expected; first?.inject; { first } = expected) {
      if (!this.#willRerun) this.#telling.insert(first.inject);
      expected.shift();
    }
  }

  #commandComplete(): boolean {
    // Also where the driver's CopyDone went out before the origin said that it copies.
    this.#talk.isCopyingIn = false;
    if (!this.#isHidden) this.#talk.caching?.writes.completed({ isRollback: isRollback(this.#body) });
    if (this.#talk.watchesTags) {
      const tag = new TextDecoder().decode(this.#body.subarray(0, -1));
      if (tag === 'DEALLOCATE ALL' || tag === 'DISCARD ALL') this.#talk.dropStatements();
      if (tag === 'DISCARD ALL') this.#talk.pins = [];
    }
    return this.#finishOrPart('execute');
  }

  #readyForQuery(): boolean {
    this.#injectDue();
    const talk = this.#talk;
    const { first } = talk.expected;
    if (first?.reply !== 'ready' && first?.reply !== 'query')
      return this.#violate('a ReadyForQuery that nobody asked for');
    const isHidden = this.#isHidden;
    talk.expected.shift();
    const wasIdle = talk.status === IDLE;
    talk.status = this.#body[0] ?? talk.status;
    if (this.#willRerun) talk.caching?.rerun();
    else if (!first.isHidden) this.#telling.exchangeEnds({ wasIdle, isIdle: talk.status === IDLE });
    this.#telling.pass({ isHidden });
    if (first.isHidden) talk.tellParameters();
    else if (this.#willRerun) {
      this.#willRerun = false;
      this.#requests.rerun();
    } else this.#injectDue();
    return true;
  }

  #errorResponse(): boolean {
    const talk = this.#talk;
    const fields = decodeErrorFields(this.#body);
    this.#willRerun ||= this.#mustRerun(fields);
    if (!this.#willRerun) this.#injectDue();
    const { first } = talk.expected;
    const { cancelledBecause } = talk;
    const forDriver = errorForDriver({ fields, body: this.#body, about: first, cancelledBecause });
    talk.caching?.writes.failed(fields['C']);
    this.#stream.cut();
    if (!this.#willRerun) this.#telling.insert(forDriver);
    talk.isCopyingIn = false;
    // The origin closes behind a fatal error, and so must we.
    if (fields['V'] === 'FATAL' || fields['V'] === 'PANIC' || first === undefined) {
      talk.isOver = true;
      talk.isOriginBroken = true;
    } else if (first.reply === 'query' && first.isHidden) return this.#violate('settings that it refused');
    else if (first.reply !== 'query') this.#skipToSync();
    if (fields['C'] === DUPLICATE_STATEMENT) first?.found?.();
    return true;
  }

  #skipToSync(): void {
    const talk = this.#talk;
    const { ends } = talk.expected;
    const isSent = talk.expected.skipToSync();
    talk.caching?.writes.swallowed(ends - talk.expected.ends);
    if (isSent) return;
    talk.isSkipping = true;
    // Also where a simple query was sent behind it: the origin skips that too, and waits for Sync.
    talk.isUnsynced = true;
    if (talk.isDriverGone) talk.giveUp();
  }

  /** A prepared statement is older than the table it reads. The driver need not know, if it knows nothing yet. */
  #mustRerun(fields: ErrorFields): boolean {
    if (fields['C'] !== STALE_PLAN.sqlState || fields['R'] !== STALE_PLAN.routine) return false;
    // Also where this driver must be told: an equal statement is prepared anew from now on.
    this.#talk.registry.forgetAll();
    const isAlone = this.#talk.status === IDLE && this.#talk.expected.isLastExchange;
    return isAlone && !this.#telling.hasAnswered && this.#requests.canRerun;
  }

  #parameterStatus(): boolean {
    const talk = this.#talk;
    const [name = '', value = ''] = new TextDecoder().decode(this.#body).split('\0');
    talk.origin?.report(name, value);
    const isHidden = this.#isHidden;
    this.#stream.cut();
    if (isHidden) return true;
    // A reply that changes the session is more than can be kept of it.
    talk.caching?.running?.abandon();
    talk.touched.add(name.toLowerCase());
    if (!talk.isDriverGone) talk.tell(name, value);
    return true;
  }

  #copyIn(): boolean {
    const talk = this.#talk;
    talk.isCopyingIn = true;
    const { ends } = talk.expected;
    const isAlone = talk.expected.dropSyncs();
    talk.caching?.swallowed(ends - talk.expected.ends, talk.expected.first);
    if (isAlone && talk.expected.first?.reply === 'execute') talk.isUnsynced = true;
    if (talk.isDriverGone) talk.giveUp();
    return this.#part();
  }
}

function isRollback(tag: Uint8Array): boolean {
  return tag.length === 9 && latin1(tag) === 'ROLLBACK\0';
}
