/**
 * Cuts SQL text into tokens, as PostgreSQL's lexer does (manual 4.1, "Lexical Structure"): nested comments, the
 * string forms, dollar quotes, quoted identifiers. The text holds one character per byte, so that positions are
 * byte offsets. It never fails: what is open at the end ends there.
 */

export interface Token {
  kind: 'word' | 'quoted' | 'string' | 'symbol';
  /** Words in lower case; strings and quoted identifiers without quotes and with their escapes undone. */
  text: string;
  start: number;
  end: number;
}

// One alternative per lexical form; sticky, so each match begins where the last ended.
const LEXEME =
  /(?<space>\s+|--[^\n\r]*)|(?<comment>\/\*)|(?<string>(?<prefix>[eEbBxXnN]|[uU]&)?')|(?<quoted>(?:[uU]&)?")|(?<dollar>\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*)?\$)|(?<word>[A-Za-z_\x80-\xff][\w$\x80-\xff]*)|(?<symbol>\d[\w.]*|[\s\S])/y;

/** Statements of the text, each a list of its tokens; empty ones are left out. */
export function statementsOf(sql: string): Token[][] {
  const statements: Token[][] = [];
  let current: Token[] = [];
  for (const token of tokensOf(sql)) {
    if (token.kind === 'symbol' && token.text === ';') {
      if (current.length > 0) statements.push(current);
      current = [];
    } else current.push(token);
  }
  if (current.length > 0) statements.push(current);
  return statements;
}

export function tokensOf(sql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < sql.length) {
    LEXEME.lastIndex = at;
    const groups = LEXEME.exec(sql)?.groups ?? {};
    const head = LEXEME.lastIndex;
    if (groups.space !== undefined) at = head;
    else if (groups.comment !== undefined) at = endOfComment(sql, head);
    else {
      const token = tokenAt(sql, at, head, groups);
      tokens.push(token);
      at = token.end;
    }
  }
  return tokens;
}

function tokenAt(
  sql: string,
  start: number,
  head: number,
  groups: Record<string, string | undefined>,
): Token {
  if (groups.string !== undefined) {
    const hasBackslashes = groups.prefix === 'e' || groups.prefix === 'E';
    return quotedToken({ sql, kind: 'string', quote: "'", hasBackslashes, start, head });
  }
  if (groups.quoted !== undefined)
    return quotedToken({ sql, kind: 'quoted', quote: '"', hasBackslashes: false, start, head });
  if (groups.dollar !== undefined) {
    const close = sql.indexOf(groups.dollar, head);
    const end = close < 0 ? sql.length : close + groups.dollar.length;
    return { kind: 'string', text: sql.slice(head, close < 0 ? sql.length : close), start, end };
  }
  const text = sql.slice(start, head);
  if (groups.word !== undefined) return { kind: 'word', text: lowerCase(text), start, end: head };
  return { kind: 'symbol', text, start, end: head };
}

/** Of ASCII letters only, as in PostgreSQL: the others here are pieces of letters. */
function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

interface Quoted {
  sql: string;
  kind: 'string' | 'quoted';
  quote: string;
  hasBackslashes: boolean;
  start: number;
  head: number;
}

function quotedToken({ sql, kind, quote, hasBackslashes, start, head }: Quoted): Token {
  let text = '';
  let at = head;
  while (at < sql.length) {
    const character = sql.charAt(at);
    if (hasBackslashes && character === '\\') {
      text += sql.charAt(at + 1);
      at += 2;
    } else if (character !== quote) {
      text += character;
      at += 1;
    } else if (sql.charAt(at + 1) === quote) {
      text += quote;
      at += 2;
    } else return { kind, text, start, end: at + 1 };
  }
  return { kind, text, start, end: sql.length };
}

/** Comments nest in PostgreSQL, other than in the SQL standard. */
function endOfComment(sql: string, from: number): number {
  let depth = 1;
  let at = from;
  while (at < sql.length && depth > 0) {
    if (sql.startsWith('/*', at)) {
      depth += 1;
      at += 2;
    } else if (sql.startsWith('*/', at)) {
      depth -= 1;
      at += 2;
    } else at += 1;
  }
  return at;
}
