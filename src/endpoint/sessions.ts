/** The drivers at one endpoint, by the key that each was given to cancel with. */
import { byShutdown } from '../errors.ts';
import type { Peers } from '../protocols/contract.ts';
import { byUserEnd } from './reasons.ts';
import type { DriverSession } from './session.ts';

/** As long as one driver's thought between two queries may be, so that one that is hardly ever at rest is caught. */
const REST_POLL_MS = 10;

export class Sessions implements Peers {
  /** Mostly one for each key; MySQL's have 31 bits, so with many drivers two may draw the same. */
  readonly #sessions = new Map<string, DriverSession[]>();

  get size(): number {
    return this.#all().length;
  }

  add(key: string, session: DriverSession): void {
    this.#sessions.set(key, [...(this.#sessions.get(key) ?? []), session]);
  }

  delete(key: string, session: DriverSession): void {
    const others = this.#sessions.get(key)?.filter((other) => other !== session) ?? [];
    if (others.length > 0) this.#sessions.set(key, others);
    else this.#sessions.delete(key);
  }

  cancel(key: string): boolean {
    const session = this.#with(key);
    void session?.cancel();
    return session !== undefined;
  }

  end(key: string): boolean {
    const session = this.#with(key);
    session?.end(byUserEnd());
    return session !== undefined;
  }

  /** Ends a driver once it is at rest. Resolves then, or when it has left, or is not here yet. */
  async endAtRest(key: string): Promise<void> {
    for (;;) {
      const sessions = this.#sessions.get(key) ?? [];
      for (const session of sessions) if (session.isAtRest) session.end(byShutdown());
      if (sessions.every(({ isAtRest }) => isAtRest)) return;
      await scheduler.wait(REST_POLL_MS);
    }
  }

  tellNews(): void {
    for (const session of this.#all()) session.tellNews();
  }

  sweep(now: number): void {
    for (const session of this.#all()) session.sweep(now);
  }

  /** Resolves when the origin has taken the request, or there is nothing to cancel. */
  async cancelled(key: string): Promise<void> {
    await this.#with(key)?.cancel();
  }

  /** Rather nobody than somebody else's query: where two have the key there is none. */
  #with(key: string): DriverSession | undefined {
    const [session, ...others] = this.#sessions.get(key) ?? [];
    return others.length === 0 ? session : undefined;
  }

  #all(): DriverSession[] {
    return [...this.#sessions.values()].flat();
  }
}
