/**
 * Cloudflare's Hyperdrive API under /client/v4, so that unmodified tools manage Warmpool. Any account id is
 * accepted: there is one owner.
 */
import { Hono } from 'hono';
import type { CertificateStore } from '../config/certificate-store.ts';
import type { ConfigSecrets } from '../config/secrets.ts';
import type { ConfigStore } from '../config/store.ts';
import { logFailure, PoolerError } from '../errors.ts';
import { accountRoutes } from './account.ts';
import type { AdminTokenStore } from './admin-token-store.ts';
import { adminTokenRoutes } from './admin-tokens.ts';
import { audited, auditRoutes } from './audit.ts';
import type { AuditStore } from './audit-store.ts';
import { authorize } from './authorize.ts';
import { type CacheRoutesOptions, cacheRoutes } from './cache.ts';
import { certificateRoutes } from './certificates.ts';
import { checkRoutes } from './check.ts';
import { type ConfigRoutesOptions, configRoutes } from './configs.ts';
import type { SchemeRules } from './draft.ts';
import { Code, type Failure, fail, failed, succeed } from './envelope.ts';
import { openApiDocument } from './openapi.ts';
import { type PlaceRoutesOptions, placeRoutes } from './place.ts';
import { type StateRoutesOptions, stateRoutes } from './state.ts';
import { tokenRoutes, type VerifierMaker } from './tokens.ts';

/** What control needs of a protocol. Every `Protocol` of the registry fits. */
export interface ControlProtocol extends SchemeRules, VerifierMaker {
  readonly schemes: readonly string[];
}

export interface ControlOptions
  extends Pick<ConfigRoutesOptions, 'validateOrigin' | 'configChanged' | 'placeLater'>,
    Pick<PlaceRoutesOptions, 'place'>,
    Pick<StateRoutesOptions, 'stateOf'>,
    Pick<CacheRoutesOptions, 'purge' | 'why'> {
  store: ConfigStore;
  secrets: ConfigSecrets;
  certificates: CertificateStore;
  adminTokens: AdminTokenStore;
  auditLog: AuditStore;
  /** The secret ADMIN_TOKEN. Undefined, and no admin token made: every call is refused. */
  adminToken: string | undefined;
  protocols: readonly ControlProtocol[];
}

const BASE_PATH = '/client/v4';

const NO_ROUTE = failed(404, Code.noRoute, 'No route for that URI');

const STORE_AWAY = failed(
  503,
  Code.notReady,
  'The database does not answer. Apply the migrations with `wrangler d1 migrations apply warmpool`.',
);

export function controlApp(options: ControlOptions): Hono {
  const { store } = options;
  const app = new Hono();
  app.notFound((c) => fail(c, NO_ROUTE));
  app.onError((error, c) => {
    logFailure(`${c.req.method} failed`, error);
    return fail(c, failureOf(error));
  });
  app.get('/health', async (c) => {
    return (await isReady(store)) ? succeed(c, { status: 'ok' }) : fail(c, STORE_AWAY);
  });
  const { schemes, rulesOf } = schemeOptions(options.protocols);
  app.get('/openapi.json', (c) => c.json(openApiDocument(schemes)));
  app.use(`${BASE_PATH}/*`, authorize(options), audited(options.auditLog));
  app.route(BASE_PATH, accountRoutes());
  const account = `${BASE_PATH}/accounts/:account`;
  app.route(`${account}/tokens`, adminTokenRoutes(options.adminTokens));
  app.route(`${account}/mtls_certificates`, certificateRoutes(options));
  app.route(`${account}/audit_logs`, auditRoutes(options.auditLog));
  const configs = `${account}/hyperdrive/configs`;
  app.route(configs, configRoutes({ ...options, schemes, rulesOf }));
  app.route(configs, stateRoutes(options));
  app.route(configs, checkRoutes(options));
  app.route(configs, cacheRoutes(options));
  app.route(configs, placeRoutes(options));
  app.route(
    configs,
    tokenRoutes({ store, verifierMakerOf: (scheme) => protocolOf(options.protocols, scheme) }),
  );
  return app;
}

function schemeOptions(
  protocols: readonly ControlProtocol[],
): Pick<ConfigRoutesOptions, 'schemes' | 'rulesOf'> {
  return {
    schemes: protocols.flatMap((protocol) => protocol.schemes),
    rulesOf: (scheme) => protocolOf(protocols, scheme),
  };
}

function protocolOf(protocols: readonly ControlProtocol[], scheme: string): ControlProtocol | undefined {
  return protocols.find((protocol) => protocol.schemes.includes(scheme));
}

/** A PoolerError's words are ours, so they may be told; anybody else's are not. */
function failureOf(error: Error): Failure {
  const { fault, apiCode, message, hint } = PoolerError.from(error);
  const words = hint === undefined ? message : `${message} ${hint}`;
  return failed(fault === 'pooler' ? 500 : 400, apiCode ?? Code.internal, words);
}

async function isReady(store: ConfigStore): Promise<boolean> {
  try {
    await store.probe();
    return true;
  } catch (error) {
    logFailure('the database does not answer', error);
    return false;
  }
}
