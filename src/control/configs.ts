/** Routes on configs. The origin is tried before anything is stored, and told to its endpoint afterwards. */
import { type Context, Hono } from 'hono';
import type * as v from 'valibot';
import type { CertificateStore } from '../config/certificate-store.ts';
import type { StoredConfig } from '../config/config-row.ts';
import {
  type OriginSecrets,
  openSecrets,
  type SealedSecrets,
  sealSecrets,
} from '../config/origin-secrets.ts';
import { type EndpointPlace, firstPlacement, placesOf } from '../config/placement.ts';
import type { ConfigSecrets } from '../config/secrets.ts';
import type { ConfigStore, SealedOrigin } from '../config/store.ts';
import { candidateOf, type OriginCandidate } from '../endpoint/link.ts';
import { logFailure } from '../errors.ts';
import { type Checked, check, readBody, refused } from './body.ts';
import { problemsOfUnknown } from './certificates.ts';
import { noteConfig } from './context.ts';
import { type Draft, draftOfCreate, draftOfPatch, draftOfReplace, type SchemeLookup } from './draft.ts';
import { Code, type Failure, fail, failed, NOT_FOUND, pageInfo, succeed } from './envelope.ts';
import { isPlacedAnew, placeToBe } from './placement.ts';
import { presentConfig } from './present.ts';
import { createSchema, type MtlsBody, pageSchema, patchSchema } from './schemas.ts';

export interface ConfigChange {
  id: string;
  kind: 'updated' | 'deleted' | 'restarted';
  /** Where its drivers may be. */
  places: EndpointPlace[];
}

/** An origin as it shall be tried: the only place where secrets travel in the clear. */
export interface OriginToValidate {
  id: string;
  place: EndpointPlace;
  candidate: OriginCandidate;
}

export type OriginValidation =
  | { ok: true; facts: NonNullable<StoredConfig['facts']> }
  | { ok: false; code: number; message: string };

type ConfigSchema = v.GenericSchema<unknown, { mtls?: MtlsBody | undefined }>;

export interface ConfigRoutesOptions {
  store: ConfigStore;
  secrets: ConfigSecrets;
  certificates: CertificateStore;
  schemes: readonly string[];
  rulesOf: SchemeLookup;
  /** Connects, logs in and asks, by the endpoint's own code. */
  validateOrigin(input: OriginToValidate): Promise<OriginValidation>;
  configChanged(change: ConfigChange): Promise<void>;
  /** Finds the best place for its endpoint, after the answer. */
  placeLater(id: string): void;
}

const NAME_TAKEN = failed(409, Code.nameTaken, 'name belongs to another config. Choose another one.');

const CHANGED_MEANWHILE = failed(
  409,
  Code.changedMeanwhile,
  'The config was changed by somebody else meanwhile. Read it and send your change again.',
);

export function configRoutes(options: ConfigRoutesOptions): Hono {
  const { store, rulesOf } = options;
  const whole = createSchema(options.schemes);
  const partial = patchSchema(options.schemes);
  const routes = new Hono();

  routes.get('/', async (c) => {
    const query = check(pageSchema, c.req.query());
    if (!query.ok) return fail(c, query.failure);
    const { page, per_page: perPage } = query.value;
    const { configs, totalCount } = await store.list({ page, perPage });
    const info = pageInfo({ page, perPage, count: configs.length, totalCount });
    return succeed(c, configs.map(presentConfig), info);
  });

  routes.post('/', async (c) => {
    const body = await readConfig(c, whole, options);
    const draft = body.ok ? draftOfCreate(body.value, rulesOf) : body;
    return answer(c, draft.ok ? await create(options, draft.value) : draft);
  });

  routes.get('/:id', async (c) => {
    const config = await store.get(c.req.param('id'));
    return config === undefined ? fail(c, NOT_FOUND) : succeed(c, presentConfig(config));
  });

  routes.put('/:id', async (c) => {
    const current = await store.sealedOriginOf(c.req.param('id'));
    if (current === undefined) return fail(c, NOT_FOUND);
    const body = await readConfig(c, whole, options);
    const draft = body.ok ? draftOfReplace(body.value, current.config, rulesOf) : body;
    return answer(c, draft.ok ? await update(options, current, draft.value) : draft);
  });

  routes.patch('/:id', async (c) => {
    const current = await store.sealedOriginOf(c.req.param('id'));
    if (current === undefined) return fail(c, NOT_FOUND);
    const body = await readConfig(c, partial, options);
    const draft = body.ok ? draftOfPatch(body.value, current.config, rulesOf) : body;
    return answer(c, draft.ok ? await update(options, current, draft.value) : draft);
  });

  routes.delete('/:id', async (c) => {
    const config = await store.get(c.req.param('id'));
    if (config === undefined || !(await store.remove(config.id))) return fail(c, NOT_FOUND);
    await announce(options, config, 'deleted');
    return succeed(c, null);
  });

  routes.post('/:id/restart', async (c) => {
    const id = c.req.param('id');
    if (!(await store.markRestarted({ id, restartedOn: now() }))) return fail(c, NOT_FOUND);
    const config = await store.get(id);
    if (config === undefined) return fail(c, NOT_FOUND);
    await announce(options, config, 'restarted');
    return succeed(c, presentConfig(config));
  });

  return routes;
}

/** A body whose certificates exist. */
async function readConfig<S extends ConfigSchema>(
  c: Context,
  schema: S,
  { certificates }: ConfigRoutesOptions,
): Promise<Checked<v.InferOutput<S>>> {
  const body = await readBody(c, schema);
  const errors = body.ok ? await problemsOfUnknown(certificates, body.value.mtls) : [];
  return errors.length > 0 ? refused({ status: 400, errors }) : body;
}

function answer(c: Context, outcome: Checked<StoredConfig>): Response {
  if (!outcome.ok) return fail(c, outcome.failure);
  noteConfig(c, outcome.value.id);
  return succeed(c, presentConfig(outcome.value));
}

async function create(
  options: ConfigRoutesOptions,
  { settings, pinned, secrets: given }: Draft,
): Promise<Checked<StoredConfig>> {
  const { store, secrets } = options;
  // Asked first so that a taken name does not cost a login at the origin; decided by the insert.
  if (await store.isNameTaken(settings.name)) return refused(NAME_TAKEN);
  const id = newId();
  const clear = { password: '', ...given };
  const sealed = await sealSecrets(secrets, id, { given: clear, kept: { passwordSealed: '' } });
  const placement = firstPlacement(pinned);
  const tried = await tryOrigin(options, {
    id,
    place: placement.endpoint,
    candidate: candidateOf(settings, clear),
  });
  if (!tried.ok) return tried;
  const createdOn = now();
  const config: StoredConfig = {
    ...settings,
    id,
    version: 1,
    facts: tried.value,
    createdOn,
    modifiedOn: createdOn,
    restartedOn: undefined,
    placement,
  };
  const outcome = await store.insert({ config, ...sealed });
  if (outcome === 'name taken') return refused(NAME_TAKEN);
  options.placeLater(id);
  return { ok: true, value: config };
}

/** Until the last line the old config stands and works. */
async function update(
  options: ConfigRoutesOptions,
  current: SealedOrigin,
  draft: Draft,
): Promise<Checked<StoredConfig>> {
  const { store } = options;
  const { settings, pinned } = draft;
  const place = placeToBe(current.config, pinned);
  const { id, name, version } = current.config;
  if (settings.name !== name && (await store.isNameTaken(settings.name))) return refused(NAME_TAKEN);
  const isTried = draft.isOriginChanged || place !== current.config.placement.endpoint;
  const tried: Checked<StoredConfig['facts']> = isTried
    ? await tryOrigin(options, {
        id,
        place,
        candidate: candidateOf(settings, await nextSecrets(options, current, draft)),
      })
    : { ok: true, value: current.config.facts };
  if (!tried.ok) return tried;
  const config: StoredConfig = {
    ...current.config,
    ...settings,
    version: version + 1,
    facts: tried.value,
    modifiedOn: now(),
    placement: { ...current.config.placement, pinned },
  };
  const sealed = await nextSealed(options, current, draft);
  const outcome = await store.update({ config, ...sealed });
  if (outcome === 'name taken') return refused(NAME_TAKEN);
  if (outcome === 'not current') return refused(await lostRace(store, id));
  await announce(options, config, 'updated');
  if (isPlacedAnew(current.config, config)) options.placeLater(id);
  return { ok: true, value: config };
}

async function lostRace(store: ConfigStore, id: string): Promise<Failure> {
  return (await store.get(id)) === undefined ? NOT_FOUND : CHANGED_MEANWHILE;
}

/** What is given, over what is stored. A way that needs no secret keeps none. */
async function nextSecrets(
  { secrets }: ConfigRoutesOptions,
  current: SealedOrigin,
  { settings, secrets: given }: Draft,
): Promise<OriginSecrets> {
  const { password, accessClientSecret } = { ...(await openSecrets(secrets, current)), ...given };
  return settings.origin.accessClientId === undefined ? { password } : { password, accessClientSecret };
}

function nextSealed(
  { secrets }: ConfigRoutesOptions,
  { config, passwordSealed, accessSecretSealed }: SealedOrigin,
  { settings, secrets: given }: Draft,
): Promise<SealedSecrets> {
  const isTunnel = settings.origin.accessClientId !== undefined;
  const kept = isTunnel ? { passwordSealed, accessSecretSealed } : { passwordSealed };
  return sealSecrets(secrets, config.id, { given, kept });
}

async function tryOrigin(
  { validateOrigin }: ConfigRoutesOptions,
  attempt: OriginToValidate,
): Promise<Checked<NonNullable<StoredConfig['facts']>>> {
  const result = await validateOrigin(attempt);
  return result.ok ? { ok: true, value: result.facts } : refused(failed(400, result.code, result.message));
}

/** Swallows errors: what is stored stands, and an endpoint that missed the news reads the version itself. */
async function announce(
  { configChanged }: ConfigRoutesOptions,
  { id, placement }: StoredConfig,
  kind: ConfigChange['kind'],
): Promise<void> {
  try {
    await configChanged({ id, kind, places: placesOf(placement) });
  } catch (error) {
    logFailure(`config ${id} is ${kind}, but its endpoint was not told`, error);
  }
}

/** Random, because its first 20 bits spread cancel requests. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function now(): string {
  return new Date().toISOString();
}
