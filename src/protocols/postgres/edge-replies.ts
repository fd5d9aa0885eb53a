/**
 * The endpoint's half at the edge: its bytes in, bytes for the driver out. Notes are taken out and heeded; rows
 * pass as slices, and are recorded as slices where the reply may be cached.
 */
import { decodeText } from '../bytes/reader.ts';
import { hasTheseColumns, isOfFormats, STALE_STATEMENT, tellColumns } from './edge-columns.ts';
import type { EdgeState } from './edge-state.ts';
import type { EdgeStatement } from './edge-statements.ts';
import { type EndpointNote, LINK_NOTE } from './link-notes.ts';
import { MessageStream } from './message-stream.ts';
import { Backend } from './messages.ts';
import { ReplyRecorder } from './reply-recorder.ts';

const IDLE = 0x49; // I
/** A longer error is of no kind that is looked for. */
const ERROR_BYTES_MAX = 4 * 1024;

export class EdgeReplies {
  readonly #state: EdgeState;
  readonly #stream: MessageStream;
  #recorder: ReplyRecorder | undefined;
  /** Of the note in front of the ReadyForQuery that comes. */
  #ending: EndpointNote | undefined;
  /** Of a passing exchange: its statement's columns come next. */
  #described: EdgeStatement | undefined;
  /** The reply that comes has other columns than the driver believes: it is told so instead. */
  #isRefused = false;

  constructor(state: EdgeState) {
    this.#state = state;
    this.#stream = new MessageStream((bytes) => {
      if (this.#recorder?.isOn) this.#recorder.add(bytes);
      state.toDriver.push(bytes);
    });
  }

  feed(chunk: Uint8Array): void {
    if (!this.#stream.open(chunk)) return;
    while (this.#stream.next() && this.#take()) {
      // Each step takes one message, or as much of it as is there.
    }
    this.#stream.close();
  }

  /** The endpoint is gone: what it did not finish is nothing. */
  lost(): void {
    this.#abandon();
  }

  #take(): boolean {
    const stream = this.#stream;
    const { type, length } = stream;
    const isTelling = this.#isTellingColumns(type);
    const mayBeStale =
      type === Backend.ErrorResponse &&
      length <= ERROR_BYTES_MAX &&
      this.#state.asked?.hasFormatOfEach === true;
    const isActedOn = type === LINK_NOTE || type === Backend.ReadyForQuery || isTelling || mayBeStale;
    // While it is quiet, the edge may say something of its own next: not in the midst of a message.
    const mustBeWhole = isActedOn || this.#state.isQuiet;
    if (mustBeWhole && !stream.isWhole) return stream.want(length + 1);
    if (type === LINK_NOTE) return this.#note();
    if (type === Backend.ReadyForQuery) return this.#readyForQuery();
    if (type === Backend.ErrorResponse) this.#failed();
    if (type === Backend.ParameterDescription && !this.#state.asked)
      this.#described = this.#state.awaited.take();
    this.#record(this.#recorder?.takes(type) ?? false);
    if (isTelling) this.#columns();
    else if (this.#isRefused && isOfRows(type)) stream.cut();
    else if (mayBeStale && isOfFormats(stream.input.subarray(stream.at, stream.end))) this.#tellStale();
    else stream.pass();
    return true;
  }

  // --- columns ----------------------------------------------------------------------------------------------

  /** In place of an error that tells of nothing but the columns being others. */
  #tellStale(): void {
    this.#stream.cut();
    this.#stream.insert(STALE_STATEMENT);
  }

  /** Of a statement that the driver may run again later. */
  #isTellingColumns(type: number): boolean {
    const isDescription = type === Backend.RowDescription || type === Backend.NoData;
    return isDescription && (this.#state.asked?.statement ?? this.#described) !== undefined;
  }

  /** They are asked for in every read's behalf, so that what is recorded fits every asker. */
  #columns(): void {
    const { asked } = this.#state;
    const { input, at, end } = this.#stream;
    const message = input.subarray(at, end);
    const statement = asked?.statement ?? this.#described;
    this.#described = undefined;
    if (!asked || asked.wantsColumns) this.#stream.pass();
    else {
      this.#stream.cut();
      if (this.#recorder?.isOn) this.#recorder.add(message);
    }
    if (asked?.wantsColumns === false && !hasTheseColumns(statement, message)) this.#refuse();
    else tellColumns(statement, message);
  }

  #refuse(): void {
    this.#abandon();
    this.#isRefused = true;
    this.#state.hasFailed = true;
    this.#stream.insert(STALE_STATEMENT);
  }

  // --- recording --------------------------------------------------------------------------------------------

  /** From here on. */
  #record(isOn: boolean): void {
    const recorder = this.#recorder;
    if (!recorder || recorder.isOn === isOn) return;
    this.#stream.flush();
    recorder.isOn = isOn;
  }

  #abandon(): void {
    this.#recorder?.abandon();
    this.#recorder = undefined;
  }

  // --- notes ------------------------------------------------------------------------------------------------

  #note(): true {
    const { input, at, end } = this.#stream;
    const note: EndpointNote = JSON.parse(decodeText(input.subarray(at + 5, end)));
    this.#stream.cut();
    this.#heed(note);
    return true;
  }

  #heed(note: EndpointNote): void {
    const state = this.#state;
    if (note.news) state.hooks.heard(note.news);
    if (note.settings !== undefined) state.settings = note.settings ?? undefined;
    if (note.dropped === true) state.statements.clear();
    else if (note.dropped) state.statements.gone(note.dropped);
    if (note.at !== undefined) state.raiseFloor(note.at);
    if (note.taken !== undefined || note.status !== undefined) this.#ending = { ...this.#ending, ...note };
    const { asked } = state;
    if (!note.reply || !asked) return;
    const { read } = asked;
    if (note.reply.status === 'miss' || note.reply.status === 'hit') {
      const recording = state.hooks.record(read, note.reply);
      this.#recorder = new ReplyRecorder({ read, facts: note.reply, recording });
    } else state.hooks.refused(read, note.reply.status);
  }

  // --- ends -------------------------------------------------------------------------------------------------

  #failed(): void {
    const state = this.#state;
    state.hasFailed = true;
    state.awaited.lose();
    this.#described = undefined;
    if (state.asked?.endsWithFlush) state.isSkipping = true;
    this.#abandon();
  }

  #readyForQuery(): true {
    const state = this.#state;
    const stream = this.#stream;
    const ending = this.#ending;
    this.#ending = undefined;
    this.#isRefused = false;
    this.#record(false);
    if (ending?.at !== undefined) this.#recorder?.complete(ending.at);
    this.#abandon();
    if (state.asked?.endsWithFlush) stream.cut();
    else {
      for (const extra of state.extras(ending?.status)) stream.insert(extra);
      stream.pass();
    }
    state.asked = undefined;
    state.isQuiet = this.#statusPassed() === IDLE && ending?.taken === state.sent && !state.isMidExchange;
    if (state.isQuiet) state.settle();
    return true;
  }

  /** Of the ReadyForQuery that was just taken, which was whole. */
  #statusPassed(): number {
    return this.#stream.input[this.#stream.at - 1] ?? 0;
  }
}

function isOfRows(type: number): boolean {
  return type === Backend.DataRow || type === Backend.CommandComplete || type === Backend.ErrorResponse;
}
