/**
 * Does a text change what names mean, if only until its transaction ends? Then nobody here knows which relations the
 * statements behind it write. Settings that stay are asked for after the exchange; these come and go unseen.
 */
import { statementsOf, type Token } from './tokens.ts';

/** Settings that lead from a name to an object, and words that stand for them. */
const MOVING = new Set(['search_path', 'schema', 'role', 'session_authorization', 'authorization', 'all']);
// Without one of these no text does it.
const HINT = /search_path|\bschema\b|\brole\b|authorization|set_config|\b(?:reset|discard)\s+all\b/i;
/** Names and texts in disguise, and functions that run a text: as in facts.ts. */
const DISGUISE = /u&["']|to_xml|set_config[\s\S]*\be'/i;

/** `sql` has one character per byte (latin1). */
export function movesNames(sql: string): boolean {
  if (DISGUISE.test(sql)) return true;
  if (!HINT.test(sql)) return false;
  // With standard_conforming_strings off nobody knows where strings end.
  return (
    sql.includes("\\'") || statementsOf(sql).some((tokens) => isMovingSet(tokens) || hasMovingCall(tokens))
  );
}

function isMovingSet(tokens: Token[]): boolean {
  const [first] = tokens;
  if (first?.kind !== 'word' || !['set', 'reset', 'discard'].includes(first.text)) return false;
  return tokens.slice(1, 4).some(({ kind, text }) => kind !== 'symbol' && MOVING.has(text.toLowerCase()));
}

/** set_config, unless its first argument is a literal that names another setting. */
function hasMovingCall(tokens: Token[]): boolean {
  return tokens.some((token, at) => {
    if (token.kind === 'string') return false;
    if (token.text.toLowerCase() !== 'set_config') return false;
    const [open, name, comma] = tokens.slice(at + 1, at + 4);
    const isLiteral = open?.text === '(' && name?.kind === 'string' && comma?.text === ',';
    return !isLiteral || MOVING.has(name.text.toLowerCase());
  });
}
