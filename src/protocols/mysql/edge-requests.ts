/**
 * The driver's half at the edge: its bytes in, bytes for the endpoint out.
 *
 * While it is quiet, each command is looked at, and one that may be a read waits here until it is known whether a
 * cache has its reply. Once something has gone to the endpoint all that follows goes there too, in its order, and
 * is only counted, until the endpoint has answered it all.
 */
import { PoolerError } from '../../errors.ts';
import { latin1 } from '../bytes/latin1.ts';
import type { CacheableRead } from '../caching.ts';
import { NOTE_BYTES_MAX } from '../sql/link-notes.ts';
import type { EdgeState } from './edge-state.ts';
import type { EdgeStatement } from './edge-statements.ts';
import { encodeErr } from './errors.ts';
import { encodeEdgeNote, LINK_NOTE } from './link-notes.ts';
import { PacketStream } from './packet-stream.ts';
import { Command, HEADER_BYTES, packet } from './packets.ts';
import { keyOfExecute, keyOfPrepare, keyOfQuery, readExecute } from './read-key.ts';
import { readTextOf } from './read-text.ts';

/** A longer command is not looked up. */
const EXCHANGE_BYTES_MAX = 64 * 1024;
/** What a driver may say ahead, where a file may be asked of it instead: the longest statement that there is. */
const HELD_BYTES_MAX = 17 * 1024 * 1024;
const ID_BYTES_END = HEADER_BYTES + 5;
/** They have no reply. */
const SILENT = new Set<number | undefined>([Command.QUIT, Command.STMT_CLOSE, Command.STMT_SEND_LONG_DATA]);
const OF_STATEMENT = new Set<number | undefined>([Command.STMT_CLOSE, Command.STMT_SEND_LONG_DATA]);
/** The session's statements are gone behind it. */
const RESETS = new Set<number | undefined>([Command.RESET_CONNECTION, Command.CHANGE_USER]);

/** A read that waits. */
export interface Waiting {
  read: CacheableRead;
  /** As the driver said it; in the chunk that was fed, which must stay as it is. */
  bytes: Uint8Array;
  /** The text that it prepares. */
  prepares?: string;
  executes?: { statement: EdgeStatement; types: string };
}

export class EdgeRequests {
  readonly #state: EdgeState;
  readonly #stream: PacketStream;
  #waiting: Waiting | undefined;
  /** There are bytes that wait for a reply. */
  #isHeld = false;
  /** They go on, and are not looked up: only what the driver says is waited with, not what the endpoint says. */
  #isCatchingUp = false;

  constructor(state: EdgeState) {
    this.#state = state;
    this.#stream = new PacketStream((bytes) => {
      state.hasSpoken = true;
      state.toEndpoint.push(bytes);
    });
  }

  get waiting(): Waiting | undefined {
    return this.#waiting;
  }

  feed(chunk: Uint8Array): void {
    if (this.#stream.open(chunk)) this.resume();
  }

  /** The endpoint has said something. */
  catchUp(): void {
    if (!this.#isHeld || (this.#mustHold && !this.#state.isSendingFile)) return;
    this.#isHeld = false;
    this.#isCatchingUp = true;
    this.feed(new Uint8Array());
    this.#isCatchingUp = false;
  }

  resume(): void {
    const state = this.#state;
    while (!state.isOver && !this.#waiting && this.#stream.next() && this.#take()) {
      // Each step takes one packet, or as much of it as is there.
    }
    if (this.#waiting) this.#stream.flush();
    else this.#stream.close();
  }

  #take(): boolean {
    const stream = this.#stream;
    const { length, firstByte: command } = stream;
    if (this.#state.isSendingFile) return this.#passFile();
    if (length > 0 && command === undefined) return stream.want(HEADER_BYTES + 1);
    if (this.#mustHold) return this.#hold();
    // It answers the server, which is asking who the driver is; or it is nothing, which the endpoint says.
    if (stream.sequence !== 0 || length === 0) return this.#passUncounted();
    if (command === LINK_NOTE) return this.#violate();
    return this.#state.isQuiet && !this.#isCatchingUp ? this.#look() : this.#pass();
  }

  /** What a driver that may be asked for a file says behind a query could be taken for the file. */
  get #mustHold(): boolean {
    const { mayAskForFile, isQuery, sent, answered } = this.#state;
    return mayAskForFile && isQuery && sent !== answered;
  }

  #hold(): boolean {
    const { input, at } = this.#stream;
    if (input.length - at > HELD_BYTES_MAX) return this.#violate();
    this.#isHeld = true;
    return this.#stream.want(1);
  }

  /** A packet of 16 MiB goes on in the next, which may be empty too: the stream takes that along. */
  #passFile(): true {
    this.#state.isSendingFile = this.#stream.length > 0;
    this.#stream.pass();
    return true;
  }

  #passUncounted(): true {
    this.#stream.pass();
    return true;
  }

  #violate(): false {
    const error = new PoolerError('malformed communication packet', {
      fault: 'driver',
      sqlState: 'HY000',
      errno: 1835,
      fatal: true,
    });
    this.#state.toDriver.push(packet(1, encodeErr(error)));
    this.#state.isOver = true;
    return false;
  }

  // --- while it is quiet ------------------------------------------------------------------------------------

  #look(): boolean {
    const stream = this.#stream;
    const { firstByte: command, frameLength } = stream;
    const isSeen =
      command === Command.QUERY || command === Command.STMT_PREPARE || command === Command.STMT_EXECUTE;
    if (!isSeen || frameLength > EXCHANGE_BYTES_MAX) return this.#pass();
    if (!stream.isWhole) return stream.want(frameLength);
    this.#waiting = this.#waitingOf(stream.input.subarray(stream.at, stream.end), command);
    return this.#waiting ? false : this.#pass();
  }

  #waitingOf(bytes: Uint8Array, command: number): Waiting | undefined {
    const state = this.#state;
    if (!state.settings) return undefined;
    const asker = { dialect: state.dialect, settings: state.settingsKey };
    if (command === Command.STMT_EXECUTE) return this.#executing(bytes);
    if (command === Command.STMT_PREPARE) {
      const prepares = latin1(bytes.subarray(HEADER_BYTES + 1));
      const read: CacheableRead = {
        wants: 'description',
        key: keyOfPrepare(prepares, asker),
        textLength: prepares.length,
        control: {},
      };
      return { read, bytes, prepares };
    }
    const sql = this.#textOfQuery(bytes);
    if (sql === undefined) return undefined;
    const { isRead, text, control } = readTextOf(sql);
    if (!isRead || control.isOff) return undefined;
    return { read: { wants: 'rows', key: keyOfQuery(text, asker), textLength: text.length, control }, bytes };
  }

  /** Undefined: it has attributes. */
  #textOfQuery(bytes: Uint8Array): string | undefined {
    const payload = bytes.subarray(HEADER_BYTES + 1);
    if (!this.#state.hasAttributes) return latin1(payload);
    return payload[0] === 0 && payload[1] === 1 ? latin1(payload.subarray(2)) : undefined;
  }

  #executing(bytes: Uint8Array): Waiting | undefined {
    const { statements, dialect, settingsKey: settings, parsingKey } = this.#state;
    const { hasAttributes } = this.#state;
    const statement = statements.get(idIn(bytes));
    if (!statement || statement.hasLongData || statement.parsingKey !== parsingKey) return undefined;
    const execution = readExecute(bytes, { ...statement, hasAttributes });
    const { isRead, text, control } = readTextOf(statement.text);
    if (!execution || !isRead || control.isOff) return undefined;
    const key = keyOfExecute(text, execution, { dialect, settings });
    return {
      read: { wants: 'rows', key, textLength: text.length, control },
      bytes,
      executes: { statement, types: latin1(execution.types) },
    };
  }

  /** The read that waited was answered here: takes it out. */
  answered(): Waiting | undefined {
    const waiting = this.#waiting;
    if (!waiting) return undefined;
    this.#waiting = undefined;
    this.#stream.take(waiting.bytes.length, { isCut: true });
    const { statements } = this.#state;
    const { executes } = waiting;
    if (executes) statements.executed(executes.statement, executes.types);
    if (statements.mustTell) this.#tell();
    return waiting;
  }

  /** Sends the read that waits, and in front what the endpoint must know of it, unless that is too much. */
  forward(): void {
    const state = this.#state;
    const waiting = this.#waiting;
    if (!waiting) return;
    this.#waiting = undefined;
    const { read, bytes, executes } = waiting;
    const flag = { read, floor: state.floor, bytes: bytes.length };
    const told = state.statements.takeNote();
    const note = encodeEdgeNote({ ...told, read: flag });
    const isFlagged = note.length <= NOTE_BYTES_MAX;
    if (isFlagged) this.#stream.insert(note);
    else if (told) this.#stream.insert(encodeEdgeNote(told));
    this.#pass();
    if (executes) executes.statement.types = executes.types;
    if (isFlagged) state.asked = read;
  }

  // --- what goes to the endpoint ----------------------------------------------------------------------------

  #pass(): boolean {
    const state = this.#state;
    const stream = this.#stream;
    const { firstByte: command, input, at, length } = stream;
    if (command === Command.QUIT) return this.#quit();
    const isOfStatement = command === Command.STMT_EXECUTE || OF_STATEMENT.has(command);
    const idEnd = Math.min(ID_BYTES_END, HEADER_BYTES + length);
    if (isOfStatement && input.length - at < idEnd) return stream.want(idEnd);
    if (command === Command.STMT_CLOSE && state.statements.close(idIn(input.subarray(at)))) {
      stream.cut();
      return true;
    }
    this.#tell();
    const statement = isOfStatement ? state.statements.get(idIn(input.subarray(at))) : undefined;
    if (statement) {
      statement.hasLongData = command === Command.STMT_SEND_LONG_DATA;
      // Perhaps it has other types than those that were told.
      if (command === Command.STMT_EXECUTE) statement.types = undefined;
    }
    if (RESETS.has(command)) state.statements.clear();
    if (!SILENT.has(command)) {
      state.sent += 1;
      state.isQuiet = false;
      state.isQuery = command === Command.QUERY || command === Command.STMT_EXECUTE;
    }
    stream.pass();
    return true;
  }

  #tell(): void {
    const note = this.#state.statements.takeNote();
    if (note) this.#stream.insert(encodeEdgeNote(note));
  }

  /** An endpoint that has heard nothing need not hear that. */
  #quit(): false {
    const state = this.#state;
    if (state.hasSpoken) this.#stream.pass();
    state.isOver = true;
    return false;
  }
}

function idIn(bytes: Uint8Array): number {
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(HEADER_BYTES + 1, ID_BYTES_END);
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
}
