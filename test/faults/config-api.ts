/** What these tests ask of the API about one config. */
import type { Harness, Target } from '../fakes/harness.ts';

/** What can be done to a config besides changing it. */
export async function postToConfig(
  harness: Harness,
  target: Target,
  request: { action: 'purge' | 'restart' | 'why'; body?: object },
): Promise<void> {
  await ask(harness, target, {
    path: request.action,
    init: { method: 'POST', body: JSON.stringify(request.body ?? {}) },
  });
}

/** How many drivers the endpoint serves right now. */
export async function sessionsOf(harness: Harness, target: Target): Promise<number> {
  const { sessions } = await ask(harness, target, { path: 'state', init: {} });
  return Number(sessions);
}

async function ask(
  harness: Harness,
  target: Target,
  { path, init }: { path: string; init: RequestInit },
): Promise<Record<string, unknown>> {
  const { apiBase, adminToken } = harness.warmpool;
  const url = `${apiBase}/accounts/local/hyperdrive/configs/${target.configId}/${path}`;
  const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' };
  const response = await fetch(url, { ...init, headers });
  const envelope = (await response.json()) as { success: boolean; result: Record<string, unknown> };
  if (!envelope.success) throw new Error(`The API refused ${path}: ${JSON.stringify(envelope)}`);
  return envelope.result;
}
