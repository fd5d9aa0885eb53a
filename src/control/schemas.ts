/**
 * What requests may hold, field by field. What several fields mean together stands in draft.ts. Messages follow
 * the field's name and never quote a value.
 */
import * as v from 'valibot';
import { CONSISTENCIES } from '../config/config.ts';
import { BOOTSTRAP } from './context.ts';
import { placementSchema } from './placement.ts';

/** Hyperdrive's words first, ours after them. What a word means is the protocol's business. */
const SSLMODES = [
  'require',
  'verify-ca',
  'verify-full',
  'REQUIRED',
  'VERIFY_CA',
  'VERIFY_IDENTITY',
  'disable',
  'prefer',
  'no-verify',
  'DISABLED',
  'PREFERRED',
] as const;

export const PER_PAGE_MAX = 1000;
/** Cloudflare's SDK reads one page only, so that page should hold what people have. */
const PER_PAGE_DEFAULT = 100;
const PAGE_MAX = 1_000_000;

const DAY_MS = 86_400_000;

const SCOPES = ['admin', 'read-only'] as const;

/** Of one purge: names of each kind. */
const NAMES_MAX = 100;
const NAME_CHARS_MAX = 255;
const SETTINGS_MAX = 100;

/** A bundle of authorities is the longest. */
const PEM_BYTES_MAX = 60_000;

export type CreateBody = v.InferOutput<ReturnType<typeof createSchema>>;
export type PatchBody = v.InferOutput<ReturnType<typeof patchSchema>>;
export type OriginBody = NonNullable<PatchBody['origin']>;
export type CachingBody = NonNullable<PatchBody['caching']>;
export type MtlsBody = NonNullable<PatchBody['mtls']>;
export type PoolBody = NonNullable<PatchBody['pool']>;

/** POST and PUT. (No return type here: valibot's schema is its own type, and the bodies' types come from it.) */
export function createSchema(schemes: readonly string[]) {
  const { name, origin, ...rest } = configFields(schemes);
  return v.strictObject({ name, origin: v.strictObject(origin), ...rest });
}

/** Any subset. */
export function patchSchema(schemes: readonly string[]) {
  const { name, origin, ...rest } = configFields(schemes);
  return v.strictObject({
    name: v.optional(name),
    origin: v.optional(v.partial(v.strictObject(origin))),
    ...rest,
  });
}

export const tokenSchema = v.strictObject({ user: v.optional(identifier(63), 'app') });

export type CertificateBody = v.InferOutput<typeof certificateSchema>;

export const adminTokenSchema = v.strictObject({
  name: v.pipe(
    configName(),
    v.check(
      (name) => name !== BOOTSTRAP,
      'is what the audit log calls the secret ADMIN_TOKEN. Choose another.',
    ),
  ),
  scope: v.optional(v.picklist(SCOPES, `must be one of: ${SCOPES.join(', ')}.`), 'admin'),
});

/** As `wrangler cert upload` and Cloudflare's SDK send it. */
export const certificateSchema = v.strictObject({
  name: v.optional(identifier(255)),
  certificates: identifier(PEM_BYTES_MAX),
  private_key: v.optional(identifier(PEM_BYTES_MAX)),
  ca: v.boolean('must be true (an authority) or false (a client certificate).'),
});

export const certificateQuerySchema = v.object({
  name: v.optional(v.string()),
  ca: v.optional(v.picklist(['true', 'false'], 'must be true or false.')),
});

/** Any of the three. */
export const purgeSchema = v.pipe(
  v.strictObject({
    everything: v.exactOptional(v.literal(true, 'must be true. Leave it out to purge less.')),
    tags: v.exactOptional(names()),
    relations: v.exactOptional(names()),
  }),
  v.check(
    (body) => Object.keys(body).length > 0,
    'says nothing to purge. Give everything, tags or relations.',
  ),
);

export const whySchema = v.strictObject({
  query: v.pipe(v.string('must be a text.'), v.minLength(1, 'is empty. Give one SQL statement.')),
  settings: v.optional(
    v.pipe(
      v.record(v.string(), v.string('must be a text.'), 'must be a JSON object.'),
      v.maxEntries(SETTINGS_MAX, `has too many names. Give at most ${SETTINGS_MAX}.`),
    ),
  ),
});

export const pageSchema = v.object({
  page: v.optional(pageNumber(PAGE_MAX), '1'),
  per_page: v.optional(pageNumber(PER_PAGE_MAX), String(PER_PAGE_DEFAULT)),
});

function names() {
  const name = v.pipe(
    v.string('must be a text.'),
    v.minLength(1, 'is empty. Give a name.'),
    v.maxLength(NAME_CHARS_MAX, `is too long. Use at most ${NAME_CHARS_MAX} characters.`),
    v.check((text) => !text.includes('\0') && text.isWellFormed(), 'holds a character that no name has.'),
  );
  return v.pipe(
    v.array(name, 'must be a list of texts.'),
    v.minLength(1, 'is empty. Give at least one name.'),
    v.maxLength(NAMES_MAX, `has too many names. Give at most ${NAMES_MAX}.`),
  );
}

function configFields(schemes: readonly string[]) {
  return {
    name: configName(),
    origin: {
      scheme: v.picklist(schemes, `must be one of: ${schemes.join(', ')}.`),
      database: identifier(63),
      user: identifier(63),
      password: identifier(4096),
      host: v.optional(hostName()),
      port: v.optional(integer(1, 65_535)),
      access_client_id: v.optional(identifier(255)),
      access_client_secret: v.optional(identifier(255)),
      service_id: v.optional(identifier(255)),
    },
    caching: v.optional(caching()),
    mtls: v.optional(mtls()),
    origin_connection_limit: v.optional(integer(1, 1000)),
    pool: v.optional(pool()),
    placement: v.optional(placementSchema()),
    require_tls: v.optional(v.boolean('must be true or false.')),
    ...readOnlyFields(),
  };
}

/** A client may send back what it read. These are ours to set, so they are passed over. */
function readOnlyFields() {
  const ignored = v.optional(v.unknown());
  return { id: ignored, created_on: ignored, modified_on: ignored, restarted_on: ignored };
}

/** The name stands in connection strings as the database, so it holds what reads well there. */
function configName() {
  return v.pipe(
    v.string('must be a text.'),
    v.minLength(1, 'is empty. Give it at least one character.'),
    v.maxLength(63, 'is too long. Use at most 63 characters.'),
    v.regex(
      /^[\w.-](?:[\w .-]*[\w.-])?$/,
      'must be made of letters, digits, "-", "_", "." and inner spaces. Choose another one.',
    ),
  );
}

/** A text that travels in a login: those end with a zero byte. */
function identifier(bytesMax: number) {
  return v.pipe(
    v.string('must be a text.'),
    v.minLength(1, 'is empty. Give it.'),
    v.maxBytes(bytesMax, `is too long. Use at most ${bytesMax} bytes.`),
    v.check(
      (text) => !text.includes('\0') && text.isWellFormed(),
      'holds a character that no login can carry.',
    ),
  );
}

/** A name or an address and nothing else: no scheme, port, path or user. (Paths and ports are origin-rules.ts's to judge.) */
function hostName() {
  return v.pipe(
    v.string('must be a text.'),
    v.maxLength(253, 'is too long. Use at most 253 characters.'),
    v.regex(
      /^(?:[/@].*|unix:.*|[A-Za-z0-9_][A-Za-z0-9_.-]*(?::\d+)?|\[?[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\]?(?::\d+)?)$/,
      'must be a host name or an IP address alone, without scheme, port or path.',
    ),
  );
}

function caching() {
  return v.strictObject({
    disabled: v.optional(v.boolean('must be true or false.')),
    max_age: v.optional(integer(1, 3600)),
    stale_while_revalidate: v.optional(integer(0, 3600)),
    consistency: v.optional(v.picklist(CONSISTENCIES, `must be one of: ${CONSISTENCIES.join(', ')}.`)),
    cache_system_catalogs: v.optional(v.boolean('must be true or false.')),
  });
}

/** Null takes a setting away. */
function mtls() {
  return v.strictObject({
    ca_certificate_id: v.nullish(identifier(255)),
    mtls_certificate_id: v.nullish(identifier(255)),
    sslmode: v.nullish(v.picklist(SSLMODES, `must be one of: ${SSLMODES.join(', ')}.`)),
  });
}

/** PoolSettings, in milliseconds. */
function pool() {
  const timeout = v.optional(integer(100, DAY_MS));
  return v.strictObject({
    connect_timeout_ms: timeout,
    acquire_timeout_ms: timeout,
    idle_timeout_ms: timeout,
    max_lifetime_ms: timeout,
    statement_timeout_ms: timeout,
    idle_in_transaction_timeout_ms: timeout,
  });
}

function integer(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}.`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(max, message));
}

function pageNumber(max: number) {
  const message = `must be a whole number from 1 to ${max}.`;
  return v.pipe(
    v.string(message),
    v.regex(/^\d{1,7}$/, message),
    v.transform(Number),
    v.minValue(1, message),
    v.maxValue(max, message),
  );
}
