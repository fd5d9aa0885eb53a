/** Which replies are being made anew while the old one is still given out: each by one session of the isolate. */
const KEYS_MAX = 10_000;
/** An invocation may end without a word: then another may try. */
const GIVEN_UP_AFTER_MS = 30_000;

export class Refreshes {
  readonly #startedAtMs = new Map<string, number>();

  /** True: the caller is the one to refresh it. */
  begin(key: string, { nowMs }: { nowMs: number }): boolean {
    const startedAtMs = this.#startedAtMs.get(key);
    if (startedAtMs !== undefined && nowMs - startedAtMs < GIVEN_UP_AFTER_MS) return false;
    this.#startedAtMs.delete(key);
    this.#forgetBeyondBound();
    this.#startedAtMs.set(key, nowMs);
    return true;
  }

  end(key: string): void {
    this.#startedAtMs.delete(key);
  }

  get size(): number {
    return this.#startedAtMs.size;
  }

  /** The oldest first: at worst one is refreshed twice at a time. */
  #forgetBeyondBound(): void {
    if (this.#startedAtMs.size < KEYS_MAX) return;
    for (const key of this.#startedAtMs.keys()) {
      this.#startedAtMs.delete(key);
      return;
    }
  }
}
