/** What the API answers, for its document. present.ts makes it; a test holds the two together. */
import * as v from 'valibot';
import { CONSISTENCIES } from '../config/config.ts';

const id = v.pipe(v.string(), v.description('32 hexadecimal digits'));
const time = v.pipe(v.string(), v.isoTimestamp());

export const configResult = v.object({
  id,
  name: v.string(),
  origin: v.object({
    scheme: v.string(),
    host: v.optional(v.string()),
    port: v.optional(v.number()),
    access_client_id: v.optional(v.string()),
    service_id: v.optional(v.string()),
    database: v.string(),
    user: v.string(),
  }),
  caching: v.object({
    disabled: v.boolean(),
    max_age: v.optional(v.number()),
    stale_while_revalidate: v.optional(v.number()),
    consistency: v.optional(v.picklist(CONSISTENCIES)),
    cache_system_catalogs: v.optional(v.boolean()),
  }),
  mtls: v.optional(
    v.object({
      sslmode: v.optional(v.string()),
      ca_certificate_id: v.optional(v.string()),
      mtls_certificate_id: v.optional(v.string()),
    }),
  ),
  require_tls: v.optional(
    v.pipe(v.boolean(), v.description('Drivers that come to a listener without TLS are refused.')),
  ),
  origin_connection_limit: v.number(),
  pool: v.record(v.string(), v.number()),
  created_on: time,
  modified_on: time,
  restarted_on: v.optional(time),
});

export const stateResult = v.object({
  sessions: v.pipe(v.number(), v.description('Drivers that the endpoint serves.')),
  pool: v.nullable(
    v.object({
      size: v.number(),
      idle: v.number(),
      opening: v.number(),
      waiting: v.pipe(v.number(), v.description('Drivers that wait for a connection.')),
      opened: v.pipe(v.number(), v.description('Logins at the origin since the pool was made.')),
    }),
  ),
  caching: v.pipe(configResult.entries.caching, v.description('In force, defaults too.')),
  cache: v.nullable(
    v.object({
      entries: v.pipe(v.number(), v.description('Replies in the memory of the endpoint and its neighbours.')),
      bytes: v.number(),
      statuses: v.pipe(
        v.record(v.string(), v.number()),
        v.description('Queries by what became of them: hit, miss, uncacheable, volatile ...'),
      ),
    }),
  ),
});

export const purgeResult = v.object({ cache_epoch: v.number() });

export const whyResult = v.object({
  status: v.pipe(v.string(), v.description('miss: the query may be cached.')),
  reason: v.optional(v.pipe(v.string(), v.description('Why it may not.'))),
  reads: v.array(v.string()),
  writes: v.union([v.array(v.string()), v.literal('everything')]),
  key: v.object({ settings: v.record(v.string(), v.string()), text: v.string() }),
  max_age: v.optional(v.number()),
  stale_while_revalidate: v.optional(v.number()),
  tags: v.optional(v.array(v.string())),
});

export const checkResult = v.object({
  reachable: v.boolean(),
  code: v.pipe(v.nullable(v.number()), v.description('2008 to 2016, as when a config is made.')),
  message: v.nullable(v.string()),
});

export const clientTokenResult = v.object({ id, user: v.string(), created_on: time });

export const newClientTokenResult = v.object({ ...clientTokenResult.entries, token: shownOnce() });

export const adminTokenResult = v.object({
  id,
  name: v.string(),
  scope: v.picklist(['admin', 'read-only']),
  last_four: v.string(),
  created_on: time,
});

export const newAdminTokenResult = v.object({ ...adminTokenResult.entries, token: shownOnce() });

export const certificateResult = v.object({
  id: v.pipe(v.string(), v.uuid()),
  name: v.optional(v.string()),
  ca: v.boolean(),
  certificates: v.string(),
  type: v.literal('custom'),
  issuer: v.string(),
  serial_number: v.string(),
  expires_on: time,
  uploaded_on: time,
});

export const auditResult = v.object({
  id: v.number(),
  when: time,
  actor: v.pipe(v.string(), v.description('Name of the admin token, or bootstrap.')),
  method: v.string(),
  resource: v.pipe(v.string(), v.description('The path below the account.')),
  fields: v.array(v.string()),
  config_id: v.nullable(v.string()),
});

export const problemResult = v.object({ code: v.number(), message: v.string() });

export const pageResult = v.object({
  page: v.number(),
  per_page: v.number(),
  count: v.number(),
  total_count: v.number(),
  total_pages: v.number(),
});

function shownOnce() {
  return v.pipe(v.string(), v.description('Shown this once.'));
}
