/**
 * One driver of a config whose reads may be cached. The conversation says what is a read; a cache answers it, or
 * it goes over the link like everything else. Who is only answered from caches opens no link at all.
 */
import { waitUntil } from 'cloudflare:workers';
import type { Found } from '../cache/edge-cache.ts';
import type { EndpointStub } from '../endpoint/link.ts';
import { PoolerError } from '../errors.ts';
import type { EdgeConversation } from '../protocols/caching.ts';
import type { Protocol } from '../protocols/contract.ts';
import type { DriverOpening } from '../protocols/driver-login.ts';
import { ByteSink } from '../transport/byte-sink.ts';
import { ByteSource } from '../transport/byte-source.ts';
import type { DriverSocket } from '../transport/driver-socket.ts';
import { CurrentCache } from './current-cache.ts';
import type { Stay } from './draining.ts';
import { countHits } from './hit-counts.ts';
import { type CachePlace, type KnownEndpoint, knownEndpoint } from './isolate-cache.ts';
import { type FoundLarge, isLarge, LargeReply } from './large-reply.ts';
import { refresh } from './refresh.ts';

/** So much may wait to be sent before the next read is answered. */
const UNSENT_BYTES_MAX = 64 * 1024;
/** Each is a subrequest of this driver's invocation. */
const REFRESHES_MAX = 50;

export interface CachingSessionOptions {
  socket: DriverSocket;
  source: ByteSource;
  place: CachePlace;
  /** The same as it is stored now. */
  lookUp: () => Promise<CachePlace | undefined>;
  endpoint: EndpointStub;
  protocol: Protocol;
  driver: DriverOpening;
  stay: Stay;
}

export class CachingSession {
  readonly #options: CachingSessionOptions;
  readonly #cache: CurrentCache;
  readonly #conversation: EdgeConversation;
  readonly #toDriver: ByteSink;
  readonly #source: ByteSource;
  readonly #endpoint: KnownEndpoint;
  #refreshesLeft = REFRESHES_MAX;
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
    this.#endpoint = knownEndpoint(options.place);
    this.#cache = new CurrentCache({ ...options, endpoint: this.#endpoint });
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

  /** `askedAtMs`: of the one read that it is for. */
  #openConversation(settings: Readonly<Record<string, string>>, askedAtMs?: number): EdgeConversation {
    const cache = this.#cache;
    const { knowledge } = this.#endpoint;
    return this.#options.protocol.openEdgeConversation({
      settings: { ...settings },
      dialect: this.#options.driver.dialect,
      hooks: {
        record: (read, facts) => cache.record(read, facts, askedAtMs),
        refused: (read, status) => cache.refused(read, status),
        heard: (news) => knowledge.heard(news),
      },
    });
  }

  // --- the driver speaks ------------------------------------------------------------------------------------

  /** A promise where the bytes must stay as they are until it resolves. */
  #take(bytes: Uint8Array): Promise<void> | undefined {
    try {
      this.#conversation.fromDriver(bytes);
      return this.#goOn();
    } catch (cause) {
      return this.#giveUp(cause);
    }
  }

  /** Answers what is a read, one after the other, and sends. A driver that does not read is not answered further. */
  #goOn(): Promise<void> | undefined {
    for (;;) {
      const { read, floor, toDriver } = this.#conversation;
      if (!read) return this.#flush();
      if (toDriver.length > UNSENT_BYTES_MAX) return this.#goOnBehind(this.#flush());
      const found = this.#cache.lookup(read, { floor });
      if (found instanceof Promise || isLarge(found)) return this.#goOnSlowly(found);
      this.#decide(found);
    }
  }

  async #goOnBehind(sent: Promise<void> | undefined): Promise<void> {
    await sent;
    await this.#goOn();
  }

  async #goOnSlowly(lookup: Found | Promise<Found | undefined>): Promise<void> {
    const found = await lookup;
    if (isLarge(found)) await this.#answerLarge(found);
    else this.#decide(found);
    await this.#goOn();
  }

  #decide(found: Found | undefined): void {
    if (found?.body instanceof Uint8Array) {
      this.#hits += 1;
      if (found.needsRefresh) this.#refreshLater();
      this.#conversation.answer({ body: found.body }, found);
    } else this.#conversation.forward();
  }

  /** A reply that memory is too small for passes as a stream. */
  async #answerLarge(found: FoundLarge): Promise<void> {
    const body = new LargeReply(found.body);
    try {
      const head = await body.head();
      // Nothing has been said yet: the endpoint can still answer.
      if (!head) return this.#conversation.forward();
      this.#hits += 1;
      if (found.needsRefresh) this.#refreshLater();
      this.#conversation.answer({ body: head, isPart: true }, found);
      // The driver was prepared for other columns, so the endpoint is asked instead.
      if (!this.#conversation.isQuiet) return;
      await this.#flush();
      // Half a reply cannot be taken back: where the rest does not come the connection ends.
      for await (const bytes of body.rest()) await this.#toDriver.write(bytes);
      this.#conversation.answered();
    } finally {
      body.cancel();
    }
  }

  #refreshLater(): void {
    const { read, settings } = this.#conversation;
    if (!read || !settings || this.#refreshesLeft <= 0) return;
    this.#refreshesLeft -= 1;
    const { openLink } = this.#options.stay;
    const bytes = this.#conversation.refreshing();
    const conversation = this.#openConversation(settings, Date.now());
    const driver = { ...this.#options.driver, settings, cancelKey: crypto.randomUUID() };
    const knownUpTo = this.#endpoint.knowledge.settledUpTo;
    const storing = (): Promise<void> | undefined => this.#cache.behind;
    const work = refresh({ bytes, conversation, driver, openLink, knownUpTo, storing });
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
    const knownUpTo = this.#endpoint.knowledge.settledUpTo;
    this.#link = this.#options.stay.openLink(bytes, { caching: { knownUpTo } });
    const opened = (link: Socket): void => {
      this.#toEndpoint = new ByteSink(link.writable, () => this.#hangUp());
      this.#replies = this.#readReplies(link);
    };
    return this.#link.then(opened, (cause) => this.#giveUp(cause));
  }

  /** The driver hears why, be it that the endpoint cannot be reached or a fault of our own. */
  async #giveUp(cause: unknown): Promise<void> {
    await this.#toDriver.write(this.#options.protocol.farewell(PoolerError.from(cause)));
    this.#hangUp();
  }

  // --- the endpoint speaks ----------------------------------------------------------------------------------

  /** The endpoint ends the talk: after a goodbye, and with the last words after an error. */
  async #readReplies(link: Socket): Promise<void> {
    const source = new ByteSource(link.readable);
    try {
      for (;;) {
        const { value, done } = await source.read();
        if (done || !value) break;
        const slow = this.#pass(value, source);
        if (slow) await slow;
        source.recycle(value);
      }
    } catch {
      // A link that breaks ends as one that closes does.
    }
    this.#conversation.endpointLost();
    this.#hangUp();
  }

  #pass(bytes: Uint8Array, source: ByteSource): Promise<void> | undefined {
    try {
      this.#conversation.fromEndpoint(bytes);
      const sent = this.#flush();
      const { behind } = this.#cache;
      return behind ? Promise.all([sent, behind]).then(() => undefined) : sent;
    } catch (cause) {
      source.cancel().catch(ignoreClosing);
      return this.#giveUp(cause);
    }
  }

  // --- the end ----------------------------------------------------------------------------------------------

  #hangUp(): void {
    this.#source.cancel().catch(ignoreClosing);
  }

  async #leave(): Promise<void> {
    const { socket, endpoint, place, protocol, stay } = this.#options;
    waitUntil(countHits(endpoint, { configId: place.configId, times: this.#hits }));
    const link = await this.#link?.catch(() => undefined);
    // What the driver said last is on its way; then the link ends, and with it the replies.
    await this.#toEndpoint?.close();
    await this.#replies;
    link?.close().catch(ignoreClosing);
    if (stay.lastWords) await this.#toDriver.write(protocol.farewell(stay.lastWords));
    await this.#toDriver.close();
    socket.close().catch(ignoreClosing);
  }
}

function ignoreClosing(): void {
  // One side has left; the other side's end is all there is to do.
}
