/**
 * What a statement may change: followed through views, triggers, foreign keys that cascade, and the bodies of
 * functions. More may be named than is changed, never less; whatever is not understood changes everything.
 */
import { callsIn } from './calls.ts';
import type { Action, Body, CatalogFacts, Relation } from './catalog-facts.ts';
import { type Name, namesIn } from './names.ts';
import type { Token } from './tokens.ts';
import { type Effects, WriteWalk } from './write-walk.ts';

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));

/** They read, or set something: only what they call can write. */
const HARMLESS = words(
  'select values table ( do show desc describe explain help use prepare deallocate kill checksum ' +
    'handler savepoint release rollback get signal resignal',
);
const EXPLAINING = words('explain desc describe');
/** They begin or end a transaction, and may so commit what was written in it. */
const COMMITTING = words('begin commit lock unlock flush');
/** Between the verb and the name of what is written. */
const MODIFIERS = words('low_priority delayed high_priority ignore quick into from concurrent local');
/** With others a write may go to another table. What is not in the first two is cached nowhere. */
const KNOWN_ENGINES = words('innodb rocksdb myisam aria memory csv archive blackhole');
const WRITING_WORDS = words('insert replace update delete');
/** In the body of a routine: who knows what it runs. */
const OPAQUE_WORDS = words('call execute prepare immediate load truncate create drop alter');
const ALL: readonly Action[] = ['insert', 'update', 'delete'];

export class WritesJudge {
  readonly #facts: CatalogFacts;

  constructor(facts: CatalogFacts) {
    this.#facts = facts;
  }

  effectsOf(statements: readonly (readonly Token[])[], database: string | undefined): Effects {
    const walk = new WriteWalk();
    for (const tokens of statements) this.#takeStatement(walk, tokens, database);
    for (let item = walk.next(); item; item = walk.next()) {
      if (walk.mayDefine) break;
      if (item.does === 'write') this.#takeWrite(walk, item.relation, item.action);
      else if (item.does === 'read') this.#takeRead(walk, item.relation);
      else if (item.does === 'run') this.#takeBody(walk, item.body, item.what);
      else this.#takeCall(walk, item.name);
    }
    return walk;
  }

  // --- statements -------------------------------------------------------------------------------------------

  #takeStatement(walk: WriteWalk, tokens: readonly Token[], database: string | undefined): void {
    const verb = verbOf(tokens);
    if (verb === 'insert' || verb === 'replace' || verb === 'load')
      this.#takeInsert(walk, verb, tokens, database);
    else if (verb === 'update') this.#takeUpdate(walk, tokens, database);
    else if (verb === 'delete') this.#takeDelete(walk, tokens, database);
    else if (verb === 'truncate') this.#takeTruncate(walk, tokens, database);
    else if (verb === 'set') takeSet(walk, tokens);
    else if (isOfTransaction(tokens)) walk.mayCommit = true;
    else if (verb === 'xa') walk.giveUp('XA may commit what another session has written');
    else if (!HARMLESS.has(verb) || (EXPLAINING.has(verb) && says(tokens, 'analyze')))
      this.#takeDefinition(walk, tokens);
    if (says(tokens, 'portion')) walk.giveUp('What becomes of a portion of time is not followed');
    for (const call of callsIn(tokens, this.#facts)) {
      if (call.kind === 'own' && !this.#isTable(tokens, call.name, database)) walk.call(call.name);
    }
    for (const name of namesIn(tokens).mentions) {
      const relation = this.#facts.relation(name, database);
      if (relation) walk.read(relation);
    }
  }

  /** `INSERT INTO t (a, b)`: the name in front of the parenthesis is no function. */
  #isTable(tokens: readonly Token[], name: string, database: string | undefined): boolean {
    if (this.#facts.routines.has(name)) return false;
    return namesIn(tokens).mentions.some(
      (mention) =>
        mention.name.toLowerCase() === name && this.#facts.relation(mention, database) !== undefined,
    );
  }

  /** Temporary tables are nobody else's business. */
  #takeDefinition(walk: WriteWalk, tokens: readonly Token[]): void {
    const [first, second] = tokens;
    const isTemporary = second?.kind === 'word' && second.text === 'temporary';
    if (isTemporary && (first?.text === 'create' || first?.text === 'drop')) return;
    walk.giveUp(`${first?.text.toUpperCase()} may do anything`, { mayDefine: true });
  }

  /** REPLACE deletes what it replaces, and so may LOAD DATA. */
  #takeInsert(walk: WriteWalk, verb: string, tokens: readonly Token[], database: string | undefined): void {
    const at = verb === 'load' ? behindInto(tokens) : behindModifiers(tokens);
    const onInsert: Action[] = says(tokens, 'duplicate') ? ['insert', 'update'] : ['insert'];
    this.#takeTarget(walk, verb === 'insert' ? onInsert : ALL, firstName(tokens, at), database);
  }

  /** Of several tables, each that is named in front of SET. */
  #takeUpdate(walk: WriteWalk, tokens: readonly Token[], database: string | undefined): void {
    const head = verbIsFirst(tokens) ? headOfUpdate(tokens) : tokens;
    const { tables, mentions } = namesIn(head, verbIsFirst(tokens) ? 'tables' : 'other');
    const unknown = tables.find((name) => this.#facts.relation(name, database) === undefined);
    const written = mentions.flatMap((name) => this.#facts.relation(name, database) ?? []);
    if (unknown) walk.giveUp(`${unknown.name} is not known`);
    if (written.length === 0) walk.giveUp('What it writes is not understood');
    for (const relation of written) walk.write(relation, 'update');
  }

  /** Of several tables, or with USING, all that are named: some of the names are aliases. */
  #takeDelete(walk: WriteWalk, tokens: readonly Token[], database: string | undefined): void {
    const at = behindModifiers(tokens);
    const isPlain = verbIsFirst(tokens) && tokens[at - 1]?.text === 'from' && !says(tokens, 'using');
    if (isPlain) {
      this.#takeTarget(walk, ['delete'], firstName(tokens, at), database);
      return;
    }
    const all = namesIn(tokens).mentions.flatMap((name) => this.#facts.relation(name, database) ?? []);
    if (all.length === 0) walk.giveUp('What it deletes is not understood');
    for (const relation of all) walk.write(relation, 'delete');
  }

  #takeTruncate(walk: WriteWalk, tokens: readonly Token[], database: string | undefined): void {
    walk.mayCommit = true;
    const at = tokens[1]?.text === 'table' ? 2 : 1;
    this.#takeTarget(walk, ['delete'], firstName(tokens, at), database);
  }

  #takeTarget(
    walk: WriteWalk,
    actions: readonly Action[],
    name: Name | undefined,
    database: string | undefined,
  ): void {
    const relation = name && this.#facts.relation(name, database);
    if (relation) walk.write(relation, ...actions);
    else walk.giveUp(name ? `${name.name} is not known` : 'What it writes is not understood');
  }

  // --- what follows -----------------------------------------------------------------------------------------

  #takeWrite(walk: WriteWalk, relation: Relation, action: Action): void {
    const { id, name, type, engine } = relation;
    walk.wrote(relation);
    if (type === 'VIEW') {
      this.#takeViewWrite(walk, relation, action);
      return;
    }
    if (!KNOWN_ENGINES.has(engine.toLowerCase())) walk.giveUp(`${name} is kept by the engine ${engine}`);
    if (!this.#facts.seesTriggers(relation)) walk.giveUp(`Our login may not see the triggers of ${name}`);
    for (const trigger of this.#facts.triggers.get(id) ?? [])
      if (trigger.actions.includes(action)) walk.run(trigger, `a trigger of ${name}`);
    for (const { child, onDelete, onUpdate } of this.#facts.foreignKeys.get(id) ?? []) {
      const rule = action === 'delete' ? onDelete : action === 'update' ? onUpdate : '';
      if (rule !== 'CASCADE' && rule !== 'SET NULL' && rule !== 'SET DEFAULT') continue;
      const found = this.#facts.relationWithId(child);
      if (found) walk.write(found, rule === 'CASCADE' ? action : 'update');
      else walk.giveUp(`A table that refers to ${name} is not known`);
    }
  }

  /** It passes the write on to its tables. */
  #takeViewWrite(walk: WriteWalk, view: Relation, action: Action): void {
    const body = this.#facts.views.get(view.id);
    if (!body?.tokens) walk.giveUp(`${view.name} cannot be looked into`);
    for (const name of namesIn(body?.tokens ?? []).mentions) {
      const relation = this.#facts.relation(name, body?.database);
      if (relation) walk.write(relation, action);
    }
  }

  /** To read a view is to call its functions. */
  #takeRead(walk: WriteWalk, relation: Relation): void {
    if (relation.type !== 'VIEW') return;
    const body = this.#facts.views.get(relation.id);
    if (body?.tokens) walk.run(body, `the view ${relation.name}`);
    else walk.giveUp(`${relation.name} cannot be looked into`);
  }

  #takeCall(walk: WriteWalk, name: string): void {
    const routines = this.#facts.routines.get(name);
    if (!routines) walk.giveUp(`What ${name}() does is not known`);
    for (const routine of routines ?? []) walk.run(routine, `${name}()`);
  }

  /** Whatever is named in a body that writes is taken for written. */
  #takeBody(walk: WriteWalk, { tokens, database }: Body, what: string): void {
    if (!tokens) {
      walk.giveUp(`Nobody can look into ${what}`);
      return;
    }
    const opaque = tokens.find(({ kind, text }) => kind === 'word' && OPAQUE_WORDS.has(text));
    if (opaque) walk.giveUp(`${what} says ${opaque.text.toUpperCase()}`);
    const mayWrite = tokens.some(({ kind, text }) => kind === 'word' && WRITING_WORDS.has(text));
    for (const name of namesIn(tokens).mentions) {
      const relation = this.#facts.relation(name, database);
      if (relation && mayWrite) walk.write(relation, ...ALL);
      else if (relation) walk.read(relation);
    }
    for (const call of callsIn(tokens, this.#facts))
      if (call.kind === 'own' && !this.#isTable(tokens, call.name, database)) walk.call(call.name);
  }
}

// --- texts --------------------------------------------------------------------------------------------------

/** Of WITH ... UPDATE and WITH ... DELETE the one that does it. */
function verbOf(tokens: readonly Token[]): string {
  const [first] = tokens;
  if (first?.kind === 'symbol') return first.text;
  if (first?.text !== 'with') return first?.kind === 'word' ? first.text : '';
  return ['update', 'delete'].find((verb) => says(tokens, verb)) ?? 'select';
}

function verbIsFirst(tokens: readonly Token[]): boolean {
  return tokens[0]?.text !== 'with';
}

function says(tokens: readonly Token[], word: string): boolean {
  return tokens.some(({ kind, text }) => kind === 'word' && text === word);
}

function isOfTransaction(tokens: readonly Token[]): boolean {
  const [first, second] = tokens.map(({ text }) => text);
  if (first === 'start') return second === 'transaction';
  if (first === 'begin') return second === undefined || second === 'work';
  return first !== undefined && COMMITTING.has(first);
}

/** A variable that is set for all sessions decides how others' statements are read. */
function takeSet(walk: WriteWalk, tokens: readonly Token[]): void {
  const texts = new Set(tokens.map(({ text }) => text.toLowerCase()));
  const isForAll = ['global', 'persist', 'persist_only'].some((word) => texts.has(word));
  if (isForAll) walk.giveUp('It sets a variable for all sessions', { mayDefine: true });
  if (tokens[1]?.text === 'statement') walk.giveUp('SET STATEMENT runs another statement');
  if (texts.has('autocommit') || texts.has('password')) walk.mayCommit = true;
}

/** Where the name of what is written stands. */
function behindModifiers(tokens: readonly Token[]): number {
  let at = 1;
  while (tokens[at]?.kind === 'word' && MODIFIERS.has(tokens[at]?.text ?? '')) at += 1;
  return at;
}

/** LOAD DATA ... INTO TABLE t. */
function behindInto(tokens: readonly Token[]): number {
  const into = tokens.findIndex(({ kind, text }) => kind === 'word' && text === 'into');
  return into < 0 ? tokens.length : into + (tokens[into + 1]?.text === 'table' ? 2 : 1);
}

function firstName(tokens: readonly Token[], at: number): Name | undefined {
  return namesIn(tokens.slice(at, at + 3), 'tables').tables[0];
}

function headOfUpdate(tokens: readonly Token[]): readonly Token[] {
  const set = tokens.findIndex(({ kind, text }) => kind === 'word' && text === 'set');
  return tokens.slice(behindModifiers(tokens), set < 0 ? undefined : set);
}
