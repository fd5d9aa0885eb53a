/** The protocols that Warmpool speaks. Adding one is a folder, and a line here. */
import type { Protocol } from './contract.ts';
import { mysql } from './mysql/protocol.ts';
import { postgres } from './postgres/protocol.ts';

export const protocols: readonly Protocol[] = [postgres, mysql];

export function protocolOfScheme(scheme: string): Protocol | undefined {
  return protocols.find((protocol) => protocol.schemes.includes(scheme));
}

export function protocolNamed(name: string): Protocol | undefined {
  return protocols.find((protocol) => protocol.name === name);
}
