/**
 * The talk between one driver and whichever origin connection it holds: connections come and go here, and each
 * leaves only when nothing is owed and nothing is left behind. The bytes are read in requests.ts and replies.ts.
 */
import { PoolerError } from '../../errors.ts';
import type { Outbox } from '../bytes/outbox.ts';
import type { CachedReply, CacheHooks, PendingRead, Recording, ReplyFacts, WriteNews } from '../caching.ts';
import type { Conversation, ConversationPhase, OriginAnswer } from '../contract.ts';
import type { DriverOpening } from '../driver-login.ts';
import { query } from './messages.ts';
import type { PostgresOrigin } from './origin-session.ts';
import type { StatementRegistry } from './prepared.ts';
import { Replies } from './replies.ts';
import { Requests } from './requests.ts';
import { isSensitive, Settings, transition } from './settings.ts';
import { settledFrom, settleQuestion } from './settle.ts';
import { IDLE, Talk } from './talk.ts';

export class PostgresConversation implements Conversation {
  readonly #talk: Talk;
  /** Settings of the driver's startup packet. */
  readonly #startup: Settings;
  readonly #requests: Requests;
  readonly #replies: Replies;
  readonly #accepted: AcceptedSettings;

  constructor(options: {
    opening: DriverOpening;
    registry: StatementRegistry;
    accepted: AcceptedSettings;
    hooks: CacheHooks | undefined;
  }) {
    const { opening, registry, hooks } = options;
    const settings = Settings.of(Object.entries(opening.settings));
    this.#startup = settings;
    this.#talk = new Talk({ registry, settings, told: opening.parameters, hooks });
    this.#requests = new Requests(this.#talk);
    this.#replies = new Replies(this.#talk, this.#requests);
    this.#accepted = options.accepted;
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
    return '';
  }

  get looksBack(): boolean {
    return false;
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
    if (talk.isUnsynced || talk.status !== IDLE || this.#requests.isMidMessage) return 'in transaction';
    if (talk.mustSettle) return 'unsettled';
    return talk.pins.length > 0 ? 'pinned' : 'done';
  }

  fromDriver(bytes: Uint8Array): void {
    this.#requests.feed(bytes);
    this.#noticeEnd();
  }

  fromOrigin(bytes: Uint8Array): void {
    this.#replies.feed(bytes);
    const { expected, isDriverGone } = this.#talk;
    if (this.#requests.isHeld && !expected.hasEnd && !isDriverGone) this.#requests.resume();
    this.#noticeEnd();
  }

  beforeAttach(origin: PostgresOrigin): string | undefined {
    const { settings } = this.#talk;
    const sql = transition(origin.settings, settings);
    const isSure = this.#accepted.hasAll(settings) && !isSensitive(origin.settings, settings);
    return isSure ? undefined : sql;
  }

  prepared(origin: PostgresOrigin): void {
    origin.settings = this.#talk.settings;
    this.#accepted.add(this.#talk.settings);
  }

  attach(origin: PostgresOrigin): void {
    const talk = this.#talk;
    talk.caching?.takePending();
    talk.origin = origin;
    talk.status = IDLE;
    this.#replies.reset();
    this.#replaySettings(origin);
    if (talk.expected.isEmpty) talk.tellParameters();
    this.#requests.resume();
    this.#noticeEnd();
  }

  /** Settings that are known to be accepted travel in front of the exchange and cost no round trip. */
  #replaySettings(origin: PostgresOrigin): void {
    const sql = transition(origin.settings, this.#talk.settings);
    if (sql === undefined) return;
    this.#talk.toOrigin.push(query(sql));
    this.#talk.expected.push({ reply: 'query', isHidden: true });
    origin.settings = this.#talk.settings;
    // As any simple query it ends the unnamed statement.
    origin.unnamed = undefined;
  }

  detach(): void {
    this.#talk.origin = undefined;
  }

  settleQuestion(): string {
    const talk = this.#talk;
    const names = new Set(talk.touched);
    if (talk.hasUnknownSettings) for (const name of talk.settings.values.keys()) names.add(name);
    return settleQuestion(names, { hasUnknown: talk.hasUnknownSettings });
  }

  settled(answer: OriginAnswer): void {
    const talk = this.#talk;
    const { pins, changes } = settledFrom(answer.rows);
    if (answer.news) talk.toDriver.push(answer.news);
    // What was hidden stays so: the next answer does not list it either.
    const isUnsure = answer.error !== undefined || talk.hidesSettings || talk.pins.includes('settings');
    talk.pins = isUnsure ? [...pins, 'settings'] : pins;
    const settings = talk.settings.with(changes);
    if (talk.origin) talk.origin.settings = settings;
    // RESET leads back to what the driver asked for at its startup, which our own login did not.
    const restored = changes.flatMap(([name, value]): [string, string][] => {
      const atStartup = this.#startup.values.get(name);
      return value === null && atStartup !== undefined ? [[name, atStartup]] : [];
    });
    talk.settings = settings.with(restored);
    this.#accepted.add(talk.settings);
    talk.forgetNotes();
    const note = talk.caching?.settled(talk.rest.settings);
    if (note) talk.toDriver.push(note);
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
    this.#replies.tell(news);
  }

  fail(error: PoolerError): void {
    if (error.fatal) this.#talk.end(error);
    else this.#requests.refuse(error);
    this.#noticeEnd();
  }

  cancelled(because: PoolerError): void {
    this.#talk.cancelledBecause = because;
  }

  originLost(error?: PoolerError): void {
    const talk = this.#talk;
    talk.origin = undefined;
    talk.expected.clear();
    talk.caching?.lost();
    talk.end(
      error ??
        new PoolerError('The origin closed the connection.', {
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
    const isUseless = this.#requests.isMidMessage || talk.isOriginBroken;
    if (isUseless || !talk.origin) talk.caching?.lost();
    if (isUseless) return false;
    talk.giveUp();
    return true;
  }

  cleanup(): string | undefined {
    const talk = this.#talk;
    if (!talk.origin) return undefined;
    if (talk.status !== IDLE) return 'ROLLBACK';
    return talk.pins.length > 0 || talk.mustSettle ? 'DISCARD ALL' : undefined;
  }

  cleaned(): void {
    const talk = this.#talk;
    if (talk.status !== IDLE) {
      talk.status = IDLE;
      talk.caching?.writes.rolledBack();
      return;
    }
    talk.pins = [];
    talk.forgetNotes();
    talk.origin?.discarded();
  }

  /** What ends with the exchange ends here. */
  #noticeEnd(): void {
    const talk = this.#talk;
    if (talk.isOriginBroken || (talk.isOver && !talk.origin)) talk.caching?.lost();
    if (!talk.expected.isEmpty || talk.isUnsynced || this.#requests.isWaiting) return;
    this.#requests.exchangeEnded();
    this.#replies.exchangeEnded();
    talk.cancelledBecause = undefined;
    if (talk.status !== IDLE) return;
    talk.watchesTags = false;
    if (!talk.changesSchema) return;
    talk.changesSchema = false;
    // What was prepared while the change was under way may be older than it.
    talk.registry.forgetAll();
  }
}

/** Settings that the origin has taken before: sending them again cannot fail. One per endpoint. */
export class AcceptedSettings {
  static readonly #max = 1000;
  readonly #known = new Set<string>();

  hasAll(settings: Settings): boolean {
    for (const [name, value] of settings.values) if (!this.#known.has(`${name}=${value}`)) return false;
    return true;
  }

  add(settings: Settings): void {
    if (this.#known.size > AcceptedSettings.#max) this.#known.clear();
    for (const [name, value] of settings.values) this.#known.add(`${name}=${value}`);
  }

  clear(): void {
    this.#known.clear();
  }
}
