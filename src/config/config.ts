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
  /** `mtls` of the API; what it means stands in tls-mode.ts. */
  sslmode: string | undefined;
  /** An uploaded authority that vouches for the origin. */
  caCertificateId?: string | undefined;
  /** What we show the origin, where it asks who we are. */
  mtlsCertificateId?: string | undefined;
  /** Drivers that come to a listener without TLS are refused. */
  requiresTls: boolean;
  createdOn: string;
  modifiedOn: string;
}

/** Reached by host and port; or by the host of a tunnel; or by a service that is bound to us. */
export interface Origin {
  scheme: string;
  /** Of a tunnel, a port of its own may stand behind it. Empty with `serviceId`. */
  host: string;
  /** 0 where another way leads there. */
  port: number;
  database: string;
  user: string;
  /** It is behind a tunnel: the id of the service token that opens it. */
  accessClientId?: string | undefined;
  /** It is a Workers VPC service. */
  serviceId?: string | undefined;
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
