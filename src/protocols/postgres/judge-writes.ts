/**
 * Which relations a statement may change: what it names, and all that PostgreSQL does because of it. Through views
 * and partitions, foreign keys that cascade, triggers, and functions that are called on the way.
 *
 * A work list, so that keys and triggers may go round in circles. Where something cannot be looked into, it may
 * have written anything.
 */
import type { CatalogFacts, Relation, UserFunction } from './catalog-facts.ts';
import {
  type Names,
  namesAnywhere,
  namesOfDefinition,
  readable,
  rowFunctionsAmong,
} from './catalog-names.ts';
import { HARMLESS_EXTENSIONS, isSystemSchema, RUNS_GIVEN_SQL } from './catalog-system.ts';
import { readBody } from './judge-bodies.ts';
import type { CatalogLanguage } from './judge-language.ts';
import { onlyStatement } from './judge-reads.ts';
import { type Action, type Effects, WriteWalk } from './judge-write-walk.ts';
import type { ParsedStatement, QualifiedName, WrittenRelation } from './parsed-statement.ts';

/** pg_trigger.tgtype, from src/include/catalog/pg_trigger.h. */
const TRIGGERED_BY: Record<Action, number> = { insert: 4, delete: 8, update: 16, truncate: 32 };

/** Statements that may do what their text does not show. */
const OPAQUE_KINDS = new Set(['execute', 'call', 'definition', 'drop table']);
/** They change no rows that others see. */
const UPKEEP = new Set(['maintenance', 'rewrite', 'annotation', 'temporary']);

export class WritesJudge {
  readonly #facts: CatalogFacts;
  readonly #language: CatalogLanguage;
  readonly #anywhere: Names;
  readonly #inDefinitions: Names;
  readonly #systemCatalogs: boolean;

  /** `systemCatalogs`: reads of them are cached. */
  constructor(
    facts: CatalogFacts,
    language: CatalogLanguage,
    { systemCatalogs }: { systemCatalogs: boolean },
  ) {
    this.#systemCatalogs = systemCatalogs;
    this.#facts = facts;
    this.#language = language;
    this.#anywhere = namesAnywhere(facts);
    this.#inDefinitions = namesOfDefinition(facts);
  }

  /** `hasTemporary`: what is not known is a temporary table of the session, in which nobody else reads. */
  effectsOf(
    statements: readonly ParsedStatement[],
    { names, hasTemporary }: { names: Names; hasTemporary: boolean },
  ): Effects {
    const walk = new WriteWalk({ hasTemporary });
    for (const statement of statements) this.#takeStatement(walk, statement, names);
    while (walk.opaque?.mayDefine !== true) {
      const next = walk.next();
      if (next === undefined) break;
      if (next.does === 'write') this.#takeWrite(walk, next.relation, next.action);
      else if (next.does === 'read') this.#takeRead(walk, next.relation);
      else this.#takeCall(walk, next.function);
    }
    return walk.opaque ?? { relations: walk.written };
  }

  #takeStatement(walk: WriteWalk, statement: ParsedStatement, names: Names): void {
    if (OPAQUE_KINDS.has(statement.kind) && !this.#isDropOfOwn(walk, statement, names)) {
      walk.giveUp(`a statement of kind ${statement.kind} may do anything`, { mayDefine: true });
    }
    if (statement.hasInto) walk.giveUp('SELECT INTO makes a table', { mayDefine: true });
    if (UPKEEP.has(statement.kind) || statement.kind === 'drop table')
      this.#takeUpkeep(walk, statement, names);
    for (const name of statement.reads) for (const found of names.relations(name)) walk.read(found);
    for (const written of statement.writes) this.#takeTarget(walk, written, names);
    for (const name of statement.functions) this.#takeName(walk, name, names);
    this.#takeAttributes(walk, statement.attributes);
    for (const { name } of statement.operators) this.#takeImpurities(walk, 'operators', name);
    for (const { name } of statement.types) this.#takeImpurities(walk, 'casts', name);
    for (const cast of this.#facts.casts) if (cast.isImplicit) walk.call(cast.function);
  }

  /** DROP TABLE of nothing but temporary tables. */
  #isDropOfOwn(walk: WriteWalk, { kind, reads }: ParsedStatement, names: Names): boolean {
    return kind === 'drop table' && reads.every((name) => walk.isOwn(name, names.relations(name)));
  }

  /** Event triggers fire. Expressions of indexes are evaluated, and of defaults where a table is made like another. */
  #takeUpkeep(walk: WriteWalk, { kind, reads }: ParsedStatement, names: Names): void {
    if (this.#systemCatalogs) walk.giveUp(`${kind} changes catalogs`, { mayDefine: true });
    const { calls, children, triggers } = this.#facts;
    for (const trigger of triggers.get('0') ?? []) walk.call(trigger.function);
    if (kind === 'annotation' || kind === 'drop table') return;
    const found = reads.map((name) => names.relations(name));
    const oids = found.flat().map(({ oid }) => oid);
    // By default it is about all tables; an index has no name here, and a table's partitions are not followed.
    const isUnclear = reads.length === 0 || found.some(({ length }) => length === 0);
    const isAll = kind !== 'temporary' && (isUnclear || oids.some((oid) => children.has(oid)));
    for (const oid of isAll ? calls.keys() : oids) for (const fn of calls.get(oid) ?? []) walk.call(fn);
    if (kind !== 'rewrite') return;
    if (isAll) walk.giveUp('rows of all tables move', { mayDefine: false });
    for (const oid of oids) this.#takeMove(walk, oid);
  }

  /** The same rows, at another `ctid`. */
  #takeMove(walk: WriteWalk, oid: string): void {
    walk.written.add(oid);
    for (const parent of this.#facts.parents.get(oid) ?? []) this.#takeMove(walk, parent);
  }

  #takeImpurities(walk: WriteWalk, list: 'operators' | 'casts', name: string): void {
    for (const found of this.#facts[list]) if (found.name === name) walk.call(found.function);
  }

  #takeTarget(walk: WriteWalk, { action, ...name }: WrittenRelation, names: Names): void {
    const relations = names.relations(name);
    if (walk.isOwn(name, relations)) {
      // Those of domains. A session whose temporary tables call others is not judged by this.
      for (const fn of this.#facts.calls.get('0') ?? []) walk.call(fn);
      return;
    }
    if (relations.length === 0) walk.giveUp(`${readable(name)} is not known`, { mayDefine: false });
    for (const relation of relations) walk.write(relation, action);
  }

  #takeName(walk: WriteWalk, name: QualifiedName, names: Names): void {
    const { own, builtIn } = names.functions(name);
    for (const fn of own) walk.call(fn.oid);
    const isHarmless = builtIn === undefined ? own.length > 0 : !this.#language.mayWrite(name.name, builtIn);
    if (isHarmless) return;
    const why = builtIn === undefined ? 'is not known' : 'may write';
    walk.giveUp(`${readable(name)}() ${why}`, { mayDefine: true });
  }

  /** `t.f` may be a call of f. */
  #takeAttributes(walk: WriteWalk, attributes: Iterable<string>): void {
    for (const fn of rowFunctionsAmong(this.#facts, attributes)) walk.call(fn.oid);
  }

  #takeWrite(walk: WriteWalk, relation: Relation, action: Action): void {
    const { oid, kind } = relation;
    if (isSystemSchema(relation.schema)) {
      walk.giveUp('it writes a system catalog', { mayDefine: true });
      return;
    }
    if (this.#facts.ruled.has(oid)) {
      walk.giveUp(`${relation.name} has rules`, { mayDefine: true });
      return;
    }
    if (kind === 'f') {
      walk.giveUp(`${relation.name} is a foreign table`, { mayDefine: false });
      return;
    }
    walk.written.add(oid);
    for (const fn of [...(this.#facts.calls.get(oid) ?? []), ...(this.#facts.calls.get('0') ?? [])])
      walk.call(fn);
    this.#takeTriggers(walk, oid, action);
    if (kind === 'v') {
      this.#takeViewWrite(walk, relation, action);
      return;
    }
    this.#takeFamily(walk, relation, action);
    this.#takeForeignKeys(walk, oid, action);
  }

  /** An updatable view passes the write on to its table, which is among what it reads. */
  #takeViewWrite(walk: WriteWalk, view: Relation, action: Action): void {
    walk.read(view);
    const statement = this.#definitionOf(view);
    if (statement === undefined) {
      walk.giveUp(`${view.name} is not readable`, { mayDefine: false });
      return;
    }
    for (const name of statement.reads) {
      for (const found of this.#inDefinitions.relations(name)) {
        if (!isSystemSchema(found.schema)) walk.write(found, action);
      }
    }
  }

  /** Rows of a partitioned table lie in its partitions; an UPDATE may move them from one to another. */
  #takeFamily(walk: WriteWalk, relation: Relation, action: Action): void {
    for (const parent of this.#facts.parents.get(relation.oid) ?? []) this.#takeParent(walk, parent, action);
    const isPartitioned = relation.kind === 'p';
    if (action === 'insert' && !isPartitioned) return;
    const actions: Action[] =
      isPartitioned && action === 'update' ? ['update', 'insert', 'delete'] : [action];
    for (const child of this.#facts.children.get(relation.oid) ?? []) {
      for (const each of actions) this.#writeById(walk, child, each);
    }
  }

  /** Who reads the parent depends on it, and so need not list its children. Its row triggers are theirs. */
  #takeParent(walk: WriteWalk, oid: string, action: Action): void {
    if (walk.hasSeenParent(oid, action)) return;
    walk.written.add(oid);
    if (this.#facts.relations.get(oid)?.kind === 'p') this.#takeTriggers(walk, oid, action);
    for (const parent of this.#facts.parents.get(oid) ?? []) this.#takeParent(walk, parent, action);
  }

  #takeTriggers(walk: WriteWalk, oid: string, action: Action): void {
    for (const trigger of this.#facts.triggers.get(oid) ?? []) {
      if ((trigger.type & TRIGGERED_BY[action]) !== 0) walk.call(trigger.function);
    }
  }

  #takeForeignKeys(walk: WriteWalk, oid: string, action: Action): void {
    for (const key of this.#facts.foreignKeys.get(oid) ?? []) {
      // TRUNCATE ... CASCADE follows every key, and without CASCADE it fails where there is one.
      if (action === 'truncate') this.#writeById(walk, key.referencing, 'truncate');
      else if (action === 'delete' && key.onDelete === 'c') this.#writeById(walk, key.referencing, 'delete');
      else if (action === 'delete' && /[nd]/.test(key.onDelete))
        this.#writeById(walk, key.referencing, 'update');
      else if (action === 'update' && /[cnd]/.test(key.onUpdate))
        this.#writeById(walk, key.referencing, 'update');
    }
  }

  #writeById(walk: WriteWalk, oid: string, action: Action): void {
    const relation = this.#facts.relations.get(oid);
    // A partition that is a temporary table, or newer than the catalog.
    if (relation === undefined) walk.giveUp('a table that is not known takes part', { mayDefine: false });
    else walk.write(relation, action);
  }

  /** To read a view is to call its functions; to read a table, those of its policies. */
  #takeRead(walk: WriteWalk, relation: Relation): void {
    if (isSystemSchema(relation.schema)) return;
    if (relation.security !== 'none')
      for (const fn of this.#facts.calls.get(relation.oid) ?? []) walk.call(fn);
    if (relation.kind !== 'v') return;
    const statement = this.#definitionOf(relation);
    if (statement === undefined) {
      walk.giveUp(`${relation.name} is not readable`, { mayDefine: true });
      return;
    }
    this.#takeStatement(walk, statement, this.#inDefinitions);
  }

  #definitionOf(view: Relation): ParsedStatement | undefined {
    return onlyStatement(this.#language, this.#facts.definitions.get(view.oid) ?? '');
  }

  #takeCall(walk: WriteWalk, oid: string): void {
    const fn = this.#facts.functions.get(oid);
    // Triggers and casts may use functions that came with the server: none of those writes tables.
    if (fn === undefined) return;
    const name = `${fn.name}()`;
    if (RUNS_GIVEN_SQL.has(fn.name)) {
      walk.giveUp(`${name} runs SQL that it is given`, { mayDefine: true });
      return;
    }
    if (fn.language === 'sql') {
      this.#takeSqlBody(walk, fn);
      return;
    }
    if (fn.language === 'plpgsql') {
      this.#takeBody(walk, fn);
      return;
    }
    const isHarmless = fn.volatility !== 'v' || HARMLESS_EXTENSIONS.has(fn.extension ?? '');
    if (!isHarmless) walk.giveUp(`${name} is written in ${fn.language}`, { mayDefine: true });
  }

  #takeSqlBody(walk: WriteWalk, fn: UserFunction): void {
    const result = fn.source === undefined ? { error: 'no text' } : this.#language.parseKept(fn.source);
    if ('error' in result) {
      this.#takeUnreadable(walk, fn);
      return;
    }
    for (const { kind, ...facts } of result.statements) {
      this.#takeStatement(walk, { ...facts, kind: fn.isParsed ? 'select' : kind }, this.#anywhere);
    }
  }

  #takeBody(walk: WriteWalk, fn: UserFunction): void {
    if (fn.source === undefined) {
      this.#takeUnreadable(walk, fn);
      return;
    }
    const body = readBody(fn.source);
    if ('opaque' in body) {
      walk.giveUp(`${fn.name}() ${body.opaque}`, { mayDefine: true });
      return;
    }
    for (const written of body.writes) this.#takeTarget(walk, written, this.#anywhere);
    for (const name of body.calls) this.#takeName(walk, name, this.#anywhere);
    for (const word of body.words)
      for (const found of this.#anywhere.relations({ name: word })) walk.read(found);
    for (const impure of [...this.#facts.operators, ...this.#facts.casts]) walk.call(impure.function);
    this.#takeAttributes(walk, body.attributes);
  }

  /** PostgreSQL lets only volatile functions write, but any may call one of those. */
  #takeUnreadable(walk: WriteWalk, fn: UserFunction): void {
    walk.giveUp(`${fn.name}() is not readable`, { mayDefine: true });
  }
}
