/**
 * A driver that does not ask for a statement's columns each time reads rows by what it heard once. Where tables have
 * changed since, a connection that holds the statement refuses to run it; one that lacks it would prepare it anew, and
 * answer with other columns. So there it is prepared and described first, while the driver's Bind waits; where its
 * columns are others the driver hears what PostgreSQL says of such a statement.
 *
 * It costs a round trip to the origin, once for each such statement and change. Changes are those that came through us,
 * and those of which some connection has told; what comes between another's change and that is not noticed.
 */
import { encodeText } from '../bytes/join.ts';
import { columnsOf, STALE_STATEMENT } from './edge-columns.ts';
import type { MessageStream } from './message-stream.ts';
import { Frontend, message } from './messages.ts';
import { NOWHERE, type SharedStatement, type StatementRegistry } from './prepared.ts';
import type { Preparing } from './preparing.ts';
import type { Talk } from './talk.ts';

/** In place of columns: drivers were told of different ones. */
const DIFFERENT = 'different';
/** Of a message, in front of what it describes. */
const HEADER_BYTES = 5;
const PORTAL = 0x50; // P
/** A larger Bind is not waited for to see what comes behind it. */
const BIND_BYTES_MAX = 64 * 1024;

export class Outdated {
  readonly #talk: Talk;
  readonly #stream: MessageStream;
  readonly #preparing: Preparing;
  /** The origin is being asked for the columns of this one. */
  #asked: SharedStatement | undefined;

  constructor(options: { talk: Talk; stream: MessageStream; preparing: Preparing }) {
    this.#talk = options.talk;
    this.#stream = options.stream;
    this.#preparing = options.preparing;
  }

  /** The current message is a Bind of the statement with this name. */
  takeBind(name: string): 'goes on' | 'more is needed' | 'held' | 'refused' {
    const statement = this.#talk.statements.get(name);
    if (!statement || this.#isSure(statement)) return 'goes on';
    if (this.#asked === statement) return 'held';
    const describes = this.#isDescribedNext();
    if (describes === undefined) return 'more is needed';
    if (describes) return 'goes on';
    if (statement.columns === DIFFERENT) return this.#refuse();
    this.#ask(statement, name);
    return 'held';
  }

  #isSure(statement: SharedStatement): boolean {
    const { origin, registry, caching } = this.#talk;
    // The edge looks at the columns of its reads, and a second run has none of the old statements.
    if (!origin || caching?.running || this.#preparing.isRerun) return true;
    const { columns } = statement;
    if (columns === DIFFERENT || this.#asked === statement) return false;
    return columns === undefined || registry.isCurrent(statement) || origin.prepared.has(statement);
  }

  /** By the message behind the Bind: then the driver hears of the columns that come. Undefined: it is not there. */
  #isDescribedNext(): boolean | undefined {
    const { input, at, end, length } = this.#stream;
    if (length > BIND_BYTES_MAX) return false;
    const isThere = input.length > end;
    if (isThere && input[end] !== Frontend.Describe) return false;
    const last = end + HEADER_BYTES;
    if (input.length > last) return input[last] === PORTAL;
    this.#stream.want((isThere ? last : end) + 1 - at);
    return undefined;
  }

  #refuse(): 'refused' {
    this.#stream.cut();
    const failing = message(Frontend.Bind, Uint8Array.of(0), NOWHERE, new Uint8Array(6));
    this.#talk.send(this.#stream, failing, { reply: 'bind', insteadOfError: STALE_STATEMENT });
    return 'refused';
  }

  #ask(statement: SharedStatement, driverName: string): void {
    const talk = this.#talk;
    this.#asked = statement;
    this.#preparing.prepare(statement, { driverName });
    const undo = (): void => {
      this.#asked = undefined;
    };
    const done = (reply: Uint8Array): void => {
      undo();
      noteColumns(statement, { columns: columnsOf(reply), registry: talk.registry });
    };
    const describe = message(Frontend.Describe, encodeText('S'), statement.originName);
    talk.send(this.#stream, describe, { reply: 'describe', isHidden: true, done, undo });
    this.#stream.insert(message(Frontend.Flush));
  }
}

/** Some driver hears that the statement has these columns, or the origin has just said so. */
export function noteColumns(
  statement: SharedStatement,
  { columns, registry }: { columns: string; registry: StatementRegistry },
): void {
  if (statement.columns === undefined || statement.columns === columns) {
    statement.columns = columns;
    registry.isNowCurrent(statement);
    return;
  }
  // Others share it who were told otherwise. Who prepares it again gets another.
  statement.columns = DIFFERENT;
  registry.forgetAll();
}
