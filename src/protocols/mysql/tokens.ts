/**
 * Cuts SQL text into tokens, as the lexers of MySQL and MariaDB do ("Language Structure" in both manuals). The text
 * holds one character a byte, so that positions are byte offsets.
 *
 * Whatever the two servers, their versions or a session's character set may read in different ways makes a text
 * that nobody reads: comments that are run or heeded, letters beyond ASCII outside of quotes, what does not end.
 * What stands between double quotes is a string or a name, as sql_mode says: here it is always `quoted`, and so
 * may be either.
 */

export interface Token {
  kind: 'word' | 'quoted' | 'string' | 'number' | 'symbol';
  /** Words in lower case; of what is quoted, what stands between the quotes. */
  text: string;
  /** The same as it was written: names may be told apart by their case. */
  name: string;
  start: number;
  end: number;
}

/** What of sql_mode decides where a quote ends. */
export interface LexicalMode {
  /** ANSI_QUOTES: a backslash between double quotes is one. */
  ansiQuotes: boolean;
  /** Not NO_BACKSLASH_ESCAPES. */
  backslashEscapes: boolean;
}

/** What a session begins with, and what definitions are kept in. */
export const USUAL_MODE: LexicalMode = { ansiQuotes: false, backslashEscapes: true };

const SPACE = ' \\t\\n\\v\\f\\r';
/** `--` begins a comment only in front of space or at the end; a comment of a line ends with a line feed alone. */
const LEXEME = new RegExp(
  `(?<space>[${SPACE}]+|#[^\\n]*|--(?=[${SPACE}\\x01-\\x1f\\x7f]|$)[^\\n]*)|(?<comment>/\\*)|` +
    `(?<quote>['"\`])|(?<word>[\\w$]+)|(?<symbol>[!-~])`,
  'y',
);
/** `/*!`, `/*M!`, `/*T!` are run by some servers; `/*+` is a hint, which may set variables. */
const HEEDED = /\/\*(?:[A-Za-z]?!|\+)/;
const DIGITS = /^\d+$/;

export function isHeeded(sql: string): boolean {
  return HEEDED.test(sql);
}

/** Undefined: it cannot be told where what begins and ends. */
export function tokensOf(sql: string, mode: LexicalMode): Token[] | undefined {
  if (sql.includes('\0') || isHeeded(sql)) return undefined;
  const tokens: Token[] = [];
  let at = 0;
  while (at < sql.length) {
    LEXEME.lastIndex = at;
    const groups = LEXEME.exec(sql)?.groups;
    if (!groups) return undefined;
    const head = LEXEME.lastIndex;
    if (groups['space'] !== undefined) at = head;
    else if (groups['comment'] !== undefined) {
      const end = sql.indexOf('*/', head);
      if (end < 0) return undefined;
      at = end + 2;
    } else {
      const token = tokenAt(sql, { start: at, head, groups, mode });
      if (!token) return undefined;
      tokens.push(token);
      at = token.end;
    }
  }
  return tokens;
}

interface Lexeme {
  start: number;
  head: number;
  groups: Record<string, string | undefined>;
  mode: LexicalMode;
}

function tokenAt(sql: string, { start, head, groups, mode }: Lexeme): Token | undefined {
  const { quote } = groups;
  if (quote !== undefined) return quotedAt(sql, { quote, start, mode });
  const text = sql.slice(start, head);
  const { word } = groups;
  // `$$` may begin a quote of its own.
  if (word?.startsWith('$')) return undefined;
  if (word === undefined) return { kind: 'symbol', text, name: text, start, end: head };
  const kind = DIGITS.test(text) ? 'number' : 'word';
  return { kind, text: text.toLowerCase(), name: text, start, end: head };
}

function quotedAt(
  sql: string,
  { quote, start, mode }: { quote: string; start: number; mode: LexicalMode },
): Token | undefined {
  const isName = quote === '`' || (quote === '"' && mode.ansiQuotes);
  const escapes = !isName && mode.backslashEscapes;
  let text = '';
  for (let at = start + 1; at < sql.length; at += 1) {
    const character = sql.charAt(at);
    if (escapes && character === '\\') at += 1;
    else if (character === quote) {
      if (sql.charAt(at + 1) !== quote)
        return { kind: quote === "'" ? 'string' : 'quoted', text, name: text, start, end: at + 1 };
      at += 1;
    }
    text += sql.charAt(at);
  }
  return undefined;
}

/** Statements of the text; empty ones are left out. What is between BEGIN and END is cut up too. */
export function statementsOf(tokens: readonly Token[]): Token[][] {
  const statements: Token[][] = [];
  let current: Token[] = [];
  for (const token of [...tokens, END]) {
    if (token.kind === 'symbol' && token.text === ';') {
      if (current.length > 0) statements.push(current);
      current = [];
    } else current.push(token);
  }
  return statements;
}

const END: Token = { kind: 'symbol', text: ';', name: ';', start: 0, end: 0 };
