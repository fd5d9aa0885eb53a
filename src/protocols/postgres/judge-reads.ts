/**
 * May the reply to a query be kept, and on which relations does it depend? Equal questions have equal answers while
 * nothing changes only if every function on the way is immutable: those of the statement, of the views that it
 * reads, and of the policies that hide rows from it. The session's settings and role are no matter here: replies
 * are kept apart by them.
 */
import { asBytes } from '../bytes/latin1.ts';
import type { Dependency } from '../caching.ts';
import type { CatalogFacts, Relation, UserFunction, Volatility } from './catalog-facts.ts';
import { type Names, namesOfDefinition, readable, rowFunctionsAmong } from './catalog-names.ts';
import {
  FUNCTIONS_OF_DEFINITIONS,
  FUNCTIONS_OF_SETTINGS,
  isCatalogType,
  isOfDefinitions,
  isSystemSchema,
} from './catalog-system.ts';
import type { CatalogLanguage } from './judge-language.ts';
import { Promises } from './judge-promises.ts';
import { SettingsJudge } from './judge-settings.ts';
import type { ParsedStatement, QualifiedName } from './parsed-statement.ts';

export interface Objection {
  status: 'volatile' | 'uncacheable';
  reason: string;
}

export type Reading = { reads: ReadonlySet<Dependency> } | Objection;

/** More partitions are not listed: who writes one of them names its parents too (judge-writes.ts). */
const DESCENDANTS_MAX = 100;

/** A policy may ask who is there. That is a part of every key, unless judge-settings.ts objects. */
const IDENTITY = new Set(['current_setting', 'current_user', 'session_user', 'current_role', 'user']);

const WORDS: Record<Volatility, string> = { i: 'immutable', s: 'stable', v: 'volatile' };

/** Written by the grammar without a name in the statement: BETWEEN, IN, CASE, LIKE. */
const UNNAMED_OPERATORS = new Set(['=', '<>', '<', '>', '<=', '>=', '~~', '!~~', '~~*', '!~~*', '~']);

interface Place {
  names: Names;
  /** Of the view or the policy. Empty: the statement itself. */
  within: string;
  isPolicy: boolean;
}

export class ReadsJudge {
  readonly #facts: CatalogFacts;
  readonly #language: CatalogLanguage;
  readonly #systemCatalogs: boolean;
  readonly #definition: Names;
  readonly #promises: Promises;
  readonly #settings: SettingsJudge;

  constructor(facts: CatalogFacts, language: CatalogLanguage, options: { systemCatalogs: boolean }) {
    this.#facts = facts;
    this.#language = language;
    this.#systemCatalogs = options.systemCatalogs;
    this.#definition = namesOfDefinition(facts);
    this.#promises = new Promises(facts, language);
    this.#settings = new SettingsJudge(facts);
  }

  readingOf(query: Query): Reading {
    const { isLogin, settings } = query;
    const walk: Walk = { reads: new Set(), seen: new Set(), isLogin, settings };
    const place = { names: query.names, within: '', isPolicy: false };
    return this.#inStatement(walk, query.statement, query.text, place) ?? { reads: walk.reads };
  }

  #inStatement(walk: Walk, statement: ParsedStatement, text: string, place: Place): Objection | undefined {
    const objection =
      objectionToForm(statement) ??
      objectionToText(text) ??
      objectionToValues(statement, place) ??
      first(statement.functions, (name) => this.#toFunction(name, place)) ??
      this.#toImpurities(statement) ??
      first(rowFunctionsAmong(this.#facts, statement.attributes), (fn) => this.#toOwn(fn));
    if (objection !== undefined) return located(objection, place);
    if (statement.types.some(({ name }) => isCatalogType(name))) walk.reads.add('schema');
    if (this.#systemCatalogs && statement.functions.some(({ name }) => FUNCTIONS_OF_DEFINITIONS.has(name))) {
      walk.reads.add('schema');
    }
    return first(statement.reads, (name) => this.#toName(walk, name, place));
  }

  #toFunction(name: QualifiedName, place: Place): Objection | undefined {
    const { own, builtIn } = place.names.functions(name);
    if (own.length === 0 && builtIn === undefined)
      return uncacheable(`The function ${readable(name)}() is not known`);
    const isOfCatalog = this.#systemCatalogs && FUNCTIONS_OF_DEFINITIONS.has(name.name);
    const isAllowed = own.length === 0 && (isOfCatalog || (place.isPolicy && IDENTITY.has(name.name)));
    if (isAllowed) return undefined;
    const worst = builtIn === undefined ? 'i' : this.#language.volatilityOf(name.name, builtIn);
    const isOfSettings = FUNCTIONS_OF_SETTINGS.has(name.name) && !this.#hasOwnPrinting;
    if (worst === 'v' || (worst === 's' && !isOfSettings))
      return volatile(`${readable(name)}() is ${WORDS[worst]}`);
    return first(own, (fn) => this.#toOwn(fn));
  }

  /** Values of the user's own types may be printed by casts of the user's: into JSON they are looked for. */
  get #hasOwnPrinting(): boolean {
    return this.#facts.casts.some(({ name }) => name === 'json' || name === 'jsonb');
  }

  #toOwn(fn: UserFunction): Objection | undefined {
    if (fn.volatility !== 'i') return volatile(`The function ${fn.name}() is ${WORDS[fn.volatility]}`);
    const broken = this.#promises.whyBroken(fn);
    if (broken === undefined) return undefined;
    return volatile(`The function ${fn.name}() is declared immutable but ${broken}`);
  }

  #toImpurities({ operators, types, reads }: ParsedStatement): Objection | undefined {
    const isUsed = (name: string): boolean => operators.some((operator) => operator.name === name);
    const operator = this.#facts.operators.find(
      ({ name }) => isUsed(name) || (reads.length > 0 && UNNAMED_OPERATORS.has(name)),
    );
    if (operator) return volatile(`The function of the operator ${operator.name} is not immutable`);
    const cast = this.#facts.casts.find(
      ({ name, isImplicit }) => isImplicit || types.some((type) => type.name === name),
    );
    return cast && volatile(`The function of a cast to ${cast.name} is not immutable`);
  }

  #toName(walk: Walk, name: QualifiedName, place: Place): Objection | undefined {
    const relations = place.names.relations(name);
    if (relations.length === 0) return uncacheable(`The relation ${readable(name)} is not known`);
    return first(relations, (relation) => this.#toRelation(walk, relation, place));
  }

  #toRelation(walk: Walk, relation: Relation, place: Place): Objection | undefined {
    const { oid, name, kind } = relation;
    // Reached by way of a view, a table may be seen with other rights.
    const key = `${oid} ${place.within === ''}`;
    if (walk.seen.has(key)) return undefined;
    walk.seen.add(key);
    if (isSystemSchema(relation.schema)) return this.#toSystemCatalog(walk, relation);
    if (kind === 'f') return uncacheable(`${name} is a foreign table`);
    if (kind === 'S') return uncacheable(`${name} is a sequence`);
    walk.reads.add(`r${oid}`);
    if (kind === 'v') return this.#toView(walk, relation);
    if (kind === 'm') return undefined;
    return this.#toDescendants(walk, relation) ?? this.#toPolicies(walk, relation, place);
  }

  #toSystemCatalog(walk: Walk, relation: Relation): Objection | undefined {
    if (!this.#systemCatalogs) return uncacheable(`${relation.name} is a system catalog`);
    if (!isOfDefinitions(relation)) return volatile(`${relation.name} changes by itself`);
    walk.reads.add('schema');
    return undefined;
  }

  #toView(walk: Walk, view: Relation): Objection | undefined {
    const definition = this.#facts.definitions.get(view.oid) ?? '';
    const statement = onlyStatement(this.#language, definition);
    if (statement === undefined) return uncacheable(`The view ${view.name} cannot be looked into`);
    const place = { names: this.#definition, within: `the view ${view.name}`, isPolicy: false };
    return this.#inStatement(walk, statement, asBytes(definition), place);
  }

  /** Partitions, and tables that inherit. */
  #toDescendants(walk: Walk, relation: Relation): Objection | undefined {
    const found = new Set<string>();
    const open = [relation.oid];
    for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
      for (const child of this.#facts.children.get(oid) ?? []) {
        if (found.has(child)) continue;
        if (this.#facts.relations.get(child)?.kind === 'f') {
          return uncacheable(`${relation.name} has a foreign table among its partitions`);
        }
        found.add(child);
        open.push(child);
      }
    }
    if (found.size <= DESCENDANTS_MAX) for (const oid of found) walk.reads.add(`r${oid}`);
    return undefined;
  }

  #toPolicies(walk: Walk, relation: Relation, place: Place): Objection | undefined {
    const isExempt = relation.security === 'exempt' && walk.isLogin && place.within === '';
    if (relation.security === 'none' || isExempt) return undefined;
    const within = `a policy of ${relation.name}`;
    return first(this.#facts.policies.get(relation.oid) ?? [], (condition) => {
      if (condition === '') return undefined;
      const sql = `SELECT ${condition}`;
      const statement = onlyStatement(this.#language, sql);
      if (statement === undefined) return uncacheable(`Nobody can look into ${within}`);
      const why =
        this.#settings.whyUnknown(condition, walk.settings) ??
        (asksForUser(statement) ? this.#settings.whyAnonymous() : undefined);
      if (why !== undefined) return uncacheable(`The policy of ${relation.name} ${why}`);
      return this.#inStatement(walk, statement, asBytes(sql), {
        names: this.#definition,
        within,
        isPolicy: true,
      });
    });
  }
}

interface Query {
  readonly statement: ParsedStatement;
  readonly text: string;
  readonly names: Names;
  /** The session has the role that the catalog was read with. */
  readonly isLogin: boolean;
  /** Names, in lower case, of those that we know the session has. */
  readonly settings: ReadonlySet<string>;
}

interface Walk extends Pick<Query, 'isLogin' | 'settings'> {
  readonly reads: Set<Dependency>;
  readonly seen: Set<string>;
}

function asksForUser({ functions, valueFunctions }: ParsedStatement): boolean {
  const asked = [...functions.map(({ name }) => name), ...valueFunctions.map((name) => name.toLowerCase())];
  return asked.some((name) => name !== 'current_setting' && IDENTITY.has(name));
}

export function onlyStatement(language: CatalogLanguage, text: string): ParsedStatement | undefined {
  const result = language.parseKept(text);
  return 'statements' in result && result.statements.length === 1 ? result.statements[0] : undefined;
}

function objectionToForm(statement: ParsedStatement): Objection | undefined {
  if (statement.hasInto) return uncacheable('SELECT INTO makes a table');
  if (statement.writes.length > 0) return uncacheable('It writes');
  if (statement.hasLocks) return uncacheable('It locks rows');
  if (statement.hasSample) return uncacheable('TABLESAMPLE takes rows by chance');
  if (statement.hasMovingLiteral) return volatile("A literal such as 'now' or 'today' moves with the time");
  return undefined;
}

/** A row's xmax changes when it is locked, as by a foreign key: no write tells. */
function objectionToText(text: string): Objection | undefined {
  return /\bxmax\b|u&"[^"]*\\/i.test(text) ? uncacheable('xmax changes when a row is locked') : undefined;
}

function objectionToValues(statement: ParsedStatement, place: Place): Objection | undefined {
  const name = statement.valueFunctions.find((each) => !(place.isPolicy && IDENTITY.has(each.toLowerCase())));
  return name === undefined ? undefined : volatile(`${name.toUpperCase()} is stable`);
}

function located({ status, reason }: Objection, { within }: Place): Objection {
  return { status, reason: within === '' ? reason : `${reason}, in ${within}` };
}

function volatile(reason: string): Objection {
  return { status: 'volatile', reason };
}

function uncacheable(reason: string): Objection {
  return { status: 'uncacheable', reason };
}

function first<Item>(
  items: readonly Item[],
  objectionTo: (item: Item) => Objection | undefined,
): Objection | undefined {
  for (const item of items) {
    const objection = objectionTo(item);
    if (objection !== undefined) return objection;
  }
  return undefined;
}
