/**
 * Replies in the Cache API of the data centre. One object for each driver's connection, because operations count
 * as subrequests of its invocation. Whatever goes wrong here is a miss and no error: the first failure, like the
 * last operation of the budget, switches the tier off for this connection.
 */
import { withDeadline } from '../transport/deadline.ts';
import { decodeFacts, type Entry, type EntryFacts, encodeEntry } from './entry.ts';
import { LargeBodyWriter } from './large-body-writer.ts';

/** Of 1,000 on the paid plan; give a smaller one on the free plan, which has 50. */
const OPERATIONS_MAX = 500;
/** Asking the origin takes less. */
const MATCH_WAIT_MS = 1_000;

export interface CacheApiTierOptions {
  /** `caches.default`; undefined where the runtime has none. */
  cache: Cache | undefined;
  /** `waitUntil` of the invocation: it must live until a reply is put. */
  keepAlive: (work: Promise<void>) => void;
  operationsMax?: number;
  matchWaitMs?: number;
}

/** A body that is not held in memory: exactly `bytes` long, or the stream fails. Read it or cancel it. */
export interface LargeBody {
  stream: ReadableStream<Uint8Array>;
  bytes: number;
}

export interface CacheApiHit {
  facts: EntryFacts;
  body: Uint8Array | LargeBody;
}

export class CacheApiTier {
  readonly #options: CacheApiTierOptions;
  readonly #matchWaitMs: number;
  #operationsLeft: number;

  constructor(options: CacheApiTierOptions) {
    this.#options = options;
    this.#matchWaitMs = options.matchWaitMs ?? MATCH_WAIT_MS;
    this.#operationsLeft = options.operationsMax ?? OPERATIONS_MAX;
  }

  get isOff(): boolean {
    return this.#options.cache === undefined || this.#operationsLeft <= 0;
  }

  /** `isWanted` looks at the facts before the body is fetched. Never rejects. */
  async match(key: string, isWanted: (facts: EntryFacts) => boolean): Promise<CacheApiHit | undefined> {
    if (this.isOff) return undefined;
    const match = this.#match(key, isWanted);
    return this.#tried(withDeadline(match, this.#matchWaitMs, () => new Error('The cache is slow.')));
  }

  /** Puts a reply, after this call. `keepSeconds`: how long it is of use. */
  put(key: string, entry: Entry, { keepSeconds }: { keepSeconds: number }): void {
    const response = encodeEntry(entry, entry.body, { keepSeconds });
    if (response === undefined || this.isOff) return;
    this.#options.keepAlive(this.#tried(this.#put(key, response)));
  }

  /**
   * Begins to put a large reply while it passes. `factsOf` is asked at its end; undefined: it is of no use by now.
   * Undefined: the tier is off.
   */
  begin(
    key: string,
    { keepSeconds, factsOf }: { keepSeconds: number; factsOf: (seenUpTo: number) => EntryFacts | undefined },
  ): LargeBodyWriter | undefined {
    if (this.isOff) return undefined;
    const part = crypto.randomUUID();
    const writer = new LargeBodyWriter({
      keepSeconds,
      put: (response) => this.#put(key, response, part),
      finish: async (bytes, seenUpTo) => {
        const facts = factsOf(seenUpTo);
        const response = facts && encodeEntry(facts, { part, bytes }, { keepSeconds });
        if (response !== undefined) await this.#put(key, response);
      },
    });
    this.#options.keepAlive(this.#tried(writer.done));
    return writer;
  }

  async #match(key: string, isWanted: (facts: EntryFacts) => boolean): Promise<CacheApiHit | undefined> {
    const address = await addressOf(key);
    const response = await this.#operation((cache) => cache.match(address));
    if (response === undefined) return undefined;
    const decoded = decodeFacts(response);
    if (decoded === undefined || !isWanted(decoded.facts)) return undefinedAfter(response);
    const { facts, place } = decoded;
    if (place.part !== undefined) return this.#matchLarge(`${address}/${place.part}`, facts, place.bytes);
    const body = new Uint8Array(await response.arrayBuffer());
    return body.length === place.bytes ? { facts, body } : undefined;
  }

  async #matchLarge(address: string, facts: EntryFacts, bytes: number): Promise<CacheApiHit | undefined> {
    const response = await this.#operation((cache) => cache.match(address));
    if (response?.body == null) return undefined;
    // Fails if what comes is shorter or longer.
    const exact = new FixedLengthStream(bytes);
    const piped = response.body.pipeTo(exact.writable);
    // Whoever reads hears of a failure, and whoever cancels wants none of it.
    piped.catch(() => undefined);
    return { facts, body: { stream: exact.readable, bytes } };
  }

  async #put(key: string, response: Response, part?: string): Promise<void> {
    const address = await addressOf(key);
    await this.#operation((cache) =>
      cache.put(part === undefined ? address : `${address}/${part}`, response),
    );
  }

  async #operation<T>(operate: (cache: Cache) => Promise<T>): Promise<T> {
    const { cache } = this.#options;
    if (cache === undefined || this.#operationsLeft <= 0) throw new Error('The Cache API is switched off.');
    this.#operationsLeft -= 1;
    return operate(cache);
  }

  /** A cache that fails is a cache that is not there: nobody is told, it is not asked again. */
  async #tried<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      return await work;
    } catch {
      this.#operationsLeft = 0;
      return undefined;
    }
  }
}

/** A Cache API key is a URL, and goes nowhere. Digested: a key holds a statement and may be long. */
async function addressOf(key: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key));
  const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return `https://warmpool.invalid/${hex}`;
}

async function undefinedAfter(response: Response): Promise<undefined> {
  await response.body?.cancel();
}
