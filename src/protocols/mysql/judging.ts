/** What the origin's catalog says of a statement that is about to run, and what is assumed where it cannot say. */
import type { CacheHooks, Verdict } from '../caching.ts';
import type { Dialect } from './dialect.ts';
import { anything } from './judge.ts';
import { readTextOf } from './read-text.ts';
import type { Settings } from './settings.ts';

const NOTHING: Verdict = {
  status: 'notaquery',
  reason: 'It is not a query.',
  reads: [],
  writes: [],
  changesSchema: false,
  mayCommit: false,
};
const UNKNOWN = anything('uncacheable', 'What it does is not known');

// What can be told from a text alone.
const HARMLESS = /^\s*(?:savepoint|release|show)\b[^;/(]*;?\s*$/i;
const ENDING = /^\s*(?:begin|start\s+transaction|commit|rollback|set(?!\s+statement\b))\b[^;/(]*;?\s*$/i;
const ROLLBACK = /^\s*rollback(?:\s+work)?\s*;?\s*$/i;
/**
 * What reads or writes rows. A function that it calls cannot change definitions; a view's, neither. Before the catalog
 * is there, that is all that can be told.
 */
const OF_ROWS = /^\s*(?:select|with|values|table|insert|replace|update|delete)\b[^;]*;?\s*$/i;

/** Collations whose character sets have backslashes and quotes in their letters: big5, sjis, gbk, cp932, gb18030. */
const UNREADABLE_COLLATIONS = new Set([1, 84, 13, 88, 28, 87, 95, 96, 248, 249, 250]);

export interface Judgement {
  readonly verdict: Verdict;
  readonly isRollback: boolean;
}

/** `isUnsure`: what the session's settings are is not certain. */
export function judgementOf(
  text: string,
  {
    hooks,
    settings,
    isUnsure,
  }: { hooks: CacheHooks; settings: Readonly<Record<string, string>>; isUnsure: boolean },
): Judgement {
  const { catalog } = hooks;
  const judged = catalog ? catalog.judge(text, settings) : guess(text);
  const isOff = judged.status === 'miss' && readTextOf(text).control.isOff;
  const verdict: Verdict = isOff ? { ...judged, status: 'disabled' } : judged;
  const isPlain = HARMLESS.test(text) || ENDING.test(text);
  return {
    verdict: isUnsure && !isPlain ? { ...verdict, writes: 'everything', mayCommit: true } : verdict,
    isRollback: ROLLBACK.test(text),
  };
}

function guess(text: string): Verdict {
  if (HARMLESS.test(text)) return NOTHING;
  if (ENDING.test(text)) return { ...NOTHING, mayCommit: true };
  return OF_ROWS.test(text) ? { ...UNKNOWN, changesSchema: false } : UNKNOWN;
}

/** Settings as the catalog and the edge want them. */
export function recordOf(settings: Settings): Record<string, string> {
  return Object.fromEntries(settings.values);
}

/** The same with the character set that the login chose, if it is one in which nothing can be read. */
export function judgingSettings(settings: Settings, { collation }: Dialect): Record<string, string> {
  const record = recordOf(settings);
  const isUnreadable = UNREADABLE_COLLATIONS.has(collation) && record['character_set_client'] === undefined;
  return isUnreadable ? { ...record, character_set_client: 'chosen at login' } : record;
}
