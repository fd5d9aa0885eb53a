/**
 * The talk between one driver and whichever origin connection it holds: connections come and go here, and each
 * leaves only when nothing is owed and nothing is left behind. The bytes are read in requests.ts and replies.ts.
 */
import { PoolerError } from '../../errors.ts';
import type { Outbox } from '../bytes/outbox.ts';
import type { CachedReply, CacheHooks, PendingRead, Recording, ReplyFacts, WriteNews } from '../caching.ts';
import type { Conversation, ConversationPhase, OriginAnswer, Peers } from '../contract.ts';
import type { DriverOpening } from '../driver-login.ts';
import type { MySqlOrigin } from './origin-session.ts';
import type { StatementRegistry } from './prepared.ts';
import { RESET } from './question.ts';
import { Replies } from './replies.ts';
import { Requests } from './requests.ts';
import { transition } from './settings.ts';
import { Talk } from './talk.ts';

export class MySqlConversation implements Conversation {
  readonly #talk: Talk;
  readonly #requests: Requests;
  readonly #replies: Replies;

  constructor(options: {
    opening: DriverOpening;
    registry: StatementRegistry;
    peers: Peers | undefined;
    hooks?: CacheHooks | undefined;
  }) {
    this.#talk = new Talk(options);
    this.#requests = new Requests(this.#talk);
    this.#replies = new Replies(this.#talk);
  }

  get toDriver(): Outbox {
    return this.#talk.toDriver;
  }

  get toOrigin(): Outbox {
    return this.#talk.toOrigin;
  }

  get isHeld(): boolean {
    return this.#requests.isHeld && !this.#talk.isOver;
  }

  get dialect(): string {
    return this.#talk.dialect;
  }

  get looksBack(): boolean {
    return this.#requests.looksBack;
  }

  get settingsKey(): string {
    return this.#talk.settings.key;
  }

  get phase(): ConversationPhase {
    const talk = this.#talk;
    if (talk.isOver && !talk.isDriverGone) return 'closed';
    if (this.#requests.isWaiting) return 'waiting';
    if (!talk.origin) return 'idle';
    if (!talk.expected.isEmpty) return 'busy';
    if (talk.isInTransaction || talk.isSendingFile || this.#requests.isMidMessage) return 'in transaction';
    if (talk.asks.size > 0) return 'unsettled';
    if (!talk.pins.isEmpty) return 'pinned';
    return talk.lingers ? 'lingering' : 'done';
  }

  fromDriver(bytes: Uint8Array): void {
    this.#requests.feed(bytes);
    this.#noticeEnd();
  }

  fromOrigin(bytes: Uint8Array): void {
    const talk = this.#talk;
    this.#replies.feed(bytes);
    this.#noticeEnd();
    if (!talk.expected.isEmpty) return;
    if (talk.cancelledBecause) this.#cancelMissed();
    if (this.#requests.isHeld && !talk.isOver) this.#requests.resume();
  }

  /** The request to cancel may have come too late: then it hits whatever runs next here. That must be ours. */
  #cancelMissed(): void {
    const talk = this.#talk;
    talk.cancelledBecause = undefined;
    talk.asks.set('1', () => {});
  }

  beforeAttach(origin: MySqlOrigin): string | undefined {
    return transition(origin.settings, this.#talk.settings, origin.fresh)[0];
  }

  prepared(origin: MySqlOrigin): void {
    const { settings } = this.#talk;
    const isDatabaseNew = origin.settings.database !== settings.database;
    const hasMore = transition(origin.settings, settings, origin.fresh).length > 1;
    origin.settings = isDatabaseNew && hasMore ? origin.settings.withDatabaseOf(settings) : settings;
  }

  attach(origin: MySqlOrigin): void {
    const talk = this.#talk;
    talk.caching?.takePending();
    talk.origin = origin;
    const isMine = origin.lastUser === talk.self;
    talk.isInsertIdHere = isMine;
    talk.isPreviousHere = isMine;
    origin.lastUser = talk.self;
    this.#replies.attached(origin);
    this.#requests.resume();
  }

  detach(): void {
    this.#talk.origin = undefined;
    this.#talk.lingers = false;
  }

  settleQuestion(): string {
    return `SELECT ${[...this.#talk.asks.keys()].join(',')}`;
  }

  settled({ rows, error }: OriginAnswer): void {
    const { asks, pins } = this.#talk;
    const takers = [...asks.values()];
    asks.clear();
    const [row] = rows;
    for (const [at, take] of takers.entries()) if (row) take(row[at] ?? null);
    // Nobody knows what it is then; a request to cancel that came late is all that is no matter.
    if (error && takers.length > 1) pins.add('hidden');
    this.#talk.note(this.#talk.caching?.settled(this.#talk.lastSequence));
  }

  get pendingRead(): PendingRead | undefined {
    return this.#talk.caching?.pending;
  }

  answerRead(reply: CachedReply, facts: ReplyFacts): void {
    this.#requests.answerRead(reply, facts);
    this.#noticeEnd();
  }

  runRead(facts: ReplyFacts, recording?: Recording): void {
    const { caching } = this.#talk;
    const flag = caching?.takePending();
    if (flag) caching?.run(flag, facts, recording);
    else recording?.abandon();
    this.#requests.resume();
    this.#noticeEnd();
  }

  stopRecording(): void {
    this.#talk.caching?.running?.abandon();
  }

  tell(news: WriteNews): void {
    const talk = this.#talk;
    talk.caching?.tell(news);
    // In the midst of a reply they wait for its end.
    if (!talk.expected.isEmpty || talk.isOver) return;
    talk.note(talk.caching?.takeNews(talk.lastSequence));
  }

  fail(error: PoolerError): void {
    const talk = this.#talk;
    if (!error.fatal) {
      this.#requests.refuse(error);
      return;
    }
    // In between commands a server speaks as if for the first time.
    if (talk.expected.isEmpty && !this.#requests.isWaiting) talk.sequence = 0;
    talk.end(error);
  }

  cancelled(because: PoolerError): void {
    this.#talk.cancelledBecause = because;
  }

  originLost(error?: PoolerError): void {
    const talk = this.#talk;
    const isOwed = !talk.expected.isEmpty;
    talk.origin = undefined;
    talk.expected.clear();
    talk.caching?.lost();
    // As a server does that is gone: who has asked nothing hears nothing.
    if (!isOwed && !error) talk.isOver = true;
    talk.end(
      error ??
        new PoolerError('Lost connection to the origin during the query.', {
          fault: 'origin',
          sqlState: '08006',
          fatal: true,
          hint: 'Its log may say why; connect again.',
        }),
    );
  }

  driverLeft(): boolean {
    const talk = this.#talk;
    talk.isDriverGone = true;
    talk.toDriver.clear();
    if (talk.isOriginBroken || !talk.origin) talk.caching?.lost();
    // The origin takes the end of a connection for the end of a statement whose file did not all come.
    return !this.#requests.isMidMessage && !talk.isSendingFile && !talk.isOriginBroken;
  }

  cleanup(): string | undefined {
    const talk = this.#talk;
    if (!talk.origin) return undefined;
    if (!talk.pins.isEmpty || talk.asks.size > 0) return RESET;
    return talk.isInTransaction ? 'ROLLBACK' : undefined;
  }

  cleaned(): void {
    const { origin, pins, asks, caching } = this.#talk;
    caching?.rolledBack();
    if (pins.isEmpty && asks.size === 0) return;
    origin?.wasReset();
    pins.clear();
    asks.clear();
  }

  /** What was to be committed on a connection that is of no more use may have been. */
  #noticeEnd(): void {
    const talk = this.#talk;
    if (talk.isOriginBroken || (talk.isOver && !talk.origin)) talk.caching?.lost();
  }
}
