/** What a statement may do to its session; how that is found out stands in facts.ts. */
export interface StatementFacts {
  /** State that ties the session to its connection: see pins.ts. Begun if it succeeds, or even if not. */
  readonly begins: readonly string[];
  /** The same, ended if it succeeds. `lock:*`: all of these. */
  readonly ends: readonly string[];
  /** The server reports a changed session, and what else it says tells how: nothing is hidden in it. */
  readonly isExplained: boolean;
  /** It sets session variables, or the database. */
  readonly sets: boolean;
  /** It may leave a transaction open though it fails, or do things of which its text says nothing. */
  readonly isOpaque: boolean;
  /** It is about the statement before: warnings, numbers of rows. */
  readonly looksBack: boolean;
  /** LAST_INSERT_ID() */
  readonly usesInsertId: boolean;
  /** It may set the number in ways that its OK does not tell. */
  readonly setsInsertId: boolean;
  /** SQL_CALC_FOUND_ROWS: the next statement wants to know. */
  readonly countsFound: boolean;
  /** It takes or gives back a named lock: whether it did, the server must be asked. */
  readonly locks: boolean;
  readonly kills: boolean;
}

export const CLEAN: StatementFacts = {
  begins: [],
  ends: [],
  isExplained: false,
  sets: false,
  isOpaque: false,
  looksBack: false,
  usesInsertId: false,
  setsInsertId: false,
  countsFound: false,
  locks: false,
  kills: false,
};

/** USE, COM_INIT_DB, SET: what is reported says it all. */
export const EXPLAINED: StatementFacts = { ...CLEAN, isExplained: true };

export function merge(a: StatementFacts, b: StatementFacts): StatementFacts {
  if (a === CLEAN) return b;
  if (b === CLEAN) return a;
  return {
    begins: [...a.begins, ...b.begins],
    ends: [...a.ends, ...b.ends],
    isExplained: a.isExplained && b.isExplained,
    sets: a.sets || b.sets,
    isOpaque: a.isOpaque || b.isOpaque,
    looksBack: a.looksBack || b.looksBack,
    usesInsertId: a.usesInsertId || b.usesInsertId,
    setsInsertId: a.setsInsertId || b.setsInsertId,
    countsFound: a.countsFound || b.countsFound,
    locks: a.locks || b.locks,
    kills: a.kills || b.kills,
  };
}
