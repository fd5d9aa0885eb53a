/**
 * `npm run bench`: direct, PgBouncer and Warmpool side by side. The targets take turns within each row and each
 * round, so that a slow moment of the machine hits all of them; only the ratios of one run mean something.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { parseInteger } from '../../src/cli/options.ts';
import { runStep } from '../../src/cli/steps.ts';
import { type CacheResult, type FarResult, measureCache, measureFar } from './cache.ts';
import { measureMySql } from './mysql.ts';
import { findPgbench, initialise, versionOfPgbench } from './pgbench.ts';
import {
  mediansOf,
  type Outcome,
  type RowResult,
  renderCache,
  renderFar,
  renderMySql,
  renderReport,
  renderTransports,
  resultOf,
} from './report.ts';
import { type Row, rowsOf } from './rows.ts';
import type { Target } from './target.ts';
import { startTargets, type Targets } from './targets.ts';
import { measureTransports } from './transports.ts';

/** What `--only` calls them. */
const CACHE = 'cache';
const TRANSPORTS = 'transports';
const FAR_ROUNDS = 21;
const SECONDS_MAX = 600;
const ROUNDS_MAX = 100;
const SCALE = 10;
const SCALE_QUICK = 1;
const DEFAULT_JSON = join(import.meta.dirname, '../../.warmpool/bench.json');

interface BenchOptions {
  seconds: number;
  rounds: number;
  quick?: true;
  only?: string;
  json: string;
}

export async function main(args: string[]): Promise<void> {
  await new Command('bench')
    .description('measure Warmpool beside a direct connection and PgBouncer')
    .option('--seconds <n>', 'how long each measurement takes', parseSeconds, 3)
    .option('--rounds <n>', 'measurements of each, of which the median counts', parseRounds, 3)
    .option('--quick', 'one round of one second and few rows: does it work at all')
    .option('--only <text>', 'only the rows whose name contains the text')
    .option('--json <file>', 'where the numbers go', DEFAULT_JSON)
    .action(bench)
    .parseAsync(args, { from: 'user' });
}

function parseSeconds(text: string): number {
  return parseInteger(text, { min: 1, max: SECONDS_MAX });
}

function parseRounds(text: string): number {
  return parseInteger(text, { min: 1, max: ROUNDS_MAX });
}

async function bench(options: BenchOptions): Promise<void> {
  const isQuick = options.quick === true;
  const { seconds, rounds } = isQuick ? { seconds: 1, rounds: 1 } : options;
  const pgbench = findPgbench();
  const rows = rowsOf({ pgbench, seconds, isQuick }).filter(({ name }) => name.includes(options.only ?? ''));
  const targets = await startTargets();
  const scale = isQuick ? SCALE_QUICK : SCALE;
  await runStep('pgbench -i', () => initialise({ pgbench, target: targets.direct, scale }));

  const results: RowResult[] = [];
  for (const row of rows) results.push(await runStep(row.name, () => measureRow({ row, targets, rounds })));
  if (results.length > 0) console.log(`\n${renderReport(rows, results)}\n\n${notesOn({ seconds, rounds })}`);
  const isCacheWanted = CACHE.includes(options.only ?? '');
  const cache = isCacheWanted
    ? await measureCaching({ targets, pgbench, seconds, rounds, farRounds: isQuick ? 3 : FAR_ROUNDS })
    : undefined;
  const mysql = await measureMySql(targets.startMySql, {
    ...{ seconds, rounds, isQuick },
    only: options.only ?? '',
  }).catch(withoutMySql);
  if (mysql) console.log(`\n${renderMySql(mysql.rows)}\n\nThrough Warmpool with caching off, and on.`);
  const isTransportWanted = TRANSPORTS.includes(options.only ?? '');
  const transports = isTransportWanted
    ? await runStep('transports', () => measureTransports(rounds))
    : undefined;
  if (transports) console.log(`\n${renderTransports(transports)}`);
  const report = {
    at: new Date().toISOString(),
    machine: machine(),
    versions: { ...versionsOf(targets), pgbench: await versionOfPgbench(pgbench), node: process.version },
    options: { seconds, rounds, scale },
    rows: results,
    ...cache,
    mysql,
    transports,
  };
  await write(resolve(options.json), JSON.stringify(report, null, 2));
}

async function measureCaching(work: {
  targets: Targets;
  pgbench: string;
  seconds: number;
  rounds: number;
  farRounds: number;
}): Promise<{ cache: CacheResult[]; far: FarResult }> {
  const cache = await runStep('cache', () => measureCache(work.targets, work));
  const far = await runStep('cache, far away', () => measureFar(work.targets, work.farRounds));
  console.log(`\n${renderCache(cache)}\n\n${renderFar(far)}`);
  return { cache, far };
}

async function measureRow(work: { row: Row; targets: Targets; rounds: number }): Promise<RowResult> {
  const { direct, pgbouncer, warmpool } = work.targets;
  const outcomes = {
    direct: newOutcome(direct),
    pgbouncer: newOutcome(pgbouncer),
    warmpool: newOutcome(warmpool),
  };
  for (let round = 0; round < (work.row.isOnce ? 1 : work.rounds); round += 1) {
    for (const target of [direct, pgbouncer, warmpool]) {
      if (target) await measureOnce({ row: work.row, target, outcome: outcomes[target.name] });
    }
  }
  for (const outcome of Object.values(outcomes)) {
    if (outcome.problem === undefined && outcome.samples.length > 0)
      outcome.medians = mediansOf(outcome.samples);
  }
  return resultOf(work.row, outcomes);
}

function newOutcome(target: Target | undefined): Outcome {
  return target ? { samples: [] } : { samples: [], problem: 'not installed' };
}

/** A target that cannot do it is not asked again in this row. */
async function measureOnce(work: { row: Row; target: Target; outcome: Outcome }): Promise<void> {
  const { row, target, outcome } = work;
  if (outcome.problem !== undefined) return;
  try {
    const sample = await row.measure(target);
    if (sample) outcome.samples.push(sample);
    else outcome.problem = '-';
  } catch (error) {
    outcome.problem = 'fails';
    const message = error instanceof Error ? error.message : String(error);
    console.error(`\n${row.name}: ${target.name} fails: ${message.slice(-500)}`);
  }
}

/** Not on every machine can it be had; the other numbers are measured already. */
function withoutMySql(error: unknown): undefined {
  console.error(`\nNot measured: MySQL. ${error}`);
}

function notesOn({ seconds, rounds }: { seconds: number; rounds: number }): string {
  return `Medians of ${rounds} x ${seconds} s; ratios are Warmpool's number divided by the other's. Both poolers have 20
origin connections, check SCRAM-SHA-256 against a stored verifier, and speak no TLS. Caching is off, but
in the rows of the cache. PgBouncer before 1.21 cannot do prepared statements in transaction mode.`;
}

function versionsOf(targets: Targets): Record<string, string | null> {
  return {
    postgres: targets.direct.version,
    pgbouncer: targets.pgbouncer?.version ?? null,
    warmpool: targets.warmpool.version,
  };
}

function machine(): Record<string, string | number> {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    system: `${process.platform} ${process.arch} ${release()}`,
  };
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${text}\n`);
  console.log(`\nAll numbers: ${path}`);
}
