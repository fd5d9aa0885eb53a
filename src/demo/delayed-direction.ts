/**
 * One direction of a proxied connection: each chunk, the end of the stream and a reset get a due time when they are
 * read and are passed on in order when it has come. Must not know what the bytes mean or whose they are.
 */
import type { Socket } from 'node:net';

/** In flight per direction; beyond it the source waits. At 50 ms one way that still is 640 MB/s. */
const BYTES_IN_FLIGHT_MAX = 32 * 1024 * 1024;

export interface DelayedDirectionOptions {
  source: Socket;
  /** When what is read now arrives. */
  dueMs: (nowMs: number) => number;
  isPaused: () => boolean;
  onReceived: (bytes: number) => void;
  onDelivered: (bytes: number) => void;
}

type Event = { kind: 'data'; chunk: Buffer } | { kind: 'end' } | { kind: 'reset' };

export class DelayedDirection {
  readonly #options: DelayedDirectionOptions;
  readonly #queue: { event: Event; dueMs: number }[] = [];
  #sink: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #bytesInFlight = 0;
  #isSinkFull = false;

  constructor(options: DelayedDirectionOptions) {
    this.#options = options;
    const { source } = options;
    source.on('data', (chunk) => this.#receive(typeof chunk === 'string' ? Buffer.from(chunk) : chunk));
    source.on('end', () => this.#enqueue({ kind: 'end' }));
    source.on('error', () => {}); // Told by `close`, which always follows.
    source.on('close', (hadError) => {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#enqueue(hadError ? { kind: 'reset' } : { kind: 'end' });
    });
  }

  deliverTo(sink: Socket): void {
    this.#sink = sink;
    sink.on('drain', () => {
      this.#isSinkFull = false;
      this.deliver();
    });
    this.deliver();
  }

  /** Passes on all that is due, then waits for the next. */
  deliver(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#sink === undefined || this.#options.isPaused()) return;
    const nowMs = performance.now();
    let passed = 0;
    for (const { event, dueMs } of this.#queue) {
      if (this.#isSinkFull || dueMs > nowMs) break;
      this.#pass(event, this.#sink);
      passed += 1;
    }
    this.#queue.splice(0, passed);
    const next = this.#queue[0];
    if (next !== undefined && !this.#isSinkFull) {
      this.#timer = setTimeout(() => this.deliver(), Math.max(0, next.dueMs - nowMs));
    }
  }

  #receive(chunk: Buffer): void {
    this.#options.onReceived(chunk.length);
    this.#bytesInFlight += chunk.length;
    if (this.#bytesInFlight >= BYTES_IN_FLIGHT_MAX) this.#options.source.pause();
    this.#enqueue({ kind: 'data', chunk });
  }

  #enqueue(event: Event): void {
    this.#queue.push({ event, dueMs: this.#options.dueMs(performance.now()) });
    if (this.#timer === undefined) this.deliver();
  }

  #pass(event: Event, sink: Socket): void {
    // As a real peer's kernel does with data for a socket that is gone.
    if (sink.destroyed && event.kind === 'data') this.#options.source.resetAndDestroy();
    if (sink.destroyed) return;
    switch (event.kind) {
      case 'data':
        this.#bytesInFlight -= event.chunk.length;
        this.#options.onDelivered(event.chunk.length);
        this.#isSinkFull = !sink.write(event.chunk);
        if (this.#bytesInFlight < BYTES_IN_FLIGHT_MAX) this.#options.source.resume();
        return;
      case 'end':
        sink.end();
        return;
      case 'reset':
        sink.resetAndDestroy();
    }
  }
}
