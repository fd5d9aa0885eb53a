/**
 * What a database protocol must offer to Warmpool. The first file to read before adding one.
 *
 * Everything here is synchronous and pure: bytes in, steps and outboxes out. Time and randomness come in as
 * arguments. Only edge and endpoint touch sockets. A read is not a message: any chunk may begin or end anywhere.
 */
import type { PoolerError } from '../errors.ts';
import type { Outbox } from './bytes/outbox.ts';
import type {
  CacheControl,
  CachedReply,
  CacheHooks,
  CatalogQuestions,
  EdgeConversation,
  EdgeConversationOptions,
  PendingRead,
  Recording,
  ReplyFacts,
  WriteNews,
} from './caching.ts';
import type { AcceptOptions, DriverHandshake, DriverOpening } from './driver-login.ts';

export interface Protocol {
  readonly name: string;
  /** Schemes of connection strings that mean this protocol. */
  readonly schemes: readonly string[];
  readonly defaultPort: number;
  /** What TLS calls it (ALPN, RFC 7301). Undefined: it has no name there. */
  readonly applicationProtocol: string | undefined;
  /** Its servers greet before the driver has said a word: the origin must be known by then, if it can be. */
  readonly serverSpeaksFirst: boolean;
  /** Startup settings whose values the handshake itself has checked; others the origin must have taken once. */
  readonly settingsChecked: ReadonlySet<string>;
  /** Edge: plays the server while a driver logs in. */
  acceptDriver(options: AcceptOptions): DriverHandshake;
  /** Edge: looks at what a driver says behind its login, where replies may be cached. */
  openEdgeConversation(options: EdgeConversationOptions): EdgeConversation;
  /** Endpoint: one per config and process; it holds what all its conversations share. */
  openEndpoint(options: EndpointOptions): EndpointSide;
  /** What is stored of a client token, so that a driver can prove that it knows it. */
  makeVerifier(options: { token: string; salt: Uint8Array }): string;
  /** An error as the protocol's own last words to a driver that has logged in. */
  farewell(error: PoolerError): Uint8Array;
}

// --- endpoint -----------------------------------------------------------------------------------------------

export interface EndpointOptions {
  /** How many prepared statements one origin connection holds. */
  statementsMax: number;
}

export interface EndpointSide {
  /** Plays the client while we log in to the origin. */
  loginToOrigin(options: LoginOptions): OriginLogin;
  /** A query as the cache sees it: without its comments, and with what they ask of the cache. */
  readTextOf(sql: string): { text: string; control: CacheControl };
  /** What must be asked to know the origin's catalog. */
  readonly catalog: CatalogQuestions;
  /** The talk between one driver and whichever origin connection it holds. */
  openConversation(opening: DriverOpening, hooks?: ConversationHooks): Conversation;
  /** Asks the origin something of our own, on an idle connection: SQL, or what a conversation wants asked. */
  ask(origin: OriginSession, sql: string): OriginQuestion;
  /** A query that costs nothing and proves that the origin answers. */
  readonly testQuery: string;
  /** Bytes that arrived on an idle connection. False: they are more than news, and the connection must be closed. */
  receiveIdle(origin: OriginSession, bytes: Uint8Array): boolean;
  /**
   * Cancels what runs on the origin connection, by a connection of its own; it ends when the origin closes.
   * `login`: as that connection was made, with TLS required or disabled as it has it.
   */
  cancel(origin: OriginSession, login: LoginOptions): OriginLogin;
  /** The config leads to another origin now: what was known of the old one is not true of it. */
  originChanged(): void;
}

export interface ConversationHooks {
  /** The config caches, and the edge may take part in it. */
  caching?: CacheHooks | undefined;
  /** The config's other drivers, where a command of the protocol can reach them. */
  peers?: Peers | undefined;
}

/** False: no driver at this endpoint has this key. */
export interface Peers {
  /** Cancels what that driver runs. */
  cancel(key: string): boolean;
  /** Ends its session. */
  end(key: string): boolean;
}

// --- endpoint, towards the origin ---------------------------------------------------------------------------

/** What the edge must know of an origin to answer a login without asking. JSON; collected by the endpoint. */
export interface OriginFacts {
  /** The origin's own words: `18.4`, `10.11.6-MariaDB`. */
  serverVersion: string;
  /** What the server reports at login, in its protocol's words. The same on each connection. */
  parameters: Record<string, string>;
}

export interface LoginOptions {
  user: string;
  password: string;
  database: string;
  /** `require`: no login without TLS. `prefer`: TLS where offered. `disable`: never ask. */
  tls: 'require' | 'prefer' | 'disable';
  /** At least 32 random bytes, for nonces. */
  random: Uint8Array;
  /** That of the driver whom the connection is for; empty: the protocol's plainest. */
  dialect: string;
}

export interface OriginLogin {
  /** The first bytes to send. */
  begin(): Uint8Array;
  receive(bytes: Uint8Array): OriginStep;
}

export type OriginStep =
  | { step: 'read'; send: Uint8Array }
  /**
   * Send, upgrade the stream, then send what `secured` returns. `endPoint`: what the login can be bound to, where TLS
   * shows it (`tls-server-end-point`, RFC 5929).
   */
  | { step: 'startTls'; send: Uint8Array; secured: (endPoint?: Uint8Array) => Uint8Array }
  | { step: 'ready'; session: OriginSession; facts: OriginFacts }
  | { step: 'failed'; error: PoolerError };

/** The protocol's view of one origin connection: prepared statements, settings, keys. Opaque to the endpoint. */
export interface OriginSession {
  /** As it logged in. */
  readonly dialect: string;
  /** Settings that differ from a fresh login's, as one comparable text. Empty: clean. */
  readonly settingsKey: string;
}

export interface OriginQuestion {
  readonly request: Uint8Array;
  /** Takes reply bytes. Undefined: more is needed. */
  receive(bytes: Uint8Array): OriginAnswer | undefined;
}

/** Rows in text, null for NULL; or the error that the origin answered with. `idle`: no transaction is open. */
export interface OriginAnswer {
  /** Of all results. */
  rows: (string | null)[][];
  /** The same, for each statement that gives rows. */
  results: (string | null)[][][];
  error?: PoolerError;
  idle: boolean;
  /** Messages for the driver that came in between, such as notifications. */
  news?: Uint8Array;
  /** What came behind the answer. */
  rest?: Uint8Array;
}

// --- endpoint, between driver and origin --------------------------------------------------------------------

/**
 * Feed it bytes of both sides; then send what stands in the outboxes, which may hold slices of the bytes just
 * fed: send or copy before the next call with the same buffer.
 */
export interface Conversation {
  readonly toDriver: Outbox;
  readonly toOrigin: Outbox;
  readonly phase: ConversationPhase;
  /** The rest of what the driver sent waits for replies; its bytes must stay as they are. */
  readonly isHeld: boolean;
  /** What shapes an origin's replies for good at login. Only a connection of the same dialect will do. */
  readonly dialect: string;
  /** What the driver's settings are; a pool prefers a connection with the same key. */
  readonly settingsKey: string;

  /** What waits is about the driver's last exchange: best it gets the same connection. */
  readonly looksBack: boolean;

  /** Not in phase `waiting`, and not while `isHeld`: what was fed before is still being worked on. */
  fromDriver(bytes: Uint8Array): void;
  fromOrigin(bytes: Uint8Array): void;
  /** Gives the conversation an origin connection: it goes on with what it held back. */
  attach(origin: OriginSession): void;
  /** What must be asked, and succeed, on this connection before `attach`: one step of it. Undefined: no more. */
  beforeAttach(origin: OriginSession): string | undefined;
  /** What `beforeAttach` last said has succeeded. */
  prepared(origin: OriginSession): void;
  /** Takes the connection away again. Only in phase `done` or `lingering`. */
  detach(): void;
  /** In phase `unsettled`: a question whose answer says what state the session left behind; then call `settled`. */
  settleQuestion(): string;
  settled(answer: OriginAnswer): void;
  /** In phase `waiting`: a read that the edge flagged. First comes `answerRead` or `runRead`. */
  readonly pendingRead: PendingRead | undefined;
  /** The reply comes from a cache: no connection is needed. */
  answerRead(reply: CachedReply, facts: ReplyFacts): void;
  /** The read goes to the origin: now a connection is needed. What the origin answers is also recorded. */
  runRead(facts: ReplyFacts, recording?: Recording): void;
  /** What is being answered passes on, and is recorded no further. */
  stopRecording(): void;
  /** Tells the edge, between two messages for the driver. */
  tell(news: WriteNews): void;
  /** The exchange cannot run, or not go on: the driver is told in its protocol. */
  fail(error: PoolerError): void;
  /** What runs is being cancelled: the driver shall hear this instead of the origin's words. */
  cancelled(because: PoolerError): void;
  /** The origin connection broke or closed. `error` is why, where that is known. */
  originLost(error?: PoolerError): void;
  /**
   * The driver has left: nothing more is sent to it. False: a half-sent message makes the connection useless.
   * Else the outbox holds what ends the exchange; once the phase is no longer `busy` comes the cleanup.
   */
  driverLeft(): boolean;
  /** To ask: it brings the connection one step nearer to as good as new. Undefined once it is. */
  cleanup(): string | undefined;
  /** The last `cleanup` succeeded. */
  cleaned(): void;
}

export type ConversationPhase =
  /** Nothing is running and no connection is held. */
  | 'idle'
  /** A message waits for a connection: `attach` or `fail`. */
  | 'waiting'
  /** Replies are owed, or a transaction is open. */
  | 'busy'
  /** The origin is in a transaction and waits for the driver. */
  | 'in transaction'
  /** The exchange is over, but it may have changed the session: ask `settleQuestion`. */
  | 'unsettled'
  /** The connection stays with the driver, which is idle: it holds state that cannot move. */
  | 'pinned'
  /** The exchange is over, but the driver's next may be about it: soon it is `done`, whatever comes. */
  | 'lingering'
  /** The exchange is over: `detach` and give the connection back. */
  | 'done'
  /** The driver said goodbye, or broke the protocol: close its side. */
  | 'closed';
