/**
 * Keeps the origin's catalog: loads it, loads it again when definitions have changed through us, and looks from
 * time to time whether they changed behind our back. While it is being loaded nothing is judged: no reply is
 * stored, and every write counts as a write of everything.
 */
import { PoolerError } from '../errors.ts';
import type { Catalog, CatalogOptions } from '../protocols/caching.ts';

/** So long a change of definitions by somebody else may go unnoticed. As long as Hyperdrive's `max_age`. */
const LOOK_AGAIN_MS = 60_000;
const RETRY_MS = 1_000;
/** What is being loaded when somebody asks may be outdated by its end. */
const READY_ATTEMPTS = 2;
/** What could not be looked at again for so long is not believed any more. */
const BELIEVED_MS = 3 * LOOK_AGAIN_MS;

export interface CatalogKeeperOptions {
  load: (options: CatalogOptions) => Promise<Catalog>;
  /** Definitions have changed without a write of ours having said so. */
  changed: () => void;
}

export class CatalogKeeper {
  readonly #options: CatalogKeeperOptions;
  #wanted: CatalogOptions | undefined;
  #catalog: Catalog | undefined;
  #loading: Promise<Catalog | undefined> | undefined;
  #loadedAt = 0;
  /** Since when we have been trying to look at it again. */
  #dueSince: number | undefined;
  /** Grows with each change of definitions; what was loaded under an older one is not believed. */
  #epoch = 0;
  /** Writes under way, with the epoch in which they were judged. */
  readonly #watched = new Map<number, { epoch: number; changesSchema: boolean }>();
  /** How many of them change definitions. */
  #changing = 0;

  constructor(options: CatalogKeeperOptions) {
    this.#options = options;
  }

  start(options: CatalogOptions): void {
    const isOther = this.#wanted?.systemCatalogs !== options.systemCatalogs;
    this.#wanted = options;
    if (isOther) this.forget();
  }

  stop(): void {
    this.#wanted = undefined;
    this.forget();
  }

  /** Undefined: not now. Asking has it loaded. */
  get catalog(): Catalog | undefined {
    if (!this.#wanted || this.#changing > 0) return undefined;
    const now = Date.now();
    if (this.#catalog && now - this.#loadedAt <= LOOK_AGAIN_MS) return this.#catalog;
    this.#dueSince ??= now;
    this.#loading ??= this.#load();
    return now - this.#dueSince > BELIEVED_MS ? undefined : this.#catalog;
  }

  /** Throws where the origin cannot be asked, or caching is disabled. */
  async ready(): Promise<Catalog> {
    for (let attempt = 0; attempt < READY_ATTEMPTS; attempt += 1) {
      const catalog = this.catalog ?? (await this.#loading);
      if (catalog) return catalog;
    }
    throw new PoolerError('The catalog of the origin could not be read.', {
      fault: 'origin',
      sqlState: '58000',
      hint: 'Is caching disabled in this config, or the origin away?',
    });
  }

  watch(ticket: number, { changesSchema }: { changesSchema: boolean }): number {
    this.#watched.set(ticket, { epoch: this.#epoch, changesSchema });
    if (changesSchema) this.#changing += 1;
    return ticket;
  }

  /** True: definitions have changed while it ran. */
  ended(ticket: number, { isCommitted }: { isCommitted: boolean }): boolean {
    const write = this.#watched.get(ticket);
    if (!write) return false;
    this.#watched.delete(ticket);
    const isOutdated = write.epoch !== this.#epoch;
    if (!write.changesSchema) return isOutdated;
    this.#changing -= 1;
    if (isCommitted) this.forget();
    return isOutdated;
  }

  /**
   * What is known is of another origin, or older than a change of definitions. What is being loaded is not believed
   * either, but nothing else is loaded beside it: many changes must not become as many loads at a time.
   */
  forget(): void {
    this.#epoch += 1;
    this.#catalog = undefined;
    this.#dueSince = undefined;
  }

  /** Swallows errors: the origin is away or refuses, and is asked again a little later. */
  async #load(): Promise<Catalog | undefined> {
    const epoch = this.#epoch;
    try {
      const catalog = this.#wanted && (await this.#options.load(this.#wanted));
      if (epoch !== this.#epoch || !catalog) return undefined;
      this.#loading = undefined;
      this.#keep(catalog);
      return this.#catalog;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      return undefined;
    } finally {
      this.#loading = undefined;
    }
  }

  /** The same catalog stays the same object: what was judged by it stays judged. */
  #keep(catalog: Catalog): void {
    this.#loadedAt = Date.now();
    this.#dueSince = undefined;
    if (this.#catalog?.fingerprint === catalog.fingerprint) return;
    const isChange = this.#catalog !== undefined;
    this.#catalog = catalog;
    if (!isChange) return;
    // Writes that are under way were judged by the old one.
    this.#epoch += 1;
    this.#options.changed();
  }
}
