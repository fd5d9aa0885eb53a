/**
 * Names in the tokens of a statement: those that stand where only a relation can, and all that might be one. The
 * places are found by following parentheses and the words FROM, JOIN and the like; what stands in no such place is
 * a column or an alias, but could be a relation that was overlooked.
 */
import { utf8OfLatin1 } from '../bytes/latin1.ts';
import type { Token } from './tokens.ts';

export interface Name {
  database?: string;
  name: string;
}

export interface Names {
  /** Where a relation must stand. Names of WITH are left out, and so is DUAL. */
  readonly tables: readonly Name[];
  /** Whatever could be a relation. */
  readonly mentions: readonly Name[];
}

/** A pair of parentheses, or the statement itself. */
interface Level {
  kind: 'list' | 'tables' | 'other';
  /** In the list of tables: a table comes next. */
  expects: boolean;
}

/** They end a list of tables. Reserved words: none is an alias. */
const ENDS_TABLES = new Set(
  'where group having order limit union except intersect procedure into lock set'.split(' '),
);

/** Reserved words, which name something only between quotes or behind a dot; not all that there are. */
const RESERVED = new Set(
  (
    'select from where group order by having limit union join on using and or not in as is null like between ' +
    'insert into update delete replace set values key index table with distinct case when then else left right inner cross'
  ).split(' '),
);

/** `begins`: what the first token belongs to. */
export function namesIn(tokens: readonly Token[], begins: Level['kind'] = 'other'): Names {
  const withNames = namesOfWith(tokens);
  const tables: Name[] = [];
  const levels: Level[] = [{ kind: begins, expects: begins === 'tables' }];
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at];
    const level = levels.at(-1);
    if (!token || !level) break;
    if (token.kind === 'symbol') takeSymbol(token.text, levels, level);
    else if (token.kind === 'word' && takeWord(tokens, at, level)) continue;
    else if (level.kind === 'tables' && level.expects && isName(token)) {
      const { name, next } = nameAt(tokens, at);
      level.expects = false;
      at = next - 1;
      const isFunction = tokens[next]?.text === '(' && token.text === 'json_table';
      const isOfWith = name.database === undefined && withNames.has(name.name.toLowerCase());
      if (!isFunction && !isOfWith) tables.push(name);
    }
  }
  return { tables, mentions: mentionsIn(tokens) };
}

function takeSymbol(symbol: string, levels: Level[], level: Level): void {
  if (symbol === '(') {
    const isList = level.kind === 'tables' && level.expects;
    level.expects = false;
    levels.push({ kind: isList ? 'tables' : 'other', expects: isList });
  } else if (symbol === ')') levels.pop();
  else if (symbol === ',' && level.kind === 'tables') level.expects = true;
}

/** True: the word is of the grammar and names nothing. */
function takeWord(tokens: readonly Token[], at: number, level: Level): boolean {
  const { text: word = '' } = tokens[at] ?? {};
  const before = tokens[at - 1]?.text;
  if (before === '.') return false;
  // USE INDEX FOR JOIN, FOR ORDER BY, FOR GROUP BY
  if (before === 'for') return true;
  if (word === 'select') Object.assign(level, { kind: 'list', expects: false });
  else if (word === 'values') Object.assign(level, { kind: 'other', expects: false });
  else if (word === 'table') Object.assign(level, { kind: 'tables', expects: true });
  else if (word === 'from' && level.kind === 'list') Object.assign(level, { kind: 'tables', expects: true });
  else if (level.kind !== 'tables') return false;
  else if (word === 'join' || word === 'straight_join') level.expects = true;
  else if (ENDS_TABLES.has(word)) Object.assign(level, { kind: 'other', expects: false });
  else if (word === 'dual') level.expects = false;
  else return word === 'lateral';
  return true;
}

function isName({ kind }: Token): boolean {
  return kind === 'word' || kind === 'quoted';
}

/** `a`, `a.b` and, of columns, `a.b.c`. */
function nameAt(tokens: readonly Token[], at: number): { name: Name; next: number } {
  const parts = [readable(tokens[at])];
  let next = at + 1;
  while (tokens[next]?.text === '.' && tokens[next]?.kind === 'symbol') {
    parts.push(readable(tokens[next + 1]));
    next += 2;
  }
  const [first = '', second] = parts;
  return { name: second === undefined ? { name: first } : { database: first, name: second }, next };
}

/** As the catalog has it. */
function readable(token: Token | undefined): string {
  return utf8OfLatin1(token?.name ?? '');
}

function mentionsIn(tokens: readonly Token[]): Name[] {
  const mentions: Name[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at];
    const isGrammar = token?.kind === 'word' && RESERVED.has(token.text) && tokens[at - 1]?.text !== '.';
    if (!token || !isName(token) || isGrammar) continue;
    const { name, next } = nameAt(tokens, at);
    mentions.push(name);
    if (name.database !== undefined) mentions.push({ name: name.database });
    at = next - 1;
  }
  return mentions;
}

/** `WITH a (x) AS (...), b AS (...)`: what stands in front of `AS (`, and is no table. */
function namesOfWith(tokens: readonly Token[]): ReadonlySet<string> {
  const names = new Set<string>();
  if (!tokens.some(({ kind, text }) => kind === 'word' && text === 'with')) return names;
  for (const [at, { kind, text }] of tokens.entries()) {
    if (kind !== 'word' || text !== 'as' || tokens[at + 1]?.text !== '(') continue;
    const named = tokens[beforeColumns(tokens, at) - 1];
    if (named) names.add(readable(named).toLowerCase());
  }
  return names;
}

/** Where the list of columns in front of `at` begins, if there is one. */
function beforeColumns(tokens: readonly Token[], at: number): number {
  if (tokens[at - 1]?.text !== ')') return at;
  let open = at - 2;
  while (open > 0 && tokens[open]?.text !== '(') open -= 1;
  return open;
}
