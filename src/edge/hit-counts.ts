/** Endpoints count what becomes of queries; hits at the edge they hear of from here, of many sessions at once. */
import type { EndpointStub } from '../endpoint/link.ts';

const TOLD_EACH_MS = 1_000;
const CONFIGS_MAX = 1_000;

interface Count {
  times: number;
  toldAtMs: number;
}

const counts = new Map<string, Count>();

/** Swallows errors: a lost count is no reason to fail anything. */
export async function countHits(
  endpoint: EndpointStub,
  { configId, times }: { configId: string; times: number },
): Promise<void> {
  if (times === 0) return;
  const count = counts.get(configId) ?? { times: 0, toldAtMs: 0 };
  if (counts.size < CONFIGS_MAX) counts.set(configId, count);
  count.times += times;
  const now = Date.now();
  if (now - count.toldAtMs < TOLD_EACH_MS) return;
  const told = count.times;
  count.times = 0;
  count.toldAtMs = now;
  try {
    await endpoint.countHits(told);
  } catch {
    count.times += told;
  }
}
