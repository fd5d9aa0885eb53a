/** What may stand anywhere in a statement and matters to its session: functions, and variables of the user's. */
import { CLEAN, type StatementFacts } from './statement-facts.ts';
import type { Token } from './tokens.ts';

export function factsOfCalls(tokens: Token[]): StatementFacts {
  const begins = new Set<string>();
  const ends = new Set<string>();
  let facts = CLEAN;
  for (const [at, token] of tokens.entries()) {
    if (token.kind === 'symbol' && token.text === '@') {
      if (setsUserVariable(tokens, at)) begins.add('user variable');
    } else if (token.kind === 'word' || token.kind === 'quoted') {
      const { text } = token;
      if (text === 'get_lock') begins.add(lockNamed(tokens, at));
      if (text === 'get_lock' || text === 'release_lock') facts = { ...facts, locks: true };
      else if (text === 'release_all_locks') ends.add('lock:*');
      else facts = withWord(facts, { text, tokens, at });
    }
  }
  if (begins.size + ends.size === 0) return facts;
  return { ...facts, begins: [...begins], ends: [...ends] };
}

function withWord(
  facts: StatementFacts,
  { text, tokens, at }: { text: string; tokens: Token[]; at: number },
): StatementFacts {
  switch (text) {
    case 'row_count':
    case 'found_rows':
    case 'warning_count':
    case 'error_count':
      return { ...facts, looksBack: true };
    case 'sql_calc_found_rows':
      return { ...facts, countsFound: true };
    case 'identity':
    case 'last_insert_id': {
      const isGiven = tokens[at + 1]?.text === '(' && tokens[at + 2]?.text !== ')';
      return { ...facts, usesInsertId: true, setsInsertId: facts.setsInsertId || isGiven };
    }
    default:
      return facts;
  }
}

/** These only read a user variable, unless `:=` or INTO says otherwise. */
const READS = /^(select|insert|update|delete|replace|with|\()$/;

/**
 * A user variable that may be set. `@x`, and not `@@x`, nor the `@` of `'user'@'host'`, which touches what is before
 * it. Who only reads has none, or is tied to its connection already.
 */
function setsUserVariable(tokens: Token[], at: number): boolean {
  if (!isUserVariable(tokens, at)) return false;
  if (!READS.test(tokens[0]?.text ?? '')) return true;
  const isAssigned = tokens[at + 2]?.text === ':' && tokens[at + 3]?.text === '=';
  return isAssigned || tokens.some(({ kind, text }) => kind === 'word' && text === 'into');
}

function isUserVariable(tokens: Token[], at: number): boolean {
  const before = tokens[at - 1];
  if (before?.text === '@' || tokens[at + 1]?.text === '@') return false;
  return !before || before.kind === 'symbol' || before.end !== tokens[at]?.start;
}

/** Only of a name that is written out can the server be asked whether it is held. */
function lockNamed(tokens: Token[], at: number): string {
  const [open, name, comma] = tokens.slice(at + 1, at + 4);
  const isWrittenOut = open?.text === '(' && name?.kind === 'string' && comma?.text === ',';
  return isWrittenOut && /^[\w:./ -]+$/.test(name.text) ? `lock:${name.text}` : 'lock?';
}
