/**
 * A driver whose bytes need no look: they are pumped to the endpoint, and the replies back, by the runtime itself.
 * The fastest form there is: a read or write in JavaScript costs 10 to 20 us.
 */
import type { ByteSource } from '../transport/byte-source.ts';
import type { DriverSocket } from '../transport/driver-socket.ts';
import { pump } from '../transport/pump.ts';
import type { Stay } from './draining.ts';

export interface Relay {
  socket: DriverSocket;
  source: ByteSource;
  /** TLS of ours is in between. */
  isSecured: boolean;
  /** What the driver said behind its login. */
  rest: Uint8Array;
  stay: Stay;
}

/** The link is opened by the first exchange, and carries it. A driver that never asks costs no endpoint anything. */
export async function relay({ socket, source, isSecured, rest, stay }: Relay): Promise<void> {
  const first = rest.length > 0 ? rest : await firstBytes(source);
  if (!first) {
    if (stay.lastWords) throw stay.lastWords;
    return;
  }
  source.release();
  const link = await stay.openLink(first);
  const up = socket.readable.pipeTo(link.writable);
  const down = isSecured ? pump(link.readable, socket.writable) : link.readable.pipeTo(socket.writable);
  up.catch(ignoreClosing);
  // The endpoint ends the talk: after a goodbye, and with the last words after an error.
  await down.catch(ignoreClosing);
  link.close().catch(ignoreClosing);
}

/** Undefined: the driver has gone, or must. */
async function firstBytes(source: ByteSource): Promise<Uint8Array | undefined> {
  try {
    const { value, done } = await source.read();
    return done ? undefined : value?.slice();
  } catch {
    return undefined;
  }
}

function ignoreClosing(): void {
  // One side has left; the other side's end is all there is to do.
}
