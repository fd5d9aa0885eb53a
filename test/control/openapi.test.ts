import * as v from 'valibot';
import { beforeEach, expect, test } from 'vitest';
import * as results from '../../src/control/result-schemas.ts';
import { CA_CERTIFICATE } from '../fakes/certificates.ts';
import { ACCOUNT, Api, CONFIGS } from './api.ts';
import { freshDatabase } from './database.ts';

let api: Api;
let document: Document;

const IN_FORCE = {
  disabled: false,
  max_age: 60,
  stale_while_revalidate: 15,
  consistency: 'session',
  cache_system_catalogs: false,
};

interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
}

interface Operation {
  security: unknown[];
  parameters: { name: string; in: string; schema: Record<string, unknown> }[];
  // biome-ignore lint/suspicious/noExplicitAny: the test looks into schemas of many shapes
  requestBody?: any;
}

beforeEach(async () => {
  api = new Api((await freshDatabase()).store);
  const { text } = await api.call('GET', '/openapi.json', { headers: { Authorization: '' } });
  document = JSON.parse(text);
});

test('the document tells of every route that is served, and of no other', () => {
  const documented = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
  );
  expect(documented.sort()).toEqual([...new Set(api.routes)].sort());
  expect(document.openapi).toBe('3.1.0');
});

test('bodies and queries are described by the rules that they are checked with', () => {
  const configs = `${ACCOUNT.replace('local', '{account}')}/hyperdrive/configs`;
  const body = document.paths[configs]?.['post']?.requestBody.content['application/json'].schema;
  expect(body.required).toEqual(['name', 'origin']);
  expect(body.additionalProperties).toBe(false);
  expect(body.properties.origin.required).toEqual(['scheme', 'database', 'user', 'password']);
  expect(body.properties.origin.properties.port).toEqual({ type: 'integer', minimum: 1, maximum: 65_535 });
  expect(body.properties.origin.properties.scheme.enum).toEqual(['postgres', 'postgresql', 'mysql']);
  const query = document.paths[configs]?.['get']?.parameters.filter((parameter) => parameter.in === 'query');
  expect(query?.map((parameter) => parameter.name)).toEqual(['page', 'per_page']);
});

test('all but the health and the document itself needs a token', () => {
  const open = Object.entries(document.paths).filter(([, operations]) =>
    Object.values(operations).some((operation) => operation.security.length === 0),
  );
  expect(open.map(([path]) => path)).toEqual(['/health', '/openapi.json']);
});

test('answers are as the document says', async () => {
  const id = await api.create({ caching: { max_age: 5 }, mtls: { sslmode: 'require' } });
  api.state = {
    sessions: 2,
    pool: { size: 1, idle: 0, opening: 0, waiting: 3, opened: 4 },
    cache: { entries: 1, bytes: 200, statuses: { hit: 3, parseerror: 1 } },
  };
  api.answer = {
    status: 'uncacheable',
    reason: 'It writes.',
    reads: ['public.users'],
    writes: 'everything',
    key: { settings: { role: 'none' }, text: 'select 1' },
    ttlSeconds: 60,
    swrSeconds: 15,
    tags: ['t'],
  };
  const pem = { certificates: CA_CERTIFICATE, ca: true };
  for (const [method, path, schema, body] of [
    ['GET', CONFIGS, v.array(results.configResult)],
    ['POST', `${CONFIGS}/${id}/restart`, results.configResult],
    ['GET', `${CONFIGS}/${id}/state`, results.stateResult],
    ['GET', `${CONFIGS}/${id}/check`, results.checkResult],
    ['POST', `${CONFIGS}/${id}/purge`, results.purgeResult, { everything: true }],
    ['POST', `${CONFIGS}/${id}/why`, results.whyResult, { query: 'select 1' }],
    ['POST', `${CONFIGS}/${id}/tokens`, results.newClientTokenResult, {}],
    ['GET', `${CONFIGS}/${id}/tokens`, v.array(results.clientTokenResult)],
    ['POST', `${ACCOUNT}/tokens`, results.newAdminTokenResult, { name: 'ci' }],
    ['GET', `${ACCOUNT}/tokens`, v.array(results.adminTokenResult)],
    ['POST', `${ACCOUNT}/mtls_certificates`, results.certificateResult, pem],
    ['GET', `${ACCOUNT}/audit_logs`, v.array(results.auditResult)],
  ] as const) {
    const { json } = await api.call(method, path, { body });
    const checked = v.safeParse(schema as v.GenericSchema, json.result);
    expect(checked.issues, `${method} ${path}`).toBeUndefined();
    // Nothing is told but what the document tells of.
    expect(checked.output, `${method} ${path}`).toEqual(json.result);
  }
});

test('the state of a config that has no pool yet is told as such, of an unknown one not at all', async () => {
  const id = await api.create();
  expect((await api.call('GET', `${CONFIGS}/${id}/state`)).json.result).toEqual({
    sessions: 0,
    pool: null,
    caching: IN_FORCE,
    cache: null,
  });
  expect((await api.call('GET', `${CONFIGS}/unknown/state`)).status).toBe(404);
});

test('the state tells the caching in force, said or not, and what the cache did', async () => {
  const id = await api.create({ caching: { consistency: 'strict' } });
  const cache = { entries: 2, bytes: 300, statuses: { hit: 5, volatile: 1 } };
  api.state = { sessions: 0, pool: undefined, cache };
  const { result } = (await api.call('GET', `${CONFIGS}/${id}/state`)).json;
  expect(result).toEqual({ sessions: 0, pool: null, caching: { ...IN_FORCE, consistency: 'strict' }, cache });
  await api.call('PATCH', `${CONFIGS}/${id}`, { body: { caching: { disabled: true } } });
  const off = (await api.call('GET', `${CONFIGS}/${id}/state`)).json.result;
  expect(off.caching).toEqual({ disabled: true });
});
