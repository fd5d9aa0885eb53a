/**
 * A TCP proxy that puts a distance between client and server: each byte arrives half a round trip later, in order,
 * at any throughput. It counts round trips, so that tests need no stopwatch, and breaks connections on request.
 *
 * Opening costs a round trip too, as it does over a real distance: the server is dialled 1.5 round trips after the
 * accept (SYN, SYN-ACK, ACK). That one is not in the count of round trips.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { DelayedDirection } from './delayed-direction.ts';

export interface DelayProxyStats {
  /** Connections accepted since the start or the last reset. */
  connections: number;
  openConnections: number;
  /** How often, seen from the client, data of the server followed data of the client: one wait each. */
  roundTrips: number;
  bytesToServer: number;
  bytesToClient: number;
}

export interface DelayProxyOptions {
  targetPort: number;
  rttMs: number;
  targetHost?: string;
}

export async function startDelayProxy(options: DelayProxyOptions): Promise<DelayProxy> {
  const proxy = new DelayProxy(options);
  await proxy.listen();
  return proxy;
}

export class DelayProxy {
  readonly #options: DelayProxyOptions;
  readonly #server: Server;
  readonly #pairs = new Set<ProxiedPair>();
  #rttMs: number;
  #isPaused = false;
  #isRefusing = false;
  #counts = noCounts();

  constructor(options: DelayProxyOptions) {
    this.#options = options;
    this.#rttMs = options.rttMs;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', resolve);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  stats(): DelayProxyStats {
    return { ...this.#counts, openConnections: this.#pairs.size };
  }

  reset(): void {
    this.#counts = noCounts();
  }

  /** Holds for what is sent from now on. */
  setRtt(rttMs: number): void {
    this.#rttMs = rttMs;
  }

  /** Cuts every connection with a reset on both sides. */
  dropAll(): void {
    for (const pair of this.#pairs) pair.drop();
  }

  /** The network stands still: nothing is delivered, nothing is lost. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    for (const pair of this.#pairs) pair.deliver();
  }

  /** While true, new connections are reset at once; open ones live on. */
  refuse(isRefusing: boolean): void {
    this.#isRefusing = isRefusing;
  }

  async stop(): Promise<void> {
    this.dropAll();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(client: Socket): void {
    if (this.#isRefusing) {
      client.on('error', () => {}); // It is being cut; how it ends does not matter.
      client.resetAndDestroy();
      return;
    }
    this.#counts.connections += 1;
    const { targetPort, targetHost = '127.0.0.1' } = this.#options;
    const pair: ProxiedPair = new ProxiedPair({
      client,
      dial: () => connect({ port: targetPort, host: targetHost, allowHalfOpen: true, noDelay: true }),
      rttMs: () => this.#rttMs,
      isPaused: () => this.#isPaused,
      onToServer: (bytes) => {
        this.#counts.bytesToServer += bytes;
      },
      onToClient: (bytes, isTurn) => {
        this.#counts.bytesToClient += bytes;
        if (isTurn) this.#counts.roundTrips += 1;
      },
      onClose: () => this.#pairs.delete(pair),
    });
    this.#pairs.add(pair);
  }
}

interface ProxiedPairOptions {
  client: Socket;
  dial: () => Socket;
  rttMs: () => number;
  isPaused: () => boolean;
  onToServer: (bytes: number) => void;
  onToClient: (bytes: number, isTurn: boolean) => void;
  onClose: () => void;
}

/** A client's connection and ours to the server behind it. */
class ProxiedPair {
  readonly #options: ProxiedPairOptions;
  readonly #toServer: DelayedDirection;
  #toClient: DelayedDirection | undefined;
  #server: Socket | undefined;
  readonly #dialTimer: NodeJS.Timeout;
  /** The client has sent something that the server has not answered. */
  #isAwaitingServer = false;

  constructor(options: ProxiedPairOptions) {
    const { client, rttMs, isPaused, onToServer } = options;
    this.#options = options;
    const openedAtMs = performance.now() + rttMs();
    this.#toServer = new DelayedDirection({
      source: client,
      // Before the client's connect is through, it cannot send.
      dueMs: (nowMs) => Math.max(nowMs, openedAtMs) + rttMs() / 2,
      isPaused,
      onReceived: (bytes) => {
        this.#isAwaitingServer = true;
        onToServer(bytes);
      },
      onDelivered: () => {},
    });
    client.once('close', () => this.#closed());
    this.#dialTimer = setTimeout(() => this.#dial(), rttMs() * 1.5);
  }

  drop(): void {
    clearTimeout(this.#dialTimer);
    this.#options.client.resetAndDestroy();
    this.#server?.resetAndDestroy();
  }

  deliver(): void {
    this.#toServer.deliver();
    this.#toClient?.deliver();
  }

  #dial(): void {
    if (this.#options.client.destroyed) return;
    const { client, dial, rttMs, isPaused, onToClient } = this.#options;
    const server = dial();
    this.#server = server;
    server.once('close', () => this.#closed());
    this.#toClient = new DelayedDirection({
      source: server,
      dueMs: (nowMs) => nowMs + rttMs() / 2,
      isPaused,
      onReceived: () => {},
      onDelivered: (bytes) => {
        onToClient(bytes, this.#isAwaitingServer);
        this.#isAwaitingServer = false;
      },
    });
    this.#toClient.deliverTo(client);
    this.#toServer.deliverTo(server);
  }

  #closed(): void {
    const isServerGone = this.#server === undefined || this.#server.destroyed;
    if (!this.#options.client.destroyed || !isServerGone) return;
    clearTimeout(this.#dialTimer);
    this.#options.onClose();
  }
}

function noCounts(): Omit<DelayProxyStats, 'openConnections'> {
  return { connections: 0, roundTrips: 0, bytesToServer: 0, bytesToClient: 0 };
}
