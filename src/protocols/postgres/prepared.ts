/**
 * Prepared statements over shared connections. What a driver prepares is interned, so that equal statements of
 * different drivers share one name at the origin; each origin connection knows which of them it holds.
 */
import type { StatementFacts } from './facts.ts';

/** A statement as drivers prepared it: equal texts and parameter types are one object. */
export interface SharedStatement {
  /** The name it has at the origin, with the zero byte that ends it on the wire. */
  readonly originName: Uint8Array;
  /** Of a Parse message, all behind the name. */
  readonly parseBody: Uint8Array;
  readonly facts: StatementFacts;
  /** An origin has prepared it, under the tables as they are now. */
  isValid: boolean;
  /** As drivers were told them (outdated.ts); undefined: nobody was. */
  columns: string | undefined;
  /** So many changes of tables its columns have seen. */
  changesSeen: number;
}

/** Marks our names at the origin; a driver's own names are looked up first and never sent with it. */
export const NAME_PREFIX = 'wp_';
/** A statement that never exists: binding it is how an origin is made to fail on purpose. */
export const NOWHERE = new TextEncoder().encode(`${NAME_PREFIX}none\0`);

/** What the registry itself may hold: an eighth of an isolate. */
const REGISTRY_BYTES_MAX = 16 * 1024 * 1024;

/** One per endpoint. Forgetting a statement here only means that an equal one gets a new name. */
export class StatementRegistry {
  #statements = new Map<string, SharedStatement>();
  #made = 0;
  #bytes = 0;
  /** How often tables have changed. */
  #changes = 0;
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  known(key: string): SharedStatement | undefined {
    return this.#statements.get(key);
  }

  /** `key` is whatever makes two statements different: text, types, and settings that parsing depends on. */
  intern(key: string, statement: { parseBody: Uint8Array; facts: StatementFacts }): SharedStatement {
    const known = this.#statements.get(key);
    if (known) return known;
    this.#made += 1;
    const originName = new TextEncoder().encode(`${NAME_PREFIX}${this.#made}\0`);
    const made = {
      originName,
      parseBody: statement.parseBody.slice(),
      facts: statement.facts,
      isValid: false,
      columns: undefined,
      changesSeen: this.#changes,
    };
    this.#statements.set(key, made);
    this.#bytes += bytesOf(key);
    while (this.#statements.size > this.#max || this.#bytes > REGISTRY_BYTES_MAX) this.#forgetOldest();
    return made;
  }

  #forgetOldest(): void {
    const [oldest = ''] = this.#statements.keys();
    this.#statements.delete(oldest);
    this.#bytes -= bytesOf(oldest);
  }

  /** Tables changed: what is prepared from now on is prepared anew. Those prepared before fail as they would. */
  forgetAll(): void {
    this.#changes += 1;
    this.#statements.clear();
    this.#bytes = 0;
  }

  /** No table has changed, as far as is known, since its columns were what they are believed to be. */
  isCurrent({ changesSeen }: SharedStatement): boolean {
    return changesSeen === this.#changes;
  }

  isNowCurrent(statement: SharedStatement): void {
    statement.changesSeen = this.#changes;
  }
}

/** What one origin connection has prepared, least recently used first. */
export class PreparedStatements {
  #held = new Set<SharedStatement>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  has(statement: SharedStatement): boolean {
    return this.#held.has(statement);
  }

  use(statement: SharedStatement): void {
    this.#held.delete(statement);
    this.#held.add(statement);
  }

  /** The statement that must go before another can come. */
  get surplus(): SharedStatement | undefined {
    if (this.#held.size < this.#max) return undefined;
    const [oldest] = this.#held;
    return oldest;
  }

  delete(statement: SharedStatement): void {
    this.#held.delete(statement);
  }

  clear(): void {
    this.#held.clear();
  }
}

/** The key holds the text, one byte a character, and the statement holds it once more. */
function bytesOf(key: string): number {
  return 2 * key.length;
}
