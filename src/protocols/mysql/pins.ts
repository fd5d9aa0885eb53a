/**
 * State that ties a session to its connection, by name: `user variable`, `lock:<name>`, `lock?` (whose name only the
 * server knows), `temporary table:<database>.<name>`, `prepare:<name>`, `handler:<name>`, `locked tables`, `read
 * lock`, `backup lock`, `xa`, `next transaction`, `hidden` (whatever it is), `cursor:<id>`, `long data:<id>`.
 */
import type { StatementFacts } from './statement-facts.ts';

/** They may be there although the statement failed. */
const SURVIVES_ERROR = /^(user variable|hidden|lock[:?])/;

export class Pins {
  readonly #names = new Set<string>();

  get isEmpty(): boolean {
    return this.#names.size === 0;
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  add(name: string): void {
    this.#names.add(name);
  }

  delete(name: string): void {
    this.#names.delete(name);
  }

  clear(): void {
    this.#names.clear();
  }

  /** Names of locks that the server can be asked about. */
  get locks(): string[] {
    return [...this.#names].filter((name) => name.startsWith('lock:')).map((name) => name.slice(5));
  }

  /** A statement has been answered. */
  ran(facts: StatementFacts, { failed, database }: { failed: boolean; database: string }): void {
    const resolved = (name: string): string => name.replace('~', database.toLowerCase());
    for (const name of facts.begins) if (!failed || SURVIVES_ERROR.test(name)) this.add(resolved(name));
    if (!failed) for (const name of facts.ends) this.#end(resolved(name));
  }

  #end(name: string): void {
    if (name !== 'lock:*') this.delete(name);
    else for (const pin of this.#names) if (pin.startsWith('lock')) this.delete(pin);
  }
}
