/** The connection of a driver that logs in: what is read and said on it, in clear or inside of TLS. */
import type { DriverHandshake, DriverStep } from '../protocols/driver-login.ts';
import { ByteSource } from '../transport/byte-source.ts';
import type { DriverSocket } from '../transport/driver-socket.ts';
import type { Entrance } from './accept.ts';
import { type ListenerCertificate, listenerCertificate, secureDriver } from './secure.ts';

/** A driver that has come in, in clear at first. */
export class DriverConnection {
  readonly entrance: Entrance;
  /** What is said to the driver and heard of it: from an upgrade on, inside of TLS. */
  socket: DriverSocket;
  source: ByteSource;
  /** TLS of ours began here. */
  isSecured = false;

  constructor(socket: DriverSocket, entrance: Entrance) {
    this.entrance = entrance;
    this.socket = socket;
    this.source = new ByteSource(socket.readable);
  }

  get isEncrypted(): boolean {
    return this.isSecured || this.entrance.isEncrypted;
  }

  /** On a listener alone, and where there is one: a bound capability never leaves the runtime. */
  get certificate(): ListenerCertificate | undefined {
    const { boundConfigId, env } = this.entrance;
    return boundConfigId === undefined && !this.isEncrypted ? listenerCertificate(env) : undefined;
  }

  async secure(
    certificate: ListenerCertificate,
    step: Extract<DriverStep, { step: 'startTls' }>,
  ): Promise<void> {
    this.source.release();
    const { protocol } = this.entrance;
    this.socket = await secureDriver(this.socket, { certificate, protocol, step });
    this.source = new ByteSource(this.socket.readable);
    this.isSecured = true;
  }

  /** False: the driver has left. */
  async isHeard(bytes: Uint8Array): Promise<boolean> {
    if (bytes.length === 0) return true;
    try {
      const writer = this.socket.writable.getWriter();
      await writer.write(bytes);
      writer.releaseLock();
      return true;
    } catch {
      return false; // Nobody is there to be told.
    }
  }

  /** Hands what the driver says next to the handshake. Undefined: it has left. */
  async next(handshake: DriverHandshake): Promise<DriverStep | undefined> {
    const { value, done } = await this.source.read().catch(driverLeft);
    if (done || !value) return undefined;
    const step = handshake.receive(value.slice());
    this.source.recycle(value);
    return step;
  }
}

/** With what the server said unread: the runtime calls that an error. */
function driverLeft(): { done: true; value?: undefined } {
  return { done: true };
}
