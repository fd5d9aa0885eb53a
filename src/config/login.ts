/** What an edge must know of a config when a driver logs in. */
import type { OriginFacts } from '../protocols/contract.ts';
import type { Caching } from './config.ts';
import { cachingOf, type EndpointRow, factsOf, placeOf } from './config-row.ts';
import type { EndpointPlace } from './placement.ts';

/** What an edge needs to let a driver in. */
export interface Login {
  configId: string;
  version: number;
  scheme: string;
  cancelRoute: number;
  /** The origin's own name for it. */
  database: string;
  requiresTls: boolean;
  facts: OriginFacts | undefined;
  /** Undefined: the config has no such user. */
  verifier: string | undefined;
  endpoint: EndpointPlace;
  caching: Caching;
  /** Raised by each purge: replies that an edge stored under an older one are out of reach. */
  cacheEpoch: number;
}

export interface LoginRow extends EndpointRow {
  id: string;
  version: number;
  scheme: string;
  database: string;
  require_tls: number;
  cancel_route: number;
  facts: string | null;
  verifier: string | null;
  caching: string;
  cache_epoch: number;
}

export function loginOf(row: LoginRow): Login {
  return {
    configId: row.id,
    version: row.version,
    scheme: row.scheme,
    database: row.database,
    requiresTls: row.require_tls !== 0,
    cancelRoute: row.cancel_route,
    facts: factsOf(row.facts),
    verifier: row.verifier ?? undefined,
    endpoint: placeOf(row),
    caching: cachingOf(row.caching),
    cacheEpoch: row.cache_epoch,
  };
}
