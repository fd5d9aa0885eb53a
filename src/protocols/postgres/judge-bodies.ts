/**
 * What the text of a PL/pgSQL function may do to tables, seen without a parser for it: its tables' names stand in
 * the text, because only EXECUTE takes them from elsewhere. It may find too much, but never too little; where it
 * cannot tell, it says so.
 */
import type { QualifiedName, WrittenRelation } from './parsed-statement.ts';
import { type Token, tokensOf } from './tokens.ts';

export interface Body {
  calls: QualifiedName[];
  writes: WrittenRelation[];
  /** Every word: names of relations are among them. */
  words: ReadonlySet<string>;
  /** What stands behind a dot. */
  attributes: ReadonlySet<string>;
  /** What stands behind FROM and JOIN. */
  sources: ReadonlySet<string>;
}

/** Or why it cannot be told. */
export type BodyResult = Body | { opaque: string };

/** Wherever they stand, something happens that the text does not show. */
const OPAQUE_WORDS = new Set(['execute', 'create', 'alter', 'drop', 'copy', 'refresh']);
/** The same, where they begin a statement; elsewhere they are somebody's names. */
const OPAQUE_STATEMENTS = new Set(
  `call grant revoke comment vacuum analyze cluster reindex commit rollback import reassign load discard
  prepare do set reset security`.split(/\s+/),
);
const STATEMENT_BEGINS_BEHIND = new Set([';', 'begin', 'then', 'else', 'loop', '>', 'declare']);

/** Words in front of a `(` that call nothing. */
const NOT_CALLED = new Set(
  `all and any array as between by case cast char character check coalesce conflict cursor dec decimal distinct do
  else elsif end except exists extract filter float for from greatest group grouping having if ilike in
  interval intersect into is join key lateral least like limit loop materialized normalize not nullif numeric
  offset on only or order over overlay partition perform position precision return returning rollup row select
  set sets some substring then time timestamp treat trim union using values varchar varying when where while with
  within`.split(/\s+/),
);

export function readBody(source: string): BodyResult {
  const tokens = tokensOf(source);
  const isHidden = ({ kind, text, start }: Token): boolean =>
    kind === 'quoted' ? source.charAt(start) !== '"' : kind === 'symbol' && text.charCodeAt(0) > 0xff;
  if (tokens.some(isHidden)) {
    return { opaque: 'has names that are not read here' };
  }
  const writes: WrittenRelation[] = [];
  const targets = new Set<number>();
  const hasMerge = tokens.some(isWord('merge'));
  for (const [at, token] of tokens.entries()) {
    if (token.kind !== 'word' || tokens[at - 1]?.text === '.') continue;
    if (isOpaque(tokens, at)) return { opaque: `uses ${token.text.toUpperCase()}` };
    const target = targetAt(tokens, at);
    if (target === 'none' || (target === 'unknown' && hasMerge && isOfMerge(tokens, at))) continue;
    if (target === 'unknown') return { opaque: `has a ${token.text.toUpperCase()} that is not read here` };
    targets.add(target.last);
    writes.push(...target.actions.map((action) => ({ ...target.name, action })));
  }
  return { calls: callsIn(tokens, targets), writes, ...wordsOf(tokens) };
}

function isOpaque(tokens: Token[], at: number): boolean {
  const word = tokens[at]?.text ?? '';
  if (OPAQUE_WORDS.has(word)) return true;
  if (!OPAQUE_STATEMENTS.has(word)) return false;
  if (word === 'do' && ['nothing', 'update'].includes(tokens[at + 1]?.text ?? '')) return false;
  return at === 0 || STATEMENT_BEGINS_BEHIND.has(tokens[at - 1]?.text ?? '');
}

interface Target {
  name: QualifiedName;
  /** Index of its last token. */
  last: number;
  actions: WrittenRelation['action'][];
}

/** What the word at `at` writes, where it is the verb of a writing statement. */
function targetAt(tokens: Token[], at: number): Target | 'none' | 'unknown' {
  const [before, after] = [tokens[at - 1]?.text, tokens[at + 1]?.text];
  switch (tokens[at]?.text) {
    case 'insert':
      if (after !== 'into') return 'unknown';
      return named(tokens, at + 2, tokens.some(isWord('conflict')) ? ['insert', 'update'] : ['insert']);
    case 'update':
      // FOR UPDATE, FOR NO KEY UPDATE, DO UPDATE: its table has been named.
      if (before === 'for' || before === 'key' || before === 'do') return 'none';
      return after === 'set' ? 'unknown' : named(tokens, at + 1, ['update']);
    case 'delete':
      return after === 'from' ? named(tokens, at + 2, ['delete']) : 'unknown';
    case 'merge':
      return after === 'into' ? named(tokens, at + 2, ['insert', 'update', 'delete']) : 'unknown';
    case 'truncate': {
      const target = named(tokens, after === 'table' ? at + 2 : at + 1, ['truncate']);
      if (target === 'unknown') return target;
      return tokens[target.last + 1]?.text === ',' ? 'unknown' : target;
    }
    default:
      return 'none';
  }
}

function isOfMerge(tokens: Token[], at: number): boolean {
  return tokens[at - 1]?.text === 'then';
}

function named(tokens: Token[], from: number, actions: Target['actions']): Target | 'unknown' {
  const at = tokens[from]?.text === 'only' && tokens[from]?.kind === 'word' ? from + 1 : from;
  const [first, dot, second] = [tokens[at], tokens[at + 1], tokens[at + 2]];
  if (!isName(first)) return 'unknown';
  if (dot?.text !== '.') return { name: { name: first.text }, last: at, actions };
  if (!isName(second) || tokens[at + 3]?.text === '.') return 'unknown';
  return { name: { schema: first.text, name: second.text }, last: at + 2, actions };
}

function callsIn(tokens: Token[], targets: ReadonlySet<number>): QualifiedName[] {
  const calls: QualifiedName[] = [];
  for (const [at, token] of tokens.entries()) {
    if (!isName(token) || tokens[at + 1]?.text !== '(' || targets.has(at)) continue;
    const before = tokens[at - 1];
    const schema = before?.text === '.' ? tokens[at - 2] : undefined;
    const isKeyword = schema === undefined && token.kind === 'word' && NOT_CALLED.has(token.text);
    const isAlias = before?.kind === 'word' && before.text === 'as';
    if (isKeyword || isAlias) continue;
    calls.push(isName(schema) ? { schema: schema.text, name: token.text } : { name: token.text });
  }
  return calls;
}

function wordsOf(tokens: Token[]): Pick<Body, 'words' | 'attributes' | 'sources'> {
  const words = new Set<string>();
  const attributes = new Set<string>();
  const sources = new Set<string>();
  let isBehindFrom = false;
  for (const [at, token] of tokens.entries()) {
    if (isName(token)) {
      words.add(token.text);
      if (tokens[at - 1]?.text === '.') attributes.add(token.text);
      if (isBehindFrom) sources.add(token.text);
    }
    // `FROM a, (b JOIN public.c ...)`: everything up to the next clause counts.
    if (token.kind === 'word' && /^(from|join|table)$/.test(token.text)) isBehindFrom = true;
    else if (token.kind === 'word' && /^(where|group|order|limit|select|returning|loop)$/.test(token.text))
      isBehindFrom = false;
    else if (token.text === ';') isBehindFrom = false;
  }
  return { words, attributes, sources };
}

function isName(token: Token | undefined): token is Token {
  return token?.kind === 'word' || token?.kind === 'quoted';
}

function isWord(word: string): (token: Token) => boolean {
  return ({ kind, text }) => kind === 'word' && text === word;
}
