/**
 * What a protocol must offer so that its reads can be cached: the second half of the contract.
 *
 * The edge looks an exchange up by its key and never judges it: what is stored was cacheable. The endpoint, which
 * knows the origin's catalog, judges what misses, and says so in front of the reply.
 */
import type { Outbox } from './bytes/outbox.ts';

/** What a reply depends on: `r<oid>` a relation, `schema` all definitions, `tag:<name>` a word of the application's. */
export type Dependency = string;

/** What a statement may have changed once it has committed. */
export type Writes = readonly Dependency[] | 'everything';

/** Hyperdrive's words for what became of a query (GraphQL `cacheStatus`). */
export type CacheStatus =
  | 'hit'
  | 'miss'
  | 'disabled'
  /** Nothing can be judged now: the origin's catalog is being read, or drivers write unseen. */
  | 'unready'
  | 'uncacheable'
  | 'volatile'
  | 'transaction'
  | 'multiplestatements'
  | 'notaquery'
  | 'oversizedquery'
  | 'oversizedresult'
  | 'parseerror';

/** A judgement on one statement's text, under given settings, by the catalog as it is now. */
export interface Verdict {
  /** `miss`: it may be cached. Else why not. */
  status: Exclude<CacheStatus, 'hit' | 'unready' | 'transaction' | 'oversizedresult'>;
  /** The reason in one sentence, for people. Undefined where it may be cached. */
  reason?: string;
  /** Complete where `status` is `miss`. */
  reads: readonly Dependency[];
  writes: Writes;
  /** It changes definitions: tables, views, functions. Then `writes` is `everything`. */
  changesSchema: boolean;
  /** It makes a temporary table. */
  makesTemporary?: true;
  /** It may end a transaction: COMMIT, CALL, several statements in one text. */
  mayCommit: boolean;
}

/** How one query wants to be cached, from a comment in its text; what is undefined follows the config. */
export interface CacheControl {
  isOff?: true;
  ttlSeconds?: number;
  swrSeconds?: number;
  tags?: string[];
}

/** An exchange whose reply may be in a cache. It crosses the link as JSON. */
export interface CacheableRead {
  /** `rows`: of a query. `description`: of a statement's parameters and columns. */
  wants: 'rows' | 'description';
  /** All that can change the reply, but not which config it is of: equal keys, equal replies. One character a byte. */
  key: string;
  /** The statement, comments taken out: the first so many characters of the key. */
  textLength: number;
  control: CacheControl;
}

/** What a cache holds of a reply: whole protocol messages, the same for every asker. */
export interface CachedReply {
  body: Uint8Array;
  /** It is only the beginning, at least all that describes the rows: the rest goes to the driver as it is. */
  isPart?: true;
}

/** What the endpoint says of a reply in front of it. JSON. */
export interface ReplyFacts {
  status: CacheStatus;
  reads: readonly Dependency[];
  /** The reply shows every write that had ended by this moment of the endpoint's clock. */
  asOf: number;
  /** Milliseconds since the origin gave it. 0: it comes from the origin now. */
  ageMs: number;
  tier: 'endpoint' | 'origin';
}

/** Takes a cacheable reply down while it passes; the bytes are copied. `complete` or `abandon` comes last. */
export interface Recording {
  add(bytes: Uint8Array): void;
  /** `seenUpTo`: it may show something of writes that began before this moment. */
  complete(seenUpTo: number): void;
  abandon(): void;
}

/** What an edge hears of writes. JSON. */
export interface WriteNews {
  /** Each with the moment of its commit. `everything` stands for all relations, `tag:` for all tags. */
  raised: readonly (readonly [Dependency | 'everything', number])[];
  /** All writes that began before this moment have ended, and are known by now. */
  settledUpTo: number;
}

// --- edge ---------------------------------------------------------------------------------------------------

export interface EdgeConversationOptions {
  /** Settings of the driver's startup. */
  settings: Record<string, string>;
  /** What the driver agreed on: see `DriverOpening`. */
  dialect: string;
  hooks: EdgeHooks;
}

export interface EdgeHooks {
  /** A cacheable reply begins to pass. Undefined: it is not to be stored. */
  record(read: CacheableRead, facts: ReplyFacts): Recording | undefined;
  /** The endpoint says that a read cannot be cached: it need not be looked up again for a while. */
  refused(read: CacheableRead, status: CacheStatus): void;
  heard(news: WriteNews): void;
}

/**
 * One driver's talk as the edge sees it. While nothing is under way at the endpoint it looks at each exchange;
 * else it only counts them. Feed it both sides' bytes, then send what stands in the outboxes.
 */
export interface EdgeConversation {
  readonly toDriver: Outbox;
  readonly toEndpoint: Outbox;
  /** A read waits to be looked up: call `answer` or `forward` before anything else is fed from the driver. */
  readonly read: CacheableRead | undefined;
  /** The endpoint's moment up to which this driver may have seen writes; no older reply may be given to it. */
  readonly floor: number;
  /** The session's settings, where they are known; undefined: the cache is of no use to this session now. */
  readonly settings: Readonly<Record<string, string>> | undefined;
  /** Nothing is under way at the endpoint. */
  readonly isQuiet: boolean;
  /** The driver said goodbye or broke the protocol: send what is left, then close. */
  readonly isOver: boolean;
  fromDriver(bytes: Uint8Array): void;
  /** Leaves no read waiting: nobody would decide on it. */
  fromEndpoint(bytes: Uint8Array): void;
  /** The link ended. */
  endpointLost(): void;
  /** `seenUpTo` of the stored reply becomes the driver's floor. */
  answer(reply: CachedReply, about: { seenUpTo: number; ageMs: number; tier: 'memory' | 'cache api' }): void;
  /** The rest of a reply of which `answer` was given a part has been sent. */
  answered(): void;
  /** Sends the read that waits to the endpoint. */
  forward(): void;
  /** The read that waits, as a driver would ask that has prepared nothing: to refresh it while this one goes on. */
  refreshing(): Uint8Array;
}

// --- endpoint -----------------------------------------------------------------------------------------------

/** What the origin's catalog says of functions and relations. Pure data: made anew when definitions change. */
export interface Catalog {
  /** Equal fingerprints: nothing that matters has changed. */
  readonly fingerprint: string;
  judge(
    text: string,
    settings: Readonly<Record<string, string>>,
    /** The session has temporary tables, or none that matters is known: whatever else is not known is one of them. */
    session?: { hasTemporary: boolean },
  ): Verdict;
  /** A relation as a person names it, for purging. Undefined: there is no such relation. */
  dependencyOf(name: string): Dependency | undefined;
  /** For people. */
  nameOf(dependency: Dependency): string;
}

/** Queries to the origin whose answers make a catalog. */
export interface CatalogQuestions {
  readonly questions: readonly string[];
  /** In one text, and so in one transaction; or one after the other. */
  readonly asked: 'together' | 'in turn';
  /** One list of rows for each question. */
  catalogOf(answers: readonly (readonly (string | null)[][])[], options: CatalogOptions): Catalog;
}

export interface CatalogOptions {
  /** Reads of system catalogs may be cached too. */
  systemCatalogs: boolean;
}

export interface WriteEnd {
  isCommitted: boolean;
  /** The connection broke before the origin said so: it may be committed a little later. */
  isLost?: true;
}

/** What the endpoint offers to the conversations of a caching config. */
export interface CacheHooks {
  /** False: the edge takes no part, so no notes are for it, and none come from it. Writes are watched all the same. */
  readonly isEdgeListening: boolean;
  /** The catalog as it is now; undefined while it is being loaded. */
  readonly catalog: Catalog | undefined;
  /** Something that may commit these writes is on its way to the origin. Returns its ticket. */
  writeStarted(writes: Writes, options: { changesSchema: boolean }): number;
  /** It ended. `isCommitted` unless it is certain that it was rolled back. */
  writeEnded(ticket: number, options: WriteEnd): void;
  /** What the edge should hear that it has not heard yet. */
  news(): WriteNews | undefined;
  /** The endpoint's clock. */
  now(): number;
  count(status: CacheStatus): void;
}

/** A read that the edge flagged, at the endpoint. The conversation is in phase `waiting` while it is undecided. */
export interface PendingRead {
  readonly read: CacheableRead;
  readonly floor: number;
  readonly settings: Readonly<Record<string, string>>;
}
