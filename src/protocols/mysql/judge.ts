/**
 * The judgement on one text: may its reply be kept, what does it depend on, and what may it change? Whatever
 * cannot be told is told so that no wrong reply can come of it.
 */
import type { CacheStatus, Verdict } from '../caching.ts';
import { type CatalogFacts, lexicalModeOf } from './catalog-facts.ts';
import { beginsAsRead, ReadsJudge } from './judge-reads.ts';
import { WritesJudge } from './judge-writes.ts';
import { statementsOf, type Token, tokensOf } from './tokens.ts';
import type { Effects } from './write-walk.ts';

/** A longer query is not cached: Hyperdrive's bound. */
export const QUERY_BYTES_MAX = 64 * 1024;
/** A longer text is not read at all. */
const READ_BYTES_MAX = 1024 * 1024;

export type Settings = Readonly<Record<string, string>>;

/** In these a quote or a backslash is never a piece of a letter. */
const READABLE_CHARSET =
  /^(?:utf8(?:mb[34])?|ascii|binary|latin[1-7]|cp(?:125[0-7]|850|852|866)|hebrew|greek|koi8[ru]|swe7|dec8|hp8|armscii8|keybcs2|geostd8|mac(?:ce|roman))$/;

/** What moves between statements of one text is not followed. */
const MOVES_NAMES = new Set(['use', 'set', 'prepare', 'execute']);

const IS_OF_ROWS = /^\s*(?:insert|replace|select)\b/i;
/** As `sql_mode` and isolation are said, and nothing that would still have to be evaluated. */
const PLAIN_MODE = /^(?:[a-z_]+(?:,[a-z_]+)*)?$/i;

export class Judge {
  readonly #facts: CatalogFacts;
  readonly #reads: ReadsJudge;
  readonly #writes: WritesJudge;

  constructor(facts: CatalogFacts) {
    this.#facts = facts;
    this.#reads = new ReadsJudge(facts);
    this.#writes = new WritesJudge(facts);
  }

  /** `text`: one character a byte. */
  judge(text: string, settings: Settings): Verdict {
    if (text.length > READ_BYTES_MAX) {
      const verdict = anything('oversizedquery', 'It is longer than 1 MiB');
      return { ...verdict, changesSchema: !IS_OF_ROWS.test(text) };
    }
    const tokens = this.#tokensOf(text, settings);
    if (typeof tokens === 'string') return anything('uncacheable', tokens);
    const statements = statementsOf(tokens);
    const isSeveral = statements.length > 1;
    if (isSeveral && statements.some(([first]) => MOVES_NAMES.has(first?.text ?? '')))
      return anything('multiplestatements', 'What its names mean changes between its statements');
    const { database } = settings;
    const isolation = settings['transaction_isolation'] ?? settings['tx_isolation'] ?? this.#facts.isolation;
    const effects = this.#writes.effectsOf(statements, database);
    return {
      ...this.#status(statements, { text, database, effects, isolation }),
      ...writesOf(effects),
      mayCommit: isSeveral || effects.mayCommit,
    };
  }

  /** A text: why it cannot be read. */
  #tokensOf(text: string, settings: Settings): Token[] | string {
    const charset = (settings['character_set_client'] ?? 'utf8mb4').toLowerCase();
    if (!READABLE_CHARSET.test(charset)) return `Texts in the character set ${charset} are not read`;
    const { initConnect, sqlMode } = this.#facts;
    if (/sql_mode/i.test(initConnect)) return 'init_connect of the origin sets sql_mode';
    const modeText = settings['sql_mode'] ?? sqlMode;
    const mode = PLAIN_MODE.test(modeText) ? lexicalModeOf(modeText) : undefined;
    if (!mode) return 'sql_mode asks for another grammar';
    return (
      tokensOf(text, mode) ??
      'It has a comment that is heeded, or letters that servers read in different ways'
    );
  }

  #status(
    statements: readonly (readonly Token[])[],
    { text, database, effects, isolation }: Place,
  ): Pick<Verdict, 'status' | 'reason' | 'reads'> {
    const [tokens] = statements;
    if (text.length > QUERY_BYTES_MAX) return refused('oversizedquery', 'It is longer than 64 KiB');
    if (tokens === undefined) return refused('notaquery', 'There is no statement in it');
    if (statements.length > 1) return refused('multiplestatements', 'It has several statements');
    const [first] = tokens;
    if (!beginsAsRead(tokens) && !WRITES.has(first?.text ?? ''))
      return refused('notaquery', 'It is not a query');
    const reading = this.#reads.readingOf(tokens, database);
    if ('reason' in reading) return refused(reading.status, reading.reason);
    // What it shows may be rolled back, of which nobody would hear.
    if (!/^(?:READ-COMMITTED|REPEATABLE-READ|SERIALIZABLE)$/i.test(isolation))
      return refused('uncacheable', 'The session may read what is not committed');
    if (effects.written === 'everything') return refused('uncacheable', `It may write: ${effects.because}`);
    if (effects.written.size > 0) return refused('uncacheable', 'It writes');
    return { status: 'miss', reads: [...reading.reads] };
  }
}

interface Place {
  text: string;
  database: string | undefined;
  effects: Effects;
  isolation: string;
}

const WRITES = new Set(['insert', 'replace', 'update', 'delete', 'load', 'call']);

function writesOf(effects: Effects): Pick<Verdict, 'writes' | 'changesSchema'> {
  const { written, mayDefine } = effects;
  return {
    writes: written === 'everything' ? written : [...written].map((id) => `r${id}` as const),
    changesSchema: mayDefine,
  };
}

type Refusal = Exclude<Verdict['status'], 'miss'> & CacheStatus;

function refused(status: Refusal, reason: string): Pick<Verdict, 'status' | 'reason' | 'reads'> {
  return { status, reason: `${reason}.`, reads: [] };
}

/** Nothing can be told of it. */
export function anything(status: Refusal, reason: string): Verdict {
  return { ...refused(status, reason), writes: 'everything', changesSchema: true, mayCommit: true };
}
