/** What the origin's catalog says: judgements on texts, remembered, and names of relations. */
import { asBytes } from '../bytes/latin1.ts';
import type { Catalog, Dependency, Verdict } from '../caching.ts';
import type { Answers } from '../sql/answers.ts';
import { fingerprintOf } from '../sql/fingerprint.ts';
import { rememberedVerdicts } from '../sql/remembered-verdicts.ts';
import { type CatalogFacts, factsOfCatalog, type QuestionName } from './catalog-facts.ts';
import { anything, Judge, QUERY_BYTES_MAX, type Settings } from './judge.ts';
import { namesIn } from './names.ts';
import { tokensOf, USUAL_MODE } from './tokens.ts';

/** What a judgement hangs on, besides the text. */
const JUDGING_SETTINGS = [
  'database',
  'sql_mode',
  'character_set_client',
  'transaction_isolation',
  'tx_isolation',
];

export interface CatalogSource {
  answers: Answers<QuestionName>;
  /** An answer with more rows was cut. */
  rowsMax: number;
  /** In which a session begins. */
  database: string | undefined;
}

export class MySqlCatalog implements Catalog {
  readonly fingerprint: string;
  readonly #facts: CatalogFacts;
  readonly #judge: Judge;
  readonly #database: string | undefined;
  readonly #tooLarge: string | undefined;
  readonly #verdicts = rememberedVerdicts();

  constructor({ answers, rowsMax, database }: CatalogSource) {
    this.#database = database;
    this.fingerprint = fingerprintOf(Object.values(answers));
    const cut = Object.entries(answers).find(([, rows]) => rows.length > rowsMax)?.[0];
    this.#tooLarge = cut && `The origin's catalog is too large: more than ${rowsMax} rows of ${cut}`;
    this.#facts = factsOfCatalog(answers);
    this.#judge = new Judge(this.#facts);
  }

  judge(text: string, settings: Settings): Verdict {
    if (text.length > QUERY_BYTES_MAX || text.includes('\0')) return this.#judgeAnew(text, settings);
    const key = keyOf(text, settings);
    const known = this.#verdicts.get(key);
    if (known !== undefined) return known;
    const verdict = this.#judgeAnew(text, settings);
    this.#verdicts.set(key, verdict);
    return verdict;
  }

  #judgeAnew(text: string, settings: Settings): Verdict {
    const { database = this.#database } = settings;
    const verdict = this.#judge.judge(text, database === undefined ? settings : { ...settings, database });
    // BEGIN and SET need no catalog.
    const isCertain = verdict.status === 'notaquery' && verdict.writes.length === 0;
    if (this.#tooLarge === undefined || isCertain) return verdict;
    return { ...anything('uncacheable', this.#tooLarge), mayCommit: verdict.mayCommit };
  }

  /** `orders`, `shop.orders`, `` `Odd name`.`t` ``: as in a statement of a fresh session. */
  dependencyOf(name: string): Dependency | undefined {
    const tokens = tokensOf(asBytes(name), USUAL_MODE) ?? [];
    const [found, ...more] = namesIn(tokens, 'tables').tables;
    const relation = found && more.length === 0 ? this.#facts.relation(found, this.#database) : undefined;
    return relation && `r${relation.id}`;
  }

  nameOf(dependency: Dependency): string {
    const relation = dependency.startsWith('r') && this.#facts.relationWithId(dependency.slice(1));
    if (!relation) return dependency;
    return relation.database === this.#database ? relation.name : `${relation.database}.${relation.name}`;
  }
}

/** A NUL stands in no setting. */
function keyOf(text: string, settings: Settings): string {
  let key = text;
  for (const name of JUDGING_SETTINGS) key += `\0${settings[name] ?? '\0'}`;
  return key;
}
