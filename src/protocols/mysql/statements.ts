/**
 * The statements of one driver, and what its connection holds of them: which is which, and what ties one to the
 * connection. The commands about them are in preparing.ts.
 */
import { PoolerError } from '../../errors.ts';
import { join } from '../bytes/join.ts';
import { latin1 } from '../bytes/latin1.ts';
import { ErrorNumber, type ErrPacket, originError } from './errors.ts';
import { ID_BYTES_END } from './execute-head.ts';
import type { PacketStream } from './packet-stream.ts';
import { Command, HEADER_BYTES, int1, int4, packet } from './packets.ts';
import type { DriverStatement, HeldStatement, SharedStatement } from './prepared.ts';
import { transition } from './settings.ts';
import type { StatementFacts } from './statement-facts.ts';
import type { Talk } from './talk.ts';

/** The statement that was prepared last, in MariaDB's protocol. */
const LAST = 0xffff_ffff;

export interface Ready {
  statement: DriverStatement;
  held: HeldStatement;
}

export class Statements {
  readonly #talk: Talk;
  readonly #stream: PacketStream;
  #made = 0;
  /** Preparing it anew failed: its execution is answered with this. */
  #refused: { statement: SharedStatement; error: ErrPacket } | undefined;

  constructor(talk: Talk, stream: PacketStream) {
    this.#talk = talk;
    this.#stream = stream;
  }

  // --- preparing ---------------------------------------------------------------------------------------------

  /** Two statements of one driver never share: a cursor of the one is not the other's. `text` is copied. */
  intern(text: Uint8Array, facts: StatementFacts): SharedStatement {
    const { registry, settings, statements } = this.#talk;
    const make = (): SharedStatement => ({ text: text.slice(), settings, facts });
    const shared = registry.intern(latin1(text), make, settings);
    const isTaken = [...statements.values()].some((statement) => statement.shared === shared);
    return isTaken ? make() : shared;
  }

  /** Its head: the id becomes the driver's. */
  prepared(shared: SharedStatement, payload: Uint8Array): Uint8Array {
    const { statements } = this.#talk;
    const { parameterCount } = this.#hold(shared, payload);
    const id = this.nextId();
    statements.set(id, { id, shared, parameterCount, types: undefined });
    this.#talk.lastPrepared = id;
    this.#talk.caching?.prepared({ id, shared, parameterCount });
    return join([payload.subarray(0, 1), int4(id), payload.subarray(5)]);
  }

  nextId(): number {
    this.#made += 1;
    return this.#made;
  }

  /** The driver has been told of it. An origin hears of it when it is used. */
  define(id: number, text: Uint8Array, parameterCount: number): DriverStatement {
    const talk = this.#talk;
    const shared = this.intern(text, talk.factsOf(latin1(text)));
    const statement = { id, shared, parameterCount, types: undefined };
    talk.statements.set(id, statement);
    talk.lastPrepared = id;
    return statement;
  }

  #hold(shared: SharedStatement, head: Uint8Array): HeldStatement {
    const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
    const [id, parameterCount] = [view.getUint32(1, true), view.getUint16(7, true)];
    const held: HeldStatement = { id, parameterCount, typesOf: undefined, takenBy: undefined };
    const prepared = this.#talk.origin?.prepared;
    const before = prepared?.set(shared, held);
    if (before !== undefined) this.closeAtOrigin(before);
    for (const surplus of prepared?.takeSurplus((other) => this.#isInUse(other)) ?? [])
      this.closeAtOrigin(surplus);
    return held;
  }

  /** It has no reply. */
  closeAtOrigin(id: number): void {
    this.#talk.toOrigin.push(packet(0, int1(Command.STMT_CLOSE), int4(id)));
  }

  /** Undefined: it is being prepared, or cannot be, or there is no such statement. */
  ready(): { statement: DriverStatement; held: HeldStatement } | undefined {
    const talk = this.#talk;
    const id = this.id;
    const statement = talk.statements.get(id);
    if (!statement || !talk.origin) return undefined;
    const { shared } = statement;
    const held = talk.origin.prepared.get(shared);
    if (!held) this.#prepareHere(shared);
    else talk.origin.prepared.used(shared);
    return held && { statement, held };
  }

  /** The connection does not hold it any more: it is prepared anew when it is needed. */
  drop({ statement, held }: Ready): void {
    // Behind what is on its way to it.
    this.#stream.flush();
    this.#talk.origin?.prepared.delete(statement.shared);
    this.closeAtOrigin(held.id);
  }

  #prepareHere(shared: SharedStatement): void {
    const talk = this.#talk;
    const { origin } = talk;
    if (!origin) return;
    const { settings } = talk;
    for (const sql of transition(settings, shared.settings, origin.fresh)) talk.run(sql);
    talk.command(Command.STMT_PREPARE, shared.text, {
      kind: 'prepared',
      head: (payload) => {
        this.#hold(shared, payload);
        return payload;
      },
      failed: (error) => {
        this.#refused = { statement: shared, error };
      },
    });
    for (const sql of transition(shared.settings, settings, origin.fresh)) talk.run(sql);
  }

  hasFailed(shared: SharedStatement): boolean {
    return this.#refused?.statement === shared;
  }

  /** What stands in the way of running the current command. True: it has been dealt with, or must wait. */
  isRefused(): boolean {
    const statement = this.#talk.statements.get(this.id);
    if (!statement) {
      this.refuseUnknown();
      return true;
    }
    if (this.#refused?.statement !== statement.shared) return false;
    const { error } = this.#refused;
    this.#refused = undefined;
    this.#stream.cut();
    this.#talk.answerError(originError(error));
    return true;
  }

  /** Of the statement that the current command is about. */
  get id(): number {
    const { input, at } = this.#stream;
    const id = new DataView(input.buffer, input.byteOffset).getUint32(at + HEADER_BYTES + 1, true);
    return id === LAST ? (this.#talk.lastPrepared ?? LAST) : id;
  }

  hasBytes(bytes: number): boolean {
    const stream = this.#stream;
    return stream.input.length - stream.at >= Math.min(bytes, stream.frameLength) || stream.want(bytes);
  }

  /** The packet with the origin's id. */
  passWithId(id: number): void {
    const { input, at } = this.#stream;
    const head = join([input.subarray(at, at + HEADER_BYTES + 1), int4(id)]);
    this.#stream.passBehind(head, ID_BYTES_END);
  }

  isTied({ id }: DriverStatement): boolean {
    const { pins } = this.#talk;
    return pins.has(`cursor:${id}`) || pins.has(`long data:${id}`);
  }

  untie({ id }: DriverStatement): void {
    this.#talk.pins.delete(`cursor:${id}`);
    this.#talk.pins.delete(`long data:${id}`);
  }

  #isInUse(shared: SharedStatement): boolean {
    return [...this.#talk.statements.values()].some((own) => own.shared === shared && this.isTied(own));
  }

  // --- errors -----------------------------------------------------------------------------------------------

  refuseUnknown(): true {
    const message = `Unknown prepared statement handler (${this.id}) given to EXECUTE`;
    return this.refuse(message, 'ER_UNKNOWN_STMT_HANDLER');
  }

  refuse(message: string, name: keyof typeof ErrorNumber): true {
    this.#stream.cut();
    const options = { fault: 'driver', sqlState: 'HY000', errno: ErrorNumber[name] } as const;
    this.#talk.answerError(new PoolerError(message, options));
    return true;
  }
}
