/**
 * Puts the body of a large reply while it passes. What the cache has not taken yet is bounded: the driver is not
 * made to wait for a cache, so a cache that is slower than the driver loses the reply.
 */
import { cacheControl } from './entry.ts';
import type { RecordingSink } from './recording.ts';

/** Above what is collected before a reply counts as large. */
const UNSENT_BYTES_MAX = 8 * 1024 * 1024;

export interface LargeBodyOptions {
  keepSeconds: number;
  /** Puts the body; resolves once all of it is there. */
  put: (response: Response) => Promise<void>;
  /** The body is there, whole. */
  finish: (bytes: number, seenUpTo: number) => Promise<void>;
  unsentBytesMax?: number;
}

export class LargeBodyWriter implements RecordingSink {
  /** Rejects where the cache failed; resolves when all is done, or given up by us. */
  readonly done: Promise<void>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #unsentBytesMax: number;
  /** Resolves to `seenUpTo` once the end has been taken. */
  readonly #closed = Promise.withResolvers<number>();
  #bytes = 0;
  #unsentBytes = 0;
  #state: 'open' | 'closing' | 'given up' | 'broken' = 'open';

  constructor(options: LargeBodyOptions) {
    const { readable, writable } = new IdentityTransformStream();
    this.#writer = writable.getWriter();
    this.#unsentBytesMax = options.unsentBytesMax ?? UNSENT_BYTES_MAX;
    // Whether anybody waits for it by then or not.
    this.#closed.promise.catch(() => undefined);
    this.done = this.#run(options, readable);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#state !== 'open') return false;
    this.#bytes += bytes.length;
    this.#unsentBytes += bytes.length;
    if (this.#unsentBytes > this.#unsentBytesMax) {
      this.abort();
      return false;
    }
    this.#writer.write(bytes).then(
      () => {
        this.#unsentBytes -= bytes.length;
      },
      (error: unknown) => this.#broken(error),
    );
    return true;
  }

  close(seenUpTo: number): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#writer.close().then(
      () => this.#closed.resolve(seenUpTo),
      (error: unknown) => this.#broken(error),
    );
  }

  abort(): void {
    if (this.#state !== 'open') return;
    this.#state = 'given up';
    const reason = new Error('The reply was given up.');
    this.#closed.reject(reason);
    // A stream that broke a moment ago cannot be aborted any more.
    this.#writer.abort(reason).catch(() => undefined);
  }

  /** Nobody hears of the body before all of it is there, and its end was ours and not a break. */
  async #run({ keepSeconds, put, finish }: LargeBodyOptions, readable: ReadableStream): Promise<void> {
    try {
      const response = new Response(readable, { headers: { 'Cache-Control': cacheControl(keepSeconds) } });
      const [, seenUpTo] = await Promise.all([put(response), this.#closed.promise]);
      await finish(this.#bytes, seenUpTo);
    } catch (error) {
      if (this.#state === 'given up') return;
      this.#broken(error);
      throw error;
    }
  }

  #broken(error: unknown): void {
    if (this.#state === 'given up') return;
    this.#state = 'broken';
    this.#closed.reject(error);
  }
}
