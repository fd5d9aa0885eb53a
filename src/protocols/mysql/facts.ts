/**
 * What the pool must know of a statement before it runs: what of the session may it change, and does it look back at
 * the statement before? It may say yes too often, but never no wrongly. Settings are not looked for: the server says
 * which have changed (session tracking), or is asked.
 *
 * What cannot be seen here: a function or trigger of the user that changes the session inside. Where a statement is
 * answered with an OK the server reports that too; the README says where not.
 */
import { codeOf } from './code-of.ts';
import { factsOfCalls } from './facts-of-calls.ts';
import { UNMOVABLE } from './settings.ts';
import { CLEAN, EXPLAINED, merge, type StatementFacts } from './statement-facts.ts';
import { type LexicalMode, statementsOf, type Token, tokensOf } from './tokens.ts';

/** Nobody knows what a text does that nobody can read. */
const UNKNOWN: StatementFacts = {
  ...CLEAN,
  begins: ['hidden'],
  sets: true,
  isOpaque: true,
  looksBack: true,
  usesInsertId: true,
  setsInsertId: true,
};

const BEGINS = String.raw`(?:^\s*|[;(]\s*|\*/\s*|/\*[A-Za-z]?!\d*\s*|[\n\r]\s*)`;
const VERBS =
  'set|use|call|do|execute|prepare|deallocate|drop|handler|xa|lock|unlock|flush|begin|start|kill|get|show|backup' +
  '|if|case|loop|repeat|while|for|declare|change|signal|resignal';
const NAMES =
  'temporary|last_insert_id|identity|row_count|found_rows|sql_calc_found_rows|warning_count|error_count' +
  '|get_lock|release_lock|release_all_locks';
/** Without one of these a text does nothing that matters here. It sees texts on the hot path: one pass, no tokens. */
const RISKY = new RegExp(String.raw`${BEGINS}(?:${VERBS})\b|\b(?:${NAMES})\b|(?<![\w'"\`])@(?!@)`, 'i');
const KILL = new RegExp(String.raw`${BEGINS}kill\b`, 'i');

/** What is read token by token; of a longer text nobody says what it does. Some megabytes of memory. */
const READ_BYTES_MAX = 256 * 1024;

/** `sql` has one character per byte (latin1). Without a mode nobody can tell where what begins and ends. */
export function factsOf(sql: string, mode: LexicalMode | undefined): StatementFacts {
  if (!RISKY.test(sql)) return CLEAN;
  const code = mode && codeOf(sql, mode);
  if (code !== undefined && !RISKY.test(code)) return CLEAN;
  const tokens = mode && sql.length <= READ_BYTES_MAX ? tokensOf(sql, mode) : undefined;
  if (tokens) return statementsOf(tokens).map(factsOfStatement).reduce(merge, CLEAN);
  return { ...UNKNOWN, kills: KILL.test(code ?? sql) };
}

function factsOfStatement(tokens: Token[]): StatementFacts {
  const calls = factsOfCalls(tokens);
  const command = factsOfCommand(tokens);
  const both = merge(command, calls);
  // Whatever the verb explains, a user variable in it does not count as hidden: it pins by itself.
  return both === CLEAN ? CLEAN : { ...both, isExplained: command.isExplained };
}

function factsOfCommand(tokens: Token[]): StatementFacts {
  const word = (at: number): string => (tokens[at]?.kind === 'word' ? tokens[at].text : '');
  switch (word(0)) {
    case 'set':
      return factsOfSet(tokens);
    case 'use':
      return { ...EXPLAINED, sets: true };
    case 'call':
    case 'do':
    case 'execute':
    case 'if':
    case 'case':
    case 'loop':
    case 'repeat':
    case 'while':
    case 'for':
    case 'declare':
      return { ...CLEAN, sets: true, isOpaque: true, setsInsertId: true };
    case 'prepare':
      return { ...EXPLAINED, begins: [`prepare:${tokens[1]?.text ?? ''}`] };
    case 'deallocate':
      return { ...EXPLAINED, ends: [`prepare:${tokens[2]?.text ?? ''}`] };
    case 'create':
      return factsOfCreate(tokens);
    case 'drop':
      return factsOfDrop(tokens);
    case 'handler':
      return factsOfHandler(tokens);
    case 'lock':
      return { ...CLEAN, begins: [word(1) === 'instance' ? 'backup lock' : 'locked tables'] };
    case 'unlock':
      return { ...CLEAN, ends: word(1) === 'instance' ? ['backup lock'] : ['locked tables', 'read lock'] };
    case 'backup':
      return { ...CLEAN, begins: ['backup lock'] };
    case 'flush':
      return tokens.some((_, at) => isReadLock(word(at), word(at + 1)))
        ? { ...CLEAN, begins: ['read lock'] }
        : CLEAN;
    case 'begin':
      return word(1) === 'not' ? { ...CLEAN, sets: true, isOpaque: true, setsInsertId: true } : TRANSACTION;
    case 'start':
      return TRANSACTION;
    case 'xa':
      if (word(1) === 'start' || word(1) === 'begin') return { ...CLEAN, begins: ['xa'] };
      return word(1) === 'commit' || word(1) === 'rollback' ? { ...CLEAN, ends: ['xa'] } : CLEAN;
    case 'kill':
      return { ...CLEAN, kills: true };
    case 'show':
    case 'get':
      return tokens.some(({ text }) => /^(warnings|errors|diagnostics)$/.test(text))
        ? { ...CLEAN, looksBack: true }
        : CLEAN;
    default:
      return CLEAN;
  }
}

const TRANSACTION: StatementFacts = { ...CLEAN, ends: ['locked tables'] };

function isReadLock(word: string, next: string): boolean {
  return (word === 'read' && next === 'lock') || word === 'export';
}

/** Without SESSION they are set for the next transaction only. */
const ONCE = /^(transaction_isolation|tx_isolation|transaction_read_only|tx_read_only)$/;

/** SET and its many forms (manuals: "SET Syntax for Variable Assignment", SET TRANSACTION, SET NAMES, SET ROLE). */
function factsOfSet(tokens: Token[]): StatementFacts {
  const second = tokens[1]?.text;
  // It counts for the next transaction, and nobody reports it.
  if (second === 'transaction') return { ...EXPLAINED, begins: ['next transaction'] };
  if (second === 'role' || second === 'resource') return { ...CLEAN, begins: ['hidden'] };
  // MariaDB's SET STATEMENT ... FOR sets for one statement.
  if (second === 'statement') return CLEAN;
  const begins = new Set<string>();
  let setsInsertId = false;
  for (const [at, { kind, text }] of tokens.entries()) {
    if (kind !== 'word' && kind !== 'quoted') continue;
    if (UNMOVABLE.test(text)) begins.add('hidden');
    if (ONCE.test(text) && isUnscoped(tokens, at)) begins.add('next transaction');
    if (text === 'last_insert_id' || text === 'identity') setsInsertId = true;
  }
  return { ...EXPLAINED, sets: true, begins: [...begins], setsInsertId };
}

/** `@@name`: without SESSION or GLOBAL. */
function isUnscoped(tokens: Token[], at: number): boolean {
  return tokens[at - 1]?.text === '@' && tokens[at - 2]?.text === '@';
}

/** `~` stands for the database that is selected. */
function temporaryTable(tokens: Token[], at: number): string {
  const [first, dot, second] = tokens.slice(at, at + 3);
  const names = dot?.text === '.' && second ? [first?.text, second.text] : ['~', first?.text];
  return `temporary table:${names.join('.').toLowerCase()}`;
}

function factsOfCreate(tokens: Token[]): StatementFacts {
  const at = tokens.findIndex(({ kind, text }) => kind === 'word' && text === 'temporary');
  if (at < 0 || at > 3) return CLEAN;
  const hasIf = tokens[at + 2]?.text === 'if';
  return { ...EXPLAINED, begins: [temporaryTable(tokens, at + (hasIf ? 5 : 2))] };
}

function factsOfDrop(tokens: Token[]): StatementFacts {
  const words = tokens.map(({ text }) => text);
  if (words[1] === 'prepare') return { ...EXPLAINED, ends: [`prepare:${words[2] ?? ''}`] };
  const what = words[1] === 'temporary' ? 2 : 1;
  if (words[what] !== 'table' && words[what] !== 'tables' && words[what] !== 'sequence') return CLEAN;
  let at = what + (words[what + 1] === 'if' ? 3 : 1);
  const ends = [temporaryTable(tokens, at)];
  for (at += 1; at < tokens.length; at += 1) if (words[at] === ',') ends.push(temporaryTable(tokens, at + 1));
  return { ...EXPLAINED, ends };
}

/** HANDLER table OPEN [[AS] alias] | HANDLER name CLOSE */
function factsOfHandler(tokens: Token[]): StatementFacts {
  const verb = tokens.findIndex(({ kind, text }) => kind === 'word' && (text === 'open' || text === 'close'));
  if (verb < 0) return CLEAN;
  const alias = tokens.at(-1)?.text ?? '';
  const name = verb < tokens.length - 1 ? alias : (tokens[verb - 1]?.text ?? '');
  const pin = [`handler:${name.toLowerCase()}`];
  return tokens[verb]?.text === 'open' ? { ...CLEAN, begins: pin } : { ...CLEAN, ends: pin };
}
