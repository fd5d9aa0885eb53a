/**
 * A driver whose bytes need no look: they are pumped to the endpoint, and the replies back, by the runtime itself.
 * The fastest form there is: a read or write in JavaScript costs 10 to 20 us.
 */
import type { ByteSource } from '../transport/byte-source.ts';
import type { OpenLink } from './open-link.ts';

export interface Relay {
  socket: Socket;
  source: ByteSource;
  /** What the driver said behind its login. */
  rest: Uint8Array;
  openLink: OpenLink;
}

/** The link is opened by the first exchange, and carries it. A driver that never asks costs no endpoint anything. */
export async function relay({ socket, source, rest, openLink }: Relay): Promise<void> {
  const first = rest.length > 0 ? rest : await firstBytes(source);
  if (!first) return;
  source.release();
  const link = await openLink(first);
  const up = socket.readable.pipeTo(link.writable);
  const down = link.readable.pipeTo(socket.writable);
  up.catch(ignoreClosing);
  // The endpoint ends the talk: after a goodbye, and with the last words after an error.
  await down.catch(ignoreClosing);
  link.close().catch(ignoreClosing);
}

async function firstBytes(source: ByteSource): Promise<Uint8Array | undefined> {
  const { value, done } = await source.read();
  return done ? undefined : value?.slice();
}

function ignoreClosing(): void {
  // One side has left; the other side's end is all there is to do.
}
