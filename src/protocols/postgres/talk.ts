/**
 * What requests and replies of one conversation share: the outboxes, the owed replies, what the driver has
 * prepared, and what the running exchange may have changed. It holds state; the rules are in requests.ts (bytes
 * from the driver), replies.ts (bytes from the origin) and conversation.ts (connections come and go).
 */
import { PoolerError } from '../../errors.ts';
import { Outbox } from '../bytes/outbox.ts';
import type { CacheHooks, CacheStatus } from '../caching.ts';
import type { Rest } from './endpoint-notes.ts';
import { encodeErrorResponse } from './errors.ts';
import { type Expected, ExpectedReplies, SYNC } from './expected.ts';
import { CLEAN, type StatementFacts } from './facts.ts';
import type { MessageStream } from './message-stream.ts';
import { cString, Frontend, message, parameterStatus, readyForQuery } from './messages.ts';
import type { PostgresOrigin } from './origin-session.ts';
import type { SharedStatement, StatementRegistry } from './prepared.ts';
import type { Settings } from './settings.ts';
import type { Pin } from './settle.ts';
import { type SettingsNow, TalkCaching } from './talk-caching.ts';

/** How far a driver may run ahead of its replies. */
const OWED_MAX = 100_000;

export const IDLE = 0x49; // I
export const FAILED = 0x45; // E

/** The unnamed statement as the driver made it. Its identity says whether a connection holds just this one. */
export interface UnnamedStatement {
  /** The origin has answered its Parse. */
  isMade: boolean;
  readonly parseBody: Uint8Array;
  readonly facts: StatementFacts;
}

export class Talk {
  readonly toDriver = new Outbox();
  readonly toOrigin = new Outbox();
  readonly expected = new ExpectedReplies();
  readonly registry: StatementRegistry;
  /** Undefined: the config caches nothing. */
  readonly caching: TalkCaching | undefined;
  readonly statements = new Map<string, SharedStatement>();
  unnamed: UnnamedStatement | undefined;
  origin: PostgresOrigin | undefined;
  settings: Settings;
  /** Reported parameters as the driver last heard them. */
  readonly told: Record<string, string>;
  /** Key of the origin's parameters that `told` was last compared with. */
  #compared: string | undefined;

  /** Of the last ReadyForQuery. */
  status = IDLE;
  /** Extended-query messages have gone out and no Sync behind them: an implicit transaction is open. */
  isUnsynced = false;
  /** An error was answered: the driver's messages count for nothing until its Sync. */
  isSkipping = false;
  isCopyingIn = false;
  /** The driver said Terminate, broke the protocol, or heard a fatal error. */
  isOver = false;
  /** The origin said its last word, or one that makes no sense: the connection is of no more use. */
  isOriginBroken = false;
  /** Nothing is sent to the driver any more: it has gone. */
  isDriverGone = false;

  /** We cancelled what runs, and this is why. */
  cancelledBecause: PoolerError | undefined;

  pins: readonly Pin[] = [];
  /** Settings that may have changed since the last settling. */
  readonly touched = new Set<string>();
  hasUnknownSettings = false;
  hidesSettings = false;
  isSuspect = false;
  changesSchema = false;
  watchesTags = false;

  constructor(options: {
    registry: StatementRegistry;
    settings: Settings;
    told: Record<string, string>;
    hooks: CacheHooks | undefined;
  }) {
    const { settings, hooks } = options;
    this.caching = hooks && new TalkCaching({ hooks, settings });
    this.registry = options.registry;
    this.settings = settings;
    this.told = { ...options.told };
  }

  get mustSettle(): boolean {
    return this.isSuspect || this.hasUnknownSettings || this.hidesSettings || this.touched.size > 0;
  }

  /** No transaction is open, and nothing is owed. */
  get isAtRest(): boolean {
    return this.expected.isEmpty && !this.isUnsynced && this.status === IDLE;
  }

  get rest(): Rest {
    const isSettled = !this.mustSettle;
    return { settings: isSettled && this.pins.length === 0 ? this.settings : undefined, isSettled };
  }

  /** What a statement is judged by. */
  get settingsNow(): SettingsNow {
    const isUnsure = this.hidesSettings || this.hasUnknownSettings || this.pins.includes('settings');
    const hasOwnCode = this.pins.includes('temporary code');
    const hasTemporary = this.pins.includes('temporary object');
    return { settings: this.settings, isUnsure, hasTemporary, hasOwnCode };
  }

  /** The reply to an exchange that no origin had a say in. */
  answer(status: CacheStatus, ...replies: Uint8Array[]): void {
    for (const reply of replies) this.toDriver.push(reply);
    const note = this.caching?.answered(status, this.rest);
    if (note) this.toDriver.push(note);
    this.toDriver.push(readyForQuery('I'));
  }

  /** Replies of ours that nothing of the origin's comes before are due now. True: there were some. */
  answerInjected(): boolean {
    const { expected, toDriver } = this;
    const { length } = expected;
    for (let { first } = expected; first?.inject; { first } = expected) {
      toDriver.push(first.inject);
      expected.shift();
    }
    return expected.length < length;
  }

  /** Lets the current message pass as it is; its reply is owed from now on. Always true, for its callers. */
  pass(stream: MessageStream, expected: Expected): true {
    stream.pass();
    this.owe(expected);
    return true;
  }

  /** Sends a message of ours at this point of the driver's. */
  send(stream: MessageStream, bytes: Uint8Array, expected: Expected): void {
    stream.insert(bytes);
    this.owe(expected);
  }

  owe(expected: Expected): void {
    if (this.caching && !expected.isHidden) this.#watch(expected, this.caching);
    this.expected.push(expected);
    this.isUnsynced = true;
    if (this.expected.length > OWED_MAX)
      this.end(
        new PoolerError(`more than ${OWED_MAX} messages wait for their replies`, {
          fault: 'driver',
          sqlState: '54000',
          fatal: true,
          hint: 'Send Sync and read the replies from time to time.',
        }),
      );
  }

  #watch({ reply }: Expected, caching: TalkCaching): void {
    if (reply === 'execute') caching.writes.executes();
    else if (reply === 'ready' || reply === 'query') caching.sent({ isIdle: this.status === IDLE });
  }

  /** The driver has left: sends what ends its exchange. */
  giveUp(): void {
    if (this.isCopyingIn) {
      this.isCopyingIn = false;
      this.toOrigin.push(message(Frontend.CopyFail, cString('the driver left')));
    }
    if (this.isUnsynced) {
      this.isUnsynced = false;
      this.toOrigin.push(message(Frontend.Sync));
      if (this.caching) this.#watch(SYNC, this.caching);
      this.expected.push(SYNC);
    }
  }

  /** Takes down what a statement that is about to run may change. */
  note(facts: StatementFacts): void {
    if (facts === CLEAN) return;
    for (const name of facts.settings) this.touched.add(name);
    if (facts.hasUnknownSettings) this.hasUnknownSettings = true;
    if (facts.hidesSettings) this.hidesSettings = true;
    if (facts.isSuspect) this.isSuspect = true;
    if (facts.dropsStatements) this.watchesTags = true;
    if (facts.changesSchema) {
      this.changesSchema = true;
      // A table that is dropped may be what pins, and one that is created may be temporary: ask.
      const isInTemp = this.settings.values.get('search_path')?.includes('pg_temp') === true;
      if (this.pins.length > 0 || isInTemp) this.isSuspect = true;
      this.registry.forgetAll();
    }
  }

  /** What had to be looked at has been looked at. */
  forgetNotes(): void {
    this.touched.clear();
    this.hasUnknownSettings = false;
    this.hidesSettings = false;
    this.isSuspect = false;
  }

  /** The driver's session is not its alone any more: statements it made by name are gone. */
  dropStatements(): void {
    if (this.caching) this.caching.notes.isDropped = true;
    this.statements.clear();
    this.unnamed = undefined;
    this.origin?.dropStatements();
  }

  /** Tells the driver which reported parameters differ from what it last heard. */
  tellParameters(): void {
    const { origin } = this;
    if (!origin || origin.parametersKey === this.#compared) return;
    for (const [name, value] of Object.entries(origin.parameters)) this.tell(name, value);
    this.#compared = origin.parametersKey;
  }

  tell(name: string, value: string): void {
    if (this.told[name] === value) return;
    this.told[name] = value;
    this.#compared = undefined;
    this.toDriver.push(parameterStatus(name, value));
  }

  /** The driver's fault or the end of the origin: the last words, and nothing after them. */
  end(error: PoolerError): void {
    if (this.isOver) return;
    this.toDriver.push(encodeErrorResponse(error, 'FATAL'));
    this.isOver = true;
  }
}
