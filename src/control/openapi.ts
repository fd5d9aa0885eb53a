/**
 * The API as a document (OpenAPI 3.1), made from the schemas that check requests, so that the two cannot
 * disagree. A test compares these routes with those that the app serves.
 */
import { toJsonSchema } from '@valibot/to-json-schema';
import * as v from 'valibot';
import * as results from './result-schemas.ts';
import * as schemas from './schemas.ts';

interface Route {
  summary: string;
  body?: v.GenericSchema;
  query?: { entries: Record<string, v.GenericSchema> };
  result?: v.GenericSchema;
}

const ACCOUNT = '/client/v4/accounts/:account';
const CONFIGS = `${ACCOUNT}/hyperdrive/configs`;
const anything = v.record(v.string(), v.unknown());

export function openApiDocument(schemes: readonly string[]): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [key, route] of Object.entries(routes(schemes))) {
    const [method = '', path = ''] = key.split(' ');
    const documented = path.replace(/:(\w+)/g, '{$1}');
    paths[documented] = { ...paths[documented], [method.toLowerCase()]: operationOf(path, route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Warmpool',
      version: '1',
      description:
        "Cloudflare's Hyperdrive API, and what Warmpool adds to it. Bodies are JSON whatever their content " +
        'type says; any account id is accepted.',
    },
    components: {
      securitySchemes: { admin: { type: 'http', scheme: 'bearer', description: 'An admin token.' } },
    },
    paths,
  };
}

function routes(schemes: readonly string[]): Record<string, Route> {
  const whole = schemas.createSchema(schemes);
  const page = schemas.pageSchema;
  const config = results.configResult;
  return {
    'GET /health': { summary: 'Is the database ready?', result: anything },
    'GET /openapi.json': { summary: 'This document' },
    'GET /client/v4/accounts': { summary: 'The one account', result: v.array(anything) },
    'GET /client/v4/memberships': { summary: 'Its membership', result: v.array(anything) },
    'GET /client/v4/user': { summary: 'Who the token stands for', result: anything },
    'GET /client/v4/user/tokens/verify': { summary: 'Is the token valid?', result: anything },
    [`GET ${CONFIGS}`]: { summary: 'List configs', query: page, result: v.array(config) },
    [`POST ${CONFIGS}`]: { summary: 'Create a config; the origin is tried', body: whole, result: config },
    [`GET ${CONFIGS}/:id`]: { summary: 'Get a config', result: config },
    [`PUT ${CONFIGS}/:id`]: { summary: 'Replace a config', body: whole, result: config },
    [`PATCH ${CONFIGS}/:id`]: {
      summary: 'Change fields of a config',
      body: schemas.patchSchema(schemes),
      result: config,
    },
    [`DELETE ${CONFIGS}/:id`]: { summary: 'Delete a config and its client tokens', result: v.null() },
    [`POST ${CONFIGS}/:id/restart`]: { summary: 'Drain and rebuild the pool', result: config },
    [`POST ${CONFIGS}/:id/place`]: { summary: 'Move the endpoint to where it is best', result: config },
    [`GET ${CONFIGS}/:id/state`]: {
      summary: 'Sessions, pool and cache right now',
      result: results.stateResult,
    },
    [`GET ${CONFIGS}/:id/check`]: { summary: 'Try the origin now', result: results.checkResult },
    [`POST ${CONFIGS}/:id/purge`]: {
      summary: 'Forget cached replies: all, or those with a tag or of a relation',
      body: schemas.purgeSchema,
      result: results.purgeResult,
    },
    [`POST ${CONFIGS}/:id/why`]: {
      summary: 'Would this query be cached, and why not? A read-only token may ask',
      body: schemas.whySchema,
      result: results.whyResult,
    },
    [`GET ${CONFIGS}/:id/tokens`]: {
      summary: 'List client tokens',
      result: v.array(results.clientTokenResult),
    },
    [`POST ${CONFIGS}/:id/tokens`]: {
      summary: 'Make a client token',
      body: schemas.tokenSchema,
      result: results.newClientTokenResult,
    },
    [`DELETE ${CONFIGS}/:id/tokens/:tokenId`]: { summary: 'Revoke a client token', result: v.null() },
    [`GET ${ACCOUNT}/tokens`]: { summary: 'List admin tokens', result: v.array(results.adminTokenResult) },
    [`POST ${ACCOUNT}/tokens`]: {
      summary: 'Make an admin token',
      body: schemas.adminTokenSchema,
      result: results.newAdminTokenResult,
    },
    [`DELETE ${ACCOUNT}/tokens/:tokenId`]: { summary: 'Revoke an admin token', result: v.null() },
    [`GET ${ACCOUNT}/mtls_certificates`]: {
      summary: 'List certificates',
      query: schemas.certificateQuerySchema,
      result: v.array(results.certificateResult),
    },
    [`POST ${ACCOUNT}/mtls_certificates`]: {
      summary: 'Upload a certificate',
      body: schemas.certificateSchema,
      result: results.certificateResult,
    },
    [`GET ${ACCOUNT}/mtls_certificates/:certificateId`]: {
      summary: 'Get a certificate, without its key',
      result: results.certificateResult,
    },
    [`DELETE ${ACCOUNT}/mtls_certificates/:certificateId`]: {
      summary: 'Delete a certificate that no config uses',
      result: results.certificateResult,
    },
    [`GET ${ACCOUNT}/audit_logs`]: {
      summary: 'Writes of the API, newest first',
      query: page,
      result: v.array(results.auditResult),
    },
  };
}

function operationOf(path: string, { summary, body, query, result }: Route): Record<string, unknown> {
  const isOpen = !path.startsWith('/client/');
  const named = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const asked = Object.entries(query?.entries ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    schema: jsonSchemaOf(schema),
  }));
  return {
    summary,
    security: isOpen ? [] : [{ admin: [] }],
    parameters: [...named, ...asked],
    ...(body === undefined ? {} : { requestBody: { required: true, ...jsonContent(jsonSchemaOf(body)) } }),
    responses: {
      200: { description: 'Done', ...(result === undefined ? {} : jsonContent(successOf(result))) },
      ...(isOpen ? {} : { default: { description: 'Refused', ...jsonContent(failureSchema()) } }),
    },
  };
}

function successOf(result: v.GenericSchema): Record<string, unknown> {
  return jsonSchemaOf(
    v.object({
      success: v.literal(true),
      errors: v.array(results.problemResult),
      messages: v.array(v.unknown()),
      result,
      result_info: v.optional(results.pageResult),
    }),
  );
}

function failureSchema(): Record<string, unknown> {
  return jsonSchemaOf(
    v.object({
      success: v.literal(false),
      errors: v.array(results.problemResult),
      messages: v.array(v.unknown()),
      result: v.null(),
    }),
  );
}

function jsonContent(schema: Record<string, unknown>): Record<string, unknown> {
  return { content: { 'application/json': { schema } } };
}

/** What JSON Schema has no word for (bytes of a text, our own checks) is left out of the document. */
function jsonSchemaOf(schema: v.GenericSchema): Record<string, unknown> {
  const { $schema: _, ...rest } = toJsonSchema(schema, { errorMode: 'ignore', typeMode: 'input' });
  return { ...rest };
}
