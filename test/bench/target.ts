/** One way to the same database. All rows of a run measure the same targets. */

export const TARGET_NAMES = ['direct', 'pgbouncer', 'warmpool'] as const;
export type TargetName = (typeof TARGET_NAMES)[number];

export interface Target {
  name: TargetName;
  port: number;
  user: string;
  password: string;
  database: string;
  version: string;
  /** Processes whose memory grows with its driver connections; none where nobody pools. */
  pids(): number[];
}
