/** The drivers at one endpoint, by the key that each was given to cancel with. */
import { byShutdown } from '../errors.ts';
import type { Peers } from '../protocols/contract.ts';
import { byUserEnd } from './reasons.ts';
import type { DriverSession } from './session.ts';

/** As long as one driver's thought between two queries may be, so that one that is hardly ever at rest is caught. */
const REST_POLL_MS = 10;

export class Sessions implements Peers {
  readonly #sessions = new Map<string, DriverSession>();

  get size(): number {
    return this.#sessions.size;
  }

  add(key: string, session: DriverSession): void {
    this.#sessions.set(key, session);
  }

  delete(key: string): void {
    this.#sessions.delete(key);
  }

  cancel(key: string): boolean {
    const session = this.#sessions.get(key);
    void session?.cancel();
    return session !== undefined;
  }

  end(key: string): boolean {
    const session = this.#sessions.get(key);
    session?.end(byUserEnd());
    return session !== undefined;
  }

  /** Ends a driver once it is at rest. Resolves then, or when it has left, or is not here yet. */
  async endAtRest(key: string): Promise<void> {
    for (;;) {
      const session = this.#sessions.get(key);
      if (!session || session.isAtRest) return session?.end(byShutdown());
      await scheduler.wait(REST_POLL_MS);
    }
  }

  tellNews(): void {
    for (const session of this.#sessions.values()) session.tellNews();
  }

  sweep(now: number): void {
    for (const session of this.#sessions.values()) session.sweep(now);
  }

  /** Resolves when the origin has taken the request, or there is nothing to cancel. */
  async cancelled(key: string): Promise<void> {
    await this.#sessions.get(key)?.cancel();
  }
}
