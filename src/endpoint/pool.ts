/**
 * The origin connections of one config: never more than its limit, handed out first come first served, opened a
 * few at a time, opened more slowly while the origin refuses, closed when unused or old.
 */
import { PoolerError } from '../errors.ts';
import type { OriginConnection } from './origin-connection.ts';

export interface PoolOptions {
  open: () => Promise<OriginConnection>;
  connectionLimit: number;
  acquireTimeoutMs: number;
  idleTimeoutMs: number;
  /** Connections of pools that this one replaces: they count towards the same limit until they are gone. */
  othersOpen: () => number;
  /** One of this pool's connections is gone. */
  onClosed: () => void;
}

export interface PoolStats {
  size: number;
  idle: number;
  opening: number;
  waiting: number;
  /** Logins at the origin since the pool was made. */
  opened: number;
}

/** So many logins at a time: a restarted origin is not run over. */
const OPENING_MAX = 4;
/** So many drivers may wait. */
const WAITING_MAX = 10_000;
const BACKOFF_FIRST_MS = 100;
const BACKOFF_MAX_MS = 5_000;

interface Waiter {
  resolve: (connection: OriginConnection) => void;
  reject: (error: PoolerError) => void;
  timer: ReturnType<typeof setTimeout>;
}

export class Pool {
  readonly #options: PoolOptions;
  readonly #connections = new Set<OriginConnection>();
  /** The last one used is the first one taken: the others grow old and are closed. */
  readonly #idle: OriginConnection[] = [];
  readonly #waiters = new Set<Waiter>();
  #opening = 0;
  #opened = 0;
  #failures = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #isDraining = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get stats(): PoolStats {
    return {
      size: this.#connections.size,
      idle: this.#idle.length,
      opening: this.#opening,
      waiting: this.#waiters.size,
      opened: this.#opened,
    };
  }

  get isEmpty(): boolean {
    return this.#connections.size === 0 && this.#opening === 0 && this.#waiters.size === 0;
  }

  /** A connection if one is free and nobody waits; best one that already has these settings. */
  take(settingsKey: string): OriginConnection | undefined {
    if (this.#waiters.size > 0) return undefined;
    const last = this.#idle.length - 1;
    let at = last;
    while (at >= 0 && this.#idle[at]?.session.settingsKey !== settingsKey) at -= 1;
    const [connection] = this.#idle.splice(at < 0 ? last : at, 1);
    return connection;
  }

  /** Waits for a connection, if none is free. `signal` gives the place in the queue up again. */
  acquire(settingsKey: string, signal?: AbortSignal): Promise<OriginConnection> {
    // Who waits is served by the next that is given back: with free ones left that may never be.
    const free = this.take(settingsKey);
    if (free) return Promise.resolve(free);
    const { promise, resolve, reject } = Promise.withResolvers<OriginConnection>();
    if (this.#isDraining) {
      reject(new Drained());
      return promise;
    }
    if (this.#waiters.size >= WAITING_MAX) {
      reject(
        failure('Failed to acquire a connection from the pool.', `${WAITING_MAX} drivers wait already.`),
      );
      return promise;
    }
    const timer = setTimeout(() => this.#expire(waiter), this.#options.acquireTimeoutMs);
    const waiter: Waiter = { resolve, reject, timer };
    this.#waiters.add(waiter);
    const giveUp = (): void => this.#leave(waiter, PoolerError.from(signal?.reason));
    signal?.addEventListener('abort', giveUp, { once: true });
    this.openMore();
    return promise;
  }

  /** Takes a connection back that is as good as new. */
  release(connection: OriginConnection): void {
    connection.heldBy(undefined);
    const isOld = Date.now() >= connection.closeAfter;
    if (!connection.isOpen || this.#isDraining || isOld) connection.close();
    else this.#handOut(connection);
  }

  /** Closes what has been unused for too long, or is too old. */
  sweep(now: number): void {
    for (const connection of [...this.#idle]) {
      const isUnused = now - connection.idleSince >= this.#options.idleTimeoutMs;
      if (isUnused || now >= connection.closeAfter) connection.close();
    }
  }

  /** Gives out nothing more; what is in use is closed when it comes back. */
  drain(): void {
    this.#isDraining = true;
    for (const waiter of [...this.#waiters]) this.#leave(waiter, new Drained());
    for (const connection of [...this.#idle]) connection.close();
  }

  #handOut(connection: OriginConnection): void {
    const [waiter] = this.#waiters;
    if (!waiter) {
      connection.idleSince = Date.now();
      this.#idle.push(connection);
      return;
    }
    this.#forget(waiter);
    waiter.resolve(connection);
  }

  /** Opens what those who wait need and the limit allows. */
  openMore(): void {
    const { connectionLimit } = this.#options;
    while (
      this.#opening < Math.min(OPENING_MAX, this.#waiters.size) &&
      this.#connections.size + this.#opening + this.#options.othersOpen() < connectionLimit &&
      this.#retryTimer === undefined
    )
      void this.#openOne();
  }

  async #openOne(): Promise<void> {
    this.#opening += 1;
    try {
      const connection = await this.#options.open();
      this.#opening -= 1;
      this.#opened += 1;
      this.#failures = 0;
      connection.onClosed = (): void => this.#closed(connection);
      if (connection.isOpen) {
        this.#connections.add(connection);
        this.release(connection);
      }
      this.openMore();
    } catch (cause) {
      this.#opening -= 1;
      this.#refused(PoolerError.from(cause));
    }
  }

  /** Drivers hear of it when nothing else can serve them; else they wait for a connection that works. */
  #refused(error: PoolerError): void {
    this.#failures += 1;
    if (this.#connections.size === 0 && this.#opening === 0 && this.#options.othersOpen() === 0)
      for (const waiter of [...this.#waiters]) this.#leave(waiter, error);
    const backoffMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.#failures);
    this.#retryTimer ??= setTimeout(
      () => {
        this.#retryTimer = undefined;
        this.openMore();
      },
      backoffMs * (0.5 + Math.random() / 2),
    );
  }

  #closed(connection: OriginConnection): void {
    this.#connections.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    this.openMore();
    this.#options.onClosed();
  }

  #expire(waiter: Waiter): void {
    const { size, opening } = this.stats;
    this.#leave(
      waiter,
      failure(
        'Timed out while waiting for an open slot in the pool.',
        `All ${size} connections are in use and ${opening} are being opened; the limit is ${this.#options.connectionLimit}.`,
      ),
    );
  }

  #leave(waiter: Waiter, error: PoolerError): void {
    this.#forget(waiter);
    waiter.reject(error);
  }

  #forget(waiter: Waiter): void {
    clearTimeout(waiter.timer);
    this.#waiters.delete(waiter);
  }
}

/** The pool is being replaced: whoever waits asks the next one. */
export class Drained extends PoolerError {
  constructor() {
    super('The pool is being rebuilt.', { fault: 'pooler', sqlState: '58000' });
  }
}

function failure(message: string, hint: string): PoolerError {
  return new PoolerError(message, { fault: 'pooler', sqlState: '58000', hint });
}
