/**
 * Prepared statements over shared connections. What a driver prepares is interned, so that equal statements of
 * different drivers are prepared once at each connection; each connection knows which it holds, and by which id.
 */
import type { Settings } from './settings.ts';
import type { StatementFacts } from './statement-facts.ts';

/** A statement as drivers prepared it: equal texts under equal settings are one object. */
export interface SharedStatement {
  /** Of COM_STMT_PREPARE, all behind the command byte. */
  readonly text: Uint8Array;
  /**
   * It means what it meant under these, whatever the session's are by now: which of them a server looks at once, when
   * it prepares, differs from version to version.
   */
  readonly settings: Settings;
  readonly facts: StatementFacts;
}

/** What one driver calls by a number. */
export interface DriverStatement {
  readonly id: number;
  readonly shared: SharedStatement;
  readonly parameterCount: number;
  /** Types of its parameters as it last sent them: a server keeps them for the executions behind it. */
  types: Uint8Array | undefined;
}

/** What one connection has prepared. */
export interface HeldStatement {
  /** The origin's. */
  readonly id: number;
  readonly parameterCount: number;
  /** Whose parameter types it remembers. */
  typesOf: DriverStatement | undefined;
  /**
   * Types of parameters by which the server took it when it was first executed. MySQL keeps to them (since 8.0.22), so
   * that an execution with others is answered otherwise than by a statement that was prepared for it.
   */
  takenBy: Uint8Array | undefined;
}

/** MYSQL_TYPE_NULL: any type has this value. */
const NULL = 6;

/** Takes the types of an execution, as they are on the wire, for those of the statement. False: it has others. */
export function isTakenBy(held: HeldStatement, types: Uint8Array): boolean {
  const { takenBy, parameterCount } = held;
  held.takenBy ??= types;
  if (!takenBy) return true;
  if (takenBy.length !== types.length) return false;
  // A type and its flag, and the length of a name where attributes may stand among the parameters.
  const stride = types.length / parameterCount;
  const typeAt = (at: number): number => Math.floor(at / stride) * stride;
  let isMoreKnown = false;
  for (let at = 0; at < types.length; at += 1) {
    if (takenBy[at] === types[at] || types[typeAt(at)] === NULL) continue;
    if (takenBy[typeAt(at)] !== NULL) return false;
    isMoreKnown = true;
  }
  if (isMoreKnown)
    held.takenBy = types.map((byte, at) => (types[typeAt(at)] === NULL ? (takenBy[at] ?? 0) : byte));
  return true;
}

/** What the registry itself may hold: an eighth of an isolate. */
const REGISTRY_BYTES_MAX = 16 * 1024 * 1024;

/** One per endpoint. Forgetting a statement here only means that an equal one is prepared a second time. */
export class StatementRegistry {
  readonly #statements = new Map<string, SharedStatement>();
  #bytes = 0;
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  intern(text: string, make: () => SharedStatement, settings: Settings): SharedStatement {
    const key = `${settings.key}\0${text}`;
    const known = this.#statements.get(key);
    if (known) return known;
    const made = make();
    this.#statements.set(key, made);
    this.#bytes += bytesOf(key);
    while (this.#statements.size > this.#max || this.#bytes > REGISTRY_BYTES_MAX) this.#forgetOldest();
    return made;
  }

  forgetAll(): void {
    this.#statements.clear();
    this.#bytes = 0;
  }

  #forgetOldest(): void {
    const [oldest = ''] = this.#statements.keys();
    this.#statements.delete(oldest);
    this.#bytes -= bytesOf(oldest);
  }
}

/** The key holds the text, one byte a character, and the statement holds it once more. */
function bytesOf(key: string): number {
  return 2 * key.length;
}

/** Least recently used first. */
export class PreparedStatements {
  readonly #held = new Map<SharedStatement, HeldStatement>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get(statement: SharedStatement): HeldStatement | undefined {
    return this.#held.get(statement);
  }

  /** Returns the id that it had here before. */
  set(statement: SharedStatement, held: HeldStatement): number | undefined {
    const before = this.delete(statement);
    this.#held.set(statement, held);
    return before;
  }

  used(statement: SharedStatement): void {
    const held = this.#held.get(statement);
    if (held) this.set(statement, held);
  }

  /** Returns the id that it had. */
  delete(statement: SharedStatement): number | undefined {
    const held = this.#held.get(statement);
    this.#held.delete(statement);
    return held?.id;
  }

  /** Takes out what is more than it may hold, but not what is in use. Returns the ids. */
  takeSurplus(isInUse: (statement: SharedStatement) => boolean): number[] {
    const ids: number[] = [];
    for (const [statement, { id }] of this.#held) {
      if (this.#held.size <= this.#max) break;
      if (isInUse(statement)) continue;
      this.#held.delete(statement);
      ids.push(id);
    }
    return ids;
  }

  clear(): void {
    this.#held.clear();
  }
}
