/**
 * One per location hint, for all configs: measures how far an origin is from there. It keeps nothing, and it
 * connects by the code that the pool uses, so what it measures is what drivers would get.
 */
import { DurableObject } from 'cloudflare:workers';
import type { Region } from '../config/placement.ts';
import type { OriginCandidate } from '../endpoint/link.ts';
import { openConnection, STATEMENTS_MAX } from '../endpoint/open-connection.ts';
import { transportTo } from '../endpoint/transport-to.ts';
import type { Env } from '../env.ts';
import { PoolerError } from '../errors.ts';
import type { EndpointSide } from '../protocols/contract.ts';
import { protocolOfScheme } from '../protocols/registry.ts';
import type { Transport } from '../transport/byte-stream.ts';
import { isHint } from './hints.ts';
import { routesOf } from './routes.ts';

export interface ProbeLimits {
  /** So many connections, one after the other. */
  attempts: number;
  /** So many test queries on each. */
  queries: number;
  deadlineMs: number;
}

/** Whoever needs so long for a login is not the nearest, and silent places shall not hold up the others. */
const CONNECT_MS_MAX = 5_000;

interface Samples {
  connectMs: number[];
  queryMs: number[];
}

export class Prober extends DurableObject<Env> {
  async probe(candidate: OriginCandidate, limits: ProbeLimits): Promise<Region> {
    const protocol = protocolOfScheme(candidate.scheme);
    if (!protocol) return { error: `unknown scheme ${candidate.scheme}` };
    const side = protocol.openEndpoint({ statementsMax: STATEMENTS_MAX });
    const samples: Samples = { connectMs: [], queryMs: [] };
    const until = Date.now() + limits.deadlineMs;
    let error: string | undefined;
    try {
      const origin = { ...candidate, ...this.#route() };
      const transport = await transportTo(origin, this.env);
      for (let attempt = 0; attempt < limits.attempts; attempt += 1)
        await measure({ side, origin, transport, queries: limits.queries, until, samples });
    } catch (cause) {
      // What was measured until then counts: a region that is slow is not one that is unreachable.
      error = PoolerError.from(cause).message;
    }
    const connectMs = medianOf(samples.connectMs);
    const queryMs = medianOf(samples.queryMs);
    if (connectMs === undefined || queryMs === undefined) return { error: error ?? 'nothing was measured' };
    return { connectMs, queryMs };
  }

  #route(): { host: string; port: number } | undefined {
    const hint = this.ctx.id.name ?? '';
    return isHint(hint) ? routesOf(this.env.PLACEMENT_ROUTES)?.[hint] : undefined;
  }
}

/** One connection. The clock of a Worker moves on with I/O only, and so exactly where it is read here. */
async function measure(options: {
  side: EndpointSide;
  origin: OriginCandidate;
  transport: Transport;
  queries: number;
  until: number;
  samples: Samples;
}): Promise<void> {
  const { side, origin, transport, queries, until, samples } = options;
  const leftMs = (): number => Math.max(1, until - Date.now());
  const connectTimeoutMs = Math.min(CONNECT_MS_MAX, leftMs(), origin.connectTimeoutMs);
  const dialledAt = Date.now();
  const connection = await openConnection({
    side,
    origin: { ...origin, connectTimeoutMs },
    transport,
    closeAfter: Infinity,
  });
  try {
    samples.connectMs.push(Date.now() - dialledAt);
    for (let query = 0; query < queries; query += 1) {
      const askedAt = Date.now();
      const { error } = await connection.ask(side.testQuery, leftMs());
      if (error) throw error;
      samples.queryMs.push(Date.now() - askedAt);
    }
  } finally {
    connection.close();
  }
}

/** The lower of the two in the middle, where there are two. */
function medianOf(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
}
