/**
 * The end of a process that drivers are connected to: who comes is refused, who is at rest is told to go, who runs
 * something or is in a transaction may finish it. Drivers of a bound capability are left alone: they go with the request
 * that they serve, and for those the runtime waits by itself.
 *
 * All of it is of this isolate. Self-hosted, that is the process; on Cloudflare nobody calls `beginToDrain`.
 */
import type { EndpointStub } from '../endpoint/link.ts';
import { byShutdown, type PoolerError } from '../errors.ts';
import type { ByteSource } from '../transport/byte-source.ts';
import type { OpenLink } from './open-link.ts';

/** A link that has just been opened may not have arrived. */
const ASK_AGAIN_MS = 250;

let hasBegun = false;
const stays = new Set<Stay>();

export function isDraining(): boolean {
  return hasBegun;
}

export function beginToDrain(): void {
  hasBegun = true;
  for (const stay of stays) stay.told();
}

/** How many drivers are still here. */
export function driversLeft(): number {
  return stays.size;
}

/** One driver, from its login to `over`. */
export class Stay {
  readonly #source: ByteSource;
  readonly #endAtRest: () => Promise<void>;
  readonly #openLink: OpenLink;
  /** Fulfilled by the invocation that drains, but acted upon in the driver's own: it alone may use the driver's socket. */
  readonly #begun = Promise.withResolvers<void>();
  #hasLink = false;
  #isTold = false;
  #isOver = false;

  constructor(options: {
    source: ByteSource;
    endpoint: EndpointStub;
    cancelKey: string;
    openLink: OpenLink;
    isBound: boolean;
  }) {
    const { source, endpoint, cancelKey, openLink, isBound } = options;
    this.#source = source;
    this.#endAtRest = () => endpoint.endAtRest(cancelKey);
    this.#openLink = openLink;
    if (isBound) return;
    stays.add(this);
    this.#begun.promise.then(() => this.#leadOut()).catch(ignoreLeaving);
    if (hasBegun) this.told();
  }

  told(): void {
    this.#begun.resolve();
  }

  /** As the driver's session opens its link: from then on the endpoint knows when the driver is at rest. */
  readonly openLink: OpenLink = (first, changes) => {
    if (this.#isTold && !this.#hasLink) throw byShutdown();
    // A link on behalf of somebody else, such as a refresh, is not the driver's.
    this.#hasLink ||= changes?.driver === undefined;
    return this.#openLink(first, changes);
  };

  /** Why the driver is being ended, where the endpoint does not tell it. */
  get lastWords(): PoolerError | undefined {
    return this.#isTold && !this.#hasLink ? byShutdown() : undefined;
  }

  over(): void {
    this.#isOver = true;
    stays.delete(this);
  }

  async #leadOut(): Promise<void> {
    this.#isTold = true;
    // Without a link nothing runs: the session ends as if the driver had said goodbye.
    if (!this.#hasLink) return this.#source.cancel();
    while (!this.#isOver) {
      await this.#endAtRest();
      await scheduler.wait(ASK_AGAIN_MS);
    }
  }
}

function ignoreLeaving(): void {
  // The driver, or its endpoint, was quicker.
}
