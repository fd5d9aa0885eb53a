/** What the origin's catalog says of a statement that is about to run, and what is assumed where it cannot say. */

import { latin1 } from '../bytes/latin1.ts';
import type { CacheHooks, Catalog, Verdict } from '../caching.ts';
import { movesNames } from './name-resolution.ts';
import { readTextOf } from './read-text.ts';
import type { Settings } from './settings.ts';

/** A statement that was parsed once and runs many times: its record, whoever made it. */
interface Prepared {
  /** Of a Parse message, all behind the name. */
  readonly parseBody: Uint8Array;
}

/** By what a statement is judged, besides the catalog. */
export interface JudgedSession {
  settings: Settings;
  /** It has temporary tables, or may have. */
  hasTemporary: boolean;
}

export interface Judgement {
  readonly verdict: Verdict;
  /** What comes after it in its transaction may mean other relations than it seems to. */
  readonly movesNames: boolean;
  /** It begins or ends a transaction, or sets something: it does the same whatever names mean. */
  readonly isPlain: boolean;
  /** Its text has a word that writes rows, wherever they are. */
  readonly mayWrite: boolean;
}

/** Nobody can say what it does. */
export const ANYTHING: Verdict = {
  status: 'uncacheable',
  reason: 'What it does is not known.',
  reads: [],
  writes: 'everything',
  changesSchema: true,
  mayCommit: true,
};
const NOTHING: Verdict = {
  status: 'notaquery',
  reason: 'It is not a query.',
  reads: [],
  writes: [],
  changesSchema: false,
  mayCommit: false,
};

// What can be told from a text alone.
const HARMLESS = /^\s*(?:begin|start\s+transaction|savepoint|release|set|show)\b[^;]*;?\s*$/i;
const ENDING = /^\s*(?:commit|end|rollback|abort)\b[^;]*;?\s*$/i;
/**
 * What reads or writes rows. A function that it calls may change definitions all the same: that shows when the
 * catalog is looked at again. To fear it of each would mean to read the catalog for ever.
 */
const DATA =
  /^[\s(]*(?:select|with|values|table|insert|update|delete|merge|copy|fetch|move|close|declare)\b/i;
/** Perhaps: a semicolon that is not the last. */
const SEVERAL = /;(?!\s*$)/;
const WRITING = /\b(?:insert|update|delete|merge|copy|truncate)\b/i;
/** What was written in one session is committed by another. */
const TWO_PHASES = /\bprepare\s+transaction\b|\bcommit\s+prepared\b/i;

export class Judge {
  readonly #hooks: CacheHooks;

  constructor(hooks: CacheHooks) {
    this.#hooks = hooks;
  }

  ofText(text: string, session: JudgedSession): Judgement {
    return judgementOf(text, { catalog: this.#hooks.catalog, ...session });
  }

  /** Once for each statement, as long as catalog and settings stay what they are. */
  ofPrepared(prepared: Prepared, { settings, hasTemporary }: JudgedSession): Judgement {
    const { catalog } = this.#hooks;
    const known = MEMOS.get(prepared);
    if (
      known &&
      known.catalog === catalog &&
      known.settingsKey === settings.key &&
      known.hasTemporary === hasTemporary
    )
      return known.judgement;
    const { parseBody } = prepared;
    const text = latin1(parseBody.subarray(0, Math.max(0, parseBody.indexOf(0))));
    const judgement = judgementOf(text, { catalog, settings, hasTemporary });
    MEMOS.set(prepared, { catalog, settingsKey: settings.key, hasTemporary, judgement });
    return judgement;
  }
}

/** The last judgement on a statement; statements are shared by drivers, which mostly have equal settings. */
const MEMOS = new WeakMap<
  Prepared,
  { catalog: Catalog | undefined; settingsKey: string; hasTemporary: boolean; judgement: Judgement }
>();

function judgementOf(
  text: string,
  { catalog, settings, hasTemporary }: JudgedSession & { catalog: Catalog | undefined },
): Judgement {
  const judged = catalog?.judge(text, recordOf(settings), { hasTemporary }) ?? guess(text);
  const verdict = controlled(text, judged);
  const isMoving = movesNames(text);
  const isBeyondText = TWO_PHASES.test(text) || (isMoving && verdict.status === 'multiplestatements');
  return {
    verdict: isBeyondText ? { ...verdict, writes: 'everything', mayCommit: true } : verdict,
    movesNames: isMoving,
    isPlain: HARMLESS.test(text) || ENDING.test(text),
    mayWrite: WRITING.test(text),
  };
}

/** A comment may turn caching off for what could be cached. */
function controlled(text: string, verdict: Verdict): Verdict {
  const isOff = verdict.status === 'miss' && text.includes('warmpool:') && readTextOf(text).control.isOff;
  return isOff ? { ...verdict, status: 'disabled' } : verdict;
}

function guess(text: string): Verdict {
  if (HARMLESS.test(text)) return NOTHING;
  if (ENDING.test(text)) return { ...NOTHING, mayCommit: true };
  return DATA.test(text) && !SEVERAL.test(text)
    ? { ...ANYTHING, changesSchema: false, mayCommit: false }
    : ANYTHING;
}

const RECORDS = new WeakMap<Settings, Readonly<Record<string, string>>>();

/** Settings as the catalog and the edge want them. */
export function recordOf(settings: Settings): Readonly<Record<string, string>> {
  const known = RECORDS.get(settings);
  if (known) return known;
  const record = Object.fromEntries(settings.values);
  RECORDS.set(settings, record);
  return record;
}
