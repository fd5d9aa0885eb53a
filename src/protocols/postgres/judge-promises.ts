/**
 * A user may declare a function immutable that is not, and PostgreSQL believes it. A cache that did so too would
 * give stale replies: so the text of such a function is read. What extensions declare is believed.
 */
import type { CatalogFacts, UserFunction } from './catalog-facts.ts';
import { type Names, namesAnywhere } from './catalog-names.ts';
import { readBody } from './judge-bodies.ts';
import type { CatalogLanguage } from './judge-language.ts';
import type { QualifiedName } from './parsed-statement.ts';

/**
 * Stable functions that hang on more than data, settings and definitions. The others are what people wrap in a
 * function of their own to call them immutable (to_char, unaccent), and right they are.
 */
const MOVING = new Set([
  ...['now', 'transaction_timestamp', 'statement_timestamp', 'age', 'ts_stat'],
  // Settings are in the key, but not all of them (judge-settings.ts).
  'current_setting',
]);
const MOVING_WORDS = /^(current_(timestamp|time|date)|localtime(stamp)?)$/;

/** What a text does that an immutable function must not. */
interface Deeds {
  readsTables: boolean;
  calls: readonly QualifiedName[];
  isMoving: boolean;
}

export class Promises {
  readonly #facts: CatalogFacts;
  readonly #language: CatalogLanguage;
  readonly #anywhere: Names;

  constructor(facts: CatalogFacts, language: CatalogLanguage) {
    this.#facts = facts;
    this.#language = language;
    this.#anywhere = namesAnywhere(facts);
  }

  /** Why the function is not what it is declared to be, as far as its text and those that it calls show. */
  whyBroken(fn: UserFunction): string | undefined {
    const seen = new Set([fn.oid]);
    const open = [fn];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (next.extension !== undefined || !['sql', 'plpgsql'].includes(next.language)) continue;
      const deeds = this.#deedsOf(next);
      if (deeds === undefined) return 'runs what cannot be looked into';
      if (deeds.readsTables) return 'reads tables';
      if (deeds.isMoving) return 'moves with the time';
      for (const name of deeds.calls) {
        const { own, builtIn } = this.#anywhere.functions(name);
        const isMoving = MOVING.has(name.name) || this.#language.builtIns.volatile.has(name.name);
        if (builtIn !== undefined && isMoving) return `calls ${name.name}()`;
        for (const called of own) if (!seen.has(called.oid)) open.push(called);
        for (const called of own) seen.add(called.oid);
      }
    }
    return undefined;
  }

  #deedsOf({ language, source }: UserFunction): Deeds | undefined {
    if (source === undefined) return undefined;
    return language === 'sql' ? this.#deedsOfSql(source) : this.#deedsOfBody(source);
  }

  #deedsOfSql(source: string): Deeds | undefined {
    const result = this.#language.parseKept(source);
    if ('error' in result) return undefined;
    const { statements } = result;
    return {
      readsTables: statements.some(({ reads, writes }) => reads.length + writes.length > 0),
      calls: statements.flatMap(({ functions }) => functions),
      isMoving: statements.some(({ valueFunctions, hasMovingLiteral }) => {
        return hasMovingLiteral || valueFunctions.some((name) => MOVING_WORDS.test(name.toLowerCase()));
      }),
    };
  }

  #deedsOfBody(source: string): Deeds | undefined {
    const body = readBody(source);
    if ('opaque' in body) return undefined;
    const isTable = (name: string): boolean => this.#anywhere.relations({ name }).length > 0;
    return {
      readsTables: body.writes.length > 0 || [...body.sources].some(isTable),
      calls: body.calls,
      isMoving: [...body.words].some((word) => MOVING_WORDS.test(word)),
    };
  }
}
