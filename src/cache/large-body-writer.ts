/**
 * Puts the body of a large reply while it passes. What the cache has not taken yet is bounded. A cache that is slower
 * than the driver makes it wait a little; one that is much slower loses the reply.
 */
import { withDeadline } from '../transport/deadline.ts';
import { cacheControl } from './entry.ts';
import type { RecordingSink } from './recording.ts';

/** Above what is collected before a reply counts as large. */
const UNSENT_BYTES_MAX = 8 * 1024 * 1024;
/** From half of it on whoever feeds it should wait. */
const BEHIND_SHARE = 0.5;
/** So long one reply may wait for its cache, all in all. */
const BEHIND_MS_MAX = 2_000;

export interface LargeBodyOptions {
  keepSeconds: number;
  /** Puts the body; resolves once all of it is there. */
  put: (response: Response) => Promise<void>;
  /** The body is there, whole. */
  finish: (bytes: number, seenUpTo: number) => Promise<void>;
  unsentBytesMax?: number;
  behindMsMax?: number;
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
  #behindMsLeft: number;
  /** Somebody waits until there is room, or no need for it. */
  #room: PromiseWithResolvers<void> | undefined;
  #state: 'open' | 'closing' | 'given up' | 'broken' = 'open';

  constructor(options: LargeBodyOptions) {
    const { readable, writable } = new IdentityTransformStream();
    this.#writer = writable.getWriter();
    this.#unsentBytesMax = options.unsentBytesMax ?? UNSENT_BYTES_MAX;
    this.#behindMsLeft = options.behindMsMax ?? BEHIND_MS_MAX;
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
        if (!this.#isBehind) this.#room?.resolve();
      },
      (error: unknown) => this.#broken(error),
    );
    return true;
  }

  /** The cache has much to take: resolves when that is better, or the reply given up. Never rejects. */
  get behind(): Promise<void> | undefined {
    return this.#isBehind ? this.#waitForRoom() : undefined;
  }

  get #isBehind(): boolean {
    return this.#state === 'open' && this.#unsentBytes > this.#unsentBytesMax * BEHIND_SHARE;
  }

  async #waitForRoom(): Promise<void> {
    const beganAtMs = Date.now();
    this.#room ??= Promise.withResolvers<void>();
    try {
      await withDeadline(this.#room.promise, this.#behindMsLeft, () => new Error('The cache is too slow.'));
    } catch {
      this.abort();
    }
    this.#room = undefined;
    this.#behindMsLeft = Math.max(0, this.#behindMsLeft - (Date.now() - beganAtMs));
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
    this.#room?.resolve();
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
    this.#room?.resolve();
    this.#closed.reject(error);
  }
}
