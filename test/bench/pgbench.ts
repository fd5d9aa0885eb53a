/** PostgreSQL's own load generator, run once, and what its report says. */
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runToEnd } from '../../src/cli/process-group.ts';
import type { Target } from './target.ts';

const DEBIAN = '/usr/lib/postgresql';

export type QueryMode = 'simple' | 'extended' | 'prepared';

export interface Load {
  mode: QueryMode;
  clients: number;
  /** A new connection, login included, for each query. */
  reconnects?: true;
  /** A file of pgbench's own language instead of its select-only transaction. */
  script?: string;
}

export interface Throughput {
  tps: number;
  latencyMs: number;
}

/** The newest of Debian's, else the first in PATH. */
export function findPgbench(): string {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(DEBIAN, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ];
  const folder = folders.find((candidate) => existsSync(join(candidate, 'pgbench')));
  if (folder !== undefined) return join(folder, 'pgbench');
  throw new Error(
    'pgbench was not found. On Debian: apt-get install postgresql; on macOS: brew install postgresql',
  );
}

export async function versionOfPgbench(pgbench: string): Promise<string> {
  const output = await runToEnd({ command: pgbench, args: ['--version'] });
  return /(\d[\d.]*)/.exec(output)?.[1] ?? 'unknown';
}

export async function initialise(options: { pgbench: string; target: Target; scale: number }): Promise<void> {
  await run(options, ['-i', '-q', '-s', String(options.scale)]);
}

export async function measureThroughput(options: {
  pgbench: string;
  target: Target;
  load: Load;
  seconds: number;
}): Promise<Throughput> {
  const { mode, clients, reconnects, script } = options.load;
  const report = await run(options, [
    ...(script === undefined ? ['-S'] : ['-f', script]),
    ...['-n', '-M', mode],
    ...['-c', String(clients), '-T', String(options.seconds)],
    ...(reconnects ? ['-C'] : []),
  ]);
  return {
    tps: numberIn(report, /^tps = ([\d.]+)/m),
    latencyMs: numberIn(report, /^latency average = ([\d.]+) ms/m),
  };
}

function run(options: { pgbench: string; target: Target }, args: string[]): Promise<string> {
  const { port, user, password, database } = options.target;
  return runToEnd({
    command: options.pgbench,
    args: [...args, database],
    env: {
      ...process.env,
      PGHOST: '127.0.0.1',
      PGPORT: String(port),
      PGUSER: user,
      PGPASSWORD: password,
      // No way may save itself a question about TLS, or be asked one more.
      PGSSLMODE: 'disable',
      PGGSSENCMODE: 'disable',
    },
  });
}

function numberIn(report: string, pattern: RegExp): number {
  const text = pattern.exec(report)?.[1];
  if (text === undefined) throw new Error(`pgbench says nothing like ${pattern}:\n${report}`);
  return Number(text);
}
