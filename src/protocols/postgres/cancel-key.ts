/**
 * The key that a driver gets to cancel with: a process id of 4 bytes and a secret. The process id of ours leads a
 * later CancelRequest to its config: 20 bits of route, then 11 random bits, and so it is never negative.
 * https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
 */
import { join } from '../bytes/join.ts';
import { int32 } from './messages.ts';

const ROUTE_BITS = 20;
const PROCESS_RANDOM_BITS = 11;

/** Random bytes that a process id takes. */
const PROCESS_RANDOM_BYTES = 2;

/** How many random bytes `makeCancelKey` takes at most. */
export const CANCEL_KEY_RANDOM_BYTES = PROCESS_RANDOM_BYTES + 32;

/** In 3.0 the secret has 4 bytes; since 3.2 it may be longer, and a long one cannot be guessed. */
export function makeCancelKey(options: {
  cancelRoute: number;
  minor: number;
  random: Uint8Array;
}): Uint8Array {
  const { cancelRoute, minor, random } = options;
  if (cancelRoute >>> ROUTE_BITS !== 0) throw new Error('a cancel route has 20 bits');
  if (random.length < CANCEL_KEY_RANDOM_BYTES) throw new Error('too few random bytes');
  const [high = 0, low = 0] = random;
  const processRandom = ((high << 8) | low) & ((1 << PROCESS_RANDOM_BITS) - 1);
  const processId = int32((cancelRoute << PROCESS_RANDOM_BITS) | processRandom);
  const secretBytes = minor < 2 ? 4 : 32;
  return join([processId, random.subarray(PROCESS_RANDOM_BYTES, PROCESS_RANDOM_BYTES + secretBytes)]);
}

export function cancelRouteOf(processId: number): number {
  return processId >>> PROCESS_RANDOM_BITS;
}
