/**
 * One driver at the endpoint: its link on one side, on the other the origin connection that it holds at the
 * moment. The conversation says what to do, this does it: send, take a connection, give it back, clean up.
 *
 * A connection goes back only idle, with nothing owed in either direction and nothing left behind.
 */
import { PoolerError } from '../errors.ts';
import type { Conversation } from '../protocols/contract.ts';
import { ByteSink } from '../transport/byte-sink.ts';
import type { ByteSource } from '../transport/byte-source.ts';
import { withDeadline } from '../transport/deadline.ts';
import { ANSWER_MS, cleanUp } from './clean-up.ts';
import type { LinkHooks } from './config-cache.ts';
import { DriverWatch } from './driver-watch.ts';
import { Hold, type Lease, prepareLease, type SessionHost } from './lease.ts';
import type { Holder } from './origin-connection.ts';
import { Patience } from './patience.ts';
import { decideRead } from './reads.ts';
import { byIdleInTransactionTimeout, byLeaving, byStatementTimeout, byUserRequest } from './reasons.ts';

export class DriverSession implements Holder {
  readonly #conversation: Conversation;
  readonly #host: SessionHost;
  readonly #cache: LinkHooks | undefined;
  readonly #link: Socket;
  readonly #driver: DriverWatch;
  readonly #sink: ByteSink;
  readonly #patience: Patience;
  readonly #hold: Hold;
  /** The origin is being asked something of ours: the driver's next bytes wait. */
  #settling: Promise<void> | undefined;
  #hasLeft = false;
  #isTelling = false;
  #onQuiet: (() => void) | undefined;
  #onUnheld: (() => void) | undefined;

  /** `cache` undefined: the config caches nothing. */
  constructor(options: {
    conversation: Conversation;
    host: SessionHost;
    link: Socket;
    source: ByteSource;
    cache: LinkHooks | undefined;
  }) {
    this.#conversation = options.conversation;
    this.#host = options.host;
    this.#cache = options.cache;
    this.#link = options.link;
    this.#driver = new DriverWatch(options.source);
    this.#hold = new Hold(options.host, options.conversation);
    this.#patience = new Patience(options.host);
    this.#sink = new ByteSink(options.link.writable, () => this.#hangUp());
  }

  /** Lives as long as the driver does. `first` came in the link's opening frame. */
  async run(first: Uint8Array): Promise<void> {
    try {
      await this.#take(first);
      while (this.#conversation.phase !== 'closed') {
        if (this.#conversation.isHeld)
          await new Promise<void>((resolve) => {
            this.#onUnheld = resolve;
          });
        const { value, done } = await this.#driver.read();
        if (done || !value) break;
        const slow = this.#settling ? this.#settling.then(() => this.#take(value)) : this.#take(value);
        if (slow) await slow;
        this.#driver.recycle(value);
      }
    } catch {
      // The driver, or the edge between us, is gone: the same as a goodbye, less politely.
    } finally {
      await this.#leave();
    }
  }

  // --- the driver speaks ------------------------------------------------------------------------------------

  #take(bytes: Uint8Array): Promise<void> | undefined {
    this.#patience.heard(Date.now());
    this.#hold.stay();
    this.#feed(bytes);
    const undecided = this.#decide();
    if (undecided) return undecided.then(() => this.#takeSlowly());
    if (this.#conversation.phase !== 'waiting') return this.#flush();
    const lease = this.#hold.take();
    if (!lease || this.#conversation.beforeAttach(lease.connection.session) !== undefined)
      return this.#takeSlowly(lease);
    this.#attach(lease);
    return this.#flush();
  }

  /** A fault of our own must not look like a driver that left. */
  #feed(bytes: Uint8Array): void {
    try {
      this.#conversation.fromDriver(bytes);
    } catch (cause) {
      this.#conversation.fail(PoolerError.from(cause).asFatal());
    }
  }

  #decide(): Promise<void> | undefined {
    return decideRead({ conversation: this.#conversation, cache: this.#cache, driver: this.#driver });
  }

  /** No connection is free, or one is but must be prepared for this driver. */
  async #takeSlowly(free?: Lease): Promise<void> {
    let lease = free;
    // Each refused message may be followed by one that waits again.
    do {
      await this.#decide();
      if (this.#conversation.phase === 'waiting') await this.#takeLease(lease);
      lease = undefined;
      await this.#flush();
    } while (this.#conversation.phase === 'waiting');
  }

  async #takeLease(free: Lease | undefined): Promise<void> {
    try {
      const lease = free ?? (await this.#hold.acquire(this.#driver));
      await prepareLease(lease, this.#conversation);
      this.#attach(lease);
    } catch (cause) {
      this.#conversation.fail(PoolerError.from(cause));
    }
  }

  #attach(lease: Lease): void {
    this.#patience.began(Date.now());
    this.#hold.begin(lease, this);
  }

  /** Sends what stands in both outboxes. A promise where the bytes just fed must stay as they are. */
  #flush(): Promise<void> | undefined {
    const { toOrigin, toDriver, phase } = this.#conversation;
    const up = toOrigin.take();
    const down = toDriver.take();
    const sentUp = up && this.#hold.connection?.write(up);
    const sentDown = down && this.#sink.write(down);
    if (phase === 'done' || phase === 'unsettled') this.#exchangeEnded(phase, sentDown);
    else if (phase === 'lingering') this.#hold.linger();
    if (sentUp && sentDown) return Promise.all([sentUp, sentDown]).then(() => undefined);
    return sentUp ?? sentDown;
  }

  /** Writes have been made, by this driver or others: its edge should know. */
  tellNews(): void {
    // Behind what the edge does not take, news would only pile up; the next are told with them.
    const news = this.#isTelling ? undefined : this.#cache?.news();
    if (!news) return;
    this.#conversation.tell(news);
    const slow = this.#flush();
    this.#isTelling = slow !== undefined;
    slow?.then(() => {
      this.#isTelling = false;
    });
  }

  // --- the origin speaks ------------------------------------------------------------------------------------

  receive(bytes: Uint8Array): Promise<void> | undefined {
    this.#conversation.fromOrigin(bytes);
    const slow = this.#flush();
    if (slow && this.#cache) this.#patience.sending(slow);
    if (this.#onQuiet && this.#conversation.phase !== 'busy') this.#onQuiet();
    const wake = this.#onUnheld;
    // What was held may be in a write that is still going on.
    if (wake && !this.#conversation.isHeld) void Promise.resolve(slow).then(wake);
    if (this.#conversation.phase === 'closed') this.#hangUp();
    return slow;
  }

  lost(error?: PoolerError): void {
    this.#hold.lost();
    this.#conversation.originLost(error);
    void this.#flush();
    this.#onQuiet?.();
    this.#onUnheld?.();
    this.#hangUp();
  }

  // --- the exchange is over ---------------------------------------------------------------------------------

  #exchangeEnded(phase: 'done' | 'unsettled', sentDown: Promise<void> | undefined): void {
    if (this.#hasLeft || this.#settling) return;
    const isAtRest = phase === 'done' && !sentDown && !this.#hold.connection?.cancelling;
    if (isAtRest) this.#hold.release();
    else this.#settling = this.#settle(sentDown);
  }

  /** Off the driver's path: it has its answer. */
  async #settle(sentDown: Promise<void> | undefined): Promise<void> {
    const { connection } = this.#hold;
    try {
      // The last bytes of a long reply are still in the connection's buffer.
      await sentDown;
      await connection?.cancelling;
      if (this.#conversation.phase === 'unsettled' && connection)
        this.#conversation.settled(await connection.ask(this.#conversation.settleQuestion(), ANSWER_MS));
      void this.#flush();
      if (!this.#hasLeft && this.#conversation.phase === 'done') this.#hold.release();
      if (!this.#hasLeft && this.#conversation.phase === 'lingering') this.#hold.linger();
    } catch {
      // `ask` has closed the connection, and what the session was is gone with it.
      this.lost();
    } finally {
      this.#settling = undefined;
    }
  }

  // --- limits and cancelling --------------------------------------------------------------------------------

  /** The driver asked, on a connection of its own, to cancel what it runs. It reaches that or nothing. */
  async cancel(): Promise<void> {
    await this.#cancelBecause(byUserRequest());
  }

  /** Nothing runs and no transaction is open. */
  get isAtRest(): boolean {
    return this.#conversation.phase === 'idle' || this.#conversation.phase === 'pinned';
  }

  /** Called about every second. */
  sweep(now: number): void {
    const { statementTimeoutMs, idleInTransactionTimeoutMs } = this.#host;
    // Others may wait for the same reply: they shall not wait for this driver.
    if (this.#patience.isReaderSlow(now)) this.#conversation.stopRecording();
    switch (this.#patience.overdue(this.#conversation.phase, now)) {
      case 'statement':
        void this.#cancelBecause(byStatementTimeout(statementTimeoutMs));
        break;
      case 'cancelling':
        this.#hold.connection?.close();
        break;
      case 'reading':
        this.#sink.abort();
        break;
      case 'transaction':
        this.end(byIdleInTransactionTimeout(idleInTransactionTimeoutMs));
    }
  }

  end(because: PoolerError): void {
    this.#conversation.fail(because);
    void this.#flush();
    this.#hangUp();
  }

  async #cancelBecause(because: PoolerError): Promise<void> {
    if (this.#driver.isWaiting) return this.#driver.giveUp(because);
    const { connection } = this.#hold;
    if (!connection || this.#settling || this.#conversation.phase !== 'busy') return;
    // One that is under way may be about an earlier exchange of the same transaction.
    await connection.cancelling;
    if (this.#hold.connection !== connection || this.#conversation.phase !== 'busy') return;
    this.#conversation.cancelled(because);
    await connection.cancelBy(() => this.#host.cancel(connection));
  }

  // --- the driver leaves ------------------------------------------------------------------------------------

  #hangUp(): void {
    this.#driver.cancel().catch(ignoreClosing);
  }

  async #leave(): Promise<void> {
    const saidGoodbye = this.#conversation.phase === 'closed';
    this.#hasLeft = true;
    this.#hold.stay();
    await this.#settling;
    await withDeadline(this.#sink.close(), ANSWER_MS, byLeaving).catch(() => this.#sink.abort());
    this.#link.close().catch(ignoreClosing);
    const { connection } = this.#hold;
    if (!connection) {
      this.#conversation.driverLeft();
      return;
    }
    const isClean = await cleanUp({
      connection,
      conversation: this.#conversation,
      flush: () => void this.#flush(),
      quiet: () =>
        new Promise((resolve) => {
          this.#onQuiet = resolve;
        }),
      cancel: () => this.#host.cancel(connection),
      runMs: saidGoodbye ? this.#host.statementTimeoutMs : 0,
    });
    if (isClean) this.#hold.release();
    else connection.close();
  }
}

/** The link is being given up; there is nobody left to tell. */
function ignoreClosing(): void {}
