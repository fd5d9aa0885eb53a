/**
 * A text without its comments and without what stands between quotes: what is left can do something. Linear, and
 * without an object a token, for texts may be long and mostly values.
 */
import type { LexicalMode } from './tokens.ts';

/** `--` begins a comment only in front of space, control characters or the end. */
const NEXT = /['"`#]|--(?![!-~\u0080-\u00ff])|\/\*/g;

/** Undefined: it cannot be told where what begins and ends. Comments that servers heed stay in it. */
export function codeOf(sql: string, mode: LexicalMode): string | undefined {
  const kept: string[] = [];
  let at = 0;
  for (;;) {
    NEXT.lastIndex = at;
    const found = NEXT.exec(sql);
    if (!found) break;
    const [opening] = found;
    kept.push(sql.slice(at, found.index));
    const end = endOf(sql, { opening, start: found.index, mode });
    if (end === undefined) return undefined;
    const isHeeded = opening === '/*' && /[!+A-Za-z]/.test(sql.charAt(found.index + 2));
    kept.push(isHeeded ? sql.slice(found.index, end) : (PLACEHOLDERS[opening] ?? ' '));
    at = end;
  }
  kept.push(sql.slice(at));
  return kept.join('');
}

/** What stood there still parts the words around it. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  "'": "''",
  '"': '""',
  '`': '``',
  '#': '\n',
  '--': '\n',
};

function endOf(
  sql: string,
  { opening, start, mode }: { opening: string; start: number; mode: LexicalMode },
): number | undefined {
  if (opening === '/*') return behind(sql.indexOf('*/', start + 2), 2);
  if (opening === '#' || opening === '--') {
    const lineEnd = sql.indexOf('\n', start);
    return lineEnd < 0 ? sql.length : lineEnd + 1;
  }
  const isName = opening === '`' || (opening === '"' && mode.ansiQuotes);
  return endOfQuoted(sql, { quote: opening, start, escapes: !isName && mode.backslashEscapes });
}

function behind(index: number, length: number): number | undefined {
  return index < 0 ? undefined : index + length;
}

const STOPS: Readonly<Record<string, RegExp>> = { "'": /['\\]/g, '"': /["\\]/g, '`': /`/g };

function endOfQuoted(
  sql: string,
  { quote, start, escapes }: { quote: string; start: number; escapes: boolean },
): number | undefined {
  const stop = STOPS[quote] ?? /`/g;
  let at = start + 1;
  for (;;) {
    stop.lastIndex = at;
    const index = stop.exec(sql)?.index;
    if (index === undefined) return undefined;
    const isQuote = sql.charAt(index) === quote;
    if (isQuote && sql.charAt(index + 1) !== quote) return index + 1;
    at = index + (isQuote || escapes ? 2 : 1);
  }
}
