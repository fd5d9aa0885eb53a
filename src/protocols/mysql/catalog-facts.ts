/** The origin's catalog as the answers to our questions (catalog-questions.ts) tell it, in maps to look things up. */
import { asBytes } from '../bytes/latin1.ts';
import { type Answers, type Cell, grouped, listed, text } from '../sql/answers.ts';
import type { Name } from './names.ts';
import { type LexicalMode, type Token, tokensOf, USUAL_MODE } from './tokens.ts';

export type Action = 'insert' | 'update' | 'delete';

export interface Relation {
  /** Of database and name, as they are compared: one for each relation. */
  readonly id: string;
  readonly database: string;
  readonly name: string;
  /** `BASE TABLE`, `VIEW`, `SEQUENCE`, `SYSTEM VERSIONED`, ... */
  readonly type: string;
  readonly engine: string;
}

/** SQL that the origin keeps. */
export interface Body {
  readonly database: string;
  /** Undefined: nobody can look into it. */
  readonly tokens: readonly Token[] | undefined;
}

export interface Trigger extends Body {
  /** MariaDB 12 has triggers of several. */
  readonly actions: readonly Action[];
}

export interface Routine extends Body {
  readonly name: string;
}

export interface ForeignKey {
  readonly child: string;
  readonly onDelete: string;
  readonly onUpdate: string;
}

export interface CatalogFacts {
  /** `11.4.2-MariaDB`, `9.7.4`. */
  readonly version: string;
  readonly sqlMode: string;
  /** Each new session of others than administrators runs it. */
  readonly initConnect: string;
  /** As `SHOW VARIABLES` says it: `REPEATABLE-READ`. */
  readonly isolation: string;
  relation(name: Name, database: string | undefined): Relation | undefined;
  relationWithId(id: string): Relation | undefined;
  /** By the id of the view. */
  readonly views: ReadonlyMap<string, Body>;
  /** By the id of the table. */
  readonly triggers: ReadonlyMap<string, readonly Trigger[]>;
  /** By lower-case name, whichever database they are in. */
  readonly routines: ReadonlyMap<string, readonly Routine[]>;
  /** By the id of the table that is referred to. */
  readonly foreignKeys: ReadonlyMap<string, readonly ForeignKey[]>;
  /** Expressions of virtual columns, where they may look at more than their row. */
  readonly virtualColumns: ReadonlyMap<string, readonly Body[]>;
  /** Columns of type TIME, in lower case, by the id of their table or view. */
  readonly timeColumns: ReadonlyMap<string, readonly string[]>;
  /** Our login sees all triggers of this table. */
  seesTriggers(relation: Relation): boolean;
}

export type QuestionName =
  | 'session'
  | 'relations'
  | 'views'
  | 'triggers'
  | 'routines'
  | 'foreignKeys'
  | 'timeColumns'
  | 'virtualColumns'
  | 'privileges'
  | 'variables';

export function factsOfCatalog(answers: Answers<QuestionName>): CatalogFacts {
  const [session = []] = answers.session;
  const [version, caseMode, sqlMode, initConnect] = session;
  const fold = caseMode === '0' ? (name: string): string => name : lowerCase;
  const idOf = (database: Cell, name: Cell): string =>
    `${escaped(fold(text(database)))}.${escaped(fold(text(name)))}`;
  const relations = new Map(
    answers.relations.map(([database, name, type, engine]): [string, Relation] => {
      const id = idOf(database, name);
      return [id, { id, database: text(database), name: text(name), type: text(type), engine: text(engine) }];
    }),
  );
  const variables = new Map(answers.variables.map(([name, value]) => [text(name), text(value)]));
  const sight = triggerSight(answers, { isPartial: (variables.get('partial_revokes') ?? 'OFF') !== 'OFF' });
  return {
    version: text(version),
    sqlMode: text(sqlMode),
    initConnect: text(initConnect),
    isolation: variables.get('transaction_isolation') ?? variables.get('tx_isolation') ?? '',
    relation: (name, current) => {
      const database = name.database ?? current;
      return database === undefined ? undefined : relations.get(idOf(database, name.name));
    },
    relationWithId: (id) => relations.get(id),
    views: new Map(
      answers.views.map(([database, name, sql]) => [
        idOf(database, name),
        bodyOf({ database, sql, mode: USUAL_MODE }),
      ]),
    ),
    triggers: listed(answers.triggers, ([database, name, action, sql, mode]) => [
      idOf(database, name),
      {
        ...bodyOf({ database, sql, mode: lexicalModeOf(text(mode)) }),
        actions: text(action).toLowerCase().split(',') as Action[],
      },
    ]),
    routines: grouped(
      answers.routines.map(([database, name, sql, mode]) => ({
        ...bodyOf({ database, sql, mode: lexicalModeOf(text(mode)) }),
        name: lowerCase(text(name)),
      })),
      ({ name }) => name,
    ),
    foreignKeys: listed(answers.foreignKeys, ([database, parent, schema, child, onDelete, onUpdate]) => [
      idOf(database, parent),
      { child: idOf(schema, child), onDelete: text(onDelete), onUpdate: text(onUpdate) },
    ]),
    virtualColumns: listed(answers.virtualColumns, ([database, name, sql]) => [
      idOf(database, name),
      bodyOf({ database, sql, mode: USUAL_MODE }),
    ]),
    timeColumns: listed(answers.timeColumns, ([database, name, column]) => [
      idOf(database, name),
      lowerCase(text(column)),
    ]),
    seesTriggers: ({ database, name }) => sight(database, name),
  };
}

/**
 * Who may not see a table's triggers is not told that there are any. Patterns and what comes by way of a role are
 * not believed, and no grant for everything where parts of it may have been revoked.
 */
function triggerSight(
  { privileges }: Answers<QuestionName>,
  { isPartial }: { isPartial: boolean },
): (database: string, name: string) => boolean {
  const granted = new Set(privileges.map(([database, name]) => `${text(database)}\0${text(name)}`));
  return (database, name) =>
    (granted.has('\0') && !isPartial) ||
    granted.has(`${database.replace(/[_%]/g, '\\$&')}\0`) ||
    (/^[^_%]*$/.test(database) && granted.has(`${database}\0`)) ||
    granted.has(`${database}\0${name}`);
}

/** Modes that change the grammar itself. */
const OTHER_GRAMMAR = /\b(?:ORACLE|MSSQL|DB2|POSTGRESQL|MAXDB)\b/i;

/** Undefined: another grammar. */
export function lexicalModeOf(sqlMode: string): LexicalMode | undefined {
  if (OTHER_GRAMMAR.test(sqlMode)) return undefined;
  return {
    ansiQuotes: /\bANSI(?:_QUOTES)?\b/i.test(sqlMode),
    backslashEscapes: !/\bNO_BACKSLASH_ESCAPES\b/i.test(sqlMode),
  };
}

function bodyOf(source: { database: Cell; sql: Cell; mode: LexicalMode | undefined }): Body {
  const { database, sql, mode } = source;
  return { database: text(database), tokens: sql && mode ? tokensOf(asBytes(sql), mode) : undefined };
}

/** Of ASCII letters only: others are folded in many ways. A name that is not found makes nothing wrong. */
export function lowerCase(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** A dot in a name is no dot between two; what a reply depends on is written in ASCII. */
function escaped(name: string): string {
  return encodeURIComponent(name).replaceAll('.', '%2E');
}
