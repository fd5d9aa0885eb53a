/** Reads a driver; and notices that it leaves while its session waits for something, for only a read tells. */
import type { ByteSource, ReadResult } from '../transport/byte-source.ts';
import { byLeaving } from './reasons.ts';

export class DriverWatch {
  readonly #source: ByteSource;
  /** A read that was begun while the session waited. */
  #ahead: Promise<ReadResult> | undefined;
  #waiting: AbortController | undefined;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  async read(): Promise<ReadResult> {
    const result = await (this.#ahead ?? this.#source.read());
    this.#ahead = undefined;
    return result;
  }

  recycle(bytes: Uint8Array): void {
    this.#source.recycle(bytes);
  }

  cancel(): Promise<void> {
    return this.#source.cancel();
  }

  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** A driver that goes does not keep its place: then, or by `giveUp`, the signal is given. */
  async waitFor<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const waiting = new AbortController();
    this.#waiting = waiting;
    this.#watch();
    try {
      return await work(waiting.signal);
    } finally {
      this.#waiting = undefined;
    }
  }

  giveUp(reason: unknown): void {
    this.#waiting?.abort(reason);
  }

  #watch(): void {
    if (this.#ahead) return;
    this.#ahead = this.#source.read();
    const leave = (): void => this.giveUp(byLeaving());
    this.#ahead.then(({ done }) => done && leave(), leave);
  }
}
