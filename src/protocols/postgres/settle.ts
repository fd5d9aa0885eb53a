/**
 * After an exchange that may have changed the session we ask the origin what is there now, instead of guessing
 * from texts: rolled-back SETs, SET LOCAL, functions and DROPs come out right by themselves. The driver has its
 * answer already; only its connection stays a moment longer.
 */
import { quotedString } from './settings.ts';

/** State that cannot move to another connection. */
export type Pin =
  | 'temporary object'
  /** Among them are some that write elsewhere when they are written to, or stand before a table of their name. */
  | 'temporary code'
  | 'advisory lock'
  | 'listen'
  | 'prepare'
  | 'cursor'
  | 'settings';

/** How the statement that we sacrifice to a driver's DEALLOCATE is called: see requests.ts. */
export const SACRIFICE = 'wp_gone';

const catalog = (name: string): string => `'pg_catalog.${name}'::pg_catalog.regclass`;

/** What stands in the session's temporary schema: tables, and also types, functions and whatever else has a schema. */
const TEMPORARY = `pg_catalog.pg_depend t
  WHERE t.refclassid = ${catalog('pg_namespace')} AND t.refobjid = pg_catalog.pg_my_temp_schema()`;

/** Temporary views, and temporary tables with triggers, rules, or functions in what is defined on them. */
const TEMPORARY_CODE = `pg_catalog.pg_class c
  WHERE c.oid IN (SELECT t.objid FROM ${TEMPORARY} AND t.classid = ${catalog('pg_class')})
    AND (c.relkind = 'v' OR c.relhastriggers OR c.relhasrules OR EXISTS (
      SELECT FROM (
        SELECT ${catalog('pg_attrdef')} AS class, oid FROM pg_catalog.pg_attrdef WHERE adrelid = c.oid
        UNION ALL SELECT ${catalog('pg_constraint')}, oid FROM pg_catalog.pg_constraint WHERE conrelid = c.oid
        UNION ALL SELECT ${catalog('pg_class')}, indexrelid FROM pg_catalog.pg_index WHERE indrelid = c.oid) o
      JOIN pg_catalog.pg_depend d ON d.classid = o.class AND d.objid = o.oid
        AND d.refclassid = ${catalog('pg_proc')}))`;

const PINS = `
SELECT 'pin', 'temporary object', NULL, NULL WHERE EXISTS (SELECT FROM ${TEMPORARY})
UNION ALL SELECT 'pin', 'temporary code', NULL, NULL WHERE EXISTS (SELECT FROM ${TEMPORARY_CODE})
UNION ALL SELECT 'pin', 'advisory lock', NULL, NULL WHERE EXISTS
  (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid())
UNION ALL SELECT 'pin', 'listen', NULL, NULL WHERE EXISTS
  (SELECT FROM pg_catalog.pg_listening_channels())
UNION ALL SELECT 'pin', 'prepare', NULL, NULL WHERE EXISTS
  (SELECT FROM pg_catalog.pg_prepared_statements WHERE from_sql AND name !~ '^${SACRIFICE}')
UNION ALL SELECT 'pin', 'cursor', NULL, NULL WHERE EXISTS
  (SELECT FROM pg_catalog.pg_cursors WHERE is_holdable)`;

/**
 * The question. Rows: `pin`, its kind; or `setting`, its name, its value, the value it had at login.
 * `names` are the settings to look at; with `hasUnknown` also all that were set in this session.
 */
export function settleQuestion(names: Iterable<string>, options: { hasUnknown: boolean }): string {
  const values = [...names].map((name) => `(${quotedString(name)})`);
  const named =
    values.length > 0 ? `SELECT n FROM (VALUES ${values.join(',')}) v(n)` : `SELECT '' WHERE false`;
  const all = options.hasUnknown
    ? `${named} UNION SELECT pg_catalog.lower(name) FROM pg_catalog.pg_settings WHERE source = 'session'`
    : named;
  // current_setting knows what pg_settings does not list: role, session_authorization, settings with a dot.
  return `${PINS}
UNION ALL SELECT 'setting', n, COALESCE(s.setting, pg_catalog.current_setting(n, true)),
  COALESCE(s.reset_val, CASE n WHEN 'role' THEN 'none' WHEN 'session_authorization' THEN
    (SELECT usename FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()) ELSE '' END)
  FROM (${all}) t(n) LEFT JOIN pg_catalog.pg_settings s ON pg_catalog.lower(s.name) = n
  -- What nobody can set, or nobody can read, cannot move along.
  WHERE n NOT IN ('is_superuser', 'seed') AND s.context IS DISTINCT FROM 'internal'`;
}

export interface Settled {
  pins: Pin[];
  /** Name to value, null where the setting is as it was at login. */
  changes: [name: string, value: string | null][];
}

export function settledFrom(rows: (string | null)[][]): Settled {
  const settled: Settled = { pins: [], changes: [] };
  for (const [kind, name, value, atLogin] of rows) {
    if (kind === 'pin') settled.pins.push(name as Pin);
    else if (name) settled.changes.push([name, value === atLogin ? null : (value ?? null)]);
  }
  return settled;
}
