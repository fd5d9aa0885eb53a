/**
 * A tunnel as Cloudflare's looks from outside: a front that lets in who shows the service token, and behind it
 * websockify, a bridge from WebSockets to TCP that is not ours.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { findFreePort, isPortOpen, waitUntil } from '../../src/cli/ports.ts';
import { type ProcessGroup, startProcessGroup } from '../../src/cli/process-group.ts';

const WEBSOCKIFY = '/usr/bin/websockify';
const START_WAIT_MS = 15_000;

export const TOKEN = { access_client_id: 'warmpool.access', access_client_secret: 'the-secret-of-the-token' };

/** Installs it where that can be done. */
export async function isWebsockifyThere(): Promise<boolean> {
  if (!existsSync(WEBSOCKIFY) && process.getuid?.() === 0)
    await promisify(execFile)('apt-get', ['install', '--yes', '--no-install-recommends', 'websockify']).catch(
      noAptGet,
    );
  return existsSync(WEBSOCKIFY);
}

function noAptGet(): void {
  // Not Debian: it stays missing, which is told.
}

/** What the front does instead of letting anybody through. */
export type Refusal = 'login page' | 'bad gateway' | 'plain answer';

export class Tunnel {
  refusal: Refusal | undefined;
  readonly #front: Server;
  readonly #bridge: ProcessGroup;
  readonly #through = new Set<Socket>();

  private constructor(bridge: ProcessGroup, bridgePort: number) {
    this.#bridge = bridge;
    this.#front = createServer((request, response) => {
      response.writeHead(this.#statusFor(request) ?? 200, { location: '/login' }).end();
    });
    this.#front.on('upgrade', (request, socket: Socket, head) => {
      const status = this.#statusFor(request);
      if (status !== undefined)
        socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\nLocation: /login\r\n\r\n`);
      else this.#letThrough({ request, socket, head, bridgePort });
    });
  }

  static async start(databasePort: number): Promise<Tunnel> {
    const port = await findFreePort();
    const bridge = startProcessGroup({
      command: WEBSOCKIFY,
      args: [`127.0.0.1:${port}`, `127.0.0.1:${databasePort}`],
    });
    const isUp = await waitUntil({
      isReady: () => isPortOpen(port),
      isHopeless: () => bridge.hasExited(),
      waitMs: START_WAIT_MS,
    });
    if (!isUp) throw new Error(`websockify did not start:\n${bridge.output()}`);
    const tunnel = new Tunnel(bridge, port);
    await new Promise<void>((resolve) => tunnel.#front.listen(0, '127.0.0.1', resolve));
    return tunnel;
  }

  get host(): string {
    return `127.0.0.1:${(this.#front.address() as AddressInfo).port}`;
  }

  /** Connections that are open through it. */
  get open(): number {
    return this.#through.size;
  }

  /** Cuts all of them off. */
  drop(): void {
    for (const socket of this.#through) socket.destroy();
  }

  async stop(): Promise<void> {
    this.drop();
    await new Promise<void>((resolve) => this.#front.close(() => resolve()));
    await this.#bridge.stop();
  }

  #statusFor({ headers }: IncomingMessage): number | undefined {
    if (this.refusal === 'login page') return 302;
    if (this.refusal === 'bad gateway') return 502;
    if (this.refusal === 'plain answer') return 200;
    const isKnown =
      headers['cf-access-client-id'] === TOKEN.access_client_id &&
      headers['cf-access-client-secret'] === TOKEN.access_client_secret;
    return isKnown ? undefined : 403;
  }

  /** Says the upgrade again to the bridge, without the token, and is a wire from then on. */
  #letThrough(options: { request: IncomingMessage; socket: Socket; head: Buffer; bridgePort: number }): void {
    const { request, socket, head, bridgePort } = options;
    const bridge = connect(bridgePort, '127.0.0.1');
    const headers = Object.entries(request.headers).filter(([name]) => !name.startsWith('cf-access'));
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    bridge.write(`GET / HTTP/1.1\r\n${lines}\r\n`);
    bridge.write(head);
    socket.pipe(bridge).pipe(socket);
    this.#through.add(socket);
    const end = (): void => {
      this.#through.delete(socket);
      bridge.destroy();
      socket.destroy();
    };
    for (const side of [socket, bridge]) side.on('error', end).on('close', end);
  }
}
