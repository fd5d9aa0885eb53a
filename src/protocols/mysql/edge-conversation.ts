/** One driver's talk as the edge sees it: reads are looked up in caches, all else goes to the endpoint. */
import type { CachedReply, EdgeConversationOptions } from '../caching.ts';
import { EdgeTalk } from '../sql/edge-talk.ts';
import { EdgeReplies } from './edge-replies.ts';
import { EdgeRequests } from './edge-requests.ts';
import { EdgeState } from './edge-state.ts';
import { parameterCountIn, withId } from './stored-reply.ts';

export class MySqlEdgeConversation extends EdgeTalk<EdgeState, EdgeRequests> {
  constructor(options: EdgeConversationOptions) {
    const state = new EdgeState(options);
    super(state, { requests: new EdgeRequests(state), replies: new EdgeReplies(state) });
  }

  /** A stored reply is what a server says, from its first packet to its last; only a statement's id is the driver's. */
  answer({ body, isPart }: CachedReply, { seenUpTo }: { seenUpTo: number }): void {
    const waiting = this.requests.answered();
    if (!waiting) return;
    this.state.raiseFloor(seenUpTo);
    const { prepares: text } = waiting;
    if (text === undefined) this.toDriver.push(body);
    else {
      const { statements, parsingKey } = this.state;
      const id = statements.prepare({ text, parameterCount: parameterCountIn(body), parsingKey });
      this.toDriver.push(withId(body, id));
    }
    if (!isPart) this.answered();
  }

  answered(): void {
    this.requests.resume();
  }

  /** Nothing of a prepared statement: an asker that has prepared nothing has no number for it. */
  refreshing(): Uint8Array {
    const { executes, bytes } = this.requests.waiting ?? {};
    return executes || !bytes ? new Uint8Array() : bytes.slice();
  }
}
