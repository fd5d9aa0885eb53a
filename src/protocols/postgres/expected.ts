/**
 * The replies that an origin owes, in order. Each message that goes to the origin leaves one entry here, so that
 * each reply is known to belong to the driver, to us (then it is cut out), or to a message that never left.
 */

/** The reply that an entry waits for; see the manual, 54.2, "Message Flow". */
export type Reply = 'parse' | 'bind' | 'describe' | 'close' | 'execute' | 'ready' | 'query';

export interface Expected {
  readonly reply: Reply;
  /** The message was ours: its reply is not the driver's business. */
  readonly isHidden?: true;
  /** Nothing was sent: these bytes stand where the reply would. */
  readonly inject?: Uint8Array;
  /** The message was sent to fail, and this is what the driver hears: see requests.ts, `refuseParse`. */
  readonly insteadOfError?: Uint8Array;
  /** The message did what it should, and this is the reply. */
  readonly done?: (reply: Uint8Array) => unknown;
  /** The message had no effect: it failed, or an error before it made the origin skip it. */
  readonly undo?: (why: 'failed' | 'skipped') => void;
  /** The origin says that the statement exists already (42P05), which is all that was wanted. */
  readonly found?: () => void;
  /** What the origin calls the statement, and what the driver does: errors name it. */
  readonly rename?: { from: string; to: string };
}

export const BIND: Expected = { reply: 'bind' };
export const DESCRIBE: Expected = { reply: 'describe' };
export const EXECUTE: Expected = { reply: 'execute' };
export const CLOSE: Expected = { reply: 'close' };
export const PARSE: Expected = { reply: 'parse' };
export const SYNC: Expected = { reply: 'ready' };
export const QUERY: Expected = { reply: 'query' };

/** First in, first out, without moving what stays. */
export class ExpectedReplies {
  #entries: Expected[] = [];
  #head = 0;
  /** How many of them end an exchange. */
  #ends = 0;

  get isEmpty(): boolean {
    return this.#head === this.#entries.length;
  }

  get first(): Expected | undefined {
    return this.#entries[this.#head];
  }

  get length(): number {
    return this.#entries.length - this.#head;
  }

  /** An exchange has been sent to its end, and its end has not been answered. */
  get hasEnd(): boolean {
    return this.#ends > 0;
  }

  /** How many exchanges have been sent to their end and not been answered. */
  get ends(): number {
    return this.#ends;
  }

  /** All that is owed belongs to one exchange, whose end has been sent. */
  get isLastExchange(): boolean {
    return this.#ends === 1 && this.#entries.at(-1)?.reply === 'ready';
  }

  push(entry: Expected): void {
    this.#entries.push(entry);
    if (isEnd(entry)) this.#ends += 1;
  }

  shift(): void {
    if (this.first && isEnd(this.first)) this.#ends -= 1;
    this.#head += 1;
    if (this.#head === this.#entries.length) {
      this.#entries.length = 0;
      this.#head = 0;
    }
  }

  /**
   * After an error everything up to Sync is skipped: takes those entries out and undoes them, last first.
   * False when no Sync has been sent yet.
   */
  skipToSync(): boolean {
    const skipped: Expected[] = [];
    while (this.first && this.first.reply !== 'ready') {
      skipped.push(this.first);
      this.shift();
    }
    const [failed] = skipped;
    for (const entry of skipped.reverse()) entry.undo?.(entry === failed ? 'failed' : 'skipped');
    return this.first !== undefined;
  }

  /**
   * A server in COPY mode swallows the Syncs that were sent before it said so (manual, 54.2.6); anything else
   * ends the COPY with an error. True: nothing else was sent.
   */
  dropSyncs(): boolean {
    const [first, ...rest] = this.#entries.slice(this.#head);
    const next = rest.findIndex((entry) => entry.reply !== 'ready');
    this.#entries = [...(first ? [first] : []), ...(next < 0 ? [] : rest.slice(next))];
    this.#head = 0;
    this.#ends = this.#entries.filter(isEnd).length;
    return next < 0;
  }

  clear(): void {
    this.#entries = [];
    this.#head = 0;
    this.#ends = 0;
  }
}

function isEnd({ reply }: Expected): boolean {
  return reply === 'ready' || reply === 'query';
}
