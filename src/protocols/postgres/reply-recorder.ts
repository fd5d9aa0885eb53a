/**
 * The reply to a flagged read, on its way to the driver: in front of it goes what it is, and while it passes it is
 * taken down for the endpoint's cache, if it is of the form that a cache may hold. Rows are never looked at; runs of
 * them are handed over as slices.
 */
import type { CacheableRead, Recording, ReplyFacts } from '../caching.ts';
import { encodeNote } from './link-notes.ts';
import { Backend } from './messages.ts';

/** How much of what is to be recorded has passed. */
type Progress = 'nothing' | 'head' | 'all';

export class ReplyRecorder {
  readonly facts: ReplyFacts;
  readonly #wants: CacheableRead['wants'];
  #recording: Recording | undefined;
  #isAnnounced = false;
  #progress: Progress = 'nothing';
  /** What passes now is a part of what is recorded. */
  isOn = false;

  constructor(options: { read: CacheableRead; facts: ReplyFacts; recording: Recording | undefined }) {
    this.facts = options.facts;
    this.#wants = options.read.wants;
    this.#recording = options.recording;
  }

  /** What the edge must hear before the first byte of the reply; undefined once it has. */
  announcement(): Uint8Array | undefined {
    if (this.#isAnnounced) return undefined;
    this.#isAnnounced = true;
    return encodeNote({ reply: this.facts });
  }

  /** A message for the driver comes next: is it a part of what is recorded? Asked once for each. */
  takes(type: number): boolean {
    if (!this.#recording || isAround(type)) return false;
    const progress = this.#wants === 'rows' ? this.#afterRow(type) : this.#afterDescription(type);
    if (progress === undefined) {
      this.abandon();
      return false;
    }
    this.#progress = progress;
    return true;
  }

  /** RowDescription, DataRow ..., CommandComplete. Undefined: the message has no place there. */
  #afterRow(type: number): Progress | undefined {
    if (this.#progress === 'nothing') return type === Backend.RowDescription ? 'head' : undefined;
    if (this.#progress === 'all') return undefined;
    if (type === Backend.DataRow) return 'head';
    return type === Backend.CommandComplete ? 'all' : undefined;
  }

  /** ParameterDescription, then RowDescription or NoData. */
  #afterDescription(type: number): Progress | undefined {
    if (this.#progress === 'nothing') return type === Backend.ParameterDescription ? 'head' : undefined;
    if (this.#progress === 'all') return undefined;
    return type === Backend.RowDescription || type === Backend.NoData ? 'all' : undefined;
  }

  add(bytes: Uint8Array): void {
    this.#recording?.add(bytes);
  }

  /** The exchange has ended, in no transaction. */
  complete(seenUpTo: number): void {
    if (this.#progress === 'all') this.#recording?.complete(seenUpTo);
    else this.#recording?.abandon();
    this.#recording = undefined;
  }

  /** Nothing is called after it. */
  abandon(): void {
    this.#recording?.abandon();
    this.#recording = undefined;
    this.isOn = false;
  }
}

/** Comes with any reply and is no part of it; or stands for a request that another asker may not have made. */
function isAround(type: number): boolean {
  return (
    type === Backend.ParseComplete ||
    type === Backend.BindComplete ||
    type === Backend.NotificationResponse ||
    type === Backend.ReadyForQuery
  );
}
