/**
 * One driver at the endpoint: its link on one side, on the other the origin connection that it holds at the
 * moment. The conversation says what to do, this does it: send, take a connection, give it back, clean up.
 *
 * A connection goes back only idle, with nothing owed in either direction and nothing left behind.
 */
import { PoolerError } from '../errors.ts';
import type { Conversation } from '../protocols/contract.ts';
import { ByteSink } from '../transport/byte-sink.ts';
import type { ByteSource, ReadResult } from '../transport/byte-source.ts';
import { withDeadline } from '../transport/deadline.ts';
import { ANSWER_MS, cleanUp } from './clean-up.ts';
import { type Lease, prepareLease, type SessionHost } from './lease.ts';
import type { Holder } from './origin-connection.ts';
import { Drained } from './pool.ts';
import { byIdleInTransactionTimeout, byLeaving, byStatementTimeout, byUserRequest } from './reasons.ts';

export class DriverSession implements Holder {
  readonly #conversation: Conversation;
  readonly #host: SessionHost;
  readonly #link: Socket;
  readonly #source: ByteSource;
  readonly #sink: ByteSink;
  #lease: Lease | undefined;
  /** Set while the driver waits for a connection; aborting gives its place up. */
  #waiting: AbortController | undefined;
  /** The origin is being asked something of ours: the driver's next bytes wait. */
  #settling: Promise<void> | undefined;
  /** A read that was begun while the driver waited. */
  #ahead: Promise<ReadResult> | undefined;
  /** When the driver last said something. */
  #heardAt = 0;
  #cancelledAt: number | undefined;
  #hasLeft = false;
  #onQuiet: (() => void) | undefined;
  #onUnheld: (() => void) | undefined;

  constructor(options: { conversation: Conversation; host: SessionHost; link: Socket; source: ByteSource }) {
    this.#conversation = options.conversation;
    this.#host = options.host;
    this.#link = options.link;
    this.#source = options.source;
    this.#sink = new ByteSink(options.link.writable, () => this.#hangUp());
  }

  /** Lives as long as the driver does. `first` came in the link's opening frame. */
  async run(first: Uint8Array): Promise<void> {
    try {
      await this.#take(first);
      while (this.#conversation.phase !== 'closed') {
        if (this.#conversation.isHeld) await this.#unheld();
        const { value, done } = await (this.#ahead ?? this.#source.read());
        this.#ahead = undefined;
        if (done || !value) break;
        const slow = this.#settling ? this.#takeLater(value) : this.#take(value);
        if (slow) await slow;
        this.#source.recycle(value);
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

  /** Resolves when the conversation has taken all that it was fed. */
  #unheld(): Promise<void> {
    return new Promise((resolve) => {
      this.#onUnheld = resolve;
    });
  }

  async #takeLater(bytes: Uint8Array): Promise<void> {
    await this.#settling;
    await this.#take(bytes);
  }

  /** No connection is free, or one is but must be prepared for this driver. */
  async #takeSlowly(free?: Lease): Promise<void> {
    let lease = free;
    // Each refused message may be followed by one that waits again.
    while (this.#conversation.phase === 'waiting') {
      try {
        lease ??= await this.#acquire();
        await prepareLease(lease, this.#conversation);
        this.#attach(lease);
      } catch (cause) {
        this.#conversation.fail(PoolerError.from(cause));
      }
      lease = undefined;
      await this.#flush();
    }
  }

  async #acquire(): Promise<Lease> {
    for (;;) {
      const pool = await this.#host.loadPool();
      this.#waiting = new AbortController();
      this.#watchDriver();
      try {
        return { pool, connection: await pool.acquire(this.#waiting.signal) };
      } catch (cause) {
        // The config changed while we waited: its new pool is next.
        if (!(cause instanceof Drained)) throw cause;
      } finally {
        this.#waiting = undefined;
      }
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
    if (this.#waiting) return this.#waiting.abort(because);
    const connection = this.#lease?.connection;
    if (!connection || this.#settling || this.#conversation.phase !== 'busy') return;
    // One that is under way may be about an earlier exchange of the same transaction.
    await connection.cancelling;
    if (this.#lease?.connection !== connection || this.#conversation.phase !== 'busy') return;
    this.#conversation.cancelled(because);
    await connection.cancelBy(() => this.#host.cancel(connection));
  }

  // --- the driver leaves ------------------------------------------------------------------------------------

  /** A driver that goes while it waits does not keep its place in the queue: only a read tells. */
  #watchDriver(): void {
    if (this.#ahead) return;
    this.#ahead = this.#source.read();
    const giveUp = (): void => this.#waiting?.abort(byLeaving());
    this.#ahead.then(({ done }) => done && giveUp(), giveUp);
  }

  #hangUp(): void {
    this.#source.cancel().catch(ignoreClosing);
  }

  async #leave(): Promise<void> {
    const saidGoodbye = this.#conversation.phase === 'closed';
    this.#hasLeft = true;
    await this.#settling;
    await withDeadline(this.#sink.close(), ANSWER_MS, byLeaving).catch(() => this.#sink.abort());
    this.#link.close().catch(ignoreClosing);
    const connection = this.#lease?.connection;
    if (!connection) return;
    const isClean = await cleanUp({
      connection,
      conversation: this.#conversation,
      flush: () => void this.#flush(),
      quiet: () => this.#quiet(),
      cancel: () => this.#host.cancel(connection),
      runMs: saidGoodbye ? this.#host.statementTimeoutMs : 0,
    });
    if (isClean) this.#release();
    else connection.close();
  }

  /** Resolves when nothing runs any more. */
  #quiet(): Promise<void> {
    return new Promise((resolve) => {
      this.#onQuiet = resolve;
    });
  }
}

/** The link is being given up; there is nobody left to tell. */
function ignoreClosing(): void {}
