/**
 * What is spoken where a driver came in: all listeners of a Worker lead to one handler, and the runtime says on which
 * port that was. The variable LISTENERS has, as JSON, the protocol of each port; `postgres+tls` where the runtime
 * itself speaks TLS there, which a socket does not show (workerd 1.20261102.1). Where the variable says nothing a port that
 * a protocol calls its own is that protocol's, and any other the first one's.
 */
import type { Env } from '../env.ts';
import type { Protocol } from '../protocols/contract.ts';
import { protocolNamed, protocols } from '../protocols/registry.ts';

export interface Listener {
  protocol: Protocol;
  /** The runtime has taken TLS off what comes. */
  isEncrypted: boolean;
}

/** Undefined: nothing that we speak. */
export async function listenerOf(socket: Socket, env: Env): Promise<Listener | undefined> {
  const listeners: Record<string, string> = JSON.parse(env.LISTENERS ?? '{}');
  const { localAddress } = await socket.opened;
  const port = portOf(localAddress);
  const [name, tls] = listeners[port]?.split('+') ?? [];
  const own = protocols.find(({ defaultPort }) => String(defaultPort) === port) ?? protocols[0];
  const protocol = name === undefined ? own : protocolNamed(name);
  return protocol && { protocol, isEncrypted: tls === 'tls' };
}

/** `127.0.0.1:3307`, `[::1]:3307`, `<32 hex>.hyperdrive.local:3306` */
function portOf(address: string | undefined): string {
  return /:(\d+)$/.exec(address ?? '')?.[1] ?? '';
}
