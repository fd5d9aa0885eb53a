/**
 * A config: one origin database with its credentials, its pool and its caching settings. The fields that
 * Hyperdrive has bear Hyperdrive's names; `pool` is ours.
 */
export interface Config {
  /** 32 hexadecimal digits. */
  id: string;
  name: string;
  /** Raised by each change; an endpoint that holds an older one reloads. */
  version: number;
  origin: Origin;
  /** `origin_connection_limit`: hard bound on connections to the origin. */
  connectionLimit: number;
  pool: PoolSettings;
  caching: Caching;
  sslmode: string | undefined;
  createdOn: string;
  modifiedOn: string;
}

export interface Origin {
  scheme: string;
  host: string;
  port: number;
  database: string;
  user: string;
}

export interface Caching {
  disabled: boolean;
  maxAgeSeconds: number;
  staleWhileRevalidateSeconds: number;
  consistency: Consistency;
  /** Reads of system catalogs are cached too. */
  systemCatalogs: boolean;
}

export const CONSISTENCIES = ['eventual', 'session', 'strict'] as const;

/**
 * How old a cached reply may be. `eventual`: no older than its age allows. `session`: never older than what the driver
 * wrote or saw. `strict`: never older than a write that was committed before.
 */
export type Consistency = (typeof CONSISTENCIES)[number];

/** All in milliseconds. */
export interface PoolSettings {
  /** From dial to ready for the first query. */
  connectTimeoutMs: number;
  /** How long a driver waits for a connection. */
  acquireTimeoutMs: number;
  /** An unused connection is closed after it. */
  idleTimeoutMs: number;
  /** A connection is closed at the next chance after it, less up to a tenth at random. */
  maxLifetimeMs: number;
  /** An exchange that runs longer is cancelled. */
  statementTimeoutMs: number;
  /** A transaction in which the driver says nothing for so long is ended. */
  idleInTransactionTimeoutMs: number;
}

export const DEFAULT_POOL: PoolSettings = {
  connectTimeoutMs: 15_000,
  acquireTimeoutMs: 15_000,
  idleTimeoutMs: 600_000,
  maxLifetimeMs: 3_600_000,
  statementTimeoutMs: 60_000,
  idleInTransactionTimeoutMs: 300_000,
};

export const DEFAULT_CONNECTION_LIMIT = 20;

export const DEFAULT_CACHING: Caching = {
  disabled: false,
  maxAgeSeconds: 60,
  staleWhileRevalidateSeconds: 15,
  consistency: 'session',
  systemCatalogs: false,
};

/** 20 bits of a config's id: they travel in cancel keys and lead a cancel request to its endpoint. */
export function cancelRouteOf(configId: string): number {
  return Number.parseInt(configId.slice(0, 5), 16);
}
