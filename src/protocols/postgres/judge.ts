/**
 * The judgement on one text: may its reply be kept, what does it depend on, and what may it change? Whatever
 * cannot be told is told so that no wrong reply can come of it.
 */
import type { CacheStatus, Verdict } from '../caching.ts';
import type { CatalogFacts } from './catalog-facts.ts';
import { namesOfSession } from './catalog-names.ts';
import type { CatalogLanguage } from './judge-language.ts';
import { ReadsJudge } from './judge-reads.ts';
import type { Effects } from './judge-write-walk.ts';
import { WritesJudge } from './judge-writes.ts';
import { movesNames } from './name-resolution.ts';
import type { ParsedStatement } from './parsed-statement.ts';

/** A longer query is not cached: Hyperdrive's bound. */
export const QUERY_BYTES_MAX = 64 * 1024;
/** A longer text is not even parsed. */
export const PARSED_BYTES_MAX = 1024 * 1024;

type Settings = Readonly<Record<string, string>>;

export interface Session {
  /** What the catalog does not know is a temporary table of the session, or is nothing. */
  hasTemporary: boolean;
}

/** Under these the bytes of a quote or a backslash may be a piece of a letter. */
const READABLE_ENCODING = /^(utf8|unicode|sqlascii|latin\d+|iso8859\d+|win\d+|windows125\d|koi8.?|euc.*)$/;
const UNREADABLE_ENCODING = /^win(932|936|949|950)$/;

export class Judge {
  readonly #facts: CatalogFacts;
  readonly #language: CatalogLanguage;
  readonly #reads: ReadsJudge;
  readonly #writes: WritesJudge;

  constructor(facts: CatalogFacts, language: CatalogLanguage, options: { systemCatalogs: boolean }) {
    this.#facts = facts;
    this.#language = language;
    this.#reads = new ReadsJudge(facts, language, options);
    this.#writes = new WritesJudge(facts, language, options);
  }

  judge(text: string, settings: Settings, session: Session): Verdict {
    if (text.length > PARSED_BYTES_MAX) return anything('oversizedquery', 'It is longer than 1 MiB');
    const unreadable = whyUnreadable(settings);
    if (unreadable !== undefined) return anything('uncacheable', unreadable);
    const parsed = this.#language.parse(text);
    if ('error' in parsed) return anything('parseerror', `PostgreSQL's grammar says: ${parsed.error}`);
    const { statements } = parsed;
    const isSeveral = statements.length > 1;
    if (isSeveral && movesNames(text)) {
      return anything('multiplestatements', 'What its names mean changes between its statements');
    }
    const makesTemporary = statements.some(({ kind }) => kind === 'temporary');
    const effects = this.#writes.effectsOf(statements, {
      names: namesOfSession(this.#facts, settings),
      hasTemporary: session.hasTemporary || makesTemporary,
    });
    return {
      ...(makesTemporary ? { makesTemporary } : {}),
      ...this.#status(statements, { text, settings, effects }),
      ...writesOf(effects),
      mayCommit:
        isSeveral || statements.some(({ kind, endsTransaction }) => endsTransaction || COMMITTING.has(kind)),
    };
  }

  #status(
    statements: readonly ParsedStatement[],
    { text, settings, effects }: { text: string; settings: Settings; effects: Effects },
  ): Pick<Verdict, 'status' | 'reason' | 'reads'> {
    const [statement] = statements;
    if (text.length > QUERY_BYTES_MAX) return refused('oversizedquery', 'It is longer than 64 KiB');
    if (statement === undefined) return refused('notaquery', 'There is no statement in it');
    if (statements.length > 1) return refused('multiplestatements', 'It has several statements');
    if (NO_QUERIES.has(statement.kind)) return refused('notaquery', 'It is not a query');
    if (statement.kind !== 'select')
      return refused('uncacheable', `It is not a SELECT but ${statement.kind}`);
    const names = namesOfSession(this.#facts, settings);
    const isLogin = roleOf(settings) === undefined;
    const known = new Set(Object.keys(settings).map((name) => name.toLowerCase()));
    const reading = this.#reads.readingOf({ statement, text, names, isLogin, settings: known });
    if ('reason' in reading) return refused(reading.status, reading.reason);
    if ('everything' in effects) return refused('uncacheable', `It may write: ${effects.everything}`);
    if (effects.relations.size > 0) return refused('uncacheable', 'A function that it calls may write');
    return { status: 'miss', reads: [...reading.reads] };
  }
}

const NO_QUERIES: ReadonlySet<string> = new Set([
  ...[
    'transaction',
    'session',
    'definition',
    'maintenance',
    'rewrite',
    'annotation',
    'temporary',
    'drop table',
  ],
]);
/** They may commit by themselves, or in steps. */
const COMMITTING: ReadonlySet<string> = new Set(['call', 'rewrite']);

/** `SET ROLE none` is what a session begins with. */
function roleOf(settings: Settings): string | undefined {
  const role = settings['role'] === 'none' ? undefined : settings['role'];
  return role ?? settings['session_authorization'];
}

function whyUnreadable(settings: Settings): string | undefined {
  const encoding = (settings['client_encoding'] ?? 'utf8').toLowerCase().replace(/[^a-z0-9]/g, '');
  if (UNREADABLE_ENCODING.test(encoding) || !READABLE_ENCODING.test(encoding)) {
    return `Texts in the encoding ${encoding} are not read`;
  }
  const isStandard = settings['standard_conforming_strings'] ?? 'on';
  if (!/^(on|true|yes|1)$/i.test(isStandard)) return 'Strings do not conform to the standard';
  return undefined;
}

function writesOf(effects: Effects): Pick<Verdict, 'writes' | 'changesSchema'> {
  if ('everything' in effects) return { writes: 'everything', changesSchema: effects.mayDefine };
  return { writes: [...effects.relations].map((oid) => `r${oid}` as const), changesSchema: false };
}

type Refusal = Exclude<Verdict['status'], 'miss'> & CacheStatus;

function refused(status: Refusal, reason: string): Pick<Verdict, 'status' | 'reason' | 'reads'> {
  return { status, reason: `${reason}.`, reads: [] };
}

/** Nothing can be told of it. */
export function anything(status: Refusal, reason: string): Verdict {
  return { ...refused(status, reason), writes: 'everything', changesSchema: true, mayCommit: true };
}
