/**
 * What a config shall become: a request's fields laid over what is there, under the rules that span fields.
 * Pure; knows neither HTTP nor the database.
 */
import type { Caching, Config, PoolSettings } from '../config/config.ts';
import { DEFAULT_CACHING, DEFAULT_CONNECTION_LIMIT, DEFAULT_POOL } from '../config/config.ts';
import type { StoredConfig } from '../config/config-row.ts';
import type { OriginSecrets } from '../config/origin-secrets.ts';
import { NOT_PINNED, type Pinned } from '../config/placement.ts';
import type { OriginSettings } from '../endpoint/link.ts';
import type { Checked } from './body.ts';
import { refused } from './body.ts';
import { Code, type Problem } from './envelope.ts';
import { problemsOfNetwork, problemsOfTls, tlsOf, type Way, wayOf } from './origin-rules.ts';
import { pinnedOf, problemsOfPlacement } from './placement.ts';
import type { CachingBody, CreateBody, OriginBody, PatchBody, PoolBody } from './schemas.ts';

const NO_TLS_SETTINGS = { sslmode: undefined };

/** The part of a config that its owner chooses. */
export type Settings = OriginSettings & Pick<Config, 'name' | 'connectionLimit' | 'caching' | 'requiresTls'>;

export interface Draft {
  settings: Settings;
  pinned: Pinned;
  /** What is not given stays as it is. */
  secrets: Partial<OriginSecrets>;
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
      database: origin.database ?? current.origin.database,
      user: origin.user ?? current.origin.user,
      ...(wayOf(origin, rulesOf(current.origin.scheme)?.defaultPort) ?? currentWayOf(current)),
    },
    connectionLimit: body.origin_connection_limit ?? current.connectionLimit,
    pool: poolOf(body.pool, current.pool),
    caching: cachingOf(body.caching, current.caching),
    requiresTls: body.require_tls ?? current.requiresTls,
    ...tlsOf(body.mtls, current),
  };
  const isOriginChanged = body.origin !== undefined || body.mtls !== undefined;
  return checkedDraft({ settings, pinned, secrets: secretsOf(origin), isOriginChanged });
}

function draftOfWhole(
  body: CreateBody,
  { rulesOf, kept }: { rulesOf: SchemeLookup; kept: StoredConfig | undefined },
): Checked<Draft> {
  const { origin } = body;
  const pinned = pinnedOf(body.placement, kept?.placement.pinned ?? NOT_PINNED);
  const problems = [
    ...problemsOfNetwork(origin, 'a whole origin'),
    ...problemsOfScheme(origin.scheme, kept, rulesOf),
    ...problemsOfPlacement(pinned),
  ];
  const way = wayOf(origin, rulesOf(origin.scheme)?.defaultPort);
  if (problems.length > 0 || way === undefined) return refused({ status: 400, errors: problems });
  const settings = {
    name: body.name,
    origin: { scheme: origin.scheme, database: origin.database, user: origin.user, ...way },
    connectionLimit: body.origin_connection_limit ?? kept?.connectionLimit ?? DEFAULT_CONNECTION_LIMIT,
    pool: body.pool === undefined ? (kept?.pool ?? DEFAULT_POOL) : poolOf(body.pool, DEFAULT_POOL),
    caching: cachingOf(body.caching, { ...DEFAULT_CACHING, ...ownOf(kept?.caching) }),
    requiresTls: body.require_tls ?? kept?.requiresTls ?? false,
    ...(body.mtls === undefined
      ? tlsOf(undefined, kept ?? NO_TLS_SETTINGS)
      : tlsOf(body.mtls, NO_TLS_SETTINGS)),
  };
  return checkedDraft({ settings, pinned, secrets: secretsOf(origin), isOriginChanged: true });
}

/** What can be judged only of the whole that a config shall become. */
function checkedDraft(draft: Draft): Checked<Draft> {
  const problems = draft.isOriginChanged ? problemsOfTls(draft.settings) : [];
  return problems.length > 0 ? refused({ status: 400, errors: problems }) : { ok: true, value: draft };
}

function currentWayOf({ origin }: StoredConfig): Way {
  const { host, port, accessClientId, serviceId } = origin;
  return { host, port, accessClientId, serviceId };
}

function secretsOf({ password, access_client_secret: secret }: OriginBody): Partial<OriginSecrets> {
  return {
    ...(password === undefined ? {} : { password }),
    ...(secret === undefined ? {} : { accessClientSecret: secret }),
  };
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
  return [name, limit, rest.require_tls, ...groups].every((value) => value === undefined);
}

function badField(message: string): Problem {
  return { code: Code.badField, message };
}
