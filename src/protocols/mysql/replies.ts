/**
 * The origin's half of a conversation: its bytes in, bytes for the driver out.
 *
 * Rows are never looked at: whatever is the driver's passes as a slice of what was read. Replies to
 * commands of ours are cut out. Each OK is read, for what it says of the session; a driver gets of that what it asked
 * for.
 */
import { PoolerError } from '../../errors.ts';
import { hasFlag, ServerStatus } from './capabilities.ts';
import { decodeErr, ErrorNumber, encodeErr, LAST_WORDS, originError } from './errors.ts';
import type { Expected } from './expected.ts';
import { observeOk, saysOfSession, statementEnded } from './observe.ts';
import { decodeEof, decodeOk, encodeOk, type OkPacket } from './ok-packet.ts';
import type { MySqlOrigin } from './origin-session.ts';
import { PacketStream } from './packet-stream.ts';
import { Command, packet } from './packets.ts';
import { ReplyReader, type Role } from './reply-reader.ts';
import type { ReplyRecorder } from './reply-recorder.ts';
import { stateForDriver } from './session-state.ts';
import { CLEAN } from './statement-facts.ts';
import type { Talk } from './talk.ts';

/** Packets that are decoded: OK, EOF, ERR, heads. */
const DECODED_BYTES_MAX = 1024 * 1024;
/** What a cancelled statement is answered with; MariaDB has two. */
const INTERRUPTED: readonly number[] = [ErrorNumber.ER_QUERY_INTERRUPTED, 1969, 3024];
export class Replies {
  readonly #talk: Talk;
  readonly #stream: PacketStream;
  #reader: ReplyReader | undefined;
  /** Whose reply is being read. */
  #current: Expected | undefined;
  /** The packet before the current one has gone to the driver. */
  #hasPassed = false;

  constructor(talk: Talk) {
    this.#talk = talk;
    this.#stream = new PacketStream((bytes) => {
      if (talk.caching?.running?.isOn) talk.caching.running.add(bytes);
      if (!talk.isDriverGone) talk.toDriver.push(bytes);
    });
  }

  feed(chunk: Uint8Array): void {
    if (!this.#stream.open(chunk)) return;
    while (!this.#talk.isOriginBroken && this.#stream.next() && this.#take()) {
      // Each step takes one packet, or as much of it as is there.
    }
    this.#stream.close();
  }

  /** A new connection begins: nothing of the old one's bytes is left. */
  attached({ capabilities, extended }: MySqlOrigin): void {
    this.#stream.reset();
    this.#reader = new ReplyReader({ capabilities, extended });
    this.#current = undefined;
  }

  #take(): boolean {
    const stream = this.#stream;
    this.#noteSequence();
    const { first } = this.#talk.expected;
    const reader = this.#reader;
    if (stream.length > 0 && stream.firstByte === undefined)
      return stream.want(stream.frameLength - stream.length + 1);
    if (!first || !reader) return this.#unasked();
    if (this.#current !== first) {
      this.#current = first;
      reader.begin(first.kind);
      stream.nextSequence = stream.sequence;
    }
    if (!stream.isInOrder) return this.#violate('packets out of order');
    const role = reader.roleOf(stream);
    if (role === undefined) return this.#violate('an unexpected packet');
    if (role === 'row') return this.#pass(first);
    if (stream.length > DECODED_BYTES_MAX) return this.#violate(`a packet of ${stream.length} bytes`);
    if (!stream.isWhole) return stream.want(stream.frameLength);
    return this.#takeWhole(role, { entry: first, reader });
  }

  #takeWhole(role: Role, { entry, reader }: { entry: Expected; reader: ReplyReader }): boolean {
    const { payload } = this.#stream;
    switch (role) {
      case 'ok':
        return this.#ok(entry, reader);
      case 'eof': {
        const { status, warnings } = decodeEof(payload);
        this.#statusIs(status);
        reader.took(role, { status });
        if (!entry.isHidden && reader.hasEnded) this.#talk.caching?.running?.ends({ status, warnings });
        this.#pass(entry);
        return this.#ended(entry, { status, warnings });
      }
      case 'err':
        reader.took(role);
        return this.#err(entry);
      case 'file':
        this.#note(this.#talk.caching?.file(this.#talk.lastSequence));
        this.#pass(entry);
        return this.#file();
      case 'head':
        reader.took(role, { payload });
        if (entry.head) this.#replace(entry, entry.head(payload));
        else this.#pass(entry);
        return this.#ended(entry, { status: 0, warnings: 0 });
      default:
        reader.took(role);
        this.#pass(entry);
        return this.#ended(entry, { status: 0, warnings: 0 });
    }
  }

  // --- packets ----------------------------------------------------------------------------------------------

  #pass({ isHidden }: Expected): true {
    if (isHidden) this.#stream.cut();
    else {
      this.#announce();
      this.#stream.pass();
      this.#hasPassed = true;
      this.#talk.sequence = this.#stream.nextSequence;
    }
    return true;
  }

  #replace(entry: Expected, payload: Uint8Array): void {
    // It may be made of slices of what it replaces.
    const replacement = packet(this.#stream.sequence, payload);
    this.#stream.cut();
    if (entry.isHidden) return;
    this.#announce();
    this.#stream.insert(replacement);
    this.#hasPassed = true;
    this.#talk.sequence = this.#stream.nextSequence;
  }

  #ok(entry: Expected, reader: ReplyReader): boolean {
    const talk = this.#talk;
    const ok = decodeOk(this.#stream.payload, talk.origin?.capabilities ?? 0);
    const { status, warnings } = ok;
    this.#statusIs(status);
    if (!entry.isHidden) observeOk(talk, ok, entry.facts ?? CLEAN);
    reader.took('ok', { status });
    const running = entry.isHidden ? undefined : talk.caching?.running;
    if (running && reader.hasEnded) this.#recordEnd(running, ok);
    if (!hasFlag(status, ServerStatus.SESSION_STATE_CHANGED)) this.#pass(entry);
    else this.#replace(entry, encodeOk({ ...ok, sessionState: stateForDriver(ok) }, talk.capabilities));
    return this.#ended(entry, { status, warnings });
  }

  #err(entry: Expected): boolean {
    const talk = this.#talk;
    const error = decodeErr(this.#stream.payload);
    const { cancelledBecause } = talk;
    // Unless there is more to say the origin's own words say it.
    if (cancelledBecause?.hint !== undefined && INTERRUPTED.includes(error.errno))
      this.#replace(entry, encodeErr(cancelledBecause));
    else this.#pass(entry);
    if (LAST_WORDS.includes(error.errno)) {
      talk.isOver = true;
      talk.isOriginBroken = true;
      return false;
    }
    talk.expected.shift();
    if (entry.isHidden) {
      if (!entry.failed) return this.#violate('an error where it could not fail');
      entry.failed(error);
      return true;
    }
    entry.failed?.(error);
    talk.caching?.failed(error.sqlState);
    const facts = entry.facts ?? CLEAN;
    statementEnded(talk, facts, { failed: true });
    talk.lingers = true;
    // An error does not say whether the transaction is still open, or a new one is.
    if (talk.isInTransaction || !talk.hasAutocommit || facts.isOpaque) this.#askStatus();
    else this.#exchangeEnded();
    return true;
  }

  #askStatus(): void {
    const talk = this.#talk;
    this.#noteSequence();
    this.#note(talk.caching?.replied(talk.lastSequence));
    talk.command(Command.PING, new Uint8Array(), { kind: 'ok', done: () => this.#exchangeEnded() });
  }

  /** From now on the driver sends a file, until an empty packet. */
  #file(): true {
    const talk = this.#talk;
    talk.isSendingFile = true;
    this.#current = undefined;
    return true;
  }

  #statusIs(status: number): void {
    if (this.#talk.origin) this.#talk.origin.status = status;
  }

  #ended(entry: Expected, end: { status: number; warnings: number }): true {
    const talk = this.#talk;
    if (!this.#reader?.hasEnded) return true;
    talk.expected.shift();
    entry.done?.(end);
    if (entry.isHidden) return true;
    const facts = entry.facts ?? CLEAN;
    statementEnded(talk, facts, { failed: false });
    talk.lingers ||= end.warnings > 0 || facts.countsFound;
    if (entry.kind === 'prepared') talk.caching?.running?.described();
    this.#exchangeEnded();
    return true;
  }

  // --- caching ----------------------------------------------------------------------------------------------

  /** What the edge shall hear that the driver does not. It is no part of what is recorded. */
  #note(note: Uint8Array | undefined): void {
    const { caching, isDriverGone } = this.#talk;
    if (!note || !caching || isDriverGone) return;
    this.#stream.flush();
    const { running } = caching;
    const wasOn = running?.isOn === true;
    if (running) running.isOn = false;
    this.#stream.insert(note);
    if (running) running.isOn = wasOn;
  }

  /** The first packet of a reply comes next. */
  #announce(): void {
    const { caching, lastSequence } = this.#talk;
    this.#note(caching?.announcement(lastSequence));
  }

  /** A long payload has taken more packets than the one that was passed. */
  #noteSequence(): void {
    if (this.#hasPassed) this.#talk.lastSequence = (this.#stream.nextSequence - 1) & 0xff;
    this.#hasPassed = false;
  }

  /** An OK may say of the session what is no part of the reply. */
  #recordEnd(running: ReplyRecorder, ok: OkPacket): void {
    const { talk, stream } = { talk: this.#talk, stream: this.#stream };
    this.#announce();
    stream.flush();
    running.isOn = false;
    running.ends(ok);
    if (saysOfSession(ok)) running.spoil();
    else running.addEnd(stream.sequence, ok, talk.capabilities);
  }

  /** The reply has ended, and it is known whether a transaction is open. */
  #exchangeEnded(): void {
    const { caching } = this.#talk;
    if (!caching) return;
    this.#noteSequence();
    const { lastSequence } = this.#talk;
    for (let news = caching.takeNews(lastSequence); news; news = caching.takeNews(lastSequence))
      this.#note(news);
    const { running } = caching;
    this.#stream.flush();
    if (running) running.isOn = false;
    this.#note(caching.ended(lastSequence));
  }

  // --- what should not be -----------------------------------------------------------------------------------

  /** Servers say why they close a connection where nothing is asked. */
  #unasked(): boolean {
    const stream = this.#stream;
    if (stream.firstByte !== 0xff || stream.length > DECODED_BYTES_MAX)
      return this.#violate('a packet that nobody asked for');
    if (!stream.isWhole) return stream.want(stream.frameLength);
    const error = originError(decodeErr(stream.payload), { fatal: true });
    stream.cut();
    this.#talk.isOriginBroken = true;
    this.#talk.sequence = 0;
    this.#talk.end(error);
    return false;
  }

  #violate(what: string): false {
    this.#stream.flush();
    this.#talk.isOriginBroken = true;
    const options = {
      fault: 'origin',
      sqlState: '08S01',
      errno: ErrorNumber.ER_MALFORMED_PACKET,
      fatal: true,
    } as const;
    this.#talk.end(new PoolerError(`The origin broke the protocol with ${what}.`, options));
    return false;
  }
}
