/**
 * What a config shall become: a request's fields laid over what is there, under the rules that span fields.
 * Pure; knows neither HTTP nor the database.
 */
import type { Caching, Config, PoolSettings } from '../config/config.ts';
import { DEFAULT_CACHING, DEFAULT_CONNECTION_LIMIT, DEFAULT_POOL } from '../config/config.ts';
import type { StoredConfig } from '../config/config-row.ts';
import { NOT_PINNED, type Pinned } from '../config/placement.ts';
import { FILE_SOCKET, isFileSocket } from '../transport/host.ts';
import type { Checked } from './body.ts';
import { refused } from './body.ts';
import { Code, type Problem } from './envelope.ts';
import { pinnedOf, problemsOfPlacement } from './placement.ts';
import type { CachingBody, CreateBody, MtlsBody, OriginBody, PatchBody, PoolBody } from './schemas.ts';

/** The part of a config that its owner chooses. */
export type Settings = Pick<Config, 'name' | 'origin' | 'connectionLimit' | 'pool' | 'caching' | 'sslmode'>;

export interface Draft {
  settings: Settings;
  pinned: Pinned;
  /** Undefined: stays as it is. */
  password: string | undefined;
  /** True where the origin must be tried before this is stored. */
  isOriginChanged: boolean;
}

/** What must be known of a scheme. Every `Protocol` fits. */
export interface SchemeRules {
  readonly name: string;
  readonly defaultPort: number;
}

export type SchemeLookup = (scheme: string) => SchemeRules | undefined;

/** POST. */
export function draftOfCreate(body: CreateBody, rulesOf: SchemeLookup): Checked<Draft> {
  return draftOfWhole(body, { rulesOf, kept: undefined });
}

/** PUT: all is replaced, but what Terraform leaves out (mtls, limit) or cannot say (pool) is kept. */
export function draftOfReplace(
  body: CreateBody,
  current: StoredConfig,
  rulesOf: SchemeLookup,
): Checked<Draft> {
  return draftOfWhole(body, { rulesOf, kept: current });
}

/** PATCH: what is given is changed, nothing else. */
export function draftOfPatch(body: PatchBody, current: StoredConfig, rulesOf: SchemeLookup): Checked<Draft> {
  const origin = body.origin ?? {};
  const pinned = pinnedOf(body.placement, current.placement.pinned);
  const problems = [
    ...problemsOfNetwork(origin, 'a patch'),
    ...problemsOfCertificates(body.mtls),
    ...problemsOfScheme(origin.scheme, current, rulesOf),
    ...problemsOfCaching(body.caching, current.caching),
    ...problemsOfPlacement(pinned),
  ];
  if (isEmpty(body)) problems.push(badField('The body changes nothing. Give at least one field.'));
  if (problems.length > 0) return refused({ status: 400, errors: problems });
  const settings = {
    name: body.name ?? current.name,
    origin: {
      scheme: origin.scheme ?? current.origin.scheme,
      host: origin.host ?? current.origin.host,
      port: origin.port ?? current.origin.port,
      database: origin.database ?? current.origin.database,
      user: origin.user ?? current.origin.user,
    },
    connectionLimit: body.origin_connection_limit ?? current.connectionLimit,
    pool: poolOf(body.pool, current.pool),
    caching: cachingOf(body.caching, current.caching),
    sslmode: body.mtls?.sslmode === undefined ? current.sslmode : (body.mtls.sslmode ?? undefined),
  };
  const isOriginChanged = body.origin !== undefined || body.mtls !== undefined;
  return { ok: true, value: { settings, pinned, password: origin.password, isOriginChanged } };
}

function draftOfWhole(
  body: CreateBody,
  { rulesOf, kept }: { rulesOf: SchemeLookup; kept: StoredConfig | undefined },
): Checked<Draft> {
  const { origin } = body;
  const pinned = pinnedOf(body.placement, kept?.placement.pinned ?? NOT_PINNED);
  const problems = [
    ...problemsOfNetwork(origin, 'a whole origin'),
    ...problemsOfCertificates(body.mtls),
    ...problemsOfScheme(origin.scheme, kept, rulesOf),
    ...problemsOfPlacement(pinned),
  ];
  const port = origin.port ?? rulesOf(origin.scheme)?.defaultPort;
  if (problems.length > 0 || origin.host === undefined || port === undefined) {
    return refused({ status: 400, errors: problems });
  }
  const settings = {
    name: body.name,
    origin: {
      scheme: origin.scheme,
      host: origin.host,
      port,
      database: origin.database,
      user: origin.user,
    },
    connectionLimit: body.origin_connection_limit ?? kept?.connectionLimit ?? DEFAULT_CONNECTION_LIMIT,
    pool: body.pool === undefined ? (kept?.pool ?? DEFAULT_POOL) : poolOf(body.pool, DEFAULT_POOL),
    caching: cachingOf(body.caching, { ...DEFAULT_CACHING, ...ownOf(kept?.caching) }),
    sslmode: body.mtls === undefined ? kept?.sslmode : (body.mtls.sslmode ?? undefined),
  };
  return { ok: true, value: { settings, pinned, password: origin.password, isOriginChanged: true } };
}

/** An origin is exactly one of: public (host, port), behind Access (host and client), a VPC service. */
function problemsOfNetwork(origin: OriginBody, kind: 'a whole origin' | 'a patch'): Problem[] {
  const { host, port, service_id: service, access_client_id: id, access_client_secret: secret } = origin;
  const hasAccess = id !== undefined || secret !== undefined;
  if (host !== undefined && isFileSocket(host))
    return [{ code: Code.badHostname, message: `Bad hostname. (origin.host: ${FILE_SOCKET})` }];
  if (service !== undefined) {
    if (host !== undefined || port !== undefined || hasAccess) {
      return [
        badField('origin.service_id stands alone. Remove origin.host, origin.port and the Access fields.'),
      ];
    }
    return [notSupportedYet('origin.service_id: private networks')];
  }
  if (hasAccess) {
    if (id === undefined) return [badField('origin.access_client_id is missing. Give it with its secret.')];
    if (secret === undefined)
      return [badField('origin.access_client_secret is missing. Give it with its id.')];
    if (host === undefined) return [badField('origin.host is missing. Access needs the public host name.')];
    if (port !== undefined) return [badField('origin.port does not go with Access. Remove it.')];
    return [notSupportedYet('origin.access_client_id: origins behind Access')];
  }
  if (kind === 'a patch') {
    if (host === undefined && port !== undefined)
      return [badField('origin.host is missing. Give it with the port.')];
    if (host !== undefined && port === undefined)
      return [badField('origin.port is missing. Give it with the host.')];
    return [];
  }
  return host === undefined
    ? [badField('origin.host is missing. Give the host and port of the database.')]
    : [];
}

/** To take a certificate id and then not use it would be a lie about safety. */
function problemsOfCertificates(mtls: MtlsBody | undefined): Problem[] {
  return (['ca_certificate_id', 'mtls_certificate_id'] as const)
    .filter((field) => typeof mtls?.[field] === 'string')
    .map((field) => notSupportedYet(`mtls.${field}: uploaded certificates`));
}

/** Client tokens are stored in their protocol's form, so a config keeps its protocol. */
function problemsOfScheme(
  scheme: string | undefined,
  current: Config | undefined,
  rulesOf: SchemeLookup,
): Problem[] {
  if (scheme === undefined || current === undefined) return [];
  if (rulesOf(scheme)?.name === rulesOf(current.origin.scheme)?.name) return [];
  return [badField('origin.scheme means another kind of database. Create a new config for it.')];
}

function problemsOfCaching(caching: CachingBody | undefined, current: Caching): Problem[] {
  if (caching === undefined || caching.disabled !== undefined || !current.disabled) return [];
  if (Object.values(caching).every((setting) => setting === undefined)) return [];
  return [
    badField('caching.disabled is true in this config. Send it as false with the other caching settings.'),
  ];
}

/** What Terraform cannot say must not be lost by what it says: kept by a PUT, as `pool` is. */
function ownOf(caching: Caching | undefined): Partial<Caching> {
  if (!caching) return {};
  const { consistency, systemCatalogs } = caching;
  return { consistency, systemCatalogs };
}

/** Custom caching settings are not kept if caching is disabled (as in Hyperdrive). */
function cachingOf(caching: CachingBody | undefined, base: Caching): Caching {
  if (caching?.disabled ?? base.disabled) return { ...DEFAULT_CACHING, disabled: true };
  return {
    disabled: false,
    maxAgeSeconds: caching?.max_age ?? base.maxAgeSeconds,
    staleWhileRevalidateSeconds: caching?.stale_while_revalidate ?? base.staleWhileRevalidateSeconds,
    consistency: caching?.consistency ?? base.consistency,
    systemCatalogs: caching?.cache_system_catalogs ?? base.systemCatalogs,
  };
}

function poolOf(pool: PoolBody | undefined, base: PoolSettings): PoolSettings {
  return {
    connectTimeoutMs: pool?.connect_timeout_ms ?? base.connectTimeoutMs,
    acquireTimeoutMs: pool?.acquire_timeout_ms ?? base.acquireTimeoutMs,
    idleTimeoutMs: pool?.idle_timeout_ms ?? base.idleTimeoutMs,
    maxLifetimeMs: pool?.max_lifetime_ms ?? base.maxLifetimeMs,
    statementTimeoutMs: pool?.statement_timeout_ms ?? base.statementTimeoutMs,
    idleInTransactionTimeoutMs: pool?.idle_in_transaction_timeout_ms ?? base.idleInTransactionTimeoutMs,
  };
}

function isEmpty({
  name,
  origin,
  caching,
  mtls,
  origin_connection_limit: limit,
  ...rest
}: PatchBody): boolean {
  const groups = [origin, caching, mtls, rest.pool, rest.placement].flatMap((group) =>
    Object.values(group ?? {}),
  );
  return [name, limit, ...groups].every((value) => value === undefined);
}

function badField(message: string): Problem {
  return { code: Code.badField, message };
}

function notSupportedYet(what: string): Problem {
  return {
    code: Code.notSupportedYet,
    message: `${what} are not supported yet. Use a public host and port.`,
  };
}
