/**
 * Bytes that wait to be sent, as slices. One flush is one write: a write costs the runtime 10 to 20 us, wherever
 * it happens, and the bytes cost almost nothing.
 */
import { join } from './join.ts';

export class Outbox {
  #slices: Uint8Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#slices.push(bytes);
    this.#length += bytes.length;
  }

  /** Takes all bytes out, as one array. A single slice is not copied. Undefined when empty. */
  take(): Uint8Array | undefined {
    const [first] = this.#slices;
    if (first === undefined) return undefined;
    const bytes = this.#slices.length === 1 ? first : join(this.#slices);
    this.clear();
    return bytes;
  }

  clear(): void {
    this.#slices = [];
    this.#length = 0;
  }
}
