/** The replies that an origin owes, in order. Commands of ours may go out in front of a driver's, in the same write. */
import type { ErrPacket } from './errors.ts';
import type { ReplyKind } from './reply-reader.ts';
import type { StatementFacts } from './statement-facts.ts';

/** Of the OK or EOF that it ended with; 0 where it ended with neither. */
export interface ReplyEnd {
  status: number;
  warnings: number;
}

export interface Expected {
  readonly kind: ReplyKind;
  /** Of what the driver's command runs. */
  readonly facts?: StatementFacts;
  /** The command was ours: its reply is not the driver's business. */
  readonly isHidden?: true;
  /** The head of a reply to COM_STMT_PREPARE, whose statement id the driver must not see. Returns what it does. */
  readonly head?: (payload: Uint8Array) => Uint8Array;
  /** The reply ended without an error. */
  readonly done?: (end: ReplyEnd) => void;
  /** Instead of `done`. */
  readonly failed?: (error: ErrPacket) => void;
}

export class ExpectedReplies {
  readonly #entries: Expected[] = [];

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  get first(): Expected | undefined {
    return this.#entries[0];
  }

  push(entry: Expected): void {
    this.#entries.push(entry);
  }

  shift(): void {
    this.#entries.shift();
  }

  clear(): void {
    this.#entries.length = 0;
  }
}
