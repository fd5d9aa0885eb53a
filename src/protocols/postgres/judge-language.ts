/** What the judge must know of the language itself: its grammar, and what PostgreSQL's own functions do. */
import { LRUCache } from 'lru-cache';
import { asBytes } from '../bytes/latin1.ts';
import type { Volatility } from './catalog-facts.ts';
import type { ParseResult } from './parsed-statement.ts';

export interface Language {
  /** One character a byte. */
  parse(text: string): ParseResult;
  builtIns: BuiltIns;
}

/** PostgreSQL's own functions, by name. */
export interface BuiltIns {
  /** Not immutable in every overload. */
  notImmutable: ReadonlySet<string>;
  /** Volatile in some overload. */
  volatile: ReadonlySet<string>;
  /** They may change tables, or run SQL that they are given. */
  mayWrite: ReadonlySet<string>;
}

/** View definitions, policies and bodies of functions are read again and again: their trees are kept. */
const PARSED_MAX = 500;

export class CatalogLanguage implements Language {
  readonly builtIns: BuiltIns;
  readonly parse: (text: string) => ParseResult;
  readonly #parsed = new LRUCache<string, ParseResult>({ max: PARSED_MAX });

  constructor({ parse, builtIns }: Language) {
    this.parse = parse;
    this.builtIns = builtIns;
  }

  /** Of a text from the catalog. */
  parseKept(text: string): ParseResult {
    const known = this.#parsed.get(text);
    if (known !== undefined) return known;
    const result = this.parse(asBytes(text));
    this.#parsed.set(text, result);
    return result;
  }

  /** `worst`: what the origin says of the functions with this name. */
  mayWrite(name: string, worst: Volatility): boolean {
    if (this.builtIns.mayWrite.has(name)) return true;
    // A function of a later version of PostgreSQL than we know.
    return worst === 'v' && !this.builtIns.notImmutable.has(name);
  }

  volatilityOf(name: string, worst: Volatility): Volatility {
    return worst === 'i' && this.builtIns.notImmutable.has(name) ? 's' : worst;
  }
}
