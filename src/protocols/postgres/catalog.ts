/** What the origin's catalog says: judgements on texts, remembered, and names of relations. */

import { asBytes, utf8OfLatin1 } from '../bytes/latin1.ts';
import type { Catalog, Dependency, Verdict } from '../caching.ts';
import type { Answers } from '../sql/answers.ts';
import { fingerprintOf } from '../sql/fingerprint.ts';
import { rememberedVerdicts } from '../sql/remembered-verdicts.ts';
import { type CatalogFacts, factsOfCatalog, type QuestionName } from './catalog-facts.ts';
import { NAMING_SETTINGS, namesOfSession } from './catalog-names.ts';
import { anything, Judge, QUERY_BYTES_MAX, type Session } from './judge.ts';
import { CatalogLanguage, type Language } from './judge-language.ts';
import { settingsAskedFor } from './judge-settings.ts';
import { tokensOf } from './tokens.ts';

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
  readonly #verdicts = rememberedVerdicts();

  constructor({ answers, rowsMax, systemCatalogs, language }: CatalogSource) {
    this.fingerprint = fingerprintOf(Object.values(answers));
    const cut = Object.entries(answers).find(([, rows]) => rows.length > rowsMax)?.[0];
    this.#tooLarge = cut && `The origin's catalog is too large: more than ${rowsMax} rows of ${cut}`;
    this.#facts = factsOfCatalog(cut === undefined ? answers : withoutRows(answers));
    const conditions = [...this.#facts.policies.values()].flat();
    this.#askedByPolicies = new Set(conditions.flatMap((condition) => settingsAskedFor(condition) ?? []));
    this.#judge = new Judge(this.#facts, new CatalogLanguage(language), { systemCatalogs });
  }

  judge(
    text: string,
    settings: Readonly<Record<string, string>>,
    session: Session = { hasTemporary: false },
  ): Verdict {
    if (text.length > QUERY_BYTES_MAX) return this.#judgeAnew(text, settings, session);
    const mark = session.hasTemporary ? '\0\0temporary' : '';
    const key = keyOf(text, settings) + this.#knownToPolicies(settings) + mark;
    const known = this.#verdicts.get(key);
    if (known !== undefined) return known;
    const verdict = this.#judgeAnew(text, settings, session);
    this.#verdicts.set(key, verdict);
    return verdict;
  }

  /** Policies may be looked through only where the settings that they ask for are known: their values are no matter. */
  #knownToPolicies(settings: Readonly<Record<string, string>>): string {
    if (this.#askedByPolicies.size === 0) return '';
    const names = Object.keys(settings).map((name) => name.toLowerCase());
    return names.filter((name) => this.#askedByPolicies.has(name)).join('\0');
  }

  #judgeAnew(text: string, settings: Readonly<Record<string, string>>, session: Session): Verdict {
    const verdict = this.#judge.judge(text, settings, session);
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
