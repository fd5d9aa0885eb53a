/** One driver's talk as the edge sees it: reads are looked up in caches, all else goes to the endpoint. */
import type { CachedReply, EdgeConversationOptions } from '../caching.ts';
import { EdgeTalk } from '../sql/edge-talk.ts';
import { behindFirst, hasTheseColumns, tellColumns } from './edge-columns.ts';
import { EdgeReplies } from './edge-replies.ts';
import { EdgeRequests } from './edge-requests.ts';
import { type Asked, EdgeState, READY } from './edge-state.ts';

const PARSE_COMPLETE = Uint8Array.of(0x31, 0, 0, 0, 4);
const BIND_COMPLETE = Uint8Array.of(0x32, 0, 0, 0, 4);

export class PostgresEdgeConversation extends EdgeTalk<EdgeState, EdgeRequests> {
  /** A reply from a cache whose end is still to be said. */
  #ending: { asked: Asked; how: string } | undefined;

  constructor(options: EdgeConversationOptions) {
    const state = new EdgeState(options);
    super(state, { requests: new EdgeRequests(state), replies: new EdgeReplies(state) });
  }

  answer(
    { body, isPart }: CachedReply,
    about: { seenUpTo: number; ageMs: number; tier: 'memory' | 'cache api' },
  ): void {
    const { waiting } = this.requests;
    // The reply is right, but the driver would misread it: what comes from the endpoint tells it so.
    if (waiting && !waiting.wantsColumns && !hasTheseColumns(waiting.statement, body)) {
      this.forward();
      return;
    }
    tellColumns(waiting?.statement, waiting?.read.wants === 'description' ? behindFirst(body) : body);
    const asked = this.requests.answered();
    if (!asked) return;
    const { exchange } = asked;
    const { toDriver } = this.state;
    this.state.raiseFloor(about.seenUpTo);
    if (exchange.kind !== 'query' && exchange.parse) toDriver.push(PARSE_COMPLETE);
    if (exchange.kind === 'rows') toDriver.push(BIND_COMPLETE);
    // A stored reply begins with its columns.
    toDriver.push(asked.wantsColumns ? body : behindFirst(body));
    this.#ending = { asked, how: ` (${about.tier}, ${(about.ageMs / 1_000).toFixed(1)} s old)` };
    if (!isPart) this.answered();
  }

  answered(): void {
    const { asked, how } = this.#ending ?? {};
    this.#ending = undefined;
    if (asked && !asked.endsWithFlush) {
      for (const extra of this.state.extras('hit', how)) this.toDriver.push(extra);
      this.toDriver.push(READY);
    }
    this.requests.resume();
  }

  refreshing(): Uint8Array {
    return this.requests.refreshing();
  }
}
