/** Opens the way to an origin: TCP, TLS where the protocol's first words lead to it, and the login. */
import { connect } from 'cloudflare:sockets';
import { PoolerError } from '../errors.ts';
import type { OriginFacts, OriginLogin, OriginSession } from '../protocols/contract.ts';
import { ByteSource } from '../transport/byte-source.ts';
import { withDeadline } from '../transport/deadline.ts';

export interface Dialed {
  socket: Socket;
  source: ByteSource;
  session: OriginSession;
  facts: OriginFacts;
  isSecure: boolean;
  address: Address;
}

export interface Address {
  host: string;
  port: number;
}

/** Logs in. Throws a PoolerError of the origin's, with Hyperdrive's code for the API. */
export async function dial(options: {
  address: Address;
  login: OriginLogin;
  timeoutMs: number;
}): Promise<Dialed> {
  const { address, login, timeoutMs } = options;
  const wire = new Wire(address);
  try {
    const late = (): PoolerError => refusal('timeout', 2010, `no answer in ${timeoutMs} ms`);
    return await withDeadline(talk(wire, login), timeoutMs, late);
  } catch (cause) {
    wire.close();
    throw cause instanceof PoolerError ? cause : connectError(cause, address);
  }
}

/** Says something on a connection of its own and waits until the origin closes it, as a cancel request needs. */
export async function deliver(options: {
  address: Address;
  login: OriginLogin;
  timeoutMs: number;
}): Promise<void> {
  const wire = new Wire(options.address);
  try {
    const late = (): PoolerError => refusal('timeout', 2010, 'a cancel request was not taken');
    await withDeadline(talk(wire, options.login), options.timeoutMs, late);
  } catch {
    // The origin closes without a word, whether it cancelled something or not: there is nothing to learn.
  } finally {
    wire.close();
  }
}

async function talk(wire: Wire, login: OriginLogin): Promise<Dialed> {
  await wire.opened;
  await wire.send(login.begin());
  for (;;) {
    const step = login.receive(await wire.read());
    switch (step.step) {
      case 'read':
        await wire.send(step.send);
        break;
      case 'startTls':
        await wire.startTls();
        await wire.send(step.secured());
        break;
      case 'failed':
        throw step.error;
      case 'ready':
        return {
          ...step,
          socket: wire.socket,
          source: wire.source,
          isSecure: wire.isSecure,
          address: wire.address,
        };
    }
  }
}

/** A socket that may be upgraded on the way. */
class Wire {
  socket: Socket;
  source: ByteSource;
  isSecure = false;
  readonly address: Address;

  constructor(address: Address) {
    this.address = address;
    const { host, port } = address;
    this.socket = connect({ hostname: host, port }, { secureTransport: 'starttls', allowHalfOpen: false });
    this.source = new ByteSource(this.socket.readable);
    this.#hushClosed();
  }

  get opened(): Promise<SocketInfo> {
    return this.socket.opened;
  }

  async read(): Promise<Uint8Array> {
    const { value, done } = await this.source.read();
    if (done || !value)
      throw new PoolerError('Server return error and closed connection.', {
        fault: 'origin',
        sqlState: '08006',
        apiCode: 2015,
      });
    return value.slice();
  }

  async send(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    const writer = this.socket.writable.getWriter();
    await writer.write(bytes);
    writer.releaseLock();
  }

  async startTls(): Promise<void> {
    this.source.release();
    try {
      this.socket = this.socket.startTls();
      this.#hushClosed();
      await this.socket.opened;
    } catch (cause) {
      throw refusal(
        'tls_handshake_failed',
        2015,
        `TLS handshake failed: cert validation failed. The certificate of ${this.address.host} is expired, for another host, or not from a public authority`,
        cause,
      );
    }
    this.source = new ByteSource(this.socket.readable);
    this.isSecure = true;
  }

  close(): void {
    this.socket.close().catch(ignoreClosing);
  }

  /** `closed` rejects when the peer resets; whoever reads or writes hears of it too, and handles it there. */
  #hushClosed(): void {
    this.socket.closed.catch(ignoreClosing);
  }
}

function ignoreClosing(): void {
  // A socket that is being given up has nothing more to say.
}

function connectError(cause: unknown, { host, port }: Address): PoolerError {
  const text = cause instanceof Error ? cause.message : String(cause);
  if (/dns|resolve|getaddrinfo/i.test(text))
    return refusal('dns_failure', 2009, `the host name ${host} does not resolve`, cause);
  if (/refused|cannot connect/i.test(text))
    return refusal('connection_refused', 2011, `nothing listens on ${host}:${port}`, cause);
  if (/tls|ssl|certificate/i.test(text)) return refusal('tls_handshake_failed', 2015, text, cause);
  return refusal('connection_lost', 2010, `${host}:${port} closed the connection`, cause);
}

/** Hyperdrive's words for a connection that could not be made. */
function refusal(reason: string, apiCode: number, hint: string, cause?: unknown): PoolerError {
  return new PoolerError(`Server connection attempt failed: ${reason}`, {
    fault: 'origin',
    sqlState: '58000',
    apiCode,
    hint,
    cause,
  });
}
