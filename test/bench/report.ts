/** What was measured, as numbers for the JSON file and as an aligned table. Knows nothing of how it was measured. */
import { medianOf } from '../../src/cli/table.ts';
import { type CacheResult, type FarResult, PGBOUNCER } from './cache.ts';
import type { MySqlResult } from './mysql.ts';
import type { Row, Sample } from './rows.ts';
import { TARGET_NAMES, type TargetName } from './target.ts';
import type { TransportResult } from './transports.ts';

/** What a target did in one row. Without samples: `problem` says why. */
export interface Outcome {
  samples: Sample[];
  medians?: Sample;
  problem?: string;
}

export interface RowResult {
  name: string;
  primary: string;
  isMoreBetter: boolean;
  outcomes: Record<TargetName, Outcome>;
  /** Warmpool's median divided by the other's. */
  ratios: { toPgbouncer: number | undefined; toDirect: number | undefined };
}

export function resultOf(row: Row, outcomes: Record<TargetName, Outcome>): RowResult {
  const ratioTo = (other: TargetName): number | undefined => {
    const own = outcomes.warmpool.medians?.[row.primary];
    const others = outcomes[other].medians?.[row.primary];
    return own === undefined || !others ? undefined : own / others;
  };
  return {
    name: row.name,
    primary: row.primary,
    isMoreBetter: row.isMoreBetter,
    outcomes,
    ratios: { toPgbouncer: ratioTo('pgbouncer'), toDirect: ratioTo('direct') },
  };
}

export function mediansOf(samples: readonly Sample[]): Sample {
  const names = Object.keys(samples[0] ?? {});
  return Object.fromEntries(
    names.map((name) => [name, medianOf(samples.map((sample) => sample[name] ?? NaN))]),
  );
}

export function renderReport(rows: readonly Row[], results: readonly RowResult[]): string {
  const header = ['', 'direct', 'PgBouncer', 'Warmpool', 'of PgBouncer', 'of direct'];
  const lines = results.map((result, at) => [
    result.name,
    ...TARGET_NAMES.map((name) => cellOf(rows[at], result.outcomes[name])),
    ratioText(result.ratios.toPgbouncer),
    ratioText(result.ratios.toDirect),
  ]);
  return align([header, ...lines]);
}

export function renderCache(results: readonly CacheResult[]): string {
  const peer = results.find(({ name }) => name === PGBOUNCER)?.tps;
  const lines = results.map(({ name, p50Ms, p99Ms, share, tps }) => [
    name,
    `${p50Ms.toFixed(2)} ms`,
    `${p99Ms.toFixed(2)} ms`,
    `${Math.round(share * 100)} %`,
    tps === undefined ? '-' : String(Math.round(tps)),
    tps === undefined || peer === undefined ? '-' : ratioText(tps / peer),
  ]);
  return align([['a read from', 'p50', 'p99', 'as named', 'tps, 16 clients', `of ${PGBOUNCER}`], ...lines]);
}

export function renderFar({ rttMs, directMs, cachedMs, boundMs }: FarResult): string {
  const times = (ms: number): string => `${ms.toFixed(2)} ms (${Math.round(directMs / ms)} times faster)`;
  return `New connection and one read, origin ${rttMs} ms away: direct ${directMs.toFixed(0)} ms;
cached by a bound capability ${times(boundMs)}, by TCP and SCRAM ${times(cachedMs)}.`;
}

export function renderMySql(results: readonly MySqlResult[]): string {
  const lines = results.map(({ name, tps: { direct, pooled, cached } }) => [
    name,
    ...[direct, pooled, cached].map((tps) => `${Math.round(tps)} tps`),
    ratioText(pooled / direct),
    ratioText(cached / direct),
  ]);
  return align([['', 'direct', 'pooled', 'cached', 'pooled of direct', 'cached of direct'], ...lines]);
}

export function renderTransports(results: readonly TransportResult[]): string {
  const lines = results.map(({ name, megabytesPerSecond }) => [name, megabytesPerSecond.toFixed(0)]);
  return align([['one large result, by', 'MB/s'], ...lines]);
}

function cellOf(row: Row | undefined, { medians, problem }: Outcome): string {
  return medians && row ? row.show(medians) : (problem ?? '-');
}

function ratioText(ratio: number | undefined): string {
  return ratio === undefined ? '-' : ratio.toFixed(2);
}

/** Names to the left, numbers to the right. */
function align(lines: readonly string[][]): string {
  const widths =
    lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  const pad = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return lines.map((line) => line.map(pad).join('   ')).join('\n');
}
