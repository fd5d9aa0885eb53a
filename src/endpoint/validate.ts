/**
 * Tries an origin as the pool would use it: connects, logs in, runs a test query. What fails is reported in
 * Hyperdrive's codes and words, with the origin's own behind them.
 */
import { lookup } from 'node:dns/promises';
import { tlsPolicyOf } from '../config/tls-mode.ts';
import type { Env } from '../env.ts';
import { PoolerError } from '../errors.ts';
import type { EndpointSide } from '../protocols/contract.ts';
import { protocolOfScheme } from '../protocols/registry.ts';
import { withDeadline } from '../transport/deadline.ts';
import { isAddress } from '../transport/host.ts';
import type { OriginCandidate, ValidationResult } from './link.ts';
import { openConnection, STATEMENTS_MAX } from './open-connection.ts';
import { diagnosing, transportTo } from './transport-to.ts';

const LOOKUP_MS = 2_000;

/** https://developers.cloudflare.com/hyperdrive/observability/troubleshooting/ */
const WORDS: Record<number, string> = {
  2008: 'Bad hostname.',
  2009: 'The hostname does not resolve.',
  2010: 'Cannot connect to the host:port.',
  2011: 'Connection refused.',
  2012: 'TLS (SSL) not supported by the database.',
  2013: 'Invalid database credentials.',
  2014: 'The specified database name does not exist.',
  2015: 'Failed to connect to the provided database.',
  2016: 'Test query failed.',
};

export async function validateOrigin(candidate: OriginCandidate, env: Env): Promise<ValidationResult> {
  const side = protocolOfScheme(candidate.scheme)?.openEndpoint({ statementsMax: STATEMENTS_MAX });
  if (!side) return failed(2015, `unknown scheme ${candidate.scheme}`);
  try {
    const transport = await transportTo(candidate, env);
    const connection = await openConnection({ side, origin: candidate, transport, closeAfter: Infinity });
    try {
      const { error } = await connection.ask(side.testQuery, candidate.connectTimeoutMs);
      return error ? failed(2016, error.message) : { ok: true, facts: connection.facts };
    } finally {
      connection.close();
    }
  } catch (cause) {
    return explain(await diagnose(PoolerError.from(cause), { side, candidate }), candidate);
  }
}

/** The runtime says only that it trusts a certificate or not; our own TLS says what is wrong with it. */
async function diagnose(
  error: PoolerError,
  { side, candidate }: { side: EndpointSide; candidate: OriginCandidate },
): Promise<PoolerError> {
  const isUnclear =
    error.message.endsWith('tls_handshake_failed') && tlsPolicyOf(candidate).vouches === 'public';
  if (!isUnclear) return error;
  try {
    const transport = diagnosing(candidate);
    const connection = await openConnection({ side, origin: candidate, transport, closeAfter: Infinity });
    connection.close();
    return error;
  } catch (cause) {
    return PoolerError.from(cause);
  }
}

async function explain(
  { apiCode, message, hint }: PoolerError,
  { host }: OriginCandidate,
): Promise<ValidationResult> {
  const detail = hint ?? message;
  if (apiCode !== 2011 || isAddress(host)) return failed(apiCode ?? 2015, detail);
  // The runtime says the same of a name that does not resolve and of a port where nobody listens.
  const resolves = await doesResolve(host);
  if (resolves === undefined) return failed(2010, `${host} does not resolve, or nothing listens there`);
  return resolves ? failed(2011, detail) : failed(2009, host);
}

/** Undefined: there is nobody to ask. */
async function doesResolve(host: string): Promise<boolean | undefined> {
  try {
    await withDeadline(lookup(host), LOOKUP_MS, () => new Error('no answer'));
    return true;
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    return code === 'ENOTFOUND' || code === 'ENODATA' ? false : undefined;
  }
}

function failed(code: number, detail: string): ValidationResult {
  const words = WORDS[code] ?? WORDS[2015];
  return { ok: false, code, message: detail === words ? detail : `${words} (${detail})` };
}
