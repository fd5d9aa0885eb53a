/** The API as this deployment serves it: its store, its secrets, and its endpoints behind the routes. */
import { waitUntil } from 'cloudflare:workers';
import type { Hono } from 'hono';
import { CertificateStore } from '../config/certificate-store.ts';
import { ConfigSecrets } from '../config/secrets.ts';
import { ConfigStore } from '../config/store.ts';
import { endpointOf } from '../endpoint/link.ts';
import type { Env } from '../env.ts';
import { logFailure } from '../errors.ts';
import { placeConfig } from '../placement/place.ts';
import { protocols } from '../protocols/registry.ts';
import { AdminTokenStore } from './admin-token-store.ts';
import { controlApp } from './app.ts';
import { AuditStore } from './audit-store.ts';

const apps = new WeakMap<Env, Hono>();

/** One app per environment: the runtime gives the same object to all requests of an isolate. */
export function controlAppOf(env: Env): Hono {
  let app = apps.get(env);
  if (!app) {
    app = makeApp(env);
    apps.set(env, app);
  }
  return app;
}

function makeApp(env: Env): Hono {
  return controlApp({
    store: new ConfigStore(env.DB),
    secrets: new ConfigSecrets(env.CONFIG_KEY),
    certificates: new CertificateStore(env.DB),
    adminTokens: new AdminTokenStore(env.DB),
    auditLog: new AuditStore(env.DB),
    adminToken: env.ADMIN_TOKEN,
    protocols,
    // The config's own endpoint tries it: from where the pool will be, by the code that the pool uses.
    validateOrigin: ({ id, place, candidate }) =>
      endpointOf(env.ENDPOINT, { configId: id, place }).validate(candidate),
    stateOf: (address) => endpointOf(env.ENDPOINT, address).stats(),
    purge: (address, request) => endpointOf(env.ENDPOINT, address).purge(request),
    why: (address, { sql, settings }) => endpointOf(env.ENDPOINT, address).why(sql, settings),
    configChanged: async ({ id, places }) => {
      await Promise.all(places.map((place) => endpointOf(env.ENDPOINT, { configId: id, place }).reload()));
    },
    place: (id) => placeConfig(env, id),
    placeLater: (id) => waitUntil(placeQuietly(env, id)),
  });
}

/** Swallows errors: nobody waits for it, and the endpoint goes on working from where it is. */
async function placeQuietly(env: Env, id: string): Promise<void> {
  try {
    await placeConfig(env, id);
  } catch (error) {
    logFailure(`config ${id} was not placed`, error);
  }
}
