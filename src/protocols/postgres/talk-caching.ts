/**
 * The part of a conversation that is about caching: the read that the edge has flagged, what the driver writes, and
 * what the edge is told. A conversation of a config without caching has none of it.
 */
import type {
  CachedReply,
  CacheHooks,
  CacheStatus,
  PendingRead,
  Recording,
  ReplyFacts,
  Verdict,
} from '../caching.ts';
import { WriteWatch } from '../sql/write-watch.ts';
import { EndpointNotes, type Rest } from './endpoint-notes.ts';
import type { Expected } from './expected.ts';
import { ANYTHING, Judge, type JudgedSession, type Judgement, recordOf } from './judging.ts';
import { type EdgeNote, encodeNote } from './link-notes.ts';
import { ReplyRecorder } from './reply-recorder.ts';
import type { Settings } from './settings.ts';

const PARSE_COMPLETE = Uint8Array.of(0x31, 0, 0, 0, 4);
const BIND_COMPLETE = Uint8Array.of(0x32, 0, 0, 0, 4);
/** A function that is called by its number can do anything but end the transaction. */
const FUNCTION_CALL: Verdict = { ...ANYTHING, mayCommit: false };
/** Only what reads or writes rows can be prepared in SQL. */
const PREPARED_IN_SQL: Verdict = { ...FUNCTION_CALL, changesSchema: false };

type Flag = NonNullable<EdgeNote['read']>;

/** How the settings stand by which a statement is judged. */
export interface SettingsNow {
  settings: Settings;
  /** There are changes that have not been asked for yet. */
  isUnsure: boolean;
  /** It has temporary tables. */
  hasTemporary: boolean;
  /** What is written to may be a view of this session's own, or have its triggers: no catalog tells. */
  hasOwnCode: boolean;
}

export class TalkCaching {
  readonly #hooks: CacheHooks;
  readonly #judge: Judge;
  readonly writes: WriteWatch;
  readonly notes: EndpointNotes;
  /** A read that waits to be answered or run. */
  #pending: { flag: Flag; settings: Settings } | undefined;
  /** A read that runs, until its exchange ends. */
  running: ReplyRecorder | undefined;
  /** Names may mean something else until the transaction ends, or the origin is asked. */
  #areNamesMoved = false;
  /** The transaction, or what has not been asked for yet, made a temporary table. */
  #hasMadeTemporary = false;

  constructor(options: { hooks: CacheHooks; settings: Settings }) {
    this.#hooks = options.hooks;
    this.#judge = new Judge(options.hooks);
    this.writes = new WriteWatch(options.hooks);
    this.notes = new EndpointNotes(options);
  }

  get isEdgeListening(): boolean {
    return this.#hooks.isEdgeListening;
  }

  // --- the read that the edge flagged -----------------------------------------------------------------------

  flag(flag: Flag, settings: Settings): void {
    this.#pending = { flag, settings };
  }

  get pending(): PendingRead | undefined {
    const pending = this.#pending;
    if (!pending) return undefined;
    const { read, floor } = pending.flag;
    return { read, floor, settings: recordOf(pending.settings) };
  }

  /** It is decided without us, or by `runs`. Returns how long its exchange is. */
  takePending(): Flag | undefined {
    const flag = this.#pending?.flag;
    this.#pending = undefined;
    return flag;
  }

  /** All of the reply but its ReadyForQuery. */
  replyOf({ answers }: Flag, reply: CachedReply, facts: ReplyFacts): Uint8Array[] {
    const acknowledged = [...answers].map((answer) => (answer === '1' ? PARSE_COMPLETE : BIND_COMPLETE));
    return [encodeNote({ reply: facts }), ...acknowledged, reply.body];
  }

  run({ read }: Flag, facts: ReplyFacts, recording: Recording | undefined): void {
    this.giveUpRead();
    this.running = new ReplyRecorder({ read, facts, recording });
  }

  /** It will not be answered, or not as it was asked. */
  giveUpRead(): void {
    this.running?.abandon();
    this.running = undefined;
  }

  // --- what goes out ----------------------------------------------------------------------------------------

  runsText(text: string, now: SettingsNow): void {
    this.#runs(this.#judge.ofText(text, this.#judgedBy(now)), { now, isBound: false });
  }

  runsPrepared(prepared: { readonly parseBody: Uint8Array }, now: SettingsNow): void {
    this.#runs(this.#judge.ofPrepared(prepared, this.#judgedBy(now)), { now, isBound: true });
  }

  #judgedBy({ settings, hasTemporary }: SettingsNow): JudgedSession {
    return { settings, hasTemporary: hasTemporary || this.#hasMadeTemporary };
  }

  #runs(judgement: Judgement, { now, isBound }: { now: SettingsNow; isBound: boolean }): void {
    const { verdict, movesNames, isPlain, mayWrite } = judgement;
    const isElsewhere = now.isUnsure || this.#areNamesMoved || (now.hasOwnCode && mayWrite);
    const isMisjudged = isElsewhere && !isPlain;
    this.writes.runs(isMisjudged ? { ...verdict, writes: 'everything' } : verdict, { isBound });
    this.#areNamesMoved ||= movesNames;
    this.#hasMadeTemporary ||= verdict.makesTemporary === true;
  }

  /** A statement that we did not prepare: the driver may have done so in SQL. */
  runsUnknown(): void {
    this.writes.runs(PREPARED_IN_SQL, { isBound: true });
  }

  callsFunction(): void {
    this.writes.runs(FUNCTION_CALL, { isBound: false });
  }

  /** The end of an exchange is about to go out. */
  sent(options: { isIdle: boolean }): void {
    this.notes.taken += 1;
    this.writes.sent(options);
  }

  // --- what comes back --------------------------------------------------------------------------------------

  /** The ReadyForQuery of an exchange is here. Returns what the edge must hear in front of it. */
  ended(options: { wasIdle: boolean; isIdle: boolean; rest: Rest | undefined }): Uint8Array | undefined {
    const { running } = this;
    const status = this.writes.ended(options);
    if (options.isIdle && options.wasIdle) running?.complete(this.#hooks.now());
    this.giveUpRead();
    if (options.rest?.isSettled) this.#forgetMoves();
    return this.#ready(running?.facts.status ?? status, options.rest);
  }

  /** An exchange that no origin had a say in. */
  answered(status: CacheStatus, rest: Rest): Uint8Array | undefined {
    this.giveUpRead();
    this.notes.taken += 1;
    return this.#ready(status, rest);
  }

  #ready(status: CacheStatus, rest: Rest | undefined): Uint8Array | undefined {
    this.#hooks.count(status);
    return this.notes.beforeReady(status, rest);
  }

  /** The exchange has failed on stale knowledge of ours and runs again: what of it comes is not to be kept. */
  rerun(): void {
    this.writes.ended({ wasIdle: true, isIdle: true });
    this.running?.abandon();
    this.notes.taken -= 1;
  }

  /** A Query or a Sync that was skipped. */
  skipped(): void {
    this.notes.taken += 1;
    this.#hooks.count('notaquery');
  }

  /** Syncs that a COPY has swallowed; `by` is what copies. */
  swallowed(syncs: number, by: Expected | undefined): void {
    if (by?.reply === 'query') this.writes.absorbed(syncs);
    else this.writes.swallowed(syncs);
  }

  settled(settings: Settings | undefined): Uint8Array | undefined {
    this.#forgetMoves();
    return this.notes.settled(settings);
  }

  #forgetMoves(): void {
    this.#areNamesMoved = false;
    this.#hasMadeTemporary = false;
  }

  /** There is no connection any more, or nobody to hear. */
  lost(): void {
    this.#pending = undefined;
    this.giveUpRead();
    this.writes.lost();
  }
}
