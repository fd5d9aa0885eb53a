/**
 * May the reply to a query be kept, and on which relations does it depend? Equal questions have equal answers while
 * nothing changes only if nothing on the way looks at the time, at chance, at the session or at another connection:
 * neither the statement nor a view that it reads. The settings of the session are no matter: replies are kept apart
 * by them.
 *
 * There is no parser of the whole grammar here. A statement passes if each of its calls is on a list, none of its
 * words is one that does more than read, and each name in the place of a relation is one of the catalog's.
 */
import { utf8OfLatin1 } from '../bytes/latin1.ts';
import type { Dependency } from '../caching.ts';
import { callsIn } from './calls.ts';
import { type CatalogFacts, lowerCase, type Relation } from './catalog-facts.ts';
import { type Name, namesIn } from './names.ts';
import type { Token } from './tokens.ts';

export interface Objection {
  status: 'volatile' | 'uncacheable';
  reason: string;
}

export type Reading = { reads: ReadonlySet<Dependency> } | Objection;

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));

/** They are functions without parentheses. */
const MOVING_WORDS = words(
  'localtime localtimestamp utc_date utc_time utc_timestamp sysdate systimestamp rownum nextval currval lastval ' +
    'session_user system_user',
);
const MOVING_WORD = /^current_/;
/** They do more than read, or read what no write of ours changes. */
const REFUSED_WORDS = words(
  'into procedure lock update delete call sql_no_cache sql_calc_found_rows system_time examined tablesample',
);
/** `NEXT VALUE FOR s`, `FOR UPDATE`, `FOR SHARE`, `FOR VALUE`. */
const REFUSED_PAIRS = words('for-update for-share next-value previous-value value-for');
const REFUSED_SYMBOLS = words('@ { } \\ :');
/**
 * Rows of these change by statements that name them, at a commit, and by nothing else. Those of others vanish with a
 * restart (MEMORY), are another table's (MERGE), or change later than they are written (INSERT DELAYED into MyISAM).
 */
const TRANSACTIONAL = words('innodb rocksdb');
const BEHIND_NAMES = words(
  ', . = < > ! + - * / % ; from as asc desc is in not between like and or limit having',
);
const READING_WORDS = words('select with values table');

export class ReadsJudge {
  readonly #facts: CatalogFacts;

  constructor(facts: CatalogFacts) {
    this.#facts = facts;
  }

  readingOf(tokens: readonly Token[], database: string | undefined): Reading {
    const reads = new Set<Dependency>();
    return this.#inText({ tokens, database, within: '' }, reads) ?? { reads };
  }

  #inText(text: Text, reads: Set<Dependency>): Objection | undefined {
    const { tokens, database, within } = text;
    if (!beginsAsRead(tokens)) return located(uncacheable('It is not a SELECT'), within);
    const objection = objectionToWords(tokens) ?? this.#toCalls(tokens);
    if (objection) return located(objection, within);
    const { tables, mentions } = namesIn(tokens);
    const unknown = tables.find((name) => this.#facts.relation(name, database) === undefined);
    if (unknown) return located(uncacheable(`The relation ${printed(unknown)} is not known`), within);
    for (const name of mentions) {
      const relation = this.#facts.relation(name, database);
      const found = relation && this.#toRelation(relation, text, reads);
      if (found) return located(found, within);
    }
    return undefined;
  }

  #toCalls(tokens: readonly Token[]): Objection | undefined {
    const call = callsIn(tokens, this.#facts).find(({ kind }) => kind !== 'cacheable');
    if (!call) return undefined;
    if (call.kind === 'moving') return volatile(`${call.name}() may be another each time`);
    return uncacheable(`What ${call.name}() does is not known`);
  }

  #toRelation(relation: Relation, text: Text, reads: Set<Dependency>): Objection | undefined {
    const { id, name, type, engine } = relation;
    const dependency: Dependency = `r${id}`;
    const column = this.#timeColumnIn(relation, text.tokens);
    if (column) return uncacheable(`${name}.${column} is a TIME, which today's date may make a date`);
    if (reads.has(dependency)) return undefined;
    reads.add(dependency);
    if (type === 'VIEW') return this.#toView(relation, reads);
    if (type !== 'BASE TABLE' && type !== 'SYSTEM VERSIONED') return uncacheable(`${name} is a ${type}`);
    if (!TRANSACTIONAL.has(engine.toLowerCase()))
      return uncacheable(`${name} is kept by the engine ${engine}`);
    return this.#toVirtualColumns(relation);
  }

  /** MariaDB lets them look at the time, or at who asks. */
  #toVirtualColumns({ id, name }: Relation): Objection | undefined {
    for (const { tokens } of this.#facts.virtualColumns.get(id) ?? []) {
      const objection = tokens
        ? (objectionToWords(tokens) ?? this.#toCalls(tokens))
        : uncacheable('It is opaque');
      if (objection) return located(objection, `a virtual column of ${name}`);
    }
    return undefined;
  }

  /** A star among several queries or joined columns stands for all columns. */
  #timeColumnIn({ id }: Relation, tokens: readonly Token[]): string | undefined {
    const columns = this.#facts.timeColumns.get(id);
    if (!columns) return undefined;
    const isMixed = mixesColumns(tokens);
    const [first] = columns;
    if (isMixed && tokens.some(({ kind, text }) => kind === 'symbol' && text === '*')) return first;
    const named = new Set(tokens.map(({ name }) => lowerCase(utf8OfLatin1(name))));
    return isMixed && named.has('natural') ? first : columns.find((column) => named.has(column));
  }

  #toView(view: Relation, reads: Set<Dependency>): Objection | undefined {
    const { tokens, database } = this.#facts.views.get(view.id) ?? {};
    if (!tokens) return uncacheable(`The view ${view.name} cannot be looked into`);
    return this.#inText({ tokens, database, within: `the view ${view.name}` }, reads);
  }
}

interface Text {
  tokens: readonly Token[];
  database: string | undefined;
  /** The view. Empty: the statement itself. */
  within: string;
}

/** Columns may be given other names, become one with another, or be compared without being named. */
function mixesColumns(tokens: readonly Token[]): boolean {
  const found = tokens.filter(({ kind }) => kind === 'word').map(({ text }) => text);
  const queries = found.filter((word) => READING_WORDS.has(word));
  return queries.length > 1 || found.includes('natural') || found.includes('using');
}

/** `(((SELECT` is one too. */
export function beginsAsRead(tokens: readonly Token[]): boolean {
  const first = tokens.find(({ text }) => text !== '(');
  return first?.kind === 'word' && READING_WORDS.has(first.text);
}

function objectionToWords(tokens: readonly Token[]): Objection | undefined {
  for (const [at, { kind, text }] of tokens.entries()) {
    const next = tokens[at + 1];
    if (kind === 'symbol' && REFUSED_SYMBOLS.has(text)) return uncacheable(objectionToSymbol(text));
    if (kind !== 'word') continue;
    if (MOVING_WORDS.has(text) || MOVING_WORD.test(text)) return volatile(`${upper(text)} moves`);
    if (REFUSED_WORDS.has(text)) return uncacheable(`It says ${upper(text)}`);
    if (next && REFUSED_PAIRS.has(`${text}-${next.text}`))
      return uncacheable(`It says ${upper(text)} ${upper(next.text)}`);
    if (text === 'time' && !isTimeName(tokens, at))
      return uncacheable("Today's date may make a date of a TIME");
  }
  return undefined;
}

/** A column with this name; not `TIME '10:00'`, `CAST(x AS TIME)`, `TIME(x)`, `RETURNING TIME`, `t TIME PATH`. */
function isTimeName(tokens: readonly Token[], at: number): boolean {
  const next = tokens[at + 1]?.text;
  if (tokens[at - 1]?.text === '.') return true;
  return tokens[at - 1]?.text !== 'returning' && (next === undefined || BEHIND_NAMES.has(next));
}

function objectionToSymbol(symbol: string): string {
  return symbol === '@' ? 'It looks at a variable' : `Nobody knows what ${symbol} means`;
}

function upper(word: string): string {
  return word.toUpperCase();
}

function printed({ database, name }: Name): string {
  return database === undefined ? name : `${database}.${name}`;
}

function located({ status, reason }: Objection, within: string): Objection {
  const isLocated = within === '' || reason.includes(', in ');
  return { status, reason: isLocated ? reason : `${reason}, in ${within}` };
}

function volatile(reason: string): Objection {
  return { status: 'volatile', reason };
}

function uncacheable(reason: string): Objection {
  return { status: 'uncacheable', reason };
}
