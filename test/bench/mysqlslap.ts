/** The load generator of MySQL's makers, run once, and what its report says. */

import { runToEnd } from '../../src/cli/process-group.ts';
import { installMySql } from '../../src/demo/mysql-installation.ts';
import type { Throughput } from './pgbench.ts';
import type { Target } from './target.ts';

/** How many queries a client sends in the run that only says how many fit into the time. */
const TRIAL_QUERIES = 50;

export interface SlapLoad {
  clients: number;
  /** A file of statements, each in a line. All clients run all of them, again and again. */
  script: string;
  /** A new connection, login included, for each query. */
  reconnects?: true;
}

/** It counts queries, not seconds: a trial tells how many there are to a second. */
export async function measureSlap(options: {
  target: Target;
  load: SlapLoad;
  seconds: number;
}): Promise<Throughput> {
  const { target, load, seconds } = options;
  const trial = await run(target, load, load.clients * TRIAL_QUERIES);
  const tps = await run(target, load, Math.ceil(trial * seconds));
  return { tps, latencyMs: (load.clients / tps) * 1000 };
}

/** Queries a second. */
async function run(target: Target, load: SlapLoad, queries: number): Promise<number> {
  const mysql = await installMySql('mysql');
  const output = await runToEnd({
    ...mysql.client('mysqlslap', [
      ...['--host=127.0.0.1', `--port=${target.port}`, `--user=${target.user}`],
      `--password=${target.password}`,
      // Neither way encrypts; the server's key is for the password.
      ...['--ssl-mode=DISABLED', '--get-server-public-key'],
      ...[`--create-schema=${target.database}`, '--no-drop', '--csv'],
      ...[`--query=${load.script}`, '--delimiter=;', `--concurrency=${load.clients}`],
      `--number-of-queries=${queries}`,
      ...(load.reconnects ? ['--detach=1'] : []),
    ]),
  });
  // engine, kind, average, minimum and maximum of seconds, clients, queries of each.
  const [, seconds, each] = /^,mixed,([\d.]+),[\d.]+,[\d.]+,\d+,(\d+)$/m.exec(output) ?? [];
  if (seconds === undefined || each === undefined) throw new Error(`mysqlslap says:\n${output}`);
  return (Number(each) * load.clients) / Number(seconds);
}
