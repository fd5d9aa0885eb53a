/**
 * What of a session differs from a fresh login's and can move with its driver: system variables, and the database.
 * Immutable; equal settings have equal keys.
 */
import { Buffer } from 'node:buffer';

/** Stands among the variables for what USE and COM_INIT_DB set. No variable has this name. */
export const DATABASE = 'database';

/** Clocks, seeds and such as have no global value: nothing leads back to what they were. */
export const UNMOVABLE = new RegExp(
  '^(timestamp|rand_seed[12]|insert_id|pseudo_\\w+|gtid_next|gtid_seq_no|server_id|sql_log_bin|skip_replication' +
    '|resultset_metadata|use_secondary_engine|transaction_allow_batching|original_\\w+|immediate_server_version' +
    '|require_row_format|rbr_exec_mode|debug_sync)$',
);

export class Settings {
  static readonly none = new Settings(new Map());

  readonly values: ReadonlyMap<string, string>;
  readonly key: string;

  private constructor(values: ReadonlyMap<string, string>) {
    this.values = values;
    this.key = [...values].map(([name, value]) => `${name}=${value}\0`).join('');
  }

  static of(entries: Iterable<readonly [string, string]>): Settings {
    const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
    return sorted.length === 0 ? Settings.none : new Settings(new Map(sorted));
  }

  /** With these values instead; null takes a setting out. */
  with(changes: Iterable<readonly [string, string | null]>): Settings {
    const values = new Map(this.values);
    for (const [name, value] of changes) {
      if (value === null) values.delete(name);
      else values.set(name, value);
    }
    return Settings.of(values);
  }

  withDatabaseOf({ database }: Settings): Settings {
    return this.with([[DATABASE, database ?? null]]);
  }

  get database(): string | undefined {
    return this.values.get(DATABASE);
  }
}

const TRACKING: readonly (readonly [string, string])[] = [
  ['session_track_system_variables', '*'],
  ['session_track_schema', 'ON'],
  ['session_track_state_change', 'ON'],
];

/** What a connection is told behind a reset, to be as it was behind its login. */
export function setUp(
  variables: Iterable<readonly [string, string]>,
  { isTracking }: { isTracking: boolean },
): string | undefined {
  const wanted = [...(isTracking ? TRACKING : []), ...variables];
  return wanted.length > 0 ? `SET ${wanted.map(([name, value]) => assignment(name, value))}` : undefined;
}

/** Statements that lead from one set of settings to another, in order. `fresh`: what variables are at login. */
export function transition(from: Settings, to: Settings, fresh: ReadonlyMap<string, string>): string[] {
  if (from.key === to.key) return [];
  const gone = [...from.values.keys()].filter((name) => !to.values.has(name));
  const changed = [...to.values].filter(([name, value]) => from.values.get(name) !== value);
  const wanted = new Map([...gone.map((name) => [name, fresh.get(name)] as const), ...changed]);
  const database = wanted.get(DATABASE);
  wanted.delete(DATABASE);
  // A collation comes behind its character set, which would choose another.
  const assignments = [...wanted]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => assignment(name, value));
  return [
    ...(database ? [`USE ${quotedName(database)}`] : []),
    ...(assignments.length > 0 ? [`SET ${assignments.join(',')}`] : []),
  ];
}

function assignment(name: string, value: string | undefined): string {
  // Not DEFAULT: MySQL (seen in 9.7.4) leaves foreign_key_checks and its like off then.
  return `@@session.${name}=${value === undefined ? `@@global.${name}` : literal(name, value)}`;
}

/** A server takes no text for a number. Whatever sql_mode says of backslashes, hexadecimal digits mean the same. */
function literal(name: string, value: string): string {
  if (/^-?\d+(\.\d+)?$/.test(value)) return value;
  if (value === '' && name === 'character_set_results') return 'NULL';
  return /^[ -&(-[\]-~]*$/.test(value) ? `'${value}'` : `_utf8mb4 X'${Buffer.from(value).toString('hex')}'`;
}

function quotedName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
