/**
 * The origin's catalog as the answers to our questions (catalog-questions.ts) tell it, in maps to look things up.
 * Object ids stay text: nothing is reckoned with them.
 */
import { type Answers, type Cell, grouped, listed, text } from '../sql/answers.ts';

/** pg_class.relkind: `r` and `p` tables, `v` view, `m` materialized view, `f` foreign table, `S` sequence. */
export interface Relation {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  /** `active`: row level security holds for our login; `exempt`: for others only. */
  readonly security: 'none' | 'active' | 'exempt';
}

/** pg_proc.provolatile: immutable, stable, volatile. Of an aggregate the worst of its functions'. */
export type Volatility = 'i' | 's' | 'v';

export interface UserFunction {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly volatility: Volatility;
  readonly language: string;
  /** The extension that it belongs to. */
  readonly extension: string | undefined;
  /** Of SQL and PL/pgSQL. Undefined: too long to be looked at. */
  readonly source: string | undefined;
  /** Its source is kept as a parse tree (BEGIN ATOMIC): what we have is its CREATE FUNCTION. */
  readonly isParsed: boolean;
  /** It can be written like a column: `t.f` means `f(t)`. */
  readonly takesRow: boolean;
}

export interface Trigger {
  /** pg_trigger.tgtype: 4 insert, 8 delete, 16 update, 32 truncate. */
  readonly type: number;
  readonly function: string;
}

/** pg_constraint: `a` no action, `r` restrict, `c` cascade, `n` set null, `d` set default. */
export interface ForeignKey {
  readonly referencing: string;
  readonly onDelete: string;
  readonly onUpdate: string;
}

/** An operator or a cast of the user's whose function is not immutable. */
export interface Impurity {
  /** Of the operator, or of the type that is cast to. */
  readonly name: string;
  readonly function: string;
  /** A cast that PostgreSQL puts in by itself. */
  readonly isImplicit: boolean;
}

export interface CatalogFacts {
  readonly user: string;
  readonly searchPath: string;
  /** Name to: may our login use it? */
  readonly schemas: ReadonlyMap<string, boolean>;
  readonly relations: ReadonlyMap<string, Relation>;
  readonly relationsNamed: ReadonlyMap<string, readonly Relation[]>;
  readonly definitions: ReadonlyMap<string, string>;
  readonly children: ReadonlyMap<string, readonly string[]>;
  readonly parents: ReadonlyMap<string, readonly string[]>;
  /** By relation; `0`: event triggers. */
  readonly triggers: ReadonlyMap<string, readonly Trigger[]>;
  readonly ruled: ReadonlySet<string>;
  readonly foreignKeys: ReadonlyMap<string, readonly ForeignKey[]>;
  /** Conditions under which rows may be read. */
  readonly policies: ReadonlyMap<string, readonly string[]>;
  readonly functions: ReadonlyMap<string, UserFunction>;
  readonly functionsNamed: ReadonlyMap<string, readonly UserFunction[]>;
  readonly rowFunctions: readonly UserFunction[];
  /** Functions of pg_catalog by name, the worst of those with the same name. */
  readonly builtIns: ReadonlyMap<string, Volatility>;
  readonly operators: readonly Impurity[];
  readonly casts: readonly Impurity[];
  /** User functions in defaults, checks, policies and trigger conditions of a relation; `0`: of domains. */
  readonly calls: ReadonlyMap<string, readonly string[]>;
}

export type QuestionName =
  | 'session'
  | 'schemas'
  | 'relations'
  | 'columns'
  | 'definitions'
  | 'inheritance'
  | 'triggers'
  | 'rules'
  | 'foreignKeys'
  | 'policies'
  | 'functions'
  | 'builtIns'
  | 'operators'
  | 'casts'
  | 'calls';

export function factsOfCatalog(answers: Answers<QuestionName>): CatalogFacts {
  const schemaNames = new Map(answers.schemas.map(([oid, name]) => [text(oid), text(name)]));
  const relations = answers.relations.map((row) => relationOf(row, schemaNames));
  const functions = answers.functions.map((row) => functionOf(row, schemaNames));
  const [session = []] = answers.session;
  return {
    user: text(session[0]),
    searchPath: text(session[1]),
    schemas: new Map(answers.schemas.map(([, name, isUsable]) => [text(name), isUsable === 't'])),
    relations: new Map(relations.map((relation) => [relation.oid, relation])),
    relationsNamed: grouped(relations, ({ name }) => name),
    definitions: new Map(answers.definitions.flatMap(([oid, sql]) => (sql ? [[text(oid), sql]] : []))),
    children: listed(answers.inheritance, ([child, parent]) => [parent, text(child)]),
    parents: listed(answers.inheritance, ([child, parent]) => [child, text(parent)]),
    triggers: listed(answers.triggers, ([relation, type, fn]) => [
      relation,
      { type: Number(type), function: text(fn) },
    ]),
    ruled: new Set(answers.rules.map(([relation]) => text(relation))),
    foreignKeys: listed(answers.foreignKeys, ([referenced, referencing, onDelete, onUpdate]) => [
      referenced,
      { referencing: text(referencing), onDelete: text(onDelete), onUpdate: text(onUpdate) },
    ]),
    policies: listed(answers.policies, ([relation, condition]) => [relation, text(condition)]),
    functions: new Map(functions.map((fn) => [fn.oid, fn])),
    functionsNamed: grouped(functions, ({ name }) => name),
    rowFunctions: functions.filter(({ takesRow }) => takesRow),
    builtIns: new Map(answers.builtIns.map(([name, worst]) => [text(name), volatility(worst)])),
    operators: answers.operators.map(([name, fn]) => ({
      name: text(name),
      function: text(fn),
      isImplicit: false,
    })),
    casts: answers.casts.map(([name, fn, context]) => ({
      name: text(name),
      function: text(fn),
      isImplicit: context !== 'e',
    })),
    calls: listed(answers.calls, ([relation, fn]) => [relation, text(fn)]),
  };
}

function relationOf(row: readonly Cell[], schemas: ReadonlyMap<string, string>): Relation {
  const [oid, schema, name, kind, isSecured] = row;
  return {
    oid: text(oid),
    schema: schemas.get(text(schema)) ?? '',
    name: text(name),
    kind: text(kind),
    security: isSecured === 't' ? 'active' : isSecured === 'f' ? 'exempt' : 'none',
  };
}

function functionOf(row: readonly Cell[], schemas: ReadonlyMap<string, string>): UserFunction {
  const [oid, schema, name, worst, language, extension, source, isParsed, takesRow] = row;
  return {
    oid: text(oid),
    schema: schemas.get(text(schema)) ?? '',
    name: text(name),
    volatility: volatility(worst),
    language: text(language),
    extension: extension ?? undefined,
    source: source ?? undefined,
    isParsed: isParsed === 't',
    takesRow: takesRow === 't',
  };
}

function volatility(cell: Cell): Volatility {
  return cell === 'i' || cell === 's' ? cell : 'v';
}
