/**
 * The driver's half at the edge: its bytes in, bytes for the endpoint out.
 *
 * While it is quiet, each exchange is looked at, and one that may be a read waits here until it is known whether a
 * cache has its reply. Once something has gone to the endpoint all that follows goes there too, in its order, and
 * is only counted, until the endpoint has answered it all.
 *
 * A description that the driver ended with Flush goes to the endpoint with a Sync instead, which frees the connection.
 * What comes behind it is held until it is answered, because after an error it counts for nothing up to its Sync.
 */
import { PoolerError } from '../../errors.ts';
import { join } from '../bytes/join.ts';
import { bytesOfLatin1, latin1 } from '../bytes/latin1.ts';
import type { CacheableRead } from '../caching.ts';
import { NOTE_BYTES_MAX } from '../sql/link-notes.ts';
import { hasFormatOfEachColumn, wholeOf } from './edge-columns.ts';
import { type Asked, type EdgeState, READY } from './edge-state.ts';
import { type EdgeStatement, statementOf } from './edge-statements.ts';
import { encodeErrorResponse } from './errors.ts';
import { EXCHANGE_BYTES_MAX, type Exchange, findExchange, readExchange, readParse } from './exchange.ts';
import { type EdgeNote, encodeNote } from './link-notes.ts';
import { MessageStream } from './message-stream.ts';
import { Frontend, message } from './messages.ts';
import { keyOfDescription, keyOfRows } from './read-key.ts';
import { readTextOf } from './read-text.ts';

const KNOWN_TYPES = new Set<number>(Object.values(Frontend).filter((type) => type !== Frontend.Password));
/** They belong to the exchange that copies, whose end may have gone by. */
const COPY_TYPES = new Set<number>([Frontend.CopyData, Frontend.CopyDone, Frontend.CopyFail]);
const MESSAGE_BYTES_MAX = 0x3fffffff;
/** What a driver may say behind a Flush before it has its answer. Drivers say nothing: it is what they wait for. */
const HELD_BYTES_MAX = 1024 * 1024;
const STATEMENT = 0x53; // S

/** A read that waits. */
interface Waiting extends Asked {
  /** As the driver said it; both lie in the chunk that was fed, which must stay as it is. */
  bytes: Uint8Array;
  exchange: Exchange;
}

export class EdgeRequests {
  readonly #state: EdgeState;
  readonly #stream: MessageStream;
  #waiting: Waiting | undefined;
  /** There are bytes that wait for the answer to a Flush. */
  #isHeld = false;
  /** They go on, and are not looked up: their answers may be needed for nothing more. */
  #isCatchingUp = false;

  constructor(state: EdgeState) {
    this.#state = state;
    this.#stream = new MessageStream((bytes) => state.toEndpoint.push(bytes));
  }

  get waiting(): Waiting | undefined {
    return this.#waiting;
  }

  feed(chunk: Uint8Array): void {
    if (this.#stream.open(chunk)) this.#goOn();
  }

  /** The endpoint has said something. */
  catchUp(): void {
    if (!this.#isHeld || this.#state.asked) return;
    this.#isHeld = false;
    this.#isCatchingUp = true;
    this.feed(new Uint8Array());
    this.#isCatchingUp = false;
  }

  #goOn(): void {
    const state = this.#state;
    while (!state.isOver && !this.#waiting && this.#stream.next() && this.#take()) {
      // Each step takes one exchange, or one message, or as much of it as is there.
    }
    if (this.#waiting) this.#stream.flush();
    else this.#stream.close();
  }

  #take(): boolean {
    const { type, length } = this.#stream;
    if (length < 4 || length > MESSAGE_BYTES_MAX) return this.#violate(`invalid message length ${length}`);
    if (!KNOWN_TYPES.has(type)) return this.#violate(`invalid frontend message type ${type}`);
    if (this.#state.asked?.endsWithFlush) return this.#hold();
    if (this.#state.isSkipping) return this.#skip();
    if (!this.#state.isQuiet) return this.#pass();
    return this.#isCatchingUp ? this.#leaveQuiet() : this.#look();
  }

  #hold(): boolean {
    const { input, at } = this.#stream;
    if (input.length - at > HELD_BYTES_MAX) return this.#violate('too much data behind a Flush', '54000');
    this.#isHeld = true;
    return this.#stream.want(1);
  }

  #violate(what: string, sqlState = '08P01'): false {
    this.#state.toDriver.push(
      encodeErrorResponse(new PoolerError(what, { fault: 'driver', sqlState, fatal: true })),
    );
    this.#state.isOver = true;
    return false;
  }

  /** After an error in what the driver ended with Flush: messages count for nothing up to its Sync. */
  #skip(): boolean {
    const { type } = this.#stream;
    if (type === Frontend.Terminate) return this.#terminate();
    this.#stream.cut();
    if (type === Frontend.Sync) {
      this.#state.isSkipping = false;
      this.#state.toDriver.push(READY);
    }
    return true;
  }

  // --- while it is quiet ------------------------------------------------------------------------------------

  #look(): boolean {
    const stream = this.#stream;
    const { input, at } = stream;
    if (stream.type === Frontend.Terminate) return this.#terminate();
    const found = findExchange(input, at);
    if (found.found === 'nothing yet') return stream.want(found.bytesNeeded);
    if (found.found === 'something else') return this.#leaveQuiet();
    if (found.types === 'S') return this.#answerSync();
    const bytes = input.subarray(at, found.end);
    const exchange = readExchange(bytes, found.types);
    const asked = exchange && this.#askedOf(exchange, bytes);
    if (!asked) return this.#leaveQuiet();
    this.#waiting = asked;
    return false;
  }

  /** Nothing is open that it could end: the answer is ours. */
  #answerSync(): true {
    this.#stream.cut();
    this.#state.toDriver.push(READY);
    return true;
  }

  #leaveQuiet(): boolean {
    this.#endQuiet(this.#state.statements.takeNote());
    return this.#pass();
  }

  /** What comes passes as it is, behind what the endpoint must know. */
  #endQuiet(note: EdgeNote | undefined): void {
    if (note) this.#stream.insert(encodeNote(note));
    this.#state.isQuiet = false;
    this.#state.hasFailed = false;
  }

  #askedOf(exchange: Exchange, bytes: Uint8Array): Waiting | undefined {
    const state = this.#state;
    if (!state.settings) return undefined;
    const settings = state.settingsKey;
    if (exchange.kind === 'query') {
      const { isRead, text, control } = readTextOf(exchange.text);
      const key = isRead && !control.isOff ? keyOfRows(text, { settings }) : undefined;
      if (key === undefined) return undefined;
      const read: CacheableRead = { wants: 'rows', key, textLength: text.length, control };
      return { read, exchange, bytes, statement: undefined, endsWithFlush: false, wantsColumns: true };
    }
    // The name of a Parse in an exchange of interest must be free.
    if (exchange.parse && state.statements.isTaken(exchange.parse.name)) return undefined;
    const statement = exchange.parse
      ? statementOf(exchange.parse, state)
      : state.statements.get(exchange.statement);
    if (statement?.settingsMark !== state.settingsMark) return undefined;
    const read = this.#readOf(exchange, statement);
    if (!read) return undefined;
    const endsWithFlush = exchange.kind === 'description' && exchange.endsWithFlush;
    const wantsColumns = exchange.kind === 'description' || exchange.describes;
    return { read, exchange, bytes, statement, endsWithFlush, wantsColumns };
  }

  #readOf(
    exchange: Extract<Exchange, { kind: 'rows' | 'description' }>,
    { text: sql, types }: EdgeStatement,
  ): CacheableRead | undefined {
    const settings = this.#state.settingsKey;
    const { isRead, text, control } = readTextOf(sql);
    if (exchange.kind === 'description') {
      const key = keyOfDescription(text, { types, settings });
      return { wants: 'description', key, textLength: text.length, control: {} };
    }
    if (!isRead || control.isOff) return undefined;
    const key = keyOfRows(text, { types, bound: exchange.bound, settings });
    return key === undefined ? undefined : { wants: 'rows', key, textLength: text.length, control };
  }

  /** The read that waited was answered here: takes it out. What it parsed exists, though only here. */
  answered(): Waiting | undefined {
    const asked = this.#waiting;
    if (!asked) return undefined;
    this.#waiting = undefined;
    this.#stream.take(asked.bytes.length, { isCut: true });
    const { exchange, statement } = asked;
    if (exchange.kind === 'query') this.#state.statements.dropUnnamed();
    else if (exchange.parse && statement) {
      const { statements, toEndpoint } = this.#state;
      statements.acknowledge(exchange.parse.name, statement);
      const note = statements.mustTell ? statements.takeNote() : undefined;
      if (note) toEndpoint.push(encodeNote(note));
    }
    return asked;
  }

  /** Sends the read that waits, and in front what the endpoint must know of it, unless that is too much. */
  forward(): void {
    const state = this.#state;
    const asked = this.#waiting;
    if (!asked) return;
    this.#waiting = undefined;
    const { read, exchange, bytes, statement, endsWithFlush, wantsColumns } = asked;
    const hasParse = exchange.kind !== 'query' && exchange.parse !== undefined;
    const answers = `${hasParse ? '1' : ''}${exchange.kind === 'rows' ? '2' : ''}`;
    const whole = wholeOf(asked);
    const told = state.statements.takeNote();
    const flag = { read, floor: state.floor, bytes: whole.length, answers };
    const note = encodeNote({ ...told, read: flag });
    if (note.length > NOTE_BYTES_MAX) {
      this.#endQuiet(told);
      return;
    }
    this.#stream.insert(note);
    if (whole === bytes) this.#stream.take(bytes.length, { isCut: false });
    else {
      this.#stream.insert(whole);
      this.#stream.take(bytes.length, { isCut: true });
    }
    if (hasParse && statement) state.statements.sent(exchange.parse?.name ?? '', statement);
    if (exchange.kind === 'query') state.statements.forget('');
    const hasFormatOfEach = !wantsColumns && hasFormatOfEachColumn(exchange, statement);
    state.ask({ read, statement, endsWithFlush, wantsColumns, hasFormatOfEach });
  }

  resume(): void {
    this.#goOn();
  }

  /** The read that waits as a driver would say it that has prepared nothing. */
  refreshing(): Uint8Array {
    const asked = this.#waiting;
    if (!asked) return new Uint8Array();
    const { exchange, statement } = asked;
    const whole = wholeOf(asked);
    if (exchange.kind === 'query' || exchange.parse || !statement) return whole.slice();
    const name = bytesOfLatin1(`${exchange.statement}\0`);
    return join([message(Frontend.Parse, name, bytesOfLatin1(statement.body)), whole]);
  }

  // --- while something is under way -------------------------------------------------------------------------

  #pass(): boolean {
    const state = this.#state;
    const { type, length } = this.#stream;
    const isNamed = type === Frontend.Parse || type === Frontend.Close || type === Frontend.Describe;
    if (isNamed && length <= EXCHANGE_BYTES_MAX) {
      if (!this.#stream.isWhole) return this.#stream.want(length + 1);
      this.#noteName();
    } else if (type === Frontend.Parse || type === Frontend.Query) state.statements.forget('');
    if (type === Frontend.Terminate) return this.#terminate();
    const isEnd = type === Frontend.Query || type === Frontend.Sync || type === Frontend.FunctionCall;
    if (isEnd) state.sent += 1;
    if (!COPY_TYPES.has(type)) state.isMidExchange = !isEnd;
    this.#stream.pass();
    return true;
  }

  /** Of a Parse, Close or Describe that goes to the endpoint. */
  #noteName(): void {
    const { input, at, end, type } = this.#stream;
    const { statements } = this.#state;
    const body = input.subarray(at + 5, end);
    if (type === Frontend.Parse) {
      const parse = readParse(body);
      if (parse) statements.sent(parse.name, statementOf(parse, this.#state));
    } else if (body[0] === STATEMENT) {
      const name = latin1(body.subarray(1, -1));
      if (type === Frontend.Close) statements.forget(name);
      else this.#state.awaited.ask(statements.latest(name));
    }
  }

  /** An endpoint that has heard nothing need not hear that. */
  #terminate(): false {
    const state = this.#state;
    if (state.sent > 0 || state.isMidExchange) this.#stream.pass();
    state.isOver = true;
    return false;
  }
}
