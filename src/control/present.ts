/** What the API shows. A config is Hyperdrive's object and our `pool` and `placement`. No secret is here to show. */

import type { Certificate } from '../config/certificate-store.ts';
import {
  type Caching,
  type Config,
  DEFAULT_CACHING,
  type Origin,
  type PoolSettings,
} from '../config/config.ts';
import type { StoredConfig } from '../config/config-row.ts';
import type { ClientToken } from '../config/store.ts';
import type { WhyAnswer } from '../endpoint/link.ts';
import type { AdminToken } from './admin-token-store.ts';
import type { AuditEntry } from './audit-store.ts';
import { presentPlacement } from './placement.ts';

export function presentConfig(config: StoredConfig): Record<string, unknown> {
  return {
    id: config.id,
    name: config.name,
    origin: {
      scheme: config.origin.scheme,
      ...presentWay(config.origin),
      database: config.origin.database,
      user: config.origin.user,
    },
    caching: presentCaching(config.caching),
    ...presentTls(config),
    ...(config.requiresTls ? { require_tls: true } : {}),
    origin_connection_limit: config.connectionLimit,
    pool: presentPool(config.pool),
    ...presentPlacement(config),
    created_on: config.createdOn,
    modified_on: config.modifiedOn,
    ...(config.restartedOn === undefined ? {} : { restarted_on: config.restartedOn }),
  };
}

function presentWay({ host, port, accessClientId, serviceId }: Origin): Record<string, unknown> {
  if (serviceId !== undefined) return { service_id: serviceId };
  return accessClientId === undefined ? { host, port } : { host, access_client_id: accessClientId };
}

function presentTls({ sslmode, caCertificateId, mtlsCertificateId }: Config): Record<string, unknown> {
  const mtls = {
    ...(sslmode === undefined ? {} : { sslmode }),
    ...(caCertificateId === undefined ? {} : { ca_certificate_id: caCertificateId }),
    ...(mtlsCertificateId === undefined ? {} : { mtls_certificate_id: mtlsCertificateId }),
  };
  return Object.keys(mtls).length === 0 ? {} : { mtls };
}

/** All that is in force, defaults too. */
export function presentCachingInForce(caching: Caching): Record<string, unknown> {
  if (caching.disabled) return { disabled: true };
  return {
    disabled: false,
    max_age: caching.maxAgeSeconds,
    stale_while_revalidate: caching.staleWhileRevalidateSeconds,
    consistency: caching.consistency,
    cache_system_catalogs: caching.systemCatalogs,
  };
}

export function presentWhy(answer: WhyAnswer): Record<string, unknown> {
  return {
    status: answer.status,
    ...(answer.reason === undefined ? {} : { reason: answer.reason }),
    reads: answer.reads,
    writes: answer.writes,
    key: { settings: answer.key.settings, text: answer.key.text },
    ...(answer.ttlSeconds === undefined ? {} : { max_age: answer.ttlSeconds }),
    ...(answer.swrSeconds === undefined ? {} : { stale_while_revalidate: answer.swrSeconds }),
    ...(answer.tags === undefined ? {} : { tags: answer.tags }),
  };
}

export function presentToken(token: ClientToken): Record<string, unknown> {
  return { id: token.id, user: token.user, created_on: token.createdOn };
}

export function presentAdminToken(token: AdminToken): Record<string, unknown> {
  return {
    id: token.id,
    name: token.name,
    scope: token.scope,
    last_four: token.lastFour,
    created_on: token.createdOn,
  };
}

/** With the names of Cloudflare's SDK (`MTLSCertificate`). */
export function presentCertificate(certificate: Certificate): Record<string, unknown> {
  return {
    id: certificate.id,
    ...(certificate.name === undefined ? {} : { name: certificate.name }),
    ca: certificate.isCa,
    certificates: certificate.certificates,
    type: 'custom',
    issuer: certificate.issuer,
    serial_number: certificate.serialNumber,
    expires_on: certificate.expiresOn,
    uploaded_on: certificate.uploadedOn,
  };
}

export function presentAuditEntry(entry: AuditEntry): Record<string, unknown> {
  return {
    id: entry.id,
    when: entry.happenedOn,
    actor: entry.actor,
    method: entry.method,
    resource: entry.resource,
    fields: entry.fields,
    config_id: entry.configId ?? null,
  };
}

/** Defaults are left out, as in Hyperdrive: Terraform takes them for a difference. */
function presentCaching(caching: Caching): Record<string, unknown> {
  if (caching.disabled) return { disabled: true };
  const { maxAgeSeconds: maxAge, staleWhileRevalidateSeconds: stale, consistency, systemCatalogs } = caching;
  return {
    disabled: false,
    ...(maxAge === DEFAULT_CACHING.maxAgeSeconds ? {} : { max_age: maxAge }),
    ...(stale === DEFAULT_CACHING.staleWhileRevalidateSeconds ? {} : { stale_while_revalidate: stale }),
    ...(consistency === DEFAULT_CACHING.consistency ? {} : { consistency }),
    ...(systemCatalogs === DEFAULT_CACHING.systemCatalogs ? {} : { cache_system_catalogs: systemCatalogs }),
  };
}

function presentPool(pool: PoolSettings): Record<string, number> {
  return {
    connect_timeout_ms: pool.connectTimeoutMs,
    acquire_timeout_ms: pool.acquireTimeoutMs,
    idle_timeout_ms: pool.idleTimeoutMs,
    max_lifetime_ms: pool.maxLifetimeMs,
    statement_timeout_ms: pool.statementTimeoutMs,
    idle_in_transaction_timeout_ms: pool.idleInTransactionTimeoutMs,
  };
}
