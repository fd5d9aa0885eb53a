/**
 * An exchange that fails on stale knowledge of ours runs a second time, with statements prepared anew, if it is
 * known from its beginning and the driver has seen nothing of it.
 */
import { ExchangeLog } from './exchange-log.ts';
import type { MessageStream } from './message-stream.ts';
import type { Preparing } from './preparing.ts';

export class Replay {
  readonly #stream: MessageStream;
  readonly #preparing: Preparing;
  readonly #log = new ExchangeLog();
  /** What is being fed was fed before. */
  isGoingOn = false;

  constructor(stream: MessageStream, preparing: Preparing) {
    this.#stream = stream;
    this.#preparing = preparing;
  }

  add(chunk: Uint8Array): void {
    this.#log.add(chunk);
  }

  /** The driver has seen something. */
  spoil(): void {
    this.#log.spoil();
  }

  /** What was kept to run it again is not needed. */
  exchangeEnded(): void {
    this.#preparing.exchangeEnded();
    // So far there is only the beginning of a message: its exchange has not begun to end.
    if (this.#log.length === this.#stream.keptLength) return;
    this.#log.restart(this.#stream.kept);
    if (this.#stream.isInPieces) this.#log.spoil();
  }

  /** An exchange was answered while it was being read: what comes is another one. */
  beginAnew(): void {
    const { input, at, isInPieces } = this.#stream;
    if (isInPieces) this.#log.spoil();
    else this.#log.restart([input.subarray(at)]);
  }

  /** The exchange is known whole, and tells the driver anew what columns come. */
  get isPossible(): boolean {
    const { describes, isRerun } = this.#preparing;
    return describes && !isRerun && this.#stream.isAtBoundary && this.#log.bytes !== undefined;
  }

  run(feed: (bytes: Uint8Array) => void): void {
    const { bytes } = this.#log;
    this.exchangeEnded();
    this.#preparing.isRerun = true;
    this.isGoingOn = true;
    if (bytes) feed(bytes);
    this.isGoingOn = false;
  }
}
