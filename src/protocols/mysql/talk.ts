/**
 * What requests and replies of one conversation share: the outboxes, the owed replies, what the driver has prepared,
 * and what its session is. It holds state; the rules are in requests.ts (bytes from the driver), replies.ts (bytes
 * from the origin) and conversation.ts (connections come and go).
 */
import type { PoolerError } from '../../errors.ts';
import { Outbox } from '../bytes/outbox.ts';
import type { CacheHooks } from '../caching.ts';
import type { Peers } from '../contract.ts';
import type { DriverOpening } from '../driver-login.ts';
import { Capability, hasFlag, ServerStatus } from './capabilities.ts';
import { decodeDialect } from './dialect.ts';
import { encodeErr } from './errors.ts';
import { type Expected, ExpectedReplies } from './expected.ts';
import { factsOf } from './facts.ts';
import { encodeEof, encodeOk } from './ok-packet.ts';
import type { MySqlOrigin } from './origin-session.ts';
import { int1, packet, Reply } from './packets.ts';
import { Pins } from './pins.ts';
import type { DriverStatement, StatementRegistry } from './prepared.ts';
import { queryPacket } from './query-packet.ts';
import { DATABASE, Settings } from './settings.ts';
import type { StatementFacts } from './statement-facts.ts';
import { type Standing, TalkCaching } from './talk-caching.ts';
import type { LexicalMode } from './tokens.ts';

/** In these a byte of a character may look like a backslash: a text must be read by its server alone. */
const UNSAFE_CHARSET = /^(big5|cp932|gb18030|gbk|sjis)$/;

/** Nobody looks back on another's statement. MariaDB forgets warnings only for one that reads a table. */
const FORGET_WARNINGS = 'DO (SELECT COUNT(*) FROM information_schema.ENGINES)';

export class Talk {
  /** Tells connections who used them last, and outlives the driver there: it holds nothing. */
  readonly self: object = {};
  readonly toDriver = new Outbox();
  readonly toOrigin = new Outbox();
  readonly expected = new ExpectedReplies();
  readonly registry: StatementRegistry;
  readonly peers: Peers | undefined;
  /** Undefined: the config caches nothing. */
  readonly caching: TalkCaching | undefined;
  readonly user: string;
  /** As they were agreed with the driver. */
  readonly capabilities: number;
  dialect: string;
  origin: MySqlOrigin | undefined;

  /** What moves with the driver, and what does not. */
  settings = Settings.none;
  readonly pins = new Pins();
  /** SQL expressions whose values must be asked for before the connection can go, and what to do with them. */
  readonly asks = new Map<string, (value: string | null) => void>();
  readonly statements = new Map<number, DriverStatement>();
  /** By which MariaDB's drivers mean the statement that they prepared last. */
  lastPrepared: number | undefined;
  /** What LAST_INSERT_ID() is for this driver; and whether the connection says the same. */
  insertId = 0n;
  isInsertIdHere = false;
  /** The statement before was run on this connection, by this driver. */
  isPreviousHere = false;
  /** The reply was such that the driver's next may be about it. */
  lingers = false;

  /** The origin reads a file of the driver's: its packets are no commands. */
  isSendingFile = false;
  /** The sequence number that the next packet to the driver must have. */
  sequence = 0;
  /** That of the last packet to the driver. */
  lastSequence = 0;
  /** The driver said COM_QUIT, broke the protocol, or heard a fatal error. */
  isOver = false;
  /** The origin said its last word, or one that makes no sense: the connection is of no more use. */
  isOriginBroken = false;
  /** Nothing is sent to the driver any more: it has gone. */
  isDriverGone = false;
  /** We cancelled what runs, and this is why. */
  cancelledBecause: PoolerError | undefined;

  constructor(options: {
    opening: DriverOpening;
    registry: StatementRegistry;
    peers: Peers | undefined;
    hooks?: CacheHooks | undefined;
  }) {
    const { opening, registry, peers, hooks } = options;
    this.registry = registry;
    this.peers = peers;
    this.user = opening.user;
    this.dialect = opening.dialect;
    this.caching =
      hooks &&
      new TalkCaching({
        hooks,
        dialect: decodeDialect(opening.dialect),
        standing: () => this.standing,
        settings: this.settings,
      });
    this.capabilities = Number(opening.parameters['capabilities'] ?? 0) >>> 0;
  }

  get isInTransaction(): boolean {
    return this.origin?.isInTransaction === true;
  }

  get hasAutocommit(): boolean {
    const { origin } = this;
    if (origin) return hasFlag(origin.status, ServerStatus.AUTOCOMMIT);
    return this.settings.values.get('autocommit') !== 'OFF';
  }

  get database(): string {
    return this.settings.database ?? this.origin?.fresh.get(DATABASE) ?? '';
  }

  // --- towards the driver -----------------------------------------------------------------------------------

  /** The reply, or its last part, to a command that has been taken out. */
  answer(payload: Uint8Array): void {
    this.toDriver.push(packet(this.sequence, payload));
    this.lastSequence = this.sequence;
    this.sequence = (this.sequence + 1) & 0xff;
  }

  answerOk(): void {
    this.#answerWhole(encodeOk({ status: this.#status }, this.capabilities));
  }

  /** As COM_SET_OPTION is answered. */
  answerEof(): void {
    const status = this.#status;
    const isOk = hasFlag(this.capabilities, Capability.DEPRECATE_EOF);
    this.#answerWhole(
      isOk ? encodeOk({ header: Reply.EOF, status }, this.capabilities) : encodeEof({ status, warnings: 0 }),
    );
  }

  answerError(error: PoolerError): void {
    this.#answerWhole(encodeErr(error));
  }

  /** No origin has had a say in it. */
  #answerWhole(payload: Uint8Array): void {
    this.answer(payload);
    this.note(this.caching?.answered('notaquery', this.lastSequence));
  }

  /** What the edge shall hear, between two replies. */
  note(note: Uint8Array | undefined): void {
    if (note && !this.isDriverGone) this.toDriver.push(note);
  }

  get #status(): number {
    const transaction = this.isInTransaction ? ServerStatus.IN_TRANS : 0;
    return transaction | (this.hasAutocommit ? ServerStatus.AUTOCOMMIT : 0);
  }

  /** The driver's fault or the end of the origin: the last words, and nothing after them. */
  end(error: PoolerError): void {
    if (this.isOver) return;
    this.answer(encodeErr(error));
    this.isOver = true;
  }

  // --- towards the origin -----------------------------------------------------------------------------------

  /** The reply to a command of the driver's that goes out. */
  owe(expected: Expected): void {
    this.caching?.sent();
    this.expected.push(expected);
  }

  /** A command of our own, whose reply the driver does not hear. */
  command(command: number, body: Uint8Array, expected: Omit<Expected, 'isHidden'>): void {
    this.toOrigin.push(packet(0, int1(command), body));
    this.expected.push({ ...expected, isHidden: true });
  }

  /** SQL of our own that cannot fail. */
  run(sql: string): void {
    if (!this.origin) return;
    this.toOrigin.push(queryPacket(sql, this.origin));
    this.expected.push({ kind: 'results', isHidden: true });
  }

  // --- the session ------------------------------------------------------------------------------------------

  get standing(): Standing {
    const { settings, isInTransaction } = this;
    const hasMore = !this.pins.isEmpty || this.asks.size > 0;
    const isAtRest = this.expected.isEmpty && !isInTransaction && this.hasAutocommit;
    const isUnsure = this.pins.has('hidden') || this.asks.size > 0;
    return { settings, hasMore, isUnsure, isInTransaction, isAtRest };
  }

  factsOf(text: string): StatementFacts {
    const charset = this.settings.values.get('character_set_client') ?? '';
    return factsOf(text, UNSAFE_CHARSET.test(charset) ? undefined : this.#lexicalMode);
  }

  get #lexicalMode(): LexicalMode {
    const mode = this.settings.values.get('sql_mode') ?? this.origin?.fresh.get('sql_mode') ?? '';
    const isOff = hasFlag(this.origin?.status ?? 0, ServerStatus.NO_BACKSLASH_ESCAPES);
    return {
      ansiQuotes: mode.includes('ANSI_QUOTES'),
      backslashEscapes: !isOff && !mode.includes('NO_BACKSLASH_ESCAPES'),
    };
  }

  /** A statement of the driver's is about to run. */
  begin(facts: StatementFacts): void {
    // Who only looks leaves what there is to look at.
    if (!facts.looksBack) this.lingers = false;
    if (facts.usesInsertId && !this.isInsertIdHere) {
      this.run(`SET @@session.last_insert_id=${this.insertId}`);
      this.isInsertIdHere = true;
    }
    if (facts.looksBack && !this.isPreviousHere) this.run(FORGET_WARNINGS);
    this.isPreviousHere = true;
  }
}
