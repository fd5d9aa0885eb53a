/**
 * Prepared statements over shared connections: the driver's ids on one side, the origin's on the other.
 *
 * A statement that this connection lacks is prepared in front of its execution, under the settings that it was first
 * prepared under. Ids stand in the first bytes of a command: the rest passes as it is. The types of parameters, which
 * a driver may send only once, are remembered and put in where the connection has not heard them from this driver.
 */
import { join } from '../bytes/join.ts';
import { bytesOfLatin1, latin1 } from '../bytes/latin1.ts';
import { ServerStatus } from './capabilities.ts';
import { type ExecuteHead, ID_BYTES_END, readExecuteHead } from './execute-head.ts';
import type { ReplyEnd } from './expected.ts';
import type { EdgeNote } from './link-notes.ts';
import type { PacketStream } from './packet-stream.ts';
import { HEADER_BYTES, int1, int4, PAYLOAD_BYTES_MAX, packetHeader } from './packets.ts';
import { type DriverStatement, isTakenBy } from './prepared.ts';
import type { StatementFacts } from './statement-facts.ts';
import { type Ready, Statements } from './statements.ts';
import type { Talk } from './talk.ts';

/** Prepared statements that one driver may have. */
const STATEMENTS_MAX = 10_000;
/** Of COM_STMT_BULK_EXECUTE. */
const SENDS_TYPES = 0x80;

export class Preparing {
  readonly #talk: Talk;
  readonly #stream: PacketStream;
  readonly #statements: Statements;

  constructor(talk: Talk, stream: PacketStream) {
    this.#talk = talk;
    this.#stream = stream;
    this.#statements = new Statements(talk, stream);
  }

  // --- COM_STMT_PREPARE, COM_STMT_CLOSE -----------------------------------------------------------------------

  prepare(facts: StatementFacts): boolean {
    const talk = this.#talk;
    talk.lastPrepared = undefined;
    if (talk.statements.size >= STATEMENTS_MAX)
      return this.#statements.refuse(
        `More than ${STATEMENTS_MAX} prepared statements`,
        'ER_MAX_PREPARED_STMT_COUNT_REACHED',
      );
    const shared = this.#statements.intern(this.#stream.payload.subarray(1), facts);
    this.#stream.pass();
    talk.owe({ kind: 'prepared', head: (payload) => this.#statements.prepared(shared, payload) });
    return true;
  }

  /** What the edge has prepared, and what a driver has told it alone. More than there may be is not known here. */
  heed({ define = [], types = [] }: EdgeNote): void {
    const { statements } = this.#talk;
    for (const [id, text, parameterCount] of define)
      if (statements.size < STATEMENTS_MAX) this.#statements.define(id, bytesOfLatin1(text), parameterCount);
    for (const [id, told] of types) {
      const statement = statements.get(id);
      if (statement) statement.types = bytesOfLatin1(told);
    }
  }

  /** A cache knows what preparing it is answered with. Returns the driver's id. */
  described(text: Uint8Array, parameterCount: number): number {
    const statement = this.#statements.define(this.#statements.nextId(), text, parameterCount);
    this.#talk.caching?.prepared(statement);
    return statement.id;
  }

  /** The driver's statement is closed; the one at the origin may be others' too, and goes by age. */
  close(): boolean {
    const talk = this.#talk;
    const id = this.#statements.id;
    const statement = talk.statements.get(id);
    this.#stream.cut();
    if (!statement) return true;
    talk.statements.delete(id);
    if (!this.#statements.isTied(statement)) return true;
    const held = talk.origin?.prepared.delete(statement.shared);
    if (held !== undefined) this.#statements.closeAtOrigin(held);
    this.#statements.untie(statement);
    return true;
  }

  // --- COM_STMT_EXECUTE ---------------------------------------------------------------------------------------

  execute(): boolean {
    const stream = this.#stream;
    if (!this.#statements.hasBytes(HEADER_BYTES + 10)) return false;
    if (stream.length < 10)
      return this.#statements.refuse('Malformed communication packet.', 'ER_MALFORMED_PACKET');
    if (this.#statements.isRefused()) return true;
    const ready = this.#statements.ready();
    // The loop comes back to it, and finds that a reply is owed.
    if (!ready) return true;
    const { statement, held } = ready;
    if (held.parameterCount !== statement.parameterCount)
      return this.#statements.refuse('Prepared statement needs to be re-prepared', 'ER_NEED_REPREPARE');
    const head = readExecuteHead(stream, { ...held, capabilities: this.#talk.capabilities });
    if (head === 'more is needed') return false;
    const types = head.types ?? statement.types;
    if (types && !this.#statements.isTied(statement) && !isTakenBy(held, types)) {
      this.#statements.drop(ready);
      return this.execute();
    }
    return this.#execute({ ...ready, head });
  }

  #execute(execution: Ready & { head: ExecuteHead }): boolean {
    const talk = this.#talk;
    const { statement, held, head } = execution;
    const hasTypes = head.types !== undefined || held.typesOf === statement || held.parameterCount === 0;
    const missing = hasTypes ? undefined : statement.types;
    if (missing && this.#stream.length + missing.length >= PAYLOAD_BYTES_MAX)
      return this.#statements.refuse('Prepared statement needs to be re-prepared', 'ER_NEED_REPREPARE');
    talk.begin(statement.shared.facts);
    this.#judge(statement);
    if (missing) this.#passWithTypes({ held, head, types: missing });
    else this.#statements.passWithId(held.id);
    if (head.types) statement.types = head.types;
    held.typesOf = statement;
    this.#owe(statement);
    return true;
  }

  #judge({ shared }: DriverStatement): void {
    this.#talk.caching?.runs(latin1(shared.text), shared.settings);
  }

  #owe(statement: DriverStatement): void {
    const { talk, pins } = { talk: this.#talk, pins: this.#talk.pins };
    talk.sequence = this.#stream.nextSequence;
    const ended = ({ status }: Pick<ReplyEnd, 'status'>): void => {
      this.#statements.untie(statement);
      if ((status & ServerStatus.CURSOR_EXISTS) !== 0) pins.add(`cursor:${statement.id}`);
    };
    const failed = (): void => ended({ status: 0 });
    talk.owe({ kind: 'results', facts: statement.shared.facts, done: ended, failed });
  }

  /** The packet with the types that the driver sent before. */
  #passWithTypes(what: Pick<Ready, 'held'> & { head: ExecuteHead; types: Uint8Array }): void {
    const stream = this.#stream;
    const { held, head, types } = what;
    const { input, at, sequence } = stream;
    const bytes = join([
      packetHeader(stream.length + types.length, sequence),
      input.subarray(at + HEADER_BYTES, at + HEADER_BYTES + 1),
      int4(held.id),
      input.subarray(at + ID_BYTES_END, at + head.flagAt),
      int1(1),
      types,
    ]);
    stream.passBehind(bytes, head.flagAt + 1);
  }

  /** MariaDB: many rows of parameters at once. */
  executeBulk(): boolean {
    const stream = this.#stream;
    if (!this.#statements.hasBytes(HEADER_BYTES + 7)) return false;
    if (stream.length < 7)
      return this.#statements.refuse('Malformed communication packet.', 'ER_MALFORMED_PACKET');
    if (this.#statements.isRefused()) return true;
    const ready = this.#statements.ready();
    if (!ready) return true;
    const { statement, held } = ready;
    const flags = stream.input[stream.at + HEADER_BYTES + 5] ?? 0;
    if ((flags & SENDS_TYPES) === 0 && held.typesOf !== statement)
      return this.#statements.refuse('Prepared statement needs to be re-prepared', 'ER_NEED_REPREPARE');
    this.#talk.begin(statement.shared.facts);
    this.#judge(statement);
    this.#statements.passWithId(held.id);
    held.typesOf = undefined;
    this.#owe(statement);
    return true;
  }

  // --- what ties a statement to its connection --------------------------------------------------------------

  sendLongData(): boolean {
    if (!this.#statements.hasBytes(HEADER_BYTES + 7)) return false;
    const statement = this.#talk.statements.get(this.#statements.id);
    // It has no reply: what is wrong with it is said when the statement is executed.
    if (!statement || this.#stream.length < 7 || this.#statements.hasFailed(statement.shared)) {
      this.#stream.cut();
      return true;
    }
    const ready = this.#statements.ready();
    if (!ready) return true;
    this.#talk.pins.add(`long data:${statement.id}`);
    this.#statements.passWithId(ready.held.id);
    return true;
  }

  /** Where nothing is tied to the statement there is nothing to reset. */
  reset(): boolean {
    const talk = this.#talk;
    const statement = talk.statements.get(this.#statements.id);
    if (!statement) return this.#statements.refuseUnknown();
    const held = talk.origin?.prepared.get(statement.shared);
    if (!held || !this.#statements.isTied(statement)) {
      this.#stream.cut();
      talk.answerOk();
      return true;
    }
    this.#statements.passWithId(held.id);
    talk.owe({ kind: 'ok', done: () => this.#statements.untie(statement) });
    return true;
  }

  fetchRows(): boolean {
    const talk = this.#talk;
    const id = this.#statements.id;
    const statement = talk.statements.get(id);
    if (!statement) return this.#statements.refuseUnknown();
    const held = talk.origin?.prepared.get(statement.shared);
    if (!held || !talk.pins.has(`cursor:${id}`))
      return this.#statements.refuse(
        `The statement (${id}) has no open cursor.`,
        'ER_STMT_HAS_NO_OPEN_CURSOR',
      );
    this.#statements.passWithId(held.id);
    const done = ({ status }: ReplyEnd): void => {
      if ((status & ServerStatus.LAST_ROW_SENT) !== 0) talk.pins.delete(`cursor:${id}`);
    };
    talk.owe({ kind: 'rows', done });
    return true;
  }
}
