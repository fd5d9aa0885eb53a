/** What a driver's session holds, and what it needs of its endpoint to get it. */
import type { Conversation } from '../protocols/contract.ts';
import { ANSWER_MS } from './clean-up.ts';
import type { OriginConnection } from './origin-connection.ts';
import type { Pool } from './pool.ts';

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
