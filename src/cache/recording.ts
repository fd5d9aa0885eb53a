/**
 * Takes a reply down while it passes. Small ones are collected; one that outgrows memory goes on into a sink, where
 * there is one, and is given up where there is none or the sink does not keep up.
 */
import type { Recording } from '../protocols/caching.ts';

/** Where a large reply is written while it passes. None of it throws. */
export interface RecordingSink {
  /** Takes ownership of the bytes. False: it has given up. */
  write(bytes: Uint8Array): boolean;
  close(seenUpTo: number): void;
  abort(): void;
}

/** The reply is too large for the tiers that are there; there is no room now; or it did not end well. */
export type GivenUp = 'oversize' | 'crowded' | 'abandoned';

export interface RecordingOptions {
  /** What is collected in memory. */
  bytesMax: number;
  /** All in all, sink included. */
  totalBytesMax: number;
  /** Called at most once, when memory's bound is passed. Undefined: there is no sink now. */
  openSink?: () => RecordingSink | undefined;
  /** The whole reply in a buffer of its own. Not called for what went into a sink. */
  onComplete: (body: Uint8Array, seenUpTo: number) => void;
  /** Not called where a sink has given up. */
  onGivenUp?: (why: GivenUp) => void;
}

/** All recordings of an isolate together: it has 128 MB for everything. */
const COLLECTED_BYTES_MAX = 24 * 1024 * 1024;
let collectedBytes = 0;

type State =
  | { is: 'collecting'; chunks: Uint8Array[] }
  | { is: 'passing on'; sink: RecordingSink }
  | { is: 'over' };

export class ReplyRecording implements Recording {
  readonly #options: RecordingOptions;
  #state: State = { is: 'collecting', chunks: [] };
  #bytes = 0;

  constructor(options: RecordingOptions) {
    this.#options = options;
  }

  add(bytes: Uint8Array): void {
    if (this.#state.is === 'over') return;
    this.#bytes += bytes.length;
    if (this.#state.is === 'collecting') this.#collect(this.#state.chunks, bytes);
    else this.#passOn(this.#state.sink, bytes);
  }

  complete(seenUpTo: number): void {
    const state = this.#state;
    this.#state = { is: 'over' };
    if (state.is === 'collecting') {
      letGo(state.chunks);
      this.#options.onComplete(joined(state.chunks, this.#bytes), seenUpTo);
    }
    if (state.is === 'passing on') state.sink.close(seenUpTo);
  }

  abandon(): void {
    this.#giveUp('abandoned');
  }

  #collect(chunks: Uint8Array[], bytes: Uint8Array): void {
    if (this.#bytes <= this.#options.bytesMax && collectedBytes + bytes.length <= COLLECTED_BYTES_MAX) {
      chunks.push(copyOf(bytes));
      collectedBytes += bytes.length;
      return;
    }
    const isTooLarge = this.#bytes > this.#options.totalBytesMax;
    const sink = isTooLarge ? undefined : this.#options.openSink?.();
    if (sink === undefined) {
      this.#giveUp(this.#bytes > this.#options.bytesMax ? 'oversize' : 'crowded');
      return;
    }
    letGo(chunks);
    this.#state = { is: 'passing on', sink };
    if (chunks.every((chunk) => sink.write(chunk))) this.#passOn(sink, bytes);
    else this.#forgetSink();
  }

  #passOn(sink: RecordingSink, bytes: Uint8Array): void {
    if (this.#bytes > this.#options.totalBytesMax) {
      sink.abort();
      this.#forgetSink();
      this.#options.onGivenUp?.('oversize');
    } else if (!sink.write(copyOf(bytes))) this.#forgetSink();
  }

  #forgetSink(): void {
    this.#state = { is: 'over' };
  }

  #giveUp(why: GivenUp): void {
    const state = this.#state;
    this.#state = { is: 'over' };
    if (state.is === 'collecting') {
      letGo(state.chunks);
      this.#options.onGivenUp?.(why);
    }
    if (state.is === 'passing on') state.sink.abort();
  }
}

/** They are somebody else's from now on, or nobody's. */
function letGo(chunks: readonly Uint8Array[]): void {
  for (const chunk of chunks) collectedBytes -= chunk.length;
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = chunks;
  if (chunks.length === 1 && first !== undefined) return first;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** Not `slice`: that of a Buffer copies nothing. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
