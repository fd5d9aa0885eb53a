/** How long one driver and its origin may take: says what is overdue, and does nothing about it. */
import type { ConversationPhase } from '../protocols/contract.ts';
import { ANSWER_MS } from './clean-up.ts';

export type Overdue =
  /** What runs has run for too long. */
  | 'statement'
  /** It was cancelled, and does not hear. */
  | 'cancelling'
  /** The exchange is over, but the driver does not take its end. */
  | 'reading'
  /** The origin waits for the driver. */
  | 'transaction';

/** So long a driver may take for a piece of its reply, and still others wait for the whole. */
const SLOW_READER_MS = 2_000;

export class Patience {
  readonly #limits: { statementTimeoutMs: number; idleInTransactionTimeoutMs: number };
  /** When the driver last said something, or what it said began to run. */
  #heardAt = 0;
  #cancelledAt: number | undefined;
  /** Since when the driver does not take what it was sent. */
  #sendingSince: number | undefined;

  constructor(limits: { statementTimeoutMs: number; idleInTransactionTimeoutMs: number }) {
    this.#limits = limits;
  }

  heard(now: number): void {
    this.#heardAt = now;
    this.#cancelledAt = undefined;
  }

  /** Waiting in the queue is not running. */
  began(now: number): void {
    this.#heardAt = now;
  }

  /** Resolves when the driver has taken it. */
  sending(taken: Promise<void>): void {
    this.#sendingSince ??= Date.now();
    void taken.then(() => {
      this.#sendingSince = undefined;
    });
  }

  isReaderSlow(now: number): boolean {
    return this.#sendingSince !== undefined && now - this.#sendingSince > SLOW_READER_MS;
  }

  overdue(phase: ConversationPhase, now: number): Overdue | undefined {
    const silentMs = now - this.#heardAt;
    const isTooLong = silentMs > this.#limits.statementTimeoutMs;
    switch (phase) {
      case 'busy':
        return isTooLong ? this.#statement(now) : undefined;
      case 'done':
      case 'lingering':
      case 'unsettled':
        return isTooLong ? 'reading' : undefined;
      case 'in transaction':
        return silentMs > this.#limits.idleInTransactionTimeoutMs ? 'transaction' : undefined;
      default:
        return undefined;
    }
  }

  #statement(now: number): Overdue | undefined {
    if (this.#cancelledAt !== undefined)
      return now - this.#cancelledAt > ANSWER_MS ? 'cancelling' : undefined;
    this.#cancelledAt = now;
    return 'statement';
  }
}
