/** Questions of ours to the origin, on connections of whichever pool is the config's at the moment. */
import { PoolerError } from '../errors.ts';
import type { EndpointSide, OriginFacts } from '../protocols/contract.ts';
import type { DriverOpening } from '../protocols/driver-login.ts';
import { type Lease, prepareLease } from './lease.ts';
import type { LinkOpening, Refusal } from './link.ts';
import { ANY, Drained, type Need, type Pool } from './pool.ts';

/** A large catalog takes its time. */
const CATALOG_MS = 30_000;

/** A driver of our own, with no wishes. */
const NOBODY: DriverOpening = { user: '', settings: {}, parameters: {}, cancelKey: '', dialect: '' };

/** Loads the config, at least as new as this version of it. */
type Serve = (version: number) => Promise<{ pool: Pool; side: EndpointSide }>;

export class OwnQuestions {
  readonly #serve: Serve;

  constructor(serve: Serve) {
    this.#serve = serve;
  }

  /**
   * The rows of each statement, in a session as it is after login. Throws what the origin says, or that it does not
   * answer.
   */
  async ask(texts: readonly string[]): Promise<(string | null)[][][]> {
    const lease = await this.#borrow(0, ANY);
    const { side } = await this.#serve(0);
    await prepareLease(lease, side.openConversation(NOBODY));
    const { pool, connection } = lease;
    const answers: (string | null)[][][] = [];
    for (const sql of texts) {
      const { results, error } = await connection.ask(sql, CATALOG_MS);
      if (error) pool.release(connection);
      if (error) throw error;
      answers.push(...results);
    }
    pool.release(connection);
    return answers;
  }

  /** Opens a connection when none has been opened yet. */
  async facts(version: number): Promise<OriginFacts> {
    const { pool, connection } = await this.#borrow(version, ANY);
    pool.release(connection);
    return connection.facts;
  }

  /** Has the origin take a driver's startup settings. Undefined: it does. */
  async tryOpening({ configVersion, driver }: LinkOpening): Promise<Refusal | undefined> {
    try {
      const { side } = await this.#serve(configVersion);
      const conversation = side.openConversation(driver);
      const lease = await this.#borrow(configVersion, conversation);
      await prepareLease(lease, conversation);
      lease.pool.release(lease.connection);
      return undefined;
    } catch (cause) {
      const { message, sqlState } = PoolerError.from(cause);
      return { message, sqlState };
    }
  }

  async #borrow(version: number, need: Need): Promise<Lease> {
    for (;;) {
      const { pool } = await this.#serve(version);
      try {
        return { pool, connection: await pool.acquire(need) };
      } catch (cause) {
        if (!(cause instanceof Drained)) throw cause;
      }
    }
  }
}
