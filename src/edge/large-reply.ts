/** A stored reply that is too large for memory, read as a stream from the Cache API. Each wait has a bound. */
import type { LargeBody } from '../cache/cache-api-tier.ts';
import type { Found } from '../cache/edge-cache.ts';
import { ByteSource } from '../transport/byte-source.ts';
import { withDeadline } from '../transport/deadline.ts';

export interface FoundLarge extends Found {
  body: LargeBody;
}

/** Far more than the description of a reply's columns. */
const HEAD_BYTES = 256 * 1024;
const READ_MS = 10_000;

export function isLarge(found: Found | Promise<Found | undefined> | undefined): found is FoundLarge {
  return found !== undefined && 'body' in found && !(found.body instanceof Uint8Array);
}

export class LargeReply {
  readonly #source: ByteSource;
  readonly #bytes: number;
  #read = 0;
  #last: Uint8Array | undefined;

  constructor({ stream, bytes }: LargeBody) {
    this.#source = new ByteSource(stream);
    this.#bytes = bytes;
  }

  /** Its beginning. Undefined: the cache does not give it. Swallows errors: whatever it is, nothing was said yet. */
  async head(): Promise<Uint8Array | undefined> {
    const head = new Uint8Array(Math.min(HEAD_BYTES + 64 * 1024, this.#bytes));
    try {
      while (this.#read < Math.min(HEAD_BYTES, this.#bytes)) {
        const at = this.#read;
        head.set(await this.#next(), at);
      }
      return head.subarray(0, this.#read);
    } catch {
      return undefined;
    }
  }

  /** What comes behind the head; each piece stays valid until the next is asked for. Throws where it breaks off. */
  async *rest(): AsyncGenerator<Uint8Array> {
    while (this.#read < this.#bytes) yield await this.#next();
  }

  cancel(): void {
    this.#source.cancel().catch(ignoreEnd);
  }

  async #next(): Promise<Uint8Array> {
    if (this.#last) this.#source.recycle(this.#last);
    const late = (): Error => new Error('The cache does not go on with a reply.');
    const { value, done } = await withDeadline(this.#source.read(), READ_MS, late);
    if (done || !value) throw new Error('The cache did not give the whole reply.');
    this.#read += value.length;
    this.#last = value;
    return value;
  }
}

function ignoreEnd(): void {
  // It has ended, well or not.
}
