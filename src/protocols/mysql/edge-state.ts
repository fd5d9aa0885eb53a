/**
 * What both halves of an edge's conversation share. It holds state; the rules are in edge-requests.ts (bytes from
 * the driver) and edge-replies.ts (bytes from the endpoint).
 */
import { Outbox } from '../bytes/outbox.ts';
import type { CacheableRead, EdgeConversationOptions, EdgeHooks } from '../caching.ts';
import { keyOfSettings } from '../sql/settings-key.ts';
import { Capability, hasFlag } from './capabilities.ts';
import { decodeDialect } from './dialect.ts';
import { EdgeStatements } from './edge-statements.ts';
import { Settings } from './settings.ts';

/** They are a part of every key. A session with more is looked up nowhere. */
const SETTINGS_LENGTH_MAX = 16 * 1024;

export class EdgeState {
  readonly toDriver = new Outbox();
  readonly toEndpoint = new Outbox();
  readonly hooks: EdgeHooks;
  readonly dialect: string;
  readonly hasAttributes: boolean;
  /** A query may be answered with the wish for a file: what the driver says behind it is no command then. */
  readonly mayAskForFile: boolean;
  readonly statements = new EdgeStatements();
  #settings: Readonly<Record<string, string>> | undefined;
  settingsKey = '';
  /** Of the settings, as an endpoint tells it of what is prepared. */
  parsingKey = '';
  floor = 0;

  /** Commands with a reply that went to the endpoint; and how many of them it has answered. */
  sent = 0;
  answered = 0;
  /** All of them have been answered, and no transaction is open. */
  isQuiet = true;
  /** Anything at all has gone to the endpoint. */
  hasSpoken = false;
  isSendingFile = false;
  /** The last command that was sent is one that such a wish may answer. */
  isQuery = false;
  /** The read that is under way at the endpoint. */
  asked: CacheableRead | undefined;
  /** The driver said goodbye or broke the protocol. */
  isOver = false;

  constructor({ settings, dialect, hooks }: EdgeConversationOptions) {
    const { capabilities } = decodeDialect(dialect);
    this.hooks = hooks;
    this.dialect = dialect;
    this.hasAttributes = hasFlag(capabilities, Capability.QUERY_ATTRIBUTES);
    this.mayAskForFile = hasFlag(capabilities, Capability.LOCAL_FILES);
    this.settings = settings;
  }

  get settings(): Readonly<Record<string, string>> | undefined {
    return this.#settings;
  }

  set settings(settings: Readonly<Record<string, string>> | undefined) {
    const key = settings && keyOfSettings(settings);
    const isKnown = key !== undefined && key.length <= SETTINGS_LENGTH_MAX;
    this.#settings = isKnown ? settings : undefined;
    this.settingsKey = isKnown ? key : '';
    this.parsingKey = Settings.of(Object.entries(settings ?? {})).key;
  }

  raiseFloor(moment: number): void {
    if (moment > this.floor) this.floor = moment;
  }
}
