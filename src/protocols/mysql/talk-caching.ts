/**
 * The part of a conversation that is about caching: the read that the edge has flagged, what the driver writes, and
 * what the edge is told. A conversation of a config without caching has none of it.
 */

import { latin1 } from '../bytes/latin1.ts';
import type { CacheHooks, CacheStatus, PendingRead, Recording, ReplyFacts, WriteNews } from '../caching.ts';
import type { ReadFlag } from '../sql/link-notes.ts';
import { WriteWatch } from '../sql/write-watch.ts';
import type { Dialect } from './dialect.ts';
import { judgementOf, judgingSettings, recordOf } from './judging.ts';
import { type EndpointNote, encodeEndpointNote } from './link-notes.ts';
import type { DriverStatement } from './prepared.ts';
import { ReplyRecorder } from './reply-recorder.ts';
import type { Settings } from './settings.ts';

/** Longer statements are not looked up at the edge. */
const TOLD_BYTES_MAX = 64 * 1024;

/** How the session stands. */
export interface Standing {
  settings: Settings;
  /** It has state besides its settings, or what they are must still be asked. */
  hasMore: boolean;
  /** What they are is not certain. */
  isUnsure: boolean;
  isInTransaction: boolean;
  /** Nothing is owed, no transaction is open, and the next statement will open none that stays. */
  isAtRest: boolean;
}

export class TalkCaching {
  readonly #hooks: CacheHooks;
  readonly #dialect: Dialect;
  readonly #standing: () => Standing;
  readonly #writes: WriteWatch;
  /** A read that waits to be answered or run. */
  #pending: ReadFlag | undefined;
  /** A read that runs, until its reply has ended. */
  running: ReplyRecorder | undefined;
  /** Commands that have been taken from the link and have, or get, a reply. */
  #taken = 0;
  /** Key of the settings that the edge was last told. Undefined: that they are not known. */
  #told: string | undefined;
  #wasIdle = true;
  #isRollback = false;
  #prepared: EndpointNote['prepared'];
  readonly #news: WriteNews[] = [];

  constructor(options: {
    hooks: CacheHooks;
    dialect: Dialect;
    standing: () => Standing;
    settings: Settings;
  }) {
    this.#hooks = options.hooks;
    this.#dialect = options.dialect;
    this.#standing = options.standing;
    this.#writes = new WriteWatch(options.hooks);
    this.#told = options.settings.key;
  }

  get isEdgeListening(): boolean {
    return this.#hooks.isEdgeListening;
  }

  // --- the read that the edge flagged -----------------------------------------------------------------------

  /** False: it runs as it is, because more is under way than the edge knew. */
  flag(flag: ReadFlag): boolean {
    const { isAtRest, hasMore } = this.#standing();
    if (isAtRest && !hasMore) this.#pending = flag;
    return this.#pending !== undefined;
  }

  get pending(): PendingRead | undefined {
    if (!this.#pending) return undefined;
    const { read, floor } = this.#pending;
    return { read, floor, settings: judgingSettings(this.#standing().settings, this.#dialect) };
  }

  takePending(): ReadFlag | undefined {
    const flag = this.#pending;
    this.#pending = undefined;
    return flag;
  }

  run({ read }: ReadFlag, facts: ReplyFacts, recording: Recording | undefined): void {
    this.#giveUpRead();
    this.running = new ReplyRecorder({ read, facts, recording });
  }

  #giveUpRead(): void {
    this.running?.abandon();
    this.running = undefined;
  }

  /** In front of a reply that comes from a cache. */
  told(facts: ReplyFacts, previous: number): Uint8Array | undefined {
    return this.#note({ reply: facts }, previous);
  }

  /** What the edge must hear before the first byte of the reply. */
  announcement(previous: number): Uint8Array | undefined {
    const { running } = this;
    if (!running || running.isAnnounced) return undefined;
    running.isAnnounced = true;
    return encodeEndpointNote({ reply: running.facts }, previous);
  }

  // --- commands ---------------------------------------------------------------------------------------------

  /** `text`: one character a byte. A prepared statement means what it meant under its own settings. */
  runs(text: string, settings = this.#standing().settings): void {
    const { isUnsure } = this.#standing();
    const { verdict, isRollback } = judgementOf(text, {
      hooks: this.#hooks,
      settings: judgingSettings(settings, this.#dialect),
      isUnsure,
    });
    this.#isRollback = isRollback;
    this.#writes.runs(verdict, { isBound: false });
  }

  /** A command of the driver's goes to the origin. */
  sent(): void {
    this.#taken += 1;
    this.#wasIdle = !this.#standing().isInTransaction;
    this.#writes.sent({ isIdle: this.#wasIdle });
  }

  /** A statement was prepared for the driver. */
  prepared({ id, shared, parameterCount }: Pick<DriverStatement, 'id' | 'shared' | 'parameterCount'>): void {
    const { text, settings } = shared;
    if (text.length <= TOLD_BYTES_MAX) this.#prepared = [id, latin1(text), parameterCount, settings.key];
  }

  // --- replies ----------------------------------------------------------------------------------------------

  failed(sqlState: string): void {
    this.running?.spoil();
    this.#writes.failed(sqlState);
  }

  /** The driver has its reply, but what the session is must still be asked. */
  replied(previous: number): Uint8Array | undefined {
    return this.#note({ taken: this.#taken }, previous);
  }

  /** The reply of a command has ended, and it is known whether a transaction is open. */
  ended(previous: number): Uint8Array | undefined {
    const { isInTransaction, isAtRest } = this.#standing();
    if (this.#isRollback) this.#writes.completed({ isRollback: true });
    this.#isRollback = false;
    const status = this.#writes.ended({ wasIdle: this.#wasIdle, isIdle: !isInTransaction });
    const keeps = isAtRest && this.running?.keeps === true;
    if (keeps) this.running?.complete(this.#hooks.now());
    const note = this.#ending(this.running?.facts.status ?? status, previous, keeps);
    this.#giveUpRead();
    return note;
  }

  /** A command that no origin had a say in. */
  answered(status: CacheStatus, previous: number): Uint8Array | undefined {
    this.#taken += 1;
    return this.#ending(status, previous, status === 'hit');
  }

  #ending(status: CacheStatus, previous: number, keeps: boolean): Uint8Array | undefined {
    this.#hooks.count(status);
    const { isAtRest } = this.#standing();
    const prepared = this.#prepared;
    this.#prepared = undefined;
    return this.#note(
      {
        taken: this.#taken,
        status,
        ...(isAtRest ? { at: this.#hooks.now(), ...this.#settingsToTell() } : {}),
        ...(keeps ? { keeps } : {}),
        ...(prepared ? { prepared } : {}),
      },
      previous,
    );
  }

  /** What the session is has become known since. */
  settled(previous: number): Uint8Array | undefined {
    const { isAtRest } = this.#standing();
    const told = isAtRest ? this.#settingsToTell() : {};
    return told.settings === undefined ? undefined : this.#note(told, previous);
  }

  #settingsToTell(): Pick<EndpointNote, 'settings'> {
    const { settings, hasMore } = this.#standing();
    const known = hasMore ? undefined : settings;
    if (known?.key === this.#told) return {};
    this.#told = known?.key;
    return { settings: known ? recordOf(known) : null };
  }

  // --- notes ------------------------------------------------------------------------------------------------

  tell(news: WriteNews): void {
    if (this.isEdgeListening) this.#news.push(news);
  }

  /** In between replies. */
  takeNews(previous: number): Uint8Array | undefined {
    const [news, ...more] = this.#news.splice(0);
    if (!news) return undefined;
    this.#news.push(...more);
    return encodeEndpointNote({ news }, previous);
  }

  file(previous: number): Uint8Array | undefined {
    return this.#note({ file: true }, previous);
  }

  #note(note: EndpointNote, previous: number): Uint8Array | undefined {
    if (!this.isEdgeListening) return undefined;
    const news = note.at === undefined ? undefined : this.#hooks.news();
    return encodeEndpointNote({ ...note, ...(news ? { news } : {}) }, previous);
  }

  // --- ends -------------------------------------------------------------------------------------------------

  /** Nothing is under way, and what was open has been rolled back. */
  rolledBack(): void {
    this.#writes.rolledBack();
  }

  /** There is no connection any more, or nobody to hear. */
  lost(): void {
    this.#pending = undefined;
    this.#giveUpRead();
    this.#writes.lost();
  }
}
