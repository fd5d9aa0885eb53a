/**
 * The endpoint's half at the edge: its bytes in, bytes for the driver out. Notes are taken out and heeded; packets
 * pass as slices, and are recorded as slices where the reply may be cached.
 */
import type { Recording } from '../caching.ts';
import type { EdgeState } from './edge-state.ts';
import { decodeEndpointNote, type EndpointNote, LINK_NOTE, sequenceOfNote } from './link-notes.ts';
import { PacketStream } from './packet-stream.ts';
import { HEADER_BYTES } from './packets.ts';
import { WithoutId } from './stored-reply.ts';

export class EdgeReplies {
  readonly #state: EdgeState;
  readonly #stream: PacketStream;
  #recording: Recording | undefined;
  /** Sequence number of the last packet that passed. */
  #previous = 0;
  #hasPassed = false;

  constructor(state: EdgeState) {
    this.#state = state;
    this.#stream = new PacketStream((bytes) => {
      this.#recording?.add(bytes);
      state.toDriver.push(bytes);
    });
  }

  feed(chunk: Uint8Array): void {
    if (!this.#stream.open(chunk)) return;
    while (this.#stream.next() && this.#take()) {
      // Each step takes one packet, or as much of it as is there.
    }
    this.#stream.close();
  }

  /** The endpoint is gone: what it did not finish is nothing. */
  lost(): void {
    this.#abandon();
  }

  #take(): boolean {
    const stream = this.#stream;
    if (stream.length > 0 && stream.firstByte === undefined) return stream.want(HEADER_BYTES + 1);
    // A long payload has taken more packets than the one that was passed.
    if (this.#hasPassed) this.#previous = (stream.nextSequence - 1) & 0xff;
    this.#hasPassed = false;
    const isNote = stream.firstByte === LINK_NOTE && stream.sequence === sequenceOfNote(this.#previous);
    // While it is quiet, the edge may say something of its own next: not in the midst of a packet.
    if ((isNote || this.#state.isQuiet) && !stream.isWhole) return stream.want(stream.frameLength);
    if (isNote) this.#note();
    else {
      stream.pass();
      this.#hasPassed = true;
    }
    return true;
  }

  #note(): void {
    const note = decodeEndpointNote(this.#stream.payload);
    this.#stream.cut();
    this.#heed(note);
  }

  #heed(note: EndpointNote): void {
    const state = this.#state;
    if (note.news) state.hooks.heard(note.news);
    if (note.settings !== undefined) state.settings = note.settings ?? undefined;
    if (note.file) state.isSendingFile = true;
    if (note.prepared) {
      const [id, text, parameterCount, parsingKey] = note.prepared;
      state.statements.know({ id, text, parameterCount, parsingKey });
    }
    if (note.at !== undefined) state.raiseFloor(note.at);
    if (note.reply) this.#begin(note.reply);
    if (note.taken !== undefined) this.#ended(note);
  }

  #begin(facts: NonNullable<EndpointNote['reply']>): void {
    const { asked, hooks } = this.#state;
    if (!asked) return;
    if (facts.status !== 'miss' && facts.status !== 'hit') hooks.refused(asked, facts.status);
    else {
      const recording = hooks.record(asked, facts);
      this.#recording = recording && asked.wants === 'description' ? new WithoutId(recording) : recording;
    }
  }

  #ended({ taken = 0, at, keeps }: EndpointNote): void {
    const state = this.#state;
    const recording = this.#recording;
    this.#recording = undefined;
    if (keeps && at !== undefined) recording?.complete(at);
    else recording?.abandon();
    state.answered = taken;
    state.isSendingFile = false;
    state.asked = undefined;
    state.isQuiet = at !== undefined && taken === state.sent;
  }

  #abandon(): void {
    this.#recording?.abandon();
    this.#recording = undefined;
  }
}
