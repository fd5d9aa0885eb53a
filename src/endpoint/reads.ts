/** What becomes of a read that an edge flagged: the endpoint answers it, waits with it, or runs it. */
import { PoolerError } from '../errors.ts';
import type { CachedReply, PendingRead, Recording, ReplyFacts } from '../protocols/caching.ts';
import type { Conversation } from '../protocols/contract.ts';
import type { DriverWatch } from './driver-watch.ts';

export type ReadDecision =
  | { step: 'answer'; reply: CachedReply; facts: ReplyFacts }
  | { step: 'run'; facts: ReplyFacts; recording: Recording | undefined }
  /** An identical one runs already. Never rejects. */
  | { step: 'wait'; landed: Promise<ReadDecision> };

type Decided = Exclude<ReadDecision, { step: 'wait' }>;

export interface ReadAsker {
  conversation: Conversation;
  /** Undefined: the config caches nothing. */
  cache: { decide(pending: PendingRead): ReadDecision } | undefined;
  driver: DriverWatch;
}

/** Decides on the read that waits, if one does. A promise where it must wait for others. */
export function decideRead({ conversation, cache, driver }: ReadAsker): Promise<void> | undefined {
  const { pendingRead } = conversation;
  try {
    const decision = pendingRead && cache?.decide(pendingRead);
    if (decision?.step === 'wait') return awaitDecision(decision, { conversation, driver });
    if (decision) carryOut(decision, conversation);
  } catch (cause) {
    // A fault of our own must not look like a driver that left.
    conversation.fail(PoolerError.from(cause));
  }
  return undefined;
}

async function awaitDecision(
  decision: ReadDecision,
  { conversation, driver }: Pick<ReadAsker, 'conversation' | 'driver'>,
): Promise<void> {
  try {
    carryOut(await driver.waitFor((signal) => whenDecided(decision, signal)), conversation);
  } catch (cause) {
    conversation.fail(PoolerError.from(cause));
  }
}

/** Waits as long as it takes, but no longer than the driver does. Rejects with the signal's reason. */
async function whenDecided(decision: ReadDecision, signal: AbortSignal): Promise<Decided> {
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const giveUp = (): void => reject(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  let now = decision;
  try {
    while (now.step === 'wait') now = await Promise.race([now.landed, givenUp]);
    return now;
  } catch (cause) {
    void forgo(now);
    throw cause;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/** It may become this asker's turn to run it after all, and others then wait for it. Swallows errors: it has left. */
async function forgo(decision: ReadDecision): Promise<void> {
  try {
    let now = decision;
    while (now.step === 'wait') now = await now.landed;
    if (now.step === 'run') now.recording?.abandon();
  } catch {
    // Nobody is there to be told.
  }
}

function carryOut(decision: Decided, conversation: Conversation): void {
  if (decision.step === 'answer') conversation.answerRead(decision.reply, decision.facts);
  else conversation.runRead(decision.facts, decision.recording);
}
