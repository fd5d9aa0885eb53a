/**
 * What the pool must know of a statement before it runs: may it change the session? The answer decides only
 * whether the origin is asked afterwards (settle.ts), so it may be yes too often, but never no wrongly.
 *
 * What cannot be seen here: a function or trigger of the user that changes the session inside. The README says so.
 */
import { statementsOf, type Token } from './tokens.ts';

export interface StatementFacts {
  /** Settings that it may change beyond its transaction, in lower case. */
  readonly settings: readonly string[];
  /** It may change settings whose names are not in the text; the origin can list them. */
  readonly hasUnknownSettings: boolean;
  /** It may change a setting that the origin does not list either: set_config with a computed name. */
  readonly hidesSettings: boolean;
  /** It may begin or end state that ties the session to its connection. */
  readonly isSuspect: boolean;
  /** It changes tables or types: what is prepared may have gone stale. */
  readonly changesSchema: boolean;
  /** It may drop all prepared statements: DEALLOCATE ALL, DISCARD. The command tag tells whether it did. */
  readonly dropsStatements: boolean;
  /** DEALLOCATE <name>: the name and where it stands in the text. */
  readonly deallocated: readonly Token[];
}

export const CLEAN: StatementFacts = {
  settings: [],
  hasUnknownSettings: false,
  hidesSettings: false,
  isSuspect: false,
  changesSchema: false,
  dropsStatements: false,
  deallocated: [],
};

/** For what is not text, such as a FunctionCall: anything may have happened. */
export const UNKNOWN: StatementFacts = { ...CLEAN, hasUnknownSettings: true, isSuspect: true };

// Without one of these a text cannot change the session. It sees texts on the hot path: one pass, no tokens.
const RISKY =
  /set_config|to_xml|u&["']|pg_temp|advisory|\btemp|\bhold\b|(?:^\s*|(?:[;(]|\*\/)\s*|[\n\r][^\S\n\r]*)(?:set|reset|listen|unlisten|prepare|deallocate|discard|declare|create|alter|drop|do|call|load|close|import|execute)\b/i;

/** `sql` has one character per byte (latin1). */
export function factsOf(sql: string): StatementFacts {
  if (!RISKY.test(sql)) return CLEAN;
  // With standard_conforming_strings off, \' does not end a string: then nobody knows where statements begin.
  if (sql.includes("\\'")) return merge(UNKNOWN, { ...CLEAN, changesSchema: true });
  // Names and texts in disguise, and functions that run a text: nobody knows what they set.
  if (/to_xml|u&["']|set_config[\s\S]*\be'/i.test(sql)) return { ...UNKNOWN, hidesSettings: true };
  return statementsOf(sql).map(factsOfStatement).reduce(merge, CLEAN);
}

function merge(a: StatementFacts, b: StatementFacts): StatementFacts {
  if (a === CLEAN) return b;
  if (b === CLEAN) return a;
  return {
    settings: [...a.settings, ...b.settings],
    hasUnknownSettings: a.hasUnknownSettings || b.hasUnknownSettings,
    hidesSettings: a.hidesSettings || b.hidesSettings,
    isSuspect: a.isSuspect || b.isSuspect,
    changesSchema: a.changesSchema || b.changesSchema,
    dropsStatements: a.dropsStatements || b.dropsStatements,
    deallocated: [...a.deallocated, ...b.deallocated],
  };
}

function factsOfStatement(tokens: Token[]): StatementFacts {
  return merge(factsOfCommand(tokens), factsOfCalls(tokens));
}

function factsOfCommand(tokens: Token[]): StatementFacts {
  const [first, second, third] = tokens.map((token) => (token.kind === 'word' ? token.text : ''));
  switch (first) {
    case 'set':
      return factsOfSet(tokens);
    case 'reset':
      return second === 'all' ? UNKNOWN : changing(...settingsNamed(tokens, 1));
    case 'discard':
      return { ...UNKNOWN, dropsStatements: true };
    case 'deallocate':
      return factsOfDeallocate(tokens);
    case 'prepare':
      // An EXECUTE of it does not say what it sets.
      return second === 'transaction'
        ? CLEAN
        : { ...CLEAN, isSuspect: true, hidesSettings: hasCall(tokens, 'set_config') };
    case 'listen':
    case 'unlisten':
    case 'close':
      return { ...CLEAN, isSuspect: true };
    case 'declare':
      return hasWord(tokens, 'hold') ? { ...CLEAN, isSuspect: true } : CLEAN;
    case 'create':
      return factsOfCreate(tokens, second === 'or' ? third : second);
    case 'alter':
    case 'drop':
    case 'import':
      return { ...CLEAN, changesSchema: true, isSuspect: first === 'drop' };
    case 'do':
    case 'call':
    case 'load':
    // What it runs was noted when it was prepared, and may have been settled since.
    case 'execute':
      return UNKNOWN;
    default:
      return makesTemporary(tokens) ? { ...CLEAN, isSuspect: true } : CLEAN;
  }
}

/** SET [SESSION | LOCAL] name ... and its many spellings (manual: SET, SET ROLE, SET SESSION AUTHORIZATION). */
function factsOfSet(tokens: Token[]): StatementFacts {
  const words = tokens.map((token) => (token.kind === 'word' ? token.text : ''));
  if (words[1] === 'local' || words[1] === 'constraints' || words[1] === 'transaction') return CLEAN;
  const at = words[1] === 'session' && words[2] !== 'authorization' ? 2 : 1;
  if (words[1] === 'session' && words[2] === 'characteristics')
    return changing(
      'default_transaction_isolation',
      'default_transaction_read_only',
      'default_transaction_deferrable',
    );
  return changing(...settingsNamed(tokens, at));
}

/** Words that stand for a setting's name. */
const SPELLINGS = new Map([
  ['time', ['timezone']],
  ['names', ['client_encoding']],
  ['schema', ['search_path']],
  ['xml', ['xmloption']],
  ['role', ['role']],
  ['session', ['session_authorization', 'role']],
  ['transaction', ['transaction_isolation']],
]);

/** The settings that the words from `at` on name, in SET or RESET. */
function settingsNamed(tokens: Token[], at: number): string[] {
  const name = (index: number): string => tokens[index]?.text.toLowerCase() ?? '';
  const known = SPELLINGS.get(name(at));
  const isSpelling =
    tokens[at + 1]?.text !== '=' && tokens[at + 1]?.text !== 'to' && tokens[at + 1]?.text !== '.';
  if (known && (isSpelling || name(at) === 'role')) return known;
  let full = name(at);
  for (let dot = at + 1; tokens[dot]?.text === '.'; dot += 2) full += `.${name(dot + 1)}`;
  return [full];
}

function changing(...settings: string[]): StatementFacts {
  return { ...CLEAN, settings };
}

function factsOfDeallocate(tokens: Token[]): StatementFacts {
  const name =
    tokens[1]?.text === 'prepare' && tokens[1].kind === 'word' && tokens[2] ? tokens[2] : tokens[1];
  if (!name) return CLEAN;
  const isAll = name.kind === 'word' && name.text === 'all';
  return { ...CLEAN, isSuspect: true, dropsStatements: isAll, deallocated: isAll ? [] : [name] };
}

function factsOfCreate(tokens: Token[], what: string | undefined): StatementFacts {
  const isTemporary = hasTemporary(tokens) && !isOnCommitDrop(tokens);
  // An index or a sequence changes no result's type, a temporary table none of others'; that still ties the session.
  const changesNothing = what === 'index' || what === 'unique' || what === 'sequence';
  const isOfSession = what === 'temp' || what === 'temporary' || what === 'local';
  const changesSchema = !changesNothing && !isOfSession;
  return { ...CLEAN, isSuspect: isTemporary, changesSchema };
}

/** Calls inside any statement: set_config for the session, session-level advisory locks, pg_temp. */
function factsOfCalls(tokens: Token[]): StatementFacts {
  let facts = CLEAN;
  for (const [index, { kind, text }] of tokens.entries()) {
    if (kind === 'string' || kind === 'symbol') continue;
    const name = text.toLowerCase();
    if (name === 'set_config') facts = merge(facts, factsOfSetConfig(tokens.slice(index + 1)));
    else if (name.startsWith('pg_temp')) facts = merge(facts, { ...CLEAN, isSuspect: true });
    else if (/^pg_(try_)?advisory_(un)?lock/.test(name)) facts = merge(facts, { ...CLEAN, isSuspect: true });
  }
  return facts;
}

/** set_config(name, value, is_local). With a literal `true` at the end it ends with the transaction. */
function factsOfSetConfig(tokens: Token[]): StatementFacts {
  const [name, , isLocal] = argumentsOf(tokens);
  const isLocalLiteral = isLocal?.length === 1 && isLocal[0]?.text === 'true';
  if (isLocalLiteral) return CLEAN;
  const [literal] = name ?? [];
  if (name?.length === 1 && literal?.kind === 'string') return changing(literal.text.toLowerCase());
  return { ...CLEAN, hidesSettings: true };
}

/** The token lists between the commas of a call whose `(` comes first. */
function argumentsOf(tokens: Token[]): Token[][] {
  const found: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    const symbol = token.kind === 'symbol' ? token.text : '';
    if (symbol === '(' || symbol === '[') depth += 1;
    if (symbol === ')' || symbol === ']') depth -= 1;
    if (depth === 0) break;
    if (symbol === '(' && depth === 1) continue;
    if (symbol === ',' && depth === 1) found.push([]);
    else found.at(-1)?.push(token);
  }
  return found;
}

function hasWord(tokens: Token[], word: string): boolean {
  return tokens.some((token) => token.kind === 'word' && token.text === word);
}

function isOnCommitDrop(tokens: Token[]): boolean {
  const words = tokens.map((token) => (token.kind === 'word' ? token.text : ''));
  return words.some((word, at) => word === 'on' && words[at + 1] === 'commit' && words[at + 2] === 'drop');
}

/** SELECT INTO TEMP; EXPLAIN ANALYZE CREATE TEMP TABLE AS, which does create it. */
function makesTemporary(tokens: Token[]): boolean {
  return hasTemporary(tokens) && (hasWord(tokens, 'into') || hasWord(tokens, 'create'));
}

function hasCall(tokens: Token[], name: string): boolean {
  return tokens.some(({ kind, text }) => kind !== 'string' && text.toLowerCase() === name);
}

function hasTemporary(tokens: Token[]): boolean {
  return hasWord(tokens, 'temp') || hasWord(tokens, 'temporary');
}
