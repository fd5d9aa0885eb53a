/**
 * A driver has left and its connection is still held: brings the connection back to what the next driver may
 * have. Whoever left without a goodbye does not cost the origin a running query.
 */
import type { Conversation } from '../protocols/contract.ts';
import type { OriginConnection } from './origin-connection.ts';

/** How long an answer to a question of ours may take, and what was cancelled may take to end. */
export const ANSWER_MS = 5_000;

/** When a cancel request that had no effect is sent again; then twice as late each time. */
const CANCEL_AGAIN_MS = 250;

export interface Leftover {
  connection: OriginConnection;
  conversation: Conversation;
  /** Sends what the conversation has for the origin. */
  flush: () => void;
  /** Resolves when nothing runs any more. */
  quiet: () => Promise<void>;
  cancel: () => Promise<void>;
  /** How long what runs may go on before it is cancelled; 0: not at all. */
  runMs: number;
}

/** False: the connection is of no more use. */
export async function cleanUp(leftover: Leftover): Promise<boolean> {
  const { connection, conversation, flush } = leftover;
  try {
    if (!conversation.driverLeft()) return false;
    flush();
    if (conversation.phase === 'busy') await drain(leftover);
    await connection.cancelling;
    for (let sql = conversation.cleanup(); sql !== undefined; sql = conversation.cleanup()) {
      const { error } = await connection.ask(sql, ANSWER_MS);
      if (error) return false;
      conversation.cleaned();
    }
    return connection.isOpen;
  } catch {
    // No answer in time. What is in doubt is closed.
    return false;
  }
}

async function drain({ connection, quiet, cancel, runMs }: Leftover): Promise<void> {
  const isQuiet = quiet();
  if (runMs > 0 && (await isSettledWithin(isQuiet, runMs))) return;
  // A request that comes before what it is for has begun cancels nothing: it may take another.
  const until = Date.now() + ANSWER_MS;
  for (let waitMs = CANCEL_AGAIN_MS; Date.now() < until; waitMs *= 2) {
    void connection.cancelBy(cancel);
    if (await isSettledWithin(isQuiet, waitMs)) return;
  }
  throw new Error('what runs does not end');
}

async function isSettledWithin(work: Promise<void>, ms: number): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), ms);
  const isSettled = await Promise.race([work.then(() => true), late.promise]);
  clearTimeout(timer);
  return isSettled;
}
