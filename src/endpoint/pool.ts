/**
 * The origin connections of one config: never more than its limit, handed out first come first served, opened a
 * few at a time, opened more slowly while the origin refuses, closed when unused or old.
 *
 * A connection serves only drivers of its dialect. Where the limit is reached and none fits, one that does not fit
 * makes room: the oldest idle one, or the next that is given back.
 */
import { PoolerError } from '../errors.ts';
import type { OriginConnection } from './origin-connection.ts';

export interface PoolOptions {
  open: (dialect: string) => Promise<OriginConnection>;
  connectionLimit: number;
  acquireTimeoutMs: number;
  idleTimeoutMs: number;
  /** Connections of pools that this one replaces: they count towards the same limit until they are gone. */
  othersOpen: () => number;
  /** One of this pool's connections is gone, or was not to be had. */
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

export interface Need {
  /** Undefined: any will do. */
  dialect: string | undefined;
  /** Preferred. */
  settingsKey: string;
  /** Preferred to others with these settings. */
  last?: OriginConnection | undefined;
}

/** For questions of our own. */
export const ANY: Need = { dialect: undefined, settingsKey: '' };

interface Waiter {
  dialect: string | undefined;
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
  /** Of the connections that are being opened. */
  readonly #opening: string[] = [];
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
      opening: this.#opening.length,
      waiting: this.#waiters.size,
      opened: this.#opened,
    };
  }

  get isEmpty(): boolean {
    return this.#connections.size === 0 && this.#opening.length === 0 && this.#waiters.size === 0;
  }

  /** A connection if one is free and nobody waits: the driver's last, or one with its settings, or any that fits. */
  take({ dialect, settingsKey, last }: Need): OriginConnection | undefined {
    if (this.#waiters.size > 0) return undefined;
    const isFit = ({ session }: OriginConnection): boolean => fits(session.dialect, dialect);
    const isSame = (connection: OriginConnection): boolean =>
      isFit(connection) && connection.session.settingsKey === settingsKey;
    let at = last && isSame(last) ? this.#idle.indexOf(last) : -1;
    if (at < 0) at = this.#idle.findLastIndex(isSame);
    if (at < 0) at = this.#idle.findLastIndex(isFit);
    return at < 0 ? undefined : this.#idle.splice(at, 1)[0];
  }

  /** Waits for a connection, if none is free. `signal` gives the place in the queue up again. */
  acquire(need: Need, signal?: AbortSignal): Promise<OriginConnection> {
    // Who waits is served by the next that is given back: with free ones left that may never be.
    const free = this.take(need);
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
    const waiter: Waiter = { dialect: need.dialect, resolve, reject, timer };
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

  /** To the first who waits and whom it fits, unless that would pass somebody over. */
  #handOut(connection: OriginConnection): void {
    const opening = [...this.#opening];
    for (const waiter of this.#waiters) {
      if (fits(connection.session.dialect, waiter.dialect)) {
        this.#forget(waiter);
        waiter.resolve(connection);
        return;
      }
      if (takeOut(opening, waiter.dialect)) continue;
      if (!this.#hasRoom) {
        connection.close();
        return;
      }
      break;
    }
    connection.idleSince = Date.now();
    this.#idle.push(connection);
  }

  /** Opens what those who wait need and the limit allows. */
  openMore(): void {
    for (let waiter = this.#unserved; waiter; waiter = this.#unserved) {
      if (this.#opening.length >= OPENING_MAX || this.#retryTimer !== undefined) return;
      const [oldest] = this.#idle;
      if (this.#hasRoom) void this.#openOne(waiter.dialect ?? '');
      // It does not fit, or the waiter would have it; its end calls this again.
      else if (oldest) oldest.close();
      else return;
    }
  }

  get #hasRoom(): boolean {
    const open = this.#connections.size + this.#opening.length + this.#options.othersOpen();
    return open < this.#options.connectionLimit;
  }

  /** The first who waits and for whom nothing is being opened. */
  get #unserved(): Waiter | undefined {
    const opening = [...this.#opening];
    for (const waiter of this.#waiters) if (!takeOut(opening, waiter.dialect)) return waiter;
    return undefined;
  }

  async #openOne(dialect: string): Promise<void> {
    this.#opening.push(dialect);
    try {
      const connection = await this.#options.open(dialect);
      takeOut(this.#opening, dialect);
      this.#opened += 1;
      this.#failures = 0;
      connection.onClosed = (): void => this.#closed(connection);
      if (connection.isOpen) {
        this.#connections.add(connection);
        this.release(connection);
      }
      this.openMore();
    } catch (cause) {
      takeOut(this.#opening, dialect);
      this.#refused(PoolerError.from(cause));
      this.#options.onClosed();
    }
  }

  /** Drivers hear of it when nothing else can serve them; else they wait for a connection that works. */
  #refused(error: PoolerError): void {
    this.#failures += 1;
    if (this.#connections.size === 0 && this.#opening.length === 0 && this.#options.othersOpen() === 0)
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

function fits(dialect: string, wanted: string | undefined): boolean {
  return wanted === undefined || dialect === wanted;
}

/** Takes the first that fits out of a list of dialects. False: none does. */
function takeOut(dialects: string[], wanted: string | undefined): boolean {
  const at = dialects.findIndex((dialect) => fits(dialect, wanted));
  if (at >= 0) dialects.splice(at, 1);
  return at >= 0;
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
