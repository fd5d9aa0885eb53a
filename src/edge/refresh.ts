/** Asks the endpoint for a reply once more, in a session of its own, while drivers are still given the old one. */
import type { EdgeConversation } from '../protocols/caching.ts';
import type { DriverOpening } from '../protocols/driver-login.ts';
import { ByteSource } from '../transport/byte-source.ts';
import { withDeadline } from '../transport/deadline.ts';
import type { OpenLink } from './open-link.ts';

const REFRESH_MS = 30_000;

export interface Refresh {
  /** The read, as a driver would ask that has prepared nothing. */
  bytes: Uint8Array;
  /** A new one, with these settings, that records what it hears. */
  conversation: EdgeConversation;
  /** A driver of its own, with the settings of the one who asked. */
  driver: DriverOpening;
  openLink: OpenLink;
  /** As in a link's opening. */
  knownUpTo: number;
  /** What was recorded has not been stored yet: resolves when more may come. */
  storing: () => Promise<void> | undefined;
}

/** Swallows errors: the old reply is good until it expires, and then it is asked for by whoever needs it. */
export async function refresh(refresh: Refresh): Promise<void> {
  const { bytes, conversation, driver, openLink, knownUpTo, storing } = refresh;
  conversation.fromDriver(bytes);
  if (!conversation.read) return;
  conversation.forward();
  const request = conversation.toEndpoint.take();
  if (!request) return;
  let link: Socket | undefined;
  try {
    link = await openLink(request, { caching: { knownUpTo }, driver });
    await withDeadline(
      takeReply(link, conversation, storing),
      REFRESH_MS,
      () => new Error('The refresh took too long.'),
    );
  } catch {
    conversation.endpointLost();
  } finally {
    link?.close().catch(() => {});
  }
}

async function takeReply(
  link: Socket,
  conversation: EdgeConversation,
  storing: Refresh['storing'],
): Promise<void> {
  const source = new ByteSource(link.readable);
  while (!conversation.isQuiet) {
    const { value, done } = await source.read();
    if (done || !value) return conversation.endpointLost();
    conversation.fromEndpoint(value);
    conversation.toDriver.clear();
    await storing();
    source.recycle(value);
  }
}
