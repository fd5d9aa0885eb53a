/** What a driver's session holds, and what it needs of its endpoint to get it. */
import type { Conversation } from '../protocols/contract.ts';
import { ANSWER_MS } from './clean-up.ts';
import type { DriverWatch } from './driver-watch.ts';
import type { Holder, OriginConnection } from './origin-connection.ts';
import { Drained, type Need, type Pool } from './pool.ts';

/** Longer than any way from a driver and back. */
const LINGER_MS = 500;

/** One driver's hold on one origin connection. */
export interface Lease {
  pool: Pool;
  connection: OriginConnection;
}

/** What the session needs of its endpoint. */
export interface SessionHost {
  /** The pool of the config as it is now; undefined while it is not loaded. */
  readonly pool: Pool | undefined;
  /** Loads the config if need be. Throws where it has been deleted. */
  loadPool(): Promise<Pool>;
  /** Cancels what runs on the connection; resolves when the origin has taken the request, or never will. */
  cancel(connection: OriginConnection): Promise<void>;
  readonly statementTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
}

/** Which connection one driver holds, or held last. */
export class Hold {
  readonly #host: SessionHost;
  readonly #conversation: Conversation;
  #lease: Lease | undefined;
  #last: OriginConnection | undefined;
  #lingering: ReturnType<typeof setTimeout> | undefined;

  constructor(host: SessionHost, conversation: Conversation) {
    this.#host = host;
    this.#conversation = conversation;
  }

  get connection(): OriginConnection | undefined {
    return this.#lease?.connection;
  }

  /** One that is free. */
  take(): Lease | undefined {
    const { pool } = this.#host;
    const connection = pool?.take(this.#need);
    return pool && connection ? { pool, connection } : undefined;
  }

  acquire(driver: DriverWatch): Promise<Lease> {
    return acquireLease(this.#host, { need: this.#need, driver });
  }

  begin(lease: Lease, holder: Holder): void {
    this.#lease = lease;
    this.#last = lease.connection;
    lease.connection.heldBy(holder);
    this.#conversation.attach(lease.connection.session);
  }

  /** What the driver says next may be about what it just heard: it finds its connection as it left it. */
  linger(): void {
    this.stay();
    this.#lingering = setTimeout(() => {
      if (this.#conversation.phase === 'lingering') this.release();
    }, LINGER_MS);
  }

  stay(): void {
    clearTimeout(this.#lingering);
  }

  release(): void {
    const lease = this.#lease;
    this.#lease = undefined;
    this.#conversation.detach();
    lease?.pool.release(lease.connection);
  }

  lost(): void {
    this.#lease = undefined;
  }

  get #need(): Need {
    const { dialect, settingsKey, looksBack } = this.#conversation;
    return { dialect, settingsKey, last: looksBack ? this.#last : undefined };
  }
}

/** Waits for a connection, as long as its driver does; best one that already has these settings. */
async function acquireLease(
  host: SessionHost,
  { need, driver }: { need: Need; driver: DriverWatch },
): Promise<Lease> {
  for (;;) {
    const pool = await host.loadPool();
    try {
      return { pool, connection: await driver.waitFor((signal) => pool.acquire(need, signal)) };
    } catch (cause) {
      // The config changed while we waited: its new pool is next.
      if (!(cause instanceof Drained)) throw cause;
    }
  }
}

/** Settings that may be refused are sent before anything else, and waited for. Throws where they are. */
export async function prepareLease({ pool, connection }: Lease, conversation: Conversation): Promise<void> {
  const { session } = connection;
  try {
    for (let step = conversation.beforeAttach(session); step; step = conversation.beforeAttach(session)) {
      const { error } = await connection.ask(step, ANSWER_MS);
      if (error) throw error.asFatal();
      conversation.prepared(session);
    }
  } catch (cause) {
    // What it had before may be what cannot be changed: the next driver shall not meet it.
    if (session.settingsKey === '') pool.release(connection);
    else connection.close();
    throw cause;
  }
}
