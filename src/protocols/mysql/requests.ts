/**
 * The driver's half of a conversation: its bytes in, bytes for the origin out.
 *
 * One command runs at a time: a driver that sends more ahead is held until its reply has ended, so each command finds
 * the session as the one before left it. Statements are kept whole, because their texts matter; parameters, long
 * data and files pass in pieces. What makes prepared statements exist is in preparing.ts.
 */
import { PoolerError } from '../../errors.ts';
import { latin1 } from '../bytes/latin1.ts';
import type { CachedReply, ReplyFacts } from '../caching.ts';
import { NOTE_BYTES_MAX } from '../sql/link-notes.ts';
import { changeUser } from './change-user.ts';
import { ErrorNumber } from './errors.ts';
import { Heeding } from './heeding.ts';
import { Kills } from './kills.ts';
import { LINK_NOTE } from './link-notes.ts';
import { databaseIs } from './observe.ts';
import { PacketStream } from './packet-stream.ts';
import { Command, HEADER_BYTES, PAYLOAD_BYTES_MAX } from './packets.ts';
import { Preparing } from './preparing.ts';
import { textStartOf } from './query-attributes.ts';
import type { ReplyKind } from './reply-reader.ts';
import { Resetting } from './resetting.ts';
import { CLEAN, EXPLAINED, type StatementFacts } from './statement-facts.ts';
import type { Talk } from './talk.ts';

/** What is kept in memory whole: statements. An eighth of an isolate, and what fits into one packet. */
const STATEMENT_BYTES_MAX = PAYLOAD_BYTES_MAX - 1;
/** Commands that only name things; COM_CHANGE_USER has the driver's attributes, of which MySQL takes 64 KiB. */
const NAMES_BYTES_MAX = 80 * 1024;

export class Requests {
  readonly #talk: Talk;
  readonly #stream: PacketStream;
  readonly #preparing: Preparing;
  readonly #heeding: Heeding;
  readonly #resetting: Resetting;
  readonly #kills: Kills;
  /** A command is there that must wait until what went before it is answered. */
  isHeld = false;
  /** A command is there that only an origin can answer, and none is attached. */
  isWaiting = false;
  /** It is about the driver's last statement. */
  looksBack = false;
  /** Why the command that is being swallowed is not run. */
  #tooLong: PoolerError | undefined;

  constructor(talk: Talk) {
    this.#talk = talk;
    this.#stream = new PacketStream((bytes) => talk.toOrigin.push(bytes));
    this.#preparing = new Preparing(talk, this.#stream);
    this.#heeding = new Heeding({ talk, stream: this.#stream, preparing: this.#preparing });
    this.#resetting = new Resetting(talk, this.#stream);
    this.#kills = new Kills(talk);
  }

  get isMidMessage(): boolean {
    return this.#stream.isMidMessage;
  }

  feed(chunk: Uint8Array): void {
    if (this.#stream.open(chunk)) this.resume();
  }

  /** Goes on after an origin was attached, a reply has ended, or an error was told instead. */
  resume(): void {
    this.isWaiting = false;
    this.isHeld = false;
    while (!this.#talk.isOver && this.#stream.next() && this.#take()) {
      // Each step takes one command, or as much of it as is there.
    }
    if (this.#talk.isOver || this.isWaiting || this.isHeld) this.#stream.flush();
    else this.#stream.close();
    this.#answerSwallowed();
  }

  /** A command that was too long is answered once all of it is here, as a driver expects. */
  #answerSwallowed(): void {
    if (!this.#tooLong || !this.#stream.isBetweenCommands) return;
    this.#talk.sequence = this.#stream.nextSequence;
    this.#talk.answerError(this.#tooLong);
    this.#tooLong = undefined;
  }

  /** Answers the command that waits with an error. */
  refuse(error: PoolerError): void {
    const isUnanswered = this.#stream.firstByte === Command.STMT_SEND_LONG_DATA;
    this.#stream.cut();
    if (!isUnanswered) this.#talk.answerError(error);
    this.resume();
  }

  // --- what a packet may be ---------------------------------------------------------------------------------

  #take(): boolean {
    const stream = this.#stream;
    this.#answerSwallowed();
    if (this.#talk.isSendingFile) return this.#filePart();
    if (stream.isContinued) return this.#violateOrder();
    if (!this.#talk.expected.isEmpty) return this.#hold();
    if (stream.sequence !== 0) return this.#violateOrder();
    if (stream.length === 0) return this.#violate('Malformed communication packet.', 'ER_MALFORMED_PACKET');
    if (stream.firstByte === undefined) return stream.want(HEADER_BYTES + 1);
    if (stream.firstByte === LINK_NOTE && this.#talk.caching?.isEdgeListening) return this.#note();
    this.#talk.sequence = 1;
    return this.#command(stream.firstByte);
  }

  #command(command: number): boolean {
    switch (command) {
      case Command.STMT_EXECUTE:
        return this.#hasOrigin() && this.#preparing.execute();
      case Command.STMT_BULK_EXECUTE:
        return this.#hasOrigin() && this.#preparing.executeBulk();
      case Command.STMT_SEND_LONG_DATA:
        return this.#hasOrigin() && this.#preparing.sendLongData();
      case Command.QUERY:
      case Command.STMT_PREPARE:
        return this.#isWhole(STATEMENT_BYTES_MAX) && this.#text(command);
      default:
        return this.#isWhole(NAMES_BYTES_MAX) && this.#small(command);
    }
  }

  #small(command: number): boolean {
    switch (command) {
      case Command.QUIT:
        this.#talk.isOver = true;
        return false;
      case Command.PING:
        this.#stream.cut();
        this.#talk.answerOk();
        return true;
      case Command.INIT_DB:
        return this.#initDb();
      case Command.FIELD_LIST:
        return this.#pass('fields');
      case Command.STATISTICS:
        return this.#pass('text');
      case Command.PROCESS_INFO:
        return this.#pass('results');
      case Command.DEBUG:
        return this.#pass('ok');
      case Command.PROCESS_KILL:
        return this.#killById();
      case Command.SET_OPTION:
        return this.#resetting.setOption();
      case Command.RESET_CONNECTION:
        return this.#resetting.reset();
      case Command.CHANGE_USER:
        return changeUser({ talk: this.#talk, stream: this.#stream, resetting: this.#resetting });
      case Command.STMT_CLOSE:
        return this.#preparing.close();
      case Command.STMT_RESET:
        return this.#preparing.reset();
      case Command.STMT_FETCH:
        return this.#preparing.fetchRows();
      default:
        return this.#refuseUnknown();
    }
  }

  // --- what the edge says -----------------------------------------------------------------------------------

  #note(): boolean {
    if (!this.#isWhole(NOTE_BYTES_MAX)) return false;
    const heeded = this.#heeding.take();
    if (heeded === 'refused') return this.#violate('Malformed communication packet.', 'ER_MALFORMED_PACKET');
    this.isWaiting = heeded === 'a read waits';
    return heeded === 'done';
  }

  answerRead(reply: CachedReply, facts: ReplyFacts): void {
    if (this.#heeding.answer(reply, facts)) this.resume();
  }

  // --- what a command may be --------------------------------------------------------------------------------

  #isWhole(bytesMax: number): boolean {
    const stream = this.#stream;
    if (stream.length > bytesMax) {
      stream.cut();
      this.#tooLong = tooLong(bytesMax);
      return false;
    }
    return stream.isWhole || stream.want(stream.frameLength);
  }

  #hasOrigin(facts: StatementFacts = CLEAN): boolean {
    this.isWaiting = !this.#talk.origin;
    this.looksBack = this.isWaiting && (facts.looksBack || facts.usesInsertId);
    return !this.isWaiting;
  }

  #hold(): false {
    this.isHeld = true;
    return false;
  }

  #violateOrder(): false {
    return this.#violate('Got packets out of order', 'ER_NET_PACKETS_OUT_OF_ORDER');
  }

  #violate(message: string, name: keyof typeof ErrorNumber): false {
    const options = { fault: 'driver', sqlState: '08S01', errno: ErrorNumber[name], fatal: true } as const;
    this.#talk.end(new PoolerError(message, options));
    return false;
  }

  /** Of a file that the origin reads; an empty packet is its end. */
  #filePart(): boolean {
    const stream = this.#stream;
    if (!stream.isInOrder && !this.#beginsFile()) return this.#violateOrder();
    if (stream.length === 0) this.#talk.isSendingFile = false;
    stream.pass();
    return true;
  }

  /** Its first packet follows the origin's request for it. */
  #beginsFile(): boolean {
    this.#stream.nextSequence = this.#talk.sequence;
    return this.#stream.isInOrder;
  }

  // --- commands ---------------------------------------------------------------------------------------------

  #text(command: number): boolean {
    const { payload } = this.#stream;
    const start = command === Command.QUERY ? textStartOf(payload, this.#talk.capabilities) : 1;
    const text = latin1(payload.subarray(start));
    const facts = this.#talk.factsOf(text);
    if (facts.kills) return this.#killByText(text, command);
    if (!this.#hasOrigin(facts)) return false;
    if (command === Command.STMT_PREPARE) return this.#preparing.prepare(facts);
    this.#talk.begin(facts);
    this.#talk.caching?.runs(text);
    return this.#pass('results', facts);
  }

  #pass(kind: ReplyKind, facts = CLEAN): boolean {
    if (!this.#hasOrigin()) return false;
    this.#stream.pass();
    this.#talk.sequence = this.#stream.nextSequence;
    this.#talk.owe({ kind, facts });
    return true;
  }

  #initDb(): boolean {
    if (!this.#hasOrigin()) return false;
    const name = new TextDecoder().decode(this.#stream.payload.subarray(1));
    this.#stream.pass();
    this.#talk.owe({ kind: 'ok', facts: EXPLAINED, done: () => databaseIs(this.#talk, name) });
    return true;
  }

  #killById(): boolean {
    const { payload } = this.#stream;
    const id = new DataView(payload.buffer, payload.byteOffset).getUint32(1, true);
    this.#stream.cut();
    this.#kills.end(id);
    return true;
  }

  #killByText(text: string, command: number): boolean {
    this.#stream.cut();
    if (command === Command.STMT_PREPARE) this.#kills.refusePrepared();
    else this.#kills.run(text);
    return true;
  }

  #refuseUnknown(): true {
    this.#stream.cut();
    const options = { fault: 'driver', sqlState: '08S01', errno: ErrorNumber.ER_UNKNOWN_COM_ERROR } as const;
    this.#talk.answerError(new PoolerError('Unknown command', options));
    return true;
  }
}

function tooLong(bytesMax: number): PoolerError {
  return new PoolerError(`Got a packet bigger than ${bytesMax} bytes`, {
    fault: 'driver',
    sqlState: '08S01',
    errno: ErrorNumber.ER_NET_PACKET_TOO_LARGE,
    hint: 'Statements have this limit, their parameters have none.',
  });
}
