/** One driver's talk as the edge sees it: reads are looked up in caches, all else goes to the endpoint. */
import type { Outbox } from '../bytes/outbox.ts';
import type { CacheableRead, CachedReply, EdgeConversation, EdgeConversationOptions } from '../caching.ts';
import { EdgeReplies } from './edge-replies.ts';
import { EdgeRequests } from './edge-requests.ts';
import { EdgeState } from './edge-state.ts';
import { parameterCountIn, withId } from './stored-reply.ts';

export class MySqlEdgeConversation implements EdgeConversation {
  readonly #state: EdgeState;
  readonly #requests: EdgeRequests;
  readonly #replies: EdgeReplies;

  constructor(options: EdgeConversationOptions) {
    this.#state = new EdgeState(options);
    this.#requests = new EdgeRequests(this.#state);
    this.#replies = new EdgeReplies(this.#state);
  }

  get toDriver(): Outbox {
    return this.#state.toDriver;
  }

  get toEndpoint(): Outbox {
    return this.#state.toEndpoint;
  }

  get read(): CacheableRead | undefined {
    return this.#requests.waiting?.read;
  }

  get floor(): number {
    return this.#state.floor;
  }

  get settings(): Readonly<Record<string, string>> | undefined {
    return this.#state.settings;
  }

  get isQuiet(): boolean {
    return this.#state.isQuiet;
  }

  get isOver(): boolean {
    return this.#state.isOver;
  }

  fromDriver(bytes: Uint8Array): void {
    this.#requests.feed(bytes);
  }

  fromEndpoint(bytes: Uint8Array): void {
    this.#replies.feed(bytes);
    this.#requests.catchUp();
  }

  /** A stored reply is what a server says, from its first packet to its last; only a statement's id is the driver's. */
  answer({ body, isPart }: CachedReply, { seenUpTo }: { seenUpTo: number }): void {
    const waiting = this.#requests.answered();
    if (!waiting) return;
    this.#state.raiseFloor(seenUpTo);
    const { prepares: text } = waiting;
    if (text === undefined) this.toDriver.push(body);
    else {
      const { statements, parsingKey } = this.#state;
      const id = statements.prepare({ text, parameterCount: parameterCountIn(body), parsingKey });
      this.toDriver.push(withId(body, id));
    }
    if (!isPart) this.answered();
  }

  answered(): void {
    this.#requests.resume();
  }

  forward(): void {
    this.#requests.forward();
    this.#requests.resume();
  }

  /** Nothing of a prepared statement: an asker that has prepared nothing has no number for it. */
  refreshing(): Uint8Array {
    const { executes, bytes } = this.#requests.waiting ?? {};
    return executes || !bytes ? new Uint8Array() : bytes.slice();
  }

  endpointLost(): void {
    this.#replies.lost();
  }
}
