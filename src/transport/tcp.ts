/** The way by TCP: to whichever address of a host answers first. */

import { connect } from 'cloudflare:sockets';
import { lookup } from 'node:dns/promises';
import { PoolerError } from '../errors.ts';
import type { Transport } from './byte-stream.ts';
import { bareHost, FILE_SOCKET, isAddress, isFileSocket } from './host.ts';
import { refusal } from './refusal.ts';
import { TcpStream } from './tcp-stream.ts';

export interface Address {
  /** A name or an IP address; IPv6 with brackets or without. */
  host: string;
  port: number;
}

/**
 * The runtime tries the addresses of a name in turn and goes on where one refuses (seen on workerd 1.20261023.1), but
 * waits for a silent one as long as that is silent: after this time the others are tried beside it.
 */
const SILENT_MS = 1_000;
const STAGGER_MS = 250;
const ADDRESSES_MAX = 8;

/** With the runtime's own TLS, which knows the public authorities and no other. */
export function tcp(address: Address): Transport {
  return {
    async open(signal) {
      const stream = new TcpStream(await openSocket(address, signal));
      return {
        stream,
        secure: async () => {
          try {
            return await stream.startTls(bareHost(address.host));
          } catch (cause) {
            throw notTrusted(address.host, cause);
          }
        },
      };
    },
  };
}

/** What of the runtime is used; tests give another. */
export interface Network {
  connect(address: SocketAddress, options: SocketOptions): Socket;
  addressesOf(host: string): Promise<string[]>;
}

const RUNTIME: Network = {
  connect,
  addressesOf: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
};

/** Throws a PoolerError. */
export async function openSocket(
  address: Address,
  signal: AbortSignal,
  network: Network = RUNTIME,
): Promise<Socket> {
  if (isFileSocket(address.host)) throw refusal('bad_hostname', FILE_SOCKET);
  const attempts = new Attempts(address.port, network);
  signal.addEventListener('abort', () => attempts.end(), { once: true });
  try {
    const socket = await attempts.first(bareHost(address.host));
    attempts.end(socket);
    return socket;
  } catch (cause) {
    attempts.end();
    throw connectError(cause, address);
  }
}

class Attempts {
  readonly #port: number;
  readonly #network: Network;
  readonly #sockets: Socket[] = [];
  #isOver = false;

  constructor(port: number, network: Network) {
    this.#port = port;
    this.#network = network;
  }

  async first(host: string): Promise<Socket> {
    const byName = this.#open(host);
    try {
      return await Promise.any([byName, this.#byAddresses(host, byName)]);
    } catch (cause) {
      throw cause instanceof AggregateError ? cause.errors[0] : cause;
    }
  }

  /** Closes all but the one that is wanted. */
  end(wanted?: Socket): void {
    this.#isOver = true;
    for (const socket of this.#sockets) if (socket !== wanted) socket.close().catch(ignoreClosing);
  }

  async #open(host: string): Promise<Socket> {
    if (this.#isOver) throw new Error('nobody waits any more');
    // Without brackets workerd takes the last group for the port (seen on 1.20261102.1).
    const hostname = host.includes(':') ? `[${host}]` : host;
    const address = { hostname, port: this.#port };
    const socket = this.#network.connect(address, { secureTransport: 'starttls', allowHalfOpen: false });
    this.#sockets.push(socket);
    socket.closed.catch(ignoreClosing);
    await socket.opened;
    return socket;
  }

  async #byAddresses(host: string, byName: Promise<Socket>): Promise<Socket> {
    if (isAddress(host) || (await isSettledWithin(byName, SILENT_MS))) return byName;
    const addresses = await this.#addressesOf(host);
    if (addresses.length < 2) return byName;
    const staggered = addresses.map(async (address, at) => {
      await after(at * STAGGER_MS);
      return this.#open(address);
    });
    return Promise.any(staggered);
  }

  /** Swallows errors: whoever cannot be asked leaves us with the runtime's own attempt. */
  async #addressesOf(host: string): Promise<string[]> {
    try {
      return (await this.#network.addressesOf(host)).slice(0, ADDRESSES_MAX);
    } catch {
      return [];
    }
  }
}

function connectError(cause: unknown, { host, port }: Address): PoolerError {
  if (cause instanceof PoolerError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  if (/dns|resolve|getaddrinfo/i.test(text))
    return refusal('dns_failure', `the host name ${host} does not resolve`, cause);
  if (/refused|cannot connect/i.test(text))
    return refusal('connection_refused', `nothing listens on ${host}:${port}`, cause);
  return refusal('connection_lost', `${host}:${port} closed the connection`, cause);
}

function notTrusted(host: string, cause: unknown): PoolerError {
  return refusal(
    'tls_handshake_failed',
    `TLS handshake failed: cert validation failed. The certificate of ${host} is expired, for another host, or not from a public authority`,
    cause,
  );
}

async function isSettledWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  const settled = work.then(
    () => true,
    () => true,
  );
  return Promise.race([settled, after(ms).then(() => false)]);
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function ignoreClosing(): void {
  // A socket that lost the race, or is given up, has nothing more to say.
}
