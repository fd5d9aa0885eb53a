/**
 * A driver has left and its connection is still held: brings the connection back to what the next driver may
 * have. Whoever left without a goodbye does not cost the origin a running query.
 */
import type { Conversation } from '../protocols/contract.ts';
import { withDeadline } from '../transport/deadline.ts';
import type { OriginConnection } from './origin-connection.ts';

/** How long an answer to a question of ours may take, and what was cancelled may take to end. */
export const ANSWER_MS = 5_000;

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
  const late = (): Error => new Error('what runs does not end');
  if (runMs > 0) {
    const ended = await withDeadline(isQuiet, runMs, late).then(
      () => true,
      () => false,
    );
    if (ended) return;
  }
  void connection.cancelBy(cancel);
  await withDeadline(isQuiet, ANSWER_MS, late);
}
