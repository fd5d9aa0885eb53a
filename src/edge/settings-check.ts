/**
 * Settings in a driver's startup packet are checked at login, as a server does it, and not at the first query.
 * What the handshake cannot judge the origin has to take once; after that an edge knows it and asks no more.
 */
import { type EndpointAddress, endpointOf, type LinkOpening, type Refusal } from '../endpoint/link.ts';
import type { Env } from '../env.ts';
import type { Protocol } from '../protocols/contract.ts';

const ACCEPTED_MAX = 1_000;

const accepted = new Set<string>();

/** Undefined: the origin takes them. */
export async function refusalOfSettings(
  env: Env,
  check: { protocol: Protocol; address: EndpointAddress; opening: LinkOpening },
): Promise<Refusal | undefined> {
  const { protocol, address, opening } = check;
  const unsure = Object.entries(opening.driver.settings).filter(
    // Ours mean something to us alone, and a server takes any setting with a prefix of that kind.
    ([name]) => !protocol.settingsChecked.has(name) && !name.startsWith('warmpool.'),
  );
  if (unsure.length === 0) return undefined;
  const key = JSON.stringify([address.configId, opening.configVersion, unsure.sort()]);
  if (accepted.has(key)) return undefined;
  const refusal = await endpointOf(env.ENDPOINT, address).tryOpening(opening);
  if (refusal) return refusal;
  if (accepted.size >= ACCEPTED_MAX) accepted.clear();
  accepted.add(key);
  return undefined;
}
