/** Exchanges that are answered without an origin: from a cache, or with an error where no connection is to be had. */
import type { PoolerError } from '../../errors.ts';
import { latin1 } from '../bytes/latin1.ts';
import type { CachedReply, CacheStatus, ReplyFacts } from '../caching.ts';
import { columnsOfReply } from './edge-columns.ts';
import { encodeErrorResponse } from './errors.ts';
import { define } from './heeding.ts';
import type { MessageStream } from './message-stream.ts';
import { Frontend } from './messages.ts';
import type { Replay } from './replay.ts';
import type { Talk } from './talk.ts';

export class Answering {
  readonly #talk: Talk;
  readonly #stream: MessageStream;
  readonly #replay: Replay;

  constructor(options: { talk: Talk; stream: MessageStream; replay: Replay }) {
    this.#talk = options.talk;
    this.#stream = options.stream;
    this.#replay = options.replay;
  }

  /** The read that waits has its reply. */
  answerRead(reply: CachedReply, facts: ReplyFacts): void {
    const { caching } = this.#talk;
    const flag = caching?.takePending();
    if (!caching || !flag) return;
    // Without a Bind it was a simple query, which ends the unnamed statement.
    if (flag.read.wants === 'rows' && flag.answers === '') this.#talk.unnamed = undefined;
    if (flag.answers.startsWith('1')) this.#define(columnsOfReply(reply.body, flag.read.wants));
    this.#answer(flag.bytes, facts.status, ...caching.replyOf(flag, reply, facts));
  }

  /** The Parse that comes next has been answered, and what comes behind the exchange may use its name. */
  #define(columns: string): void {
    if (!this.#stream.next()) return;
    const { input, at, end, type } = this.#stream;
    const nameEnd = input.indexOf(0, at + 5);
    if (type !== Frontend.Parse || nameEnd < 0 || nameEnd >= end) return;
    const parseBody = latin1(input.subarray(nameEnd + 1, end));
    define(latin1(input.subarray(at + 5, nameEnd)), [parseBody, columns], this.#talk);
  }

  /** Nothing is open that the Sync at hand could end: the answer is ours. */
  answerSync(): void {
    this.#answer(this.#stream.length + 1, 'notaquery');
  }

  /** Answers what waits with an error: a simple query or a flagged read alone, else all up to Sync. */
  refuse(error: PoolerError): void {
    const { caching, toDriver } = this.#talk;
    const { type, length } = this.#stream;
    const isAlone = type === Frontend.Query || type === Frontend.FunctionCall;
    const bytes = caching?.takePending()?.bytes ?? (isAlone ? length + 1 : undefined);
    caching?.giveUpRead();
    if (bytes !== undefined) this.#answer(bytes, 'uncacheable', encodeErrorResponse(error));
    else {
      toDriver.push(encodeErrorResponse(error));
      this.#talk.isSkipping = true;
    }
  }

  /** So many bytes are an exchange, and this is the reply to it. */
  #answer(bytes: number, status: CacheStatus, ...replies: Uint8Array[]): void {
    this.#talk.answer(status, ...replies);
    this.#stream.take(bytes, { isCut: true });
    this.#replay.beginAnew();
  }
}
