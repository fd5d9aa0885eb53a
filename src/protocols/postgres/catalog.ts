/** What the origin's catalog says: judgements on texts, remembered, and names of relations. */
import { LRUCache } from 'lru-cache';
import type { Catalog, Dependency, Verdict } from '../caching.ts';
import { type Answers, type CatalogFacts, factsOfCatalog, type QuestionName } from './catalog-facts.ts';
import { NAMING_SETTINGS, namesOfSession } from './catalog-names.ts';
import { anything, Judge, QUERY_BYTES_MAX } from './judge.ts';
import { asBytes, CatalogLanguage, type Language } from './judge-language.ts';
import { settingsAskedFor } from './judge-settings.ts';
import { utf8OfLatin1 } from './latin1.ts';
import { tokensOf } from './tokens.ts';

/** Judgements that are remembered, and the characters of their texts. */
const VERDICTS_MAX = 5000;
const VERDICT_CHARACTERS_MAX = 4 * 1024 * 1024;

/** What a judgement hangs on, besides the text. */
const JUDGING_SETTINGS = [...NAMING_SETTINGS, 'client_encoding', 'standard_conforming_strings'];

export interface CatalogSource {
  answers: Answers<QuestionName>;
  /** An answer with more rows was cut. */
  rowsMax: number;
  systemCatalogs: boolean;
  language: Language;
}

export class PostgresCatalog implements Catalog {
  readonly fingerprint: string;
  readonly #facts: CatalogFacts;
  readonly #judge: Judge;
  readonly #tooLarge: string | undefined;
  readonly #askedByPolicies: ReadonlySet<string>;
  readonly #verdicts = new LRUCache<string, Verdict>({
    max: VERDICTS_MAX,
    maxSize: VERDICT_CHARACTERS_MAX,
    sizeCalculation: ({ reads, writes }, key) => key.length + 100 + 10 * (reads.length + writes.length),
  });

  constructor({ answers, rowsMax, systemCatalogs, language }: CatalogSource) {
    this.fingerprint = fingerprintOf(answers);
    const cut = Object.entries(answers).find(([, rows]) => rows.length > rowsMax)?.[0];
    this.#tooLarge = cut && `The origin's catalog is too large: more than ${rowsMax} rows of ${cut}`;
    this.#facts = factsOfCatalog(cut === undefined ? answers : withoutRows(answers));
    const conditions = [...this.#facts.policies.values()].flat();
    this.#askedByPolicies = new Set(conditions.flatMap((condition) => settingsAskedFor(condition) ?? []));
    this.#judge = new Judge(this.#facts, new CatalogLanguage(language), { systemCatalogs });
  }

  judge(text: string, settings: Readonly<Record<string, string>>): Verdict {
    if (text.length > QUERY_BYTES_MAX) return this.#judgeAnew(text, settings);
    const key = keyOf(text, settings) + this.#knownToPolicies(settings);
    const known = this.#verdicts.get(key);
    if (known !== undefined) return known;
    const verdict = this.#judgeAnew(text, settings);
    this.#verdicts.set(key, verdict);
    return verdict;
  }

  /** Policies may be looked through only where the settings that they ask for are known: their values are no matter. */
  #knownToPolicies(settings: Readonly<Record<string, string>>): string {
    if (this.#askedByPolicies.size === 0) return '';
    const names = Object.keys(settings).map((name) => name.toLowerCase());
    return names.filter((name) => this.#askedByPolicies.has(name)).join('\0');
  }

  #judgeAnew(text: string, settings: Readonly<Record<string, string>>): Verdict {
    const verdict = this.#judge.judge(text, settings);
    // BEGIN and SET need no catalog.
    const isCertain = verdict.status === 'notaquery' && verdict.writes.length === 0;
    if (this.#tooLarge === undefined || isCertain) return verdict;
    return { ...anything('uncacheable', this.#tooLarge), mayCommit: verdict.mayCommit };
  }

  /** `orders`, `shop.orders`, `"Odd name"`: as in a statement of a fresh session. */
  dependencyOf(name: string): Dependency | undefined {
    const [first, dot, second, ...more] = tokensOf(asBytes(name)).map(({ text }) => utf8OfLatin1(text));
    if (first === undefined || more.length > 0 || (dot !== undefined && dot !== '.')) return undefined;
    const named = second === undefined ? { name: first } : { schema: first, name: second };
    const [relation] = namesOfSession(this.#facts, {}).relations(named);
    return relation && `r${relation.oid}`;
  }

  nameOf(dependency: Dependency): string {
    const relation = this.#facts.relations.get(dependency.slice(1));
    if (!dependency.startsWith('r') || relation === undefined) return dependency;
    return relation.schema === 'public' ? relation.name : `${relation.schema}.${relation.name}`;
  }
}

/** A NUL stands in no text and in no setting. */
function keyOf(text: string, settings: Readonly<Record<string, string>>): string {
  let key = text;
  for (const name of JUDGING_SETTINGS) key += `\0${settings[name] ?? '\0'}`;
  return key;
}

function withoutRows(answers: Answers<QuestionName>): Answers<QuestionName> {
  const none = Object.keys(answers).map((name) => [name, []]);
  return { ...Object.fromEntries(none), session: answers.session } as Answers<QuestionName>;
}

/** Two FNV-1a hashes of 32 bits: against chance, not against somebody who wants them equal. */
function fingerprintOf(answers: Answers<QuestionName>): string {
  let [one, two] = [0x811c9dc5, 0x01234567];
  const add = (code: number): void => {
    one = Math.imul(one ^ code, 0x01000193);
    two = Math.imul(two ^ code, 0x01000193) ^ (two >>> 15);
  };
  for (const rows of Object.values(answers)) {
    for (const row of rows) {
      for (const cell of row) {
        for (let at = 0; at < (cell?.length ?? 0); at += 1) add(cell?.charCodeAt(at) ?? 0);
        add(cell === null ? 0x10001 : 0x10002);
      }
      add(0x10003);
    }
    add(0x10004);
  }
  return [one, two].map((hash) => (hash >>> 0).toString(16).padStart(8, '0')).join('');
}
