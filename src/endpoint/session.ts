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
import { acquireLease, type Lease, prepareLease, type SessionHost } from './lease.ts';
import type { Holder } from './origin-connection.ts';
import { decideRead } from './reads.ts';
import { byIdleInTransactionTimeout, byLeaving, byStatementTimeout, byUserRequest } from './reasons.ts';

export class DriverSession implements Holder {
  readonly #conversation: Conversation;
  readonly #host: SessionHost;
  readonly #cache: LinkHooks | undefined;
  readonly #link: Socket;
  readonly #driver: DriverWatch;
  readonly #sink: ByteSink;
  #lease: Lease | undefined;
  /** The origin is being asked something of ours: the driver's next bytes wait. */
  #settling: Promise<void> | undefined;
  /** When the driver last said something. */
  #heardAt = 0;
  #cancelledAt: number | undefined;
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
    this.#heardAt = Date.now();
    this.#cancelledAt = undefined;
    this.#feed(bytes);
    const undecided = this.#decide();
    if (undecided) return undecided.then(() => this.#takeSlowly());
    if (this.#conversation.phase !== 'waiting') return this.#flush();
    const { pool } = this.#host;
    const connection = pool?.take(this.#conversation.settingsKey);
    if (!pool || !connection) return this.#takeSlowly();
    if (this.#conversation.beforeAttach(connection.session) !== undefined)
      return this.#takeSlowly({ pool, connection });
    this.#attach({ pool, connection });
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
      const { settingsKey } = this.#conversation;
      const lease = free ?? (await acquireLease(this.#host, { settingsKey, driver: this.#driver }));
      await prepareLease(lease, this.#conversation);
      this.#attach(lease);
    } catch (cause) {
      this.#conversation.fail(PoolerError.from(cause));
    }
  }

  #attach(lease: Lease): void {
    this.#lease = lease;
    // Waiting in the queue is not running.
    this.#heardAt = Date.now();
    lease.connection.heldBy(this);
    this.#conversation.attach(lease.connection.session);
  }

  /** Sends what stands in both outboxes. A promise where the bytes just fed must stay as they are. */
  #flush(): Promise<void> | undefined {
    const { toOrigin, toDriver, phase } = this.#conversation;
    const up = toOrigin.take();
    const down = toDriver.take();
    const sentUp = up && this.#lease?.connection.write(up);
    const sentDown = down && this.#sink.write(down);
    if (phase === 'done' || phase === 'unsettled') this.#exchangeEnded(phase, sentDown);
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
    if (this.#onQuiet && this.#conversation.phase !== 'busy') this.#onQuiet();
    const wake = this.#onUnheld;
    // What was held may be in a write that is still going on.
    if (wake && !this.#conversation.isHeld) void Promise.resolve(slow).then(wake);
    if (this.#conversation.phase === 'closed') this.#hangUp();
    return slow;
  }

  lost(error?: PoolerError): void {
    this.#lease = undefined;
    this.#conversation.originLost(error);
    void this.#flush();
    this.#onQuiet?.();
    this.#onUnheld?.();
    this.#hangUp();
  }

  // --- the exchange is over ---------------------------------------------------------------------------------

  #exchangeEnded(phase: 'done' | 'unsettled', sentDown: Promise<void> | undefined): void {
    if (this.#hasLeft || this.#settling) return;
    const isAtRest = phase === 'done' && !sentDown && !this.#lease?.connection.cancelling;
    if (isAtRest) this.#release();
    else this.#settling = this.#settle(sentDown);
  }

  /** Off the driver's path: it has its answer. */
  async #settle(sentDown: Promise<void> | undefined): Promise<void> {
    const connection = this.#lease?.connection;
    try {
      // The last bytes of a long reply are still in the connection's buffer.
      await sentDown;
      await connection?.cancelling;
      if (this.#conversation.phase === 'unsettled' && connection)
        this.#conversation.settled(await connection.ask(this.#conversation.settleQuestion(), ANSWER_MS));
      void this.#flush();
      if (!this.#hasLeft && this.#conversation.phase === 'done') this.#release();
    } catch {
      // `ask` has closed the connection, and what the session was is gone with it.
      this.lost();
    } finally {
      this.#settling = undefined;
    }
  }

  #release(): void {
    const lease = this.#lease;
    this.#lease = undefined;
    this.#conversation.detach();
    lease?.pool.release(lease.connection);
  }

  // --- limits and cancelling --------------------------------------------------------------------------------

  /** The driver asked, on a connection of its own, to cancel what it runs. It reaches that or nothing. */
  async cancel(): Promise<void> {
    await this.#cancelBecause(byUserRequest());
  }

  /** Called about every second. */
  sweep(now: number): void {
    const { statementTimeoutMs, idleInTransactionTimeoutMs } = this.#host;
    const { phase } = this.#conversation;
    const silentMs = now - this.#heardAt;
    if (phase === 'busy' && silentMs > statementTimeoutMs) this.#endStatement(now);
    // The exchange is over, but the driver does not take its end: it holds the connection no longer.
    if ((phase === 'done' || phase === 'unsettled') && silentMs > statementTimeoutMs) this.#sink.abort();
    if (phase === 'in transaction' && silentMs > idleInTransactionTimeoutMs) {
      this.#conversation.fail(byIdleInTransactionTimeout(idleInTransactionTimeoutMs));
      void this.#flush();
      this.#hangUp();
    }
  }

  #endStatement(now: number): void {
    if (this.#cancelledAt !== undefined) {
      // It does not hear: the connection goes.
      if (now - this.#cancelledAt > ANSWER_MS) this.#lease?.connection.close();
      return;
    }
    this.#cancelledAt = now;
    void this.#cancelBecause(byStatementTimeout(this.#host.statementTimeoutMs));
  }

  async #cancelBecause(because: PoolerError): Promise<void> {
    if (this.#driver.isWaiting) return this.#driver.giveUp(because);
    const connection = this.#lease?.connection;
    if (!connection || this.#settling || this.#conversation.phase !== 'busy') return;
    // One that is under way may be about an earlier exchange of the same transaction.
    await connection.cancelling;
    if (this.#lease?.connection !== connection || this.#conversation.phase !== 'busy') return;
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
    await this.#settling;
    await withDeadline(this.#sink.close(), ANSWER_MS, byLeaving).catch(() => this.#sink.abort());
    this.#link.close().catch(ignoreClosing);
    const connection = this.#lease?.connection;
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
    if (isClean) this.#release();
    else connection.close();
  }
}

/** The link is being given up; there is nobody left to tell. */
function ignoreClosing(): void {}
