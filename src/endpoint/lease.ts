/** What a driver's session holds, and what it needs of its endpoint to get it. */
import type { Conversation } from '../protocols/contract.ts';
import { ANSWER_MS } from './clean-up.ts';
import type { DriverWatch } from './driver-watch.ts';
import type { OriginConnection } from './origin-connection.ts';
import { Drained, type Pool } from './pool.ts';

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

/** Waits for a connection, as long as its driver does; best one that already has these settings. */
export async function acquireLease(
  host: SessionHost,
  { settingsKey, driver }: { settingsKey: string; driver: DriverWatch },
): Promise<Lease> {
  for (;;) {
    const pool = await host.loadPool();
    try {
      return { pool, connection: await driver.waitFor((signal) => pool.acquire(settingsKey, signal)) };
    } catch (cause) {
      // The config changed while we waited: its new pool is next.
      if (!(cause instanceof Drained)) throw cause;
    }
  }
}

/** Settings that may be refused are sent before anything else, and waited for. Throws where they are. */
export async function prepareLease({ pool, connection }: Lease, conversation: Conversation): Promise<void> {
  const sql = conversation.beforeAttach(connection.session);
  if (sql === undefined) return;
  try {
    const { error } = await connection.ask(sql, ANSWER_MS);
    if (error) throw error.asFatal();
    conversation.prepared(connection.session);
  } catch (cause) {
    // What it had before may be what cannot be changed: the next driver shall not meet it.
    if (connection.session.settingsKey === '') pool.release(connection);
    else connection.close();
    throw cause;
  }
}
