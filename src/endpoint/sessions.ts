/** The drivers at one endpoint, by the key that each was given to cancel with. */
import type { Peers } from '../protocols/contract.ts';
import type { DriverSession } from './session.ts';

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
    session?.end();
    return session !== undefined;
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
