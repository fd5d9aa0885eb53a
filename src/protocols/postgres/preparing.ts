/**
 * Prepared statements over shared connections: the driver's names on one side, ours at the origin on the other.
 *
 * A Parse of what this connection holds already is answered by us; a Bind or Describe of what it lacks gets the
 * saved Parse put in front, whose reply is cut out. Names are registered at once, because messages behind a Parse
 * use them before its reply is there; each entry in the owed replies knows how to take that back.
 */
import { PoolerError } from '../../errors.ts';
import { encodeText, join } from '../bytes/join.ts';
import { latin1, utf8OfLatin1 } from '../bytes/latin1.ts';
import { columnsOf } from './edge-columns.ts';
import { encodeErrorResponse } from './errors.ts';
import { BIND, CLOSE, DESCRIBE } from './expected.ts';
import { CLEAN } from './facts.ts';
import { intern, interned } from './interning.ts';
import type { MessageStream } from './message-stream.ts';
import { Frontend, int32, message } from './messages.ts';
import { noteColumns } from './outdated.ts';
import { NAME_PREFIX, NOWHERE, type SharedStatement } from './prepared.ts';
import type { Talk } from './talk.ts';
import { UNNAMED, Unnamed } from './unnamed.ts';

const PARSE_COMPLETE = Uint8Array.of(0x31, 0, 0, 0, 4);
const CLOSE_COMPLETE = Uint8Array.of(0x33, 0, 0, 0, 4);
/** What a driver means by a name of ours that it did not make: another's statement is not its business. */
const NOBODYS: SharedStatement = {
  originName: NOWHERE,
  parseBody: new Uint8Array(),
  facts: CLEAN,
  isValid: false,
  columns: undefined,
  changesSeen: 0,
};
/** Prepared statements that one driver may have. */
const NAMES_MAX = 10_000;
const STATEMENT = 0x53; // S: what Describe and Close are about

/** Where a Bind's two names end. */
export interface BindNames {
  portalEnd: number;
  statementEnd: number;
}

export class Preparing {
  readonly #talk: Talk;
  readonly #stream: MessageStream;
  readonly unnamed: Unnamed;
  /** The exchange runs a second time: what it uses is prepared anew. */
  isRerun = false;
  /** The exchange asks for a description of what it runs. */
  describes = false;

  constructor(talk: Talk, stream: MessageStream) {
    this.#talk = talk;
    this.#stream = stream;
    this.unnamed = new Unnamed(talk, stream);
  }

  exchangeEnded(): void {
    this.isRerun = false;
    this.describes = false;
  }

  /**
   * What a name means may depend on an exchange of the pipeline whose end is still to come: then the message waits
   * for it. Rare: a name that is parsed again, statements that are all dropped, the unnamed one used from afar.
   */
  mustWait(name: string | undefined): boolean {
    const { expected, statements, unnamed, watchesTags } = this.#talk;
    if (name === undefined || !expected.hasEnd) return false;
    if (watchesTags) return true;
    const { type } = this.#stream;
    if (type === Frontend.Parse) return name !== '' && statements.has(name);
    return name === '' && unnamed !== undefined && !unnamed.isMade && !this.unnamed.isParsedHere;
  }

  /** Of the current Parse, Describe or Close; undefined where it is about a portal, or no name at all. */
  nameInMessage(): string | undefined {
    const { input, at, end, type } = this.#stream;
    if (type === Frontend.Describe || type === Frontend.Close) return this.#statementName();
    if (type !== Frontend.Parse) return undefined;
    const nameEnd = input.indexOf(0, at + 5);
    return nameEnd < 0 || nameEnd >= end ? undefined : latin1(input.subarray(at + 5, nameEnd));
  }

  /** A Sync went by: what comes is another exchange. */
  exchangeSent(): void {
    this.unnamed.isParsedHere = false;
  }

  // --- Parse ------------------------------------------------------------------------------------------------

  /** False: the message has no valid strings. */
  parse(): boolean {
    const { input, at, end } = this.#stream;
    const nameEnd = input.indexOf(0, at + 5);
    const textEnd = nameEnd < 0 ? -1 : input.indexOf(0, nameEnd + 1);
    if (textEnd < 0 || textEnd >= end) return false;
    const name = latin1(input.subarray(at + 5, nameEnd));
    const body = input.subarray(nameEnd + 1, end);
    const text = latin1(input.subarray(nameEnd + 1, textEnd));
    if (name === '') this.unnamed.parse(text, body);
    else if (this.#talk.statements.has(name)) this.#refuseParse(name);
    else this.#parseNamed(name, { text, body });
    return true;
  }

  /**
   * A Parse with nothing but its Sync behind it, of a statement that is known to be valid, needs no connection. It
   * is more than a saving: libpq's PQprepare blocks a thread that may hold the very connections we would wait for.
   */
  answerKnownParse(): 'answered' | 'more is needed' | 'not alone' {
    const { input, at, end, length } = this.#stream;
    const name = this.nameInMessage();
    if (!name || this.#talk.statements.has(name)) return 'not alone';
    const statement = interned(this.#talk, input.subarray(input.indexOf(0, at + 5) + 1, end));
    if (!statement?.isValid) return 'not alone';
    if (input.length === end) {
      this.#stream.want(length + 2);
      return 'more is needed';
    }
    if (input[end] !== Frontend.Sync) return 'not alone';
    this.#talk.statements.set(name, statement);
    this.#stream.cut();
    this.#talk.toDriver.push(PARSE_COMPLETE);
    return 'answered';
  }

  #parseNamed(name: string, parse: { text: string; body: Uint8Array }): void {
    const talk = this.#talk;
    const statement = intern(talk, parse);
    talk.statements.set(name, statement);
    checkNames(talk);
    const undo = (): void => {
      if (talk.statements.get(name) === statement) talk.statements.delete(name);
    };
    this.#stream.cut();
    if (talk.origin?.prepared.has(statement)) talk.owe({ reply: 'parse', inject: PARSE_COMPLETE, undo });
    else this.prepare(statement, { driverName: name, undo });
  }

  /** A name in use is an error of the origin's (42P05), but the origin does not know the name. */
  #refuseParse(name: string): void {
    const error = new PoolerError(`prepared statement "${utf8OfLatin1(name)}" already exists`, {
      fault: 'driver',
      sqlState: '42P05',
    });
    this.#stream.cut();
    const failing = message(Frontend.Bind, UNNAMED, NOWHERE, new Uint8Array(6));
    const insteadOfError = encodeErrorResponse(error);
    this.#talk.send(this.#stream, failing, { reply: 'bind', insteadOfError });
  }

  // --- what a statement needs on this connection ------------------------------------------------------------

  /** Makes sure that the origin holds what the driver calls `name`. Undefined: the name can stay as it is. */
  #ensurePrepared(name: string): SharedStatement | undefined {
    const { statements, origin } = this.#talk;
    if (name === '') this.unnamed.ensure();
    let statement = statements.get(name);
    if (!statement && name.startsWith(NAME_PREFIX)) return NOBODYS;
    if (!statement || !origin) return undefined;
    if (this.isRerun) {
      const { parseBody } = statement;
      statement = intern(this.#talk, { text: queryOf(parseBody), body: parseBody });
      statements.set(name, statement);
    }
    if (origin.prepared.has(statement)) origin.prepared.use(statement);
    else this.prepare(statement, { driverName: name });
    return statement;
  }

  /** Prepares a statement on the origin and makes room for it. Hidden, unless the driver asked: then with `undo`. */
  prepare(statement: SharedStatement, options: { driverName: string; undo?: () => void }): void {
    const prepared = this.#talk.origin?.prepared;
    if (prepared?.surplus) this.#evict(prepared.surplus);
    prepared?.use(statement);
    const undo = (): void => {
      prepared?.delete(statement);
      options.undo?.();
    };
    this.#talk.send(this.#stream, message(Frontend.Parse, statement.originName, statement.parseBody), {
      reply: 'parse',
      undo,
      done: () => Object.assign(statement, { isValid: true }),
      // Its Close was skipped, in a pipeline that went on. It must not be tried again for ever.
      found: () => prepared?.use(statement),
      rename: renaming(statement, options.driverName),
      ...(options.undo ? {} : { isHidden: true }),
    });
  }

  #evict(statement: SharedStatement): void {
    const prepared = this.#talk.origin?.prepared;
    prepared?.delete(statement);
    const undo = (): void => prepared?.use(statement);
    const close = message(Frontend.Close, encodeText('S'), statement.originName);
    this.#talk.send(this.#stream, close, { reply: 'close', isHidden: true, undo });
  }

  // --- Bind, Describe, Close --------------------------------------------------------------------------------

  /** Undefined: they are not all there. */
  namesOfBind(): BindNames | undefined {
    const { input, at, end } = this.#stream;
    const portalEnd = input.indexOf(0, at + 5);
    const statementEnd = portalEnd < 0 ? -1 : input.indexOf(0, portalEnd + 1);
    return statementEnd < 0 || statementEnd >= end ? undefined : { portalEnd, statementEnd };
  }

  bind({ portalEnd, statementEnd }: BindNames, name: string): boolean {
    const talk = this.#talk;
    const stream = this.#stream;
    const { input, at, length, end } = stream;
    const statement = this.#ensurePrepared(name);
    const made = statement ?? (name === '' ? talk.unnamed : undefined);
    if (made) talk.caching?.runsPrepared(made, talk.settingsNow);
    else if (name !== '') talk.caching?.runsUnknown();
    talk.note(made?.facts ?? CLEAN);
    if (!statement) return talk.pass(stream, BIND);
    const portal = input.slice(at + 5, portalEnd + 1);
    const newLength = length - (statementEnd - portalEnd) + statement.originName.length;
    stream.take(statementEnd + 1 - at, { isCut: true });
    const head = join([Uint8Array.of(Frontend.Bind), int32(newLength), portal, statement.originName]);
    talk.send(stream, head, { reply: 'bind', rename: renaming(statement, name) });
    stream.take(end - statementEnd - 1, { isCut: false });
    return true;
  }

  describe(): boolean {
    this.describes = true;
    const name = this.#statementName();
    const statement = name === undefined ? undefined : this.#ensurePrepared(name);
    if (name === undefined || !statement) return this.#talk.pass(this.#stream, DESCRIBE);
    this.#stream.cut();
    const describe = message(Frontend.Describe, encodeText('S'), statement.originName);
    const { registry } = this.#talk;
    const done = (reply: Uint8Array): void => noteColumns(statement, { columns: columnsOf(reply), registry });
    this.#talk.send(this.#stream, describe, { reply: 'describe', done, rename: renaming(statement, name) });
    return true;
  }

  /** Closes the driver's name only: the statement at the origin may be others' too, and goes by age. */
  close(): boolean {
    const talk = this.#talk;
    const name = this.#statementName();
    const statement = name === undefined ? undefined : talk.statements.get(name);
    if (!statement && name?.startsWith(NAME_PREFIX)) return this.#answerClose();
    if (name === undefined || !statement)
      return talk.pass(this.#stream, name === '' ? this.unnamed.drop(CLOSE) : CLOSE);
    talk.statements.delete(name);
    const undo = (): void => {
      if (!talk.statements.has(name)) talk.statements.set(name, statement);
    };
    return this.#answerClose(undo);
  }

  #answerClose(undo: () => void = () => {}): true {
    this.#stream.cut();
    this.#talk.owe({ reply: 'close', inject: CLOSE_COMPLETE, undo });
    return true;
  }

  /** Of a Describe or Close; undefined where it is about a portal. */
  #statementName(): string | undefined {
    const { input, at, end } = this.#stream;
    return input[at + 5] === STATEMENT ? latin1(input.subarray(at + 6, end - 1)) : undefined;
  }
}

/** Ends the talk of a driver that has too many prepared statements. */
export function checkNames(talk: Talk): void {
  if (talk.statements.size <= NAMES_MAX) return;
  talk.end(
    new PoolerError(`more than ${NAMES_MAX} prepared statements`, {
      fault: 'driver',
      sqlState: '54000',
      fatal: true,
      hint: 'Close those that are not needed.',
    }),
  );
}

function renaming(statement: SharedStatement, driverName: string): { from: string; to: string } {
  return { from: latin1(statement.originName.subarray(0, -1)), to: utf8OfLatin1(driverName) };
}

function queryOf(parseBody: Uint8Array): string {
  return latin1(parseBody.subarray(0, parseBody.indexOf(0)));
}
