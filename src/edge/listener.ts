/**
 * Which protocol is spoken where a driver came in: all listeners of a Worker lead to one handler, and the runtime says
 * on which port that was. The variable LISTENERS has, as JSON, the protocol of each port; where it says nothing a port
 * that a protocol calls its own is that protocol's, and any other the first one's.
 */
import type { Env } from '../env.ts';
import type { Protocol } from '../protocols/contract.ts';
import { protocolNamed, protocols } from '../protocols/registry.ts';

export async function protocolOfPort(socket: Socket, env: Env): Promise<Protocol | undefined> {
  const listeners: Record<string, string> = JSON.parse(env.LISTENERS ?? '{}');
  const { localAddress } = await socket.opened;
  const port = portOf(localAddress);
  const name = listeners[port];
  if (name !== undefined) return protocolNamed(name);
  return protocols.find(({ defaultPort }) => String(defaultPort) === port) ?? protocols[0];
}

/** `127.0.0.1:3307`, `[::1]:3307`, `<32 hex>.hyperdrive.local:3306` */
function portOf(address: string | undefined): string {
  return /:(\d+)$/.exec(address ?? '')?.[1] ?? '';
}
