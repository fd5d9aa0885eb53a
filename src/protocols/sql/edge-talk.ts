/**
 * What the edge's talk is in any protocol: bytes of the driver go through its requests, bytes of the endpoint through
 * its replies, and both share a state. How a stored reply is told is the protocol's own.
 */
import type { Outbox } from '../bytes/outbox.ts';
import type { CacheableRead, CachedReply, EdgeConversation } from '../caching.ts';

interface EdgeState {
  readonly toDriver: Outbox;
  readonly toEndpoint: Outbox;
  readonly floor: number;
  readonly settings: Readonly<Record<string, string>> | undefined;
  readonly isQuiet: boolean;
  readonly isOver: boolean;
}

interface EdgeRequests {
  readonly waiting: { read: CacheableRead } | undefined;
  feed(bytes: Uint8Array): void;
  /** The endpoint has said something. */
  catchUp(): void;
  /** Sends the read that waits. */
  forward(): void;
  /** What came behind it goes on. */
  resume(): void;
}

interface EdgeReplies {
  feed(bytes: Uint8Array): void;
  lost(): void;
}

export abstract class EdgeTalk<State extends EdgeState, Requests extends EdgeRequests>
  implements EdgeConversation
{
  protected readonly state: State;
  protected readonly requests: Requests;
  readonly #replies: EdgeReplies;

  constructor(state: State, { requests, replies }: { requests: Requests; replies: EdgeReplies }) {
    this.state = state;
    this.requests = requests;
    this.#replies = replies;
  }

  get toDriver(): Outbox {
    return this.state.toDriver;
  }

  get toEndpoint(): Outbox {
    return this.state.toEndpoint;
  }

  get read(): CacheableRead | undefined {
    return this.requests.waiting?.read;
  }

  get floor(): number {
    return this.state.floor;
  }

  get settings(): Readonly<Record<string, string>> | undefined {
    return this.state.settings;
  }

  get isQuiet(): boolean {
    return this.state.isQuiet;
  }

  get isOver(): boolean {
    return this.state.isOver;
  }

  fromDriver(bytes: Uint8Array): void {
    this.requests.feed(bytes);
  }

  fromEndpoint(bytes: Uint8Array): void {
    this.#replies.feed(bytes);
    this.requests.catchUp();
  }

  endpointLost(): void {
    this.#replies.lost();
  }

  forward(): void {
    this.requests.forward();
    this.requests.resume();
  }

  abstract answer(
    reply: CachedReply,
    about: { seenUpTo: number; ageMs: number; tier: 'memory' | 'cache api' },
  ): void;
  abstract answered(): void;
  abstract refreshing(): Uint8Array;
}
