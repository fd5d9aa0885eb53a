/**
 * The reply to a flagged read, on its way to the driver: in front of it goes what it is, and while it passes it is
 * taken down for the endpoint's cache. It is kept if it is one that any asker would have got: complete, without an
 * error or a warning, in no transaction, with its columns, and with nothing said of the session.
 */
import type { CacheableRead, Recording, ReplyFacts } from '../caching.ts';
import { hasFlag, ServerStatus } from './capabilities.ts';
import { encodeOk, type OkPacket } from './ok-packet.ts';
import { packet } from './packets.ts';
import { WithoutId } from './stored-reply.ts';

const { IN_TRANS, IN_TRANS_READONLY, MORE_RESULTS_EXISTS, CURSOR_EXISTS, PS_OUT_PARAMS } = ServerStatus;
const NOT_KEPT = IN_TRANS | IN_TRANS_READONLY | MORE_RESULTS_EXISTS | CURSOR_EXISTS | PS_OUT_PARAMS;

export class ReplyRecorder {
  readonly facts: ReplyFacts;
  readonly wants: CacheableRead['wants'];
  isAnnounced = false;
  /** What passes now is a part of what is recorded. */
  isOn = true;
  #recording: Recording | undefined;
  #keeps = false;

  constructor(options: { read: CacheableRead; facts: ReplyFacts; recording: Recording | undefined }) {
    const { read, recording } = options;
    this.facts = options.facts;
    this.wants = read.wants;
    this.#recording = recording && read.wants === 'description' ? new WithoutId(recording) : recording;
  }

  /** The reply has ended as a reply that may be kept does. */
  get keeps(): boolean {
    return this.#keeps && (this.facts.status === 'miss' || this.facts.status === 'hit');
  }

  add(bytes: Uint8Array): void {
    this.#recording?.add(bytes);
  }

  /** An OK or EOF that ends it. */
  ends({ status, warnings }: { status: number; warnings: number }): void {
    this.#keeps = hasFlag(status, ServerStatus.AUTOCOMMIT) && !hasFlag(status, NOT_KEPT) && warnings === 0;
  }

  /** The same, as a driver hears it that hears nothing of the session. */
  addEnd(sequence: number, ok: OkPacket, capabilities: number): void {
    this.add(packet(sequence, encodeOk({ ...ok, sessionState: new Uint8Array() }, capabilities)));
  }

  /** Of a description: it says nothing of the session. */
  described(): void {
    this.#keeps = true;
  }

  spoil(): void {
    this.#keeps = false;
    this.abandon();
  }

  complete(seenUpTo: number): void {
    if (this.keeps) this.#recording?.complete(seenUpTo);
    else this.#recording?.abandon();
    this.#recording = undefined;
  }

  /** Nothing is called after it. */
  abandon(): void {
    this.#recording?.abandon();
    this.#recording = undefined;
  }
}
