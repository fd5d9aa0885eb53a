/** What each tier of the cache costs: the same query, answered from different places. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from 'pg';
import { makeTemporaryFolder } from '../../src/cli/leftovers.ts';
import { medianOf } from '../../src/cli/table.ts';
import { clientOf, quantileOf } from './handshake.ts';
import { measureThroughput } from './pgbench.ts';
import type { Target } from './target.ts';
import type { Targets } from './targets.ts';

const TEXT = 'select abalance from pgbench_accounts where aid = $1';
/** Rows that are asked for again and again. */
const HOT_KEYS = 500;
/** Each of them costs a round trip once. */
const FAR_KEYS = 50;
/** Rows that nobody has asked for before begin here. */
const COLD_KEYS = 10_000;
const CLIENTS = 16;
/** What the others are compared with. */
export const PGBOUNCER = 'PgBouncer';
/** pgbench's own select-only transaction, on few rows. */
const SCRIPT = `\\set aid random(1, ${HOT_KEYS})\nSELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n`;

/** One place from which replies come. */
export interface CacheResult {
  name: string;
  p50Ms: number;
  p99Ms: number;
  /** Of these replies, so many came from where the name says. */
  share: number;
  /** Transactions a second with 16 clients, simple queries; undefined where it makes no sense. */
  tps?: number | undefined;
}

export interface FarResult {
  rttMs: number;
  /** A new connection, one read, from connect to answer. */
  directMs: number;
  /** By a TCP listener, where the driver proves that it knows a token: half of the time is its own PBKDF2. */
  cachedMs: number;
  /** By a bound capability, as a Worker reaches it. */
  boundMs: number;
}

export async function measureCache(
  targets: Targets,
  options: { pgbench: string; seconds: number; rounds: number },
): Promise<CacheResult[]> {
  const { direct, pgbouncer, warmpool, caching } = targets;
  const { session, strict, far } = caching;
  const hot = Array.from({ length: HOT_KEYS }, (_, index) => index + 1);
  const cold = Array.from({ length: HOT_KEYS }, (_, index) => COLD_KEYS + index);
  await untilCached(session);
  await untilCached(strict);
  const tps = await measureInTurns([session, strict, warmpool, direct, pgbouncer], options);
  // What is asked for again below must not be too old by then.
  await timeReads(session, hot);
  await timeReads(strict, hot);
  await untilCached(far.session);
  await timeReads(far.session, hot.slice(0, FAR_KEYS));
  const results = [
    { name: 'isolate memory', ...(await timeReads(session, hot, 'hit (memory')), tps: tps.get(session) },
    // Next door the endpoint is quicker, and the Cache API is not asked.
    { name: 'Cache API', ...(await timeReads(far.otherEdge, hot.slice(0, FAR_KEYS), 'hit (cache api')) },
    { name: 'endpoint', ...(await timeReads(strict, hot, 'hit')), tps: tps.get(strict) },
    { name: 'miss', ...(await timeReads(session, cold, 'miss')) },
    { name: 'caching off', ...(await timeReads(warmpool, hot)), tps: tps.get(warmpool) },
    { name: 'direct', ...(await timeReads(direct, hot)), tps: tps.get(direct) },
  ];
  if (!pgbouncer) return results;
  return [...results, { name: PGBOUNCER, ...(await timeReads(pgbouncer, hot)), tps: tps.get(pgbouncer) }];
}

/** Transactions a second: medians of rounds in which all take their turns. */
async function measureInTurns(
  targets: readonly (Target | undefined)[],
  { pgbench, seconds, rounds }: { pgbench: string; seconds: number; rounds: number },
): Promise<Map<Target | undefined, number>> {
  const load = { mode: 'simple', clients: CLIENTS, script: await scriptFile() } as const;
  const samples = targets.flatMap((target) => (target ? [{ target, tps: [] as number[] }] : []));
  // One round more than counts: each text is a miss once.
  for (let round = 0; round <= rounds; round += 1) {
    for (const { target, tps } of samples) {
      const measured = await measureThroughput({ pgbench, seconds, target, load });
      if (round > 0) tps.push(measured.tps);
    }
  }
  return new Map(samples.map(({ target, tps }) => [target, medianOf(tps)]));
}

/** Medians of each way by itself: between two of a far way's reads everything else would go to sleep. */
export async function measureFar({ caching }: Targets, rounds: number): Promise<FarResult> {
  const { rttMs, direct, session, bound } = caching.far;
  await untilCached(session);
  const medianMs = async (target: Target): Promise<number> => {
    const times: number[] = [];
    for (let round = 0; round < rounds; round += 1) times.push(await timeConnectAndRead(target));
    return medianOf(times);
  };
  return {
    rttMs,
    directMs: await medianMs(direct),
    cachedMs: await medianMs(session),
    boundMs: await medianMs(bound),
  };
}

async function timeConnectAndRead(target: Target): Promise<number> {
  const client = clientOf(target);
  const startedAtMs = performance.now();
  await client.connect();
  await client.query('select count(*) from pgbench_branches');
  const ms = performance.now() - startedAtMs;
  await client.end();
  return ms;
}

/** One after the other on one connection. With `expected` notices say where each reply came from. */
async function timeReads(
  target: Target,
  keys: readonly number[],
  expected?: string,
): Promise<{ p50Ms: number; p99Ms: number; share: number }> {
  const client = clientOf(target);
  let asExpected = 0;
  client.on('notice', ({ message }) => {
    if (expected !== undefined && message?.startsWith(`warmpool: ${expected}`)) asExpected += 1;
  });
  await client.connect();
  if (expected !== undefined) await client.query('set warmpool.debug = on');
  const times: number[] = [];
  for (const key of keys) {
    const startedAtMs = performance.now();
    await client.query(TEXT, [key]);
    times.push(performance.now() - startedAtMs);
  }
  await client.end();
  times.sort((a, b) => a - b);
  const share = expected === undefined ? 1 : asExpected / keys.length;
  return { p50Ms: quantileOf(times, 0.5), p99Ms: quantileOf(times, 0.99), share };
}

/** The origin's catalog is read behind the first query: only then is anything kept. */
async function untilCached(target: Target): Promise<void> {
  const client: Client = clientOf(target);
  let isHit = false;
  client.on('notice', ({ message }) => {
    isHit ||= message?.startsWith('warmpool: hit') === true;
  });
  await client.connect();
  await client.query('set warmpool.debug = on');
  while (!isHit) await client.query('select count(*) from pgbench_branches');
  await client.end();
}

async function scriptFile(): Promise<string> {
  const folder = await makeTemporaryFolder('warmpool-bench-script');
  const path = join(folder.path, 'hot.sql');
  await writeFile(path, SCRIPT);
  return path;
}
