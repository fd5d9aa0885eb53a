/** What the runtime gives us: bindings of wrangler.jsonc, and secrets. */
import type { Endpoint } from './endpoint/endpoint.ts';
import type { Prober } from './placement/prober.ts';

export interface Env {
  DB: D1Database;
  ENDPOINT: DurableObjectNamespace<Endpoint>;
  PROBER: DurableObjectNamespace<Prober>;
  /** Base64 of 32 random bytes: the key under which origin secrets are stored. */
  CONFIG_KEY?: string;
  /** Bearer token of the API. */
  ADMIN_TOKEN?: string;
  /** Port to protocol, as JSON: see edge/listener.ts. */
  LISTENERS?: string;
  /** PEM, for TLS on listeners: a certificate with the chain behind it, and its key. See edge/secure.ts. */
  TLS_CERTIFICATE?: string;
  TLS_KEY?: string;
  /** Regions of an own network: see placement/routes.ts. */
  PLACEMENT_ROUTES?: string;
}
