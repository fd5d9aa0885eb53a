/** The link from one driver's session at the edge to the endpoint of its config. */
import { type EndpointStub, encodeOpening, type LinkOpening } from '../endpoint/link.ts';

/** `first`: the exchange that rides in the opening frame. `changes`: where this link is other than the driver's own. */
export type OpenLink = (first: Uint8Array, changes?: Partial<LinkOpening>) => Promise<Socket>;

export function linkOpener(options: {
  endpoint: EndpointStub;
  configId: string;
  opening: LinkOpening;
}): OpenLink {
  const { endpoint, configId, opening } = options;
  return async (first, changes = {}) => {
    const link = endpoint.connect(`${configId}:1`);
    const writer = link.writable.getWriter();
    await writer.write(encodeOpening({ ...opening, ...changes }, first));
    writer.releaseLock();
    return link;
  };
}
