/**
 * A statement's text as the cache sees it: without the comments at its beginning and its end, which are no part of a
 * read, and with what its comments ask of the cache. Those in the middle stay: servers put them into the names of
 * columns. Texts come by many times: they are remembered.
 */
import type { CacheControl } from '../caching.ts';
import { controlOf } from '../sql/control-comment.ts';
import { isHeeded, type Token, tokensOf, USUAL_MODE } from './tokens.ts';

export interface ReadText {
  /** It begins as a read does. Whether it is one, the endpoint knows. */
  isRead: boolean;
  text: string;
  control: CacheControl;
}

const FIRST_WORD = /^[\s(]*(?:select|with|values|table)\b/i;
const MAY_HAVE_COMMENT = /--|\/\*|#/;
const REMEMBERED_MAX = 1_000;
const REMEMBERED_LENGTH_MAX = 4 * 1024;
const remembered = new Map<string, ReadText>();

/** `sql` has one character a byte. */
export function readTextOf(sql: string): ReadText {
  // Most texts have no comments and are cheaper to read than to look up.
  if (!MAY_HAVE_COMMENT.test(sql)) return { isRead: FIRST_WORD.test(sql), text: sql, control: {} };
  const known = remembered.get(sql);
  if (known) return known;
  const made = withoutComments(sql);
  if (sql.length > REMEMBERED_LENGTH_MAX) return made;
  remembered.set(sql, made);
  if (remembered.size > REMEMBERED_MAX) remembered.delete(remembered.keys().next().value ?? '');
  return made;
}

/**
 * What sql_mode is, only the endpoint knows: where it decides what is a comment, because there are backslashes, the
 * text is no read. (Whether double quotes hold a string or a name makes no other difference here.)
 */
function withoutComments(sql: string): ReadText {
  const tokens = sql.includes('\\') || isHeeded(sql) ? undefined : tokensOf(sql, USUAL_MODE);
  const [first] = tokens ?? [];
  const last = tokens?.at(-1);
  if (!tokens || !first || !last) return { isRead: false, text: sql, control: { isOff: true } };
  const text = sql.slice(first.start, last.end);
  return { isRead: FIRST_WORD.test(text), text, control: controlOf(commentsAround(sql, tokens)) };
}

const COMMENT = /--[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\//g;

function commentsAround(sql: string, tokens: readonly Token[]): string[] {
  let at = 0;
  const gaps = tokens.map(({ start, end }) => {
    const gap = sql.slice(at, start);
    at = end;
    return gap;
  });
  return [...gaps, sql.slice(at)].flatMap((gap) => gap.match(COMMENT) ?? []);
}
