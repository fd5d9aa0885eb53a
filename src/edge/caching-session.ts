/**
 * One driver of a config whose reads may be cached. The conversation says what is a read; a cache answers it, or
 * it goes over the link like everything else. Who is only answered from caches opens no link at all.
 */
import { waitUntil } from 'cloudflare:workers';
import type { Found } from '../cache/edge-cache.ts';
import type { EndpointStub } from '../endpoint/link.ts';
import type { EdgeConversation, EdgeConversationOptions } from '../protocols/caching.ts';
import type { DriverOpening } from '../protocols/contract.ts';
import { ByteSink } from '../transport/byte-sink.ts';
import { ByteSource } from '../transport/byte-source.ts';
import { CurrentCache } from './current-cache.ts';
import { countHits } from './hit-counts.ts';
import { type CachePlace, knownEndpoint } from './isolate-cache.ts';
import type { OpenLink } from './open-link.ts';
import { refresh } from './refresh.ts';

/** Of a large reply: far more than the description of its columns. */
const HEAD_BYTES = 256 * 1024;

export interface CachingSessionOptions {
  socket: Socket;
  source: ByteSource;
  place: CachePlace;
  /** The same as it is stored now. */
  lookUp: () => Promise<CachePlace | undefined>;
  endpoint: EndpointStub;
  openConversation: (options: EdgeConversationOptions) => EdgeConversation;
  driver: DriverOpening;
  openLink: OpenLink;
}

export class CachingSession {
  readonly #options: CachingSessionOptions;
  readonly #cache: CurrentCache;
  readonly #conversation: EdgeConversation;
  readonly #toDriver: ByteSink;
  readonly #source: ByteSource;
  #link: Promise<Socket> | undefined;
  #toEndpoint: ByteSink | undefined;
  /** What the link still has to say. */
  #replies: Promise<void> | undefined;
  #hits = 0;

  constructor(options: CachingSessionOptions) {
    const { source, socket } = options;
    this.#options = options;
    this.#source = source;
    this.#toDriver = new ByteSink(socket.writable, () => this.#hangUp());
    this.#cache = new CurrentCache(options);
    this.#conversation = this.#openConversation(options.driver.settings);
  }

  /** Lives as long as the driver and its link do. `first` is what the driver said behind its login. */
  async run(first: Uint8Array): Promise<void> {
    try {
      if (first.length > 0) await this.#take(first);
      while (!this.#conversation.isOver) {
        const { value, done } = await this.#source.read();
        if (done || !value) break;
        const slow = this.#take(value);
        if (slow) await slow;
        this.#source.recycle(value);
      }
    } catch {
      // The driver is gone: the same as a goodbye, less politely.
    } finally {
      await this.#leave();
    }
  }

  #openConversation(settings: Readonly<Record<string, string>>): EdgeConversation {
    const cache = this.#cache;
    const knowledge = knownEndpoint(this.#options.place).knowledge;
    return this.#options.openConversation({
      settings: { ...settings },
      hooks: {
        record: (read, facts) => cache.record(read, facts),
        refused: (read, status) => cache.refused(read, status),
        heard: (news) => knowledge.heard(news),
      },
    });
  }

  // --- the driver speaks ------------------------------------------------------------------------------------

  /** A promise where the bytes must stay as they are until it resolves. */
  #take(bytes: Uint8Array): Promise<void> | undefined {
    this.#conversation.fromDriver(bytes);
    for (;;) {
      const { read, floor } = this.#conversation;
      const found = read && this.#cache.lookup(read, { floor });
      if (found instanceof Promise) return this.#takeSlowly(found);
      if (!read) return this.#flush();
      if (found && !(found.body instanceof Uint8Array)) return this.#takeSlowly(Promise.resolve(found));
      this.#decide(found);
    }
  }

  async #takeSlowly(lookup: Promise<Found | undefined>): Promise<void> {
    let found = await lookup;
    for (;;) {
      if (found && !(found.body instanceof Uint8Array)) await this.#answerLarge(found);
      else this.#decide(found);
      await this.#flush();
      const { read, floor } = this.#conversation;
      if (!read) return;
      found = await this.#cache.lookup(read, { floor });
    }
  }

  #decide(found: Found | undefined): void {
    if (found?.body instanceof Uint8Array) {
      this.#hits += 1;
      if (found.needsRefresh) this.#refreshLater();
      this.#conversation.answer({ body: found.body }, found);
    } else this.#conversation.forward();
  }

  /** A reply that memory is too small for passes as a stream. */
  async #answerLarge(found: Found): Promise<void> {
    if (found.body instanceof Uint8Array) return;
    const reader = new ByteSource(found.body.stream);
    let head: Uint8Array = new Uint8Array();
    while (head.length < Math.min(HEAD_BYTES, found.body.bytes)) {
      const { value, done } = await reader.read();
      // Nothing has been said yet: the endpoint can still answer.
      if (done || !value) return this.#conversation.forward();
      head = joined(head, value);
    }
    this.#hits += 1;
    if (found.needsRefresh) this.#refreshLater();
    this.#conversation.answer({ body: head, isPart: true }, found);
    // The driver was prepared for other columns, so the endpoint is asked instead.
    if (!this.#conversation.isQuiet) return reader.cancel();
    await this.#flush();
    let left = found.body.bytes - head.length;
    while (left > 0) {
      const { value, done } = await reader.read();
      // Half a reply cannot be taken back: the connection ends, as where a server breaks down.
      if (done || !value) throw new Error('The cache did not give the whole reply.');
      left -= value.length;
      await this.#toDriver.write(value.slice());
    }
    this.#conversation.answered();
  }

  #refreshLater(): void {
    const { read, settings } = this.#conversation;
    if (!read || !settings) return;
    const { place, openLink } = this.#options;
    const bytes = this.#conversation.refreshing();
    const conversation = this.#openConversation(settings);
    const driver = { ...this.#options.driver, settings, cancelKey: crypto.randomUUID() };
    const knownUpTo = knownEndpoint(place).knowledge.settledUpTo;
    const work = refresh({ bytes, conversation, driver, openLink, knownUpTo });
    waitUntil(work.finally(() => this.#cache.refreshEnded(read)));
  }

  #flush(): Promise<void> | undefined {
    const up = this.#conversation.toEndpoint.take();
    const down = this.#conversation.toDriver.take();
    const sentUp = up && this.#send(up);
    const sentDown = down && this.#toDriver.write(down);
    if (sentUp && sentDown) return Promise.all([sentUp, sentDown]).then(() => undefined);
    return sentUp ?? sentDown;
  }

  /** The link is opened by the first exchange that needs the endpoint, and carries it. */
  #send(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#toEndpoint) return this.#toEndpoint.write(bytes);
    if (this.#link) return this.#link.then(() => this.#toEndpoint?.write(bytes));
    const knownUpTo = knownEndpoint(this.#options.place).knowledge.settledUpTo;
    this.#link = this.#options.openLink(bytes, { caching: { knownUpTo } });
    return this.#link.then((link) => {
      this.#toEndpoint = new ByteSink(link.writable, () => this.#hangUp());
      this.#replies = this.#readReplies(link);
    });
  }

  // --- the endpoint speaks ----------------------------------------------------------------------------------

  /** The endpoint ends the talk: after a goodbye, and with the last words after an error. */
  async #readReplies(link: Socket): Promise<void> {
    const source = new ByteSource(link.readable);
    try {
      for (;;) {
        const { value, done } = await source.read();
        if (done || !value) break;
        this.#conversation.fromEndpoint(value);
        const slow = this.#flush();
        if (slow) await slow;
        source.recycle(value);
      }
    } catch {
      // A link that breaks ends as one that closes does.
    }
    this.#conversation.endpointLost();
    this.#hangUp();
  }

  // --- the end ----------------------------------------------------------------------------------------------

  #hangUp(): void {
    this.#source.cancel().catch(ignoreClosing);
  }

  async #leave(): Promise<void> {
    const { socket, endpoint, place } = this.#options;
    waitUntil(countHits(endpoint, { configId: place.configId, times: this.#hits }));
    const link = await this.#link?.catch(() => undefined);
    // What the driver said last is on its way; then the link ends, and with it the replies.
    await this.#toEndpoint?.close();
    await this.#replies;
    link?.close().catch(ignoreClosing);
    await this.#toDriver.close();
    socket.close().catch(ignoreClosing);
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

function ignoreClosing(): void {
  // One side has left; the other side's end is all there is to do.
}
