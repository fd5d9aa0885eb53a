/**
 * Writes to a stream. Small writes are copied and not waited for, up to a bound; large ones are waited for, so
 * that a slow reader slows whoever feeds it and nothing piles up.
 */

const SMALL_BYTES_MAX = 4 * 1024;
/** So many small writes may be under way: 64 KiB at most. */
const UNAWAITED_MAX = 16;

export class ByteSink {
  readonly #writer: WritableStreamDefaultWriter;
  readonly #onBroken: (cause: unknown) => void;
  #unawaited = 0;

  /** `onBroken` hears, once or more, that the other side takes no more bytes. */
  constructor(writable: WritableStream, onBroken: (cause: unknown) => void) {
    this.#writer = writable.getWriter();
    this.#onBroken = onBroken;
  }

  /** A promise where the bytes must stay as they are until it resolves; undefined where they were copied. */
  write(bytes: Uint8Array): Promise<void> | undefined {
    if (bytes.length > SMALL_BYTES_MAX || this.#unawaited >= UNAWAITED_MAX) {
      this.#unawaited = 0;
      return this.#writer.write(bytes).catch(this.#onBroken);
    }
    this.#unawaited += 1;
    this.#writer.write(bytes.slice()).catch(this.#onBroken);
    return undefined;
  }

  /** Sends what was written, then the end of the stream. */
  async close(): Promise<void> {
    await this.#writer.close().catch(this.#onBroken);
  }

  /** Gives the stream back, for an upgrade to TLS. */
  release(): void {
    this.#writer.releaseLock();
  }

  /** Gives up: what was not sent is lost, and whoever waits for a write waits no longer. */
  abort(): void {
    this.#writer.abort().catch(this.#onBroken);
  }
}
