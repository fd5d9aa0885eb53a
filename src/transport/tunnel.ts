/**
 * The way through a Cloudflare Tunnel behind Access: a WebSocket to the tunnel's host name, opened by a service token.
 * Its binary messages are the byte stream; where one ends and the next begins means nothing.
 * https://developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel/
 */
import { PoolerError } from '../errors.ts';
import type { ReadResult } from './byte-source.ts';
import type { ByteStream, Transport } from './byte-stream.ts';
import { refusal } from './refusal.ts';

export interface TunnelOptions {
  /** A port may stand behind it. */
  host: string;
  accessClientId: string;
  accessClientSecret: string;
}

/**
 * A WebSocket cannot be slowed down: what arrives and is not read yet is kept, up to here. (What we send can only be
 * handed to the runtime, which does not say how much of it has left.)
 */
const BUFFERED_BYTES_MAX = 16 * 1024 * 1024;

const TOO_BIG = 1009;
const NORMAL = 1000;

export function tunnel(options: TunnelOptions): Transport {
  return {
    async open(signal) {
      const stream = new TunnelStream(await openSocket(options, signal));
      // In clear as far as the tunnel is concerned, whose own way is private: a database may want TLS of its own.
      return { stream, secure: async () => stream };
    },
  };
}

async function openSocket(options: TunnelOptions, signal: AbortSignal): Promise<WebSocket> {
  const { host, accessClientId, accessClientSecret } = options;
  const url = `${isLoopback(host) ? 'http' : 'https'}://${host}/`;
  const headers = {
    Upgrade: 'websocket',
    'CF-Access-Client-Id': accessClientId,
    'CF-Access-Client-Secret': accessClientSecret,
  };
  let response: Response;
  try {
    response = await fetch(url, { headers, redirect: 'manual', signal });
  } catch (cause) {
    throw refusal('tunnel_failed', `nothing answers at ${url}`, cause);
  }
  const { webSocket } = response;
  if (webSocket) return webSocket;
  await response.body?.cancel();
  throw notOpened(host, response);
}

function notOpened(host: string, { status }: Response): PoolerError {
  if (status === 401 || status === 403 || (status >= 300 && status < 400))
    return refusal(
      'access_denied',
      `Access does not let us in at ${host} with this service token (HTTP ${status})`,
    );
  if (status >= 500)
    return refusal('tunnel_failed', `the tunnel at ${host} does not reach the database (HTTP ${status})`);
  return refusal('tunnel_failed', `${host} answers HTTP ${status} where a tunnel opens a WebSocket`);
}

class TunnelStream implements ByteStream {
  readonly #socket: WebSocket;
  readonly #arrived: Uint8Array[] = [];
  #bytes = 0;
  #end: { error?: PoolerError } | undefined;
  #wake: () => void = () => {};
  onBroken: (why?: PoolerError) => void = () => {};

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) => this.#receive(data));
    socket.addEventListener('close', ({ code, reason }) => this.#closed(code, reason));
    socket.addEventListener('error', () => this.#finish(lost('it broke')));
    socket.accept();
  }

  async read(): Promise<ReadResult> {
    for (;;) {
      const value = this.#arrived.shift();
      if (value !== undefined) {
        this.#bytes -= value.length;
        return { value, done: false };
      }
      if (this.#end?.error) throw this.#end.error;
      if (this.#end) return { value: undefined, done: true };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Each message has a buffer of its own. */
  recycle(): void {}

  write(bytes: Uint8Array): undefined {
    if (this.#end !== undefined) return undefined;
    this.#socket.send(bytes);
    return undefined;
  }

  close(): void {
    if (this.#end === undefined) this.#socket.close(NORMAL);
    this.#finish();
  }

  #receive(data: unknown): void {
    if (this.#end !== undefined) return;
    const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : new TextEncoder().encode(String(data));
    this.#bytes += bytes.length;
    this.#arrived.push(bytes);
    this.#wake();
    if (this.#bytes <= BUFFERED_BYTES_MAX) return;
    this.#socket.close(TOO_BIG, 'read too slowly');
    this.#finish(lost(`more than ${BUFFERED_BYTES_MAX} bytes of a result were not read in time`));
  }

  #closed(code: number, reason: string): void {
    const isClean = code === NORMAL;
    this.#finish(isClean ? undefined : lost(`closed with code ${code}${reason === '' ? '' : `: ${reason}`}`));
  }

  #finish(error?: PoolerError): void {
    if (this.#end !== undefined) return;
    this.#end = error === undefined ? {} : { error };
    this.#wake();
    if (error !== undefined) this.onBroken(error);
  }
}

function lost(why: string): PoolerError {
  return new PoolerError(`The tunnel to the database was lost: ${why}.`, {
    fault: 'origin',
    sqlState: '08006',
    apiCode: 2010,
  });
}

function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/i.test(host);
}
