/**
 * What the edge knows of a driver's prepared statements: enough to make keys of them, and to tell the endpoint of
 * those that only the edge has prepared. One that is not known here is no error: the endpoint knows.
 */
import type { EdgeNote } from './link-notes.ts';

export interface EdgeStatement {
  readonly id: number;
  /** One character a byte. */
  readonly text: string;
  readonly parameterCount: number;
  /** Of the settings under which it was prepared: by these its text is read. */
  readonly parsingKey: string;
  /** Types of its parameters as the endpoint was told them last. */
  types: string | undefined;
  /** COM_STMT_SEND_LONG_DATA has gone to the endpoint. */
  hasLongData: boolean;
}

type Known = Pick<EdgeStatement, 'text' | 'parameterCount' | 'parsingKey'>;

/** Ids that the edge gives. The endpoint's count from 1. */
export const FIRST_EDGE_ID = 0x4000_0000;
/** What is known of one driver's statements; what was used longest ago is forgotten first. */
const KNOWN_BYTES_MAX = 256 * 1024;
const OVERHEAD_BYTES = 200;
/** What the edge has prepared goes to the endpoint before it is larger than a note may be. */
const UNTOLD_BYTES_MAX = 64 * 1024;

export class EdgeStatements {
  /** By id, what was used last at the end. */
  readonly #known = new Map<number, EdgeStatement>();
  #knownBytes = 0;
  readonly #untold = new Map<number, EdgeStatement>();
  #untoldBytes = 0;
  readonly #untoldTypes = new Map<number, string>();
  #nextId = FIRST_EDGE_ID;

  get(id: number): EdgeStatement | undefined {
    const statement = this.#known.get(id);
    if (!statement) return undefined;
    this.#known.delete(id);
    this.#known.set(id, statement);
    return statement;
  }

  know(about: Known & { id: number }): EdgeStatement {
    const statement = { ...about, types: undefined, hasLongData: false };
    this.#known.set(about.id, statement);
    this.#knownBytes += bytesOf(statement);
    for (const oldest of this.#known.keys()) {
      if (this.#knownBytes <= KNOWN_BYTES_MAX) break;
      this.#forget(oldest);
    }
    return statement;
  }

  /** The edge answers COM_STMT_PREPARE itself. Returns the statement's id. */
  prepare(about: Known): number {
    const id = this.#nextId;
    this.#nextId += 1;
    const statement = this.know({ ...about, id });
    this.#untold.set(id, statement);
    this.#untoldBytes += bytesOf(statement);
    return id;
  }

  /** Executed here, with these types. */
  executed(statement: EdgeStatement, types: string): void {
    if (types !== statement.types) this.#untoldTypes.set(statement.id, types);
    else this.#untoldTypes.delete(statement.id);
  }

  /** COM_STMT_CLOSE. True: the endpoint has never heard of it. */
  close(id: number): boolean {
    this.#forget(id);
    this.#untoldTypes.delete(id);
    const statement = this.#untold.get(id);
    if (!statement) return false;
    this.#untold.delete(id);
    this.#untoldBytes -= bytesOf(statement);
    return true;
  }

  /** The endpoint has taken all statements of the session back. */
  clear(): void {
    this.#known.clear();
    this.#knownBytes = 0;
    this.#untold.clear();
    this.#untoldBytes = 0;
    this.#untoldTypes.clear();
  }

  get mustTell(): boolean {
    return this.#untoldBytes > UNTOLD_BYTES_MAX;
  }

  /** What the endpoint must hear before anything else. */
  takeNote(): EdgeNote | undefined {
    if (this.#untold.size === 0 && this.#untoldTypes.size === 0) return undefined;
    const define = [...this.#untold.values()].map(
      ({ id, text, parameterCount }): [number, string, number] => [id, text, parameterCount],
    );
    const types = [...this.#untoldTypes];
    for (const [id, told] of types) {
      const statement = this.#known.get(id);
      if (statement) statement.types = told;
    }
    this.#untold.clear();
    this.#untoldBytes = 0;
    this.#untoldTypes.clear();
    return { ...(define.length > 0 ? { define } : {}), ...(types.length > 0 ? { types } : {}) };
  }

  #forget(id: number): void {
    const statement = this.#known.get(id);
    if (!statement) return;
    this.#known.delete(id);
    this.#knownBytes -= bytesOf(statement);
  }
}

function bytesOf({ text }: EdgeStatement): number {
  return OVERHEAD_BYTES + text.length;
}
