/** A cache that only takes down what conversations ask of it, and a catalog that knows a few texts. */
import type {
  CacheableRead,
  CacheHooks,
  CacheStatus,
  Catalog,
  Recording,
  ReplyFacts,
  Verdict,
  WriteNews,
  Writes,
} from '../../../src/protocols/caching.ts';
import { framed, textOf, wire } from './wire.ts';

/** Texts begin with: what they are, and what they write. */
const VERDICTS: [start: string, verdict: Partial<Verdict>][] = [
  ['select', { status: 'miss', reads: ['r1'] }],
  ['insert into t', { writes: ['r1'] }],
  ['insert into u', { writes: ['r2'] }],
  ['copy t', { writes: ['r1'] }],
  ['create', { status: 'notaquery', writes: 'everything', changesSchema: true }],
  ['call', { writes: 'everything', mayCommit: true }],
  ['syntax', { status: 'parseerror', writes: 'everything', changesSchema: true, mayCommit: true }],
  ['commit', { status: 'notaquery', mayCommit: true }],
  ['rollback', { status: 'notaquery', mayCommit: true }],
  ['', { status: 'notaquery' }],
];

function verdictOn(text: string): Verdict {
  const [, verdict] = VERDICTS.find(([start]) => text.startsWith(start)) ?? [];
  const nothing = { reads: [], writes: [], changesSchema: false, mayCommit: false };
  return { status: 'uncacheable', ...nothing, ...verdict };
}

export class FakeHooks implements CacheHooks {
  readonly isEdgeListening: boolean;
  readonly heard: string[] = [];
  /** How often a text was judged. */
  judged = 0;
  catalog: Catalog | undefined = {
    fingerprint: '',
    dependencyOf: () => undefined,
    nameOf: (name) => name,
    judge: (text) => {
      this.judged += 1;
      const verdicts = text.split('; ').map(verdictOn);
      const [alone] = verdicts;
      if (alone && verdicts.length === 1) return alone;
      const writes = verdicts.flatMap((verdict) => (verdict.writes === 'everything' ? [] : verdict.writes));
      return { ...verdictOn('-'), status: 'multiplestatements', writes, mayCommit: true };
    },
  };
  /** What the next note with `taken` carries. */
  fresh: WriteNews | undefined;
  #clock = 100;
  readonly #open = new Set<number>();

  constructor({ isEdgeListening = true } = {}) {
    this.isEdgeListening = isEdgeListening;
  }

  writeStarted(writes: Writes, { changesSchema }: { changesSchema: boolean }): number {
    this.#clock += 1;
    this.#open.add(this.#clock);
    const what = writes === 'everything' ? writes : writes.join('+');
    this.heard.push(`${this.#clock} writes ${what}${changesSchema ? ' and schema' : ''}`);
    return this.#clock;
  }

  writeEnded(ticket: number, { isCommitted }: { isCommitted: boolean }): void {
    if (!this.#open.delete(ticket)) throw new Error(`no ticket ${ticket} is open`);
    this.heard.push(`${ticket} ${isCommitted ? 'committed' : 'rolled back'}`);
  }

  get openTickets(): number {
    return this.#open.size;
  }

  news(): WriteNews | undefined {
    const { fresh } = this;
    this.fresh = undefined;
    return fresh;
  }

  now(): number {
    return this.#clock;
  }

  count(status: CacheStatus): void {
    this.heard.push(status);
  }

  openRecordings = 0;

  /** Takes down into the same list. */
  recording(): Recording {
    this.openRecordings += 1;
    let recorded = wire();
    let isOver = false;
    const end = (word: string): void => {
      if (isOver) throw new Error('the recording is over');
      isOver = true;
      this.openRecordings -= 1;
      this.heard.push(word);
    };
    return {
      add: (bytes) => {
        recorded = wire(recorded, bytes);
      },
      complete: (seenUpTo) => end(`recorded up to ${seenUpTo}: ${textOf(recorded)}`),
      abandon: () => end('abandoned'),
    };
  }
}

// --- what edge and endpoint say to each other -----------------------------------------------------------------

export const note = (content: object): Uint8Array => framed('\x01', JSON.stringify(content));

export const taken = (count: number, at: number, status: CacheStatus, more: object = {}): Uint8Array =>
  note({ taken: count, at, status, ...more });

/** A flagged read: the note, then the exchange. */
export function flagged(exchange: Uint8Array, about: Partial<CacheableRead> & { answers?: string } = {}) {
  const { wants = 'rows', answers = '' } = about;
  const read: CacheableRead = { wants, key: 'select 1', textLength: 8, control: {} };
  return wire(note({ read: { read, floor: 7, bytes: exchange.length, answers } }), exchange);
}

export const MISS: ReplyFacts = { status: 'miss', reads: ['r1'], asOf: 100, ageMs: 0, tier: 'origin' };
export const HIT: ReplyFacts = { status: 'hit', reads: ['r1'], asOf: 90, ageMs: 5, tier: 'endpoint' };
