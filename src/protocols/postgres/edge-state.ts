/**
 * What both halves of an edge's conversation share. It holds state; the rules are in edge-requests.ts (bytes from
 * the driver) and edge-replies.ts (bytes from the endpoint).
 */
import { Outbox } from '../bytes/outbox.ts';
import type { CacheableRead, CacheStatus, EdgeHooks } from '../caching.ts';
import { keyOfSettings } from '../sql/settings-key.ts';
import { AwaitedDescriptions } from './edge-columns.ts';
import { type EdgeStatement, EdgeStatements, markOf } from './edge-statements.ts';
import { encodeNoticeResponse } from './errors.ts';
import { parameterStatus, readyForQuery } from './messages.ts';

/** successful_completion: what is said is no warning. */
const NO_ERROR = '00000';
/** In no transaction. */
export const READY = readyForQuery('I');
const BOOKMARK = 'warmpool.bookmark';
/** They are a part of every key. A session with more is looked up nowhere. */
const SETTINGS_LENGTH_MAX = 16 * 1024;
/** No mark of settings that are known: theirs is empty, or has zero bytes or 64 characters. */
const UNKNOWN = 'unknown';

/** A read with what its asker wants to hear. */
export interface Asked {
  read: CacheableRead;
  /** Undefined: a simple query. */
  statement: EdgeStatement | undefined;
  /** The driver ended it with Flush: it expects no ReadyForQuery yet. */
  endsWithFlush: boolean;
  /** It expects a RowDescription. */
  wantsColumns: boolean;
}

export interface AskedAtEndpoint extends Asked {
  /** Its Bind has a format for each column that the driver believes there to be. */
  hasFormatOfEach: boolean;
}

export class EdgeState {
  readonly toDriver = new Outbox();
  readonly toEndpoint = new Outbox();
  readonly hooks: EdgeHooks;
  readonly statements = new EdgeStatements();
  readonly awaited = new AwaitedDescriptions();
  #settings: Readonly<Record<string, string>> | undefined;
  /** Of the settings, as a part of keys. */
  settingsKey = '';
  /** Of the settings, to compare. */
  settingsMark = '';
  floor = 0;
  #floorTold = 0;

  /** Exchanges that went to the endpoint. */
  sent = 0;
  /** All of them have been answered, and no transaction is open. */
  isQuiet = true;
  /** Something of an exchange has been sent whose end has not. */
  isMidExchange = false;
  /** An error was answered since it was quiet. */
  hasFailed = false;
  /** An error was answered where the driver's own Sync is still to come: what it says until then is skipped. */
  isSkipping = false;
  /** The read that is under way at the endpoint. */
  asked: AskedAtEndpoint | undefined;
  /** The driver said goodbye or broke the protocol. */
  isOver = false;

  constructor(options: { settings: Record<string, string>; hooks: EdgeHooks }) {
    this.hooks = options.hooks;
    this.settings = options.settings;
  }

  get settings(): Readonly<Record<string, string>> | undefined {
    return this.#settings;
  }

  set settings(settings: Readonly<Record<string, string>> | undefined) {
    const key = settings && keyOfSettings(settings);
    const isKnown = key !== undefined && key.length <= SETTINGS_LENGTH_MAX;
    this.#settings = isKnown ? settings : undefined;
    this.settingsKey = isKnown ? key : '';
    // What is parsed meanwhile was parsed under none that are known later.
    this.settingsMark = isKnown ? markOf(key) : UNKNOWN;
    if (!settings) return;
    // A bookmark of another session: what that one saw, this one must not miss.
    const bookmark = Number(settings[BOOKMARK] ?? 0);
    if (Number.isSafeInteger(bookmark)) this.raiseFloor(bookmark);
  }

  /** A read goes to the endpoint. */
  ask(asked: AskedAtEndpoint): void {
    this.asked = asked;
    this.sent += 1;
    this.isQuiet = false;
    this.hasFailed = false;
  }

  /** It has become quiet. */
  settle(): void {
    this.statements.answered({ hasFailed: this.hasFailed, settingsMark: this.settingsMark });
    this.hasFailed = false;
    this.awaited.clear();
  }

  raiseFloor(moment: number): void {
    if (moment > this.floor) this.floor = moment;
  }

  /** What a session asked to hear, in front of a ReadyForQuery. Mostly nothing. */
  extras(status: CacheStatus | undefined, how = ''): Uint8Array[] {
    const settings = this.#settings;
    if (!settings) return [];
    const extras: Uint8Array[] = [];
    if (settings[BOOKMARK] !== undefined && this.floor !== this.#floorTold) {
      this.#floorTold = this.floor;
      extras.push(parameterStatus(BOOKMARK, String(this.floor)));
    }
    if (status !== undefined && isOn(settings['warmpool.debug']))
      extras.push(encodeNoticeResponse({ sqlState: NO_ERROR, message: `warmpool: ${status}${how}` }));
    return extras;
  }
}

/** As PostgreSQL reads a boolean setting. */
function isOn(value: string | undefined): boolean {
  return value !== undefined && /^(?:on|true|yes|1|t|y)$/i.test(value);
}
