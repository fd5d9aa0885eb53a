/** What a statement calls: each name in front of a parenthesis, unless it is a word of the grammar there. */
import type { CatalogFacts } from './catalog-facts.ts';
import { CACHEABLE_FUNCTIONS, MOVING_FUNCTIONS, NO_FUNCTIONS } from './functions.ts';
import type { Token } from './tokens.ts';

export interface Call {
  /** In lower case. */
  readonly name: string;
  /**
   * `own`: a routine of the origin's, or a name that we do not know. A built-in function whose name a routine has
   * too may be either, as there may be space in front of the parenthesis.
   */
  readonly kind: 'cacheable' | 'moving' | 'own';
}

/**
 * Behind these comes a type, the name of a window, or a table with its columns: AS DECIMAL(10, 2), AS t (a, b),
 * CREATE TEMPORARY TABLE IF NOT EXISTS t (...).
 */
const NAMING = new Set(['as', 'table', 'exists']);

export function callsIn(tokens: readonly Token[], { routines }: Pick<CatalogFacts, 'routines'>): Call[] {
  const calls: Call[] = [];
  for (const [at, { kind, text }] of tokens.entries()) {
    if ((kind !== 'word' && kind !== 'quoted') || !isSymbol(tokens[at + 1], '(')) continue;
    const name = text.toLowerCase();
    const before = tokens[at - 1];
    const isNamed = (before?.kind === 'word' && NAMING.has(before.text)) || isOfWith(tokens, at + 1);
    const isBare = kind === 'word' && before?.text !== '.';
    if (isNamed && !routines.has(name)) continue;
    if (!isBare || routines.has(name)) calls.push({ name, kind: 'own' });
    else if (CACHEABLE_FUNCTIONS.has(name)) calls.push({ name, kind: 'cacheable' });
    else if (NO_FUNCTIONS.has(name)) continue;
    else calls.push({ name, kind: MOVING_FUNCTIONS.has(name) ? 'moving' : 'own' });
  }
  return calls;
}

/** `WITH t (a, b) AS (`: no call has that behind it. */
function isOfWith(tokens: readonly Token[], open: number): boolean {
  const close = tokens.findIndex((token, at) => at > open && isSymbol(token, ')'));
  return tokens[close + 1]?.text === 'as' && isSymbol(tokens[close + 2], '(');
}

function isSymbol(token: Token | undefined, symbol: string): boolean {
  return token?.kind === 'symbol' && token.text === symbol;
}
