/**
 * A statement's text as the cache sees it: without its comments, which are no part of a read, and with what the
 * comments ask of the cache. Every text of a prepared statement comes by many times: it is remembered.
 */
import type { CacheControl } from '../caching.ts';
import { controlOf } from '../sql/control-comment.ts';
import { tokensOf } from './tokens.ts';

export interface ReadText {
  /** It begins as a read does. Whether it is one, the endpoint knows. */
  isRead: boolean;
  text: string;
  control: CacheControl;
}

const NO_CONTROL: CacheControl = {};
const FIRST_WORD = /^[\s(]*(?:select|with|values|table)\b/i;
const COMMENT = /--[^\n\r]*|\/\*/g;
/** Of a block comment's beginning and end. */
const MARK = /\/\*|\*\//g;
const LEADING_SPACE = /^[ \t\n\r\f\v]+/;
const REMEMBERED_MAX = 1_000;
const REMEMBERED_LENGTH_MAX = 4 * 1024;
const remembered = new Map<string, ReadText>();

/** `sql` has one character a byte. */
export function readTextOf(sql: string): ReadText {
  // Most texts have no comments and are cheaper to read than to look up.
  if (!sql.includes('--') && !sql.includes('/*')) return plain(sql);
  const known = remembered.get(sql);
  if (known) return known;
  const made = withoutComments(sql);
  if (sql.length > REMEMBERED_LENGTH_MAX) return made;
  remembered.set(sql, made);
  if (remembered.size > REMEMBERED_MAX) remembered.delete(remembered.keys().next().value ?? '');
  return made;
}

function plain(sql: string): ReadText {
  return { isRead: FIRST_WORD.test(sql), text: sql, control: NO_CONTROL };
}

function withoutComments(sql: string): ReadText {
  // With standard_conforming_strings off, \' does not end a string: then nobody knows what is a comment.
  if (sql.includes("\\'")) return { ...plain(sql), isRead: false };
  const comments: string[] = [];
  let text = '';
  let at = 0;
  for (const { start, end } of tokensOf(sql)) {
    text += gap(sql.slice(at, start), comments) + sql.slice(start, end);
    at = end;
  }
  const last = gap(sql.slice(at), comments);
  // A comment that does not end is an error, and must stay one.
  if (last === undefined) return { ...plain(sql), isRead: false };
  return {
    isRead: FIRST_WORD.test(text),
    text: text.replace(LEADING_SPACE, ''),
    control: controlOf(comments),
  };
}

/**
 * What stands between two tokens: space, or comments instead of which there is space. A line's end is kept where
 * one was, because two strings on two lines are one string; a block comment between them is an error, and stays one.
 * Undefined: a comment does not end.
 */
function gap(between: string, comments: string[]): string | undefined {
  let replaced: string | undefined;
  COMMENT.lastIndex = 0;
  for (let found = COMMENT.exec(between); found; found = COMMENT.exec(between)) {
    const isBlock = found[0] === '/*';
    const end = isBlock ? endOfBlock(between, COMMENT.lastIndex) : COMMENT.lastIndex;
    if (end === undefined) return undefined;
    comments.push(between.slice(found.index, end));
    replaced = isBlock || replaced === ' ' ? ' ' : '\n';
    COMMENT.lastIndex = end;
  }
  return replaced ?? between;
}

/** Blocks nest. Undefined: it does not end. */
function endOfBlock(text: string, from: number): number | undefined {
  let depth = 1;
  MARK.lastIndex = from;
  while (depth > 0) {
    const mark = MARK.exec(text);
    if (!mark) return undefined;
    depth += mark[0] === '/*' ? 1 : -1;
  }
  return MARK.lastIndex;
}
