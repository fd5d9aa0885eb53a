/** What a driver sent since its exchange began, while it is small enough to be run a second time. */
import { join } from '../bytes/join.ts';

const LOG_BYTES_MAX = 64 * 1024;

export class ExchangeLog {
  #chunks: Uint8Array[] = [];
  #length = 0;

  add(chunk: Uint8Array): void {
    this.#length += chunk.length;
    if (this.#length <= LOG_BYTES_MAX) this.#chunks.push(chunk.slice());
    else this.#chunks = [];
  }

  get length(): number {
    return this.#length;
  }

  /** An exchange is over: the next one begins with what has been kept of its first message. */
  restart(kept: readonly Uint8Array[]): void {
    if (this.#length === 0) return;
    this.#chunks = [];
    this.#length = 0;
    for (const piece of kept) this.add(piece);
  }

  /** The exchange cannot be run a second time. */
  spoil(): void {
    this.#chunks = [];
    this.#length = LOG_BYTES_MAX + 1;
  }

  /** Undefined: there is nothing, or there was too much. */
  get bytes(): Uint8Array | undefined {
    return this.#chunks.length > 0 ? join(this.#chunks) : undefined;
  }
}
