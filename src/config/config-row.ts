/** What rows of the table of configs hold, and the objects that they become. */
import type { OriginFacts } from '../protocols/contract.ts';
import { type Caching, type Config, DEFAULT_CACHING, DEFAULT_POOL, type PoolSettings } from './config.ts';
import {
  type EndpointPlace,
  type Jurisdiction,
  type LocationHint,
  NOT_PINNED,
  type Pinned,
  type Placement,
} from './placement.ts';

export interface StoredConfig extends Config {
  facts: OriginFacts | undefined;
  restartedOn: string | undefined;
  placement: Placement;
}

export const CONFIG_COLUMNS =
  'id, name, version, scheme, host, port, database, user, access_client_id, service_id, connection_limit, pool, ' +
  'caching, sslmode, ca_certificate_id, mtls_certificate_id, require_tls, facts, ' +
  'created_on, modified_on, restarted_on, placement_pinned, placement_result, ' +
  'endpoint_generation, endpoint_hint, endpoint_jurisdiction, endpoints_before';

export interface ConfigRow extends EndpointRow {
  id: string;
  name: string;
  version: number;
  scheme: string;
  host: string;
  port: number;
  database: string;
  user: string;
  access_client_id: string | null;
  service_id: string | null;
  connection_limit: number;
  pool: string;
  caching: string;
  sslmode: string | null;
  ca_certificate_id: string | null;
  mtls_certificate_id: string | null;
  require_tls: number;
  facts: string | null;
  created_on: string;
  modified_on: string;
  restarted_on: string | null;
  placement_pinned: string | null;
  placement_result: string | null;
  endpoints_before: string | null;
}

/** Where the endpoint is: in every row that leads to it. */
export interface EndpointRow {
  endpoint_generation: number;
  endpoint_hint: LocationHint | null;
  endpoint_jurisdiction: Jurisdiction | null;
}

export function configOf(row: ConfigRow): StoredConfig {
  const pool: Partial<PoolSettings> = JSON.parse(row.pool);
  return {
    id: row.id,
    name: row.name,
    version: row.version,
    origin: {
      scheme: row.scheme,
      host: row.host,
      port: row.port,
      database: row.database,
      user: row.user,
      accessClientId: row.access_client_id ?? undefined,
      serviceId: row.service_id ?? undefined,
    },
    connectionLimit: row.connection_limit,
    // Settings that were added after the row was written have their defaults.
    pool: { ...DEFAULT_POOL, ...pool },
    caching: cachingOf(row.caching),
    sslmode: row.sslmode ?? undefined,
    caCertificateId: row.ca_certificate_id ?? undefined,
    mtlsCertificateId: row.mtls_certificate_id ?? undefined,
    requiresTls: row.require_tls !== 0,
    facts: factsOf(row.facts),
    createdOn: row.created_on,
    modifiedOn: row.modified_on,
    restartedOn: row.restarted_on ?? undefined,
    placement: {
      pinned: pinnedOf(row.placement_pinned),
      endpoint: placeOf(row),
      before: placesOfJson(row.endpoints_before),
      result: row.placement_result === null ? undefined : JSON.parse(row.placement_result),
    },
  };
}

/** What a config's owner chooses and what is found out of it, for an insert and an update alike. */
export function columnsOf(config: StoredConfig): Record<string, string | number | null> {
  return {
    name: config.name,
    version: config.version,
    scheme: config.origin.scheme,
    host: config.origin.host,
    port: config.origin.port,
    database: config.origin.database,
    user: config.origin.user,
    access_client_id: config.origin.accessClientId ?? null,
    service_id: config.origin.serviceId ?? null,
    connection_limit: config.connectionLimit,
    pool: JSON.stringify(config.pool),
    caching: JSON.stringify(config.caching),
    sslmode: config.sslmode ?? null,
    ca_certificate_id: config.caCertificateId ?? null,
    mtls_certificate_id: config.mtlsCertificateId ?? null,
    require_tls: config.requiresTls ? 1 : 0,
    facts: config.facts === undefined ? null : JSON.stringify(config.facts),
    modified_on: config.modifiedOn,
    placement_pinned: jsonOfPinned(config.placement.pinned),
  };
}

/** Settings that were added after the row was written have their defaults. */
export function cachingOf(json: string): Caching {
  const caching: Partial<Caching> = JSON.parse(json);
  return { ...DEFAULT_CACHING, ...caching };
}

export function factsOf(json: string | null): OriginFacts | undefined {
  return json === null ? undefined : JSON.parse(json);
}

export function placeOf(row: EndpointRow): EndpointPlace {
  return {
    generation: row.endpoint_generation,
    hint: row.endpoint_hint ?? undefined,
    jurisdiction: row.endpoint_jurisdiction ?? undefined,
  };
}

export function placesOfJson(json: string | null): EndpointPlace[] {
  return json === null ? [] : JSON.parse(json);
}

function pinnedOf(json: string | null): Pinned {
  return json === null ? NOT_PINNED : { ...NOT_PINNED, ...JSON.parse(json) };
}

export function jsonOfPinned({ hint, jurisdiction }: Pinned): string | null {
  return hint === undefined && jurisdiction === undefined ? null : JSON.stringify({ hint, jurisdiction });
}
