/**
 * What we ask of an origin to judge statements: its relations, what is defined on them, and its functions.
 * The catalogs read here are those of PostgreSQL 9.6 to 18. https://www.postgresql.org/docs/18/catalogs.html
 *
 * Bounds: no question yields more rows than its limit, nor more than a few megabytes of text. A list that is cut
 * is seen as such by its length, and makes a catalog in which nothing is cacheable (catalog.ts); a text that is
 * left out makes only its function or view one that nobody can look into.
 */
import type { CatalogQuestions } from '../caching.ts';
import type { Answer, Answers } from '../sql/answers.ts';
import { builtIns } from './built-in-functions.ts';
import { PostgresCatalog } from './catalog.ts';
import type { QuestionName } from './catalog-facts.ts';
import { parse } from './parser.ts';

/** 50,000 relations with their partitions, triggers and keys are an answer of some 3 MB each. */
export const ROWS_MAX = 100_000;
/** Of all function bodies, and of all view definitions. */
const TEXT_BYTES_MAX = 8 * 1024 * 1024;
const ONE_TEXT_BYTES_MAX = 64 * 1024;

/** Objects with lower ids come with the server. */
const FIRST_USER_OID = 16_384;

/** Schemas of temporary relations and of TOAST tables: `pg_temp_3`, `pg_toast`. */
const IS_HIDDEN = `pg_catalog.substr(n.nspname::text, 1, 8) IN ('pg_temp_', 'pg_toast')`;

/** What is printed from here on names the schema of all that is not in pg_catalog. Undone with the statement. */
const printed = (call: string): string =>
  `CASE WHEN pg_catalog.set_config('search_path', 'pg_catalog', true) IS NOT NULL THEN ${call} END`;

/** A long text is left out, and so are all texts once they have too many bytes together. */
const bounded = (name: string): string =>
  `CASE WHEN octet_length(${name}) <= ${ONE_TEXT_BYTES_MAX}
    AND sum(octet_length(${name})) OVER (ORDER BY oid) <= ${TEXT_BYTES_MAX} THEN ${name} END`;

const QUESTIONS: Record<QuestionName, string> = {
  session: `SELECT session_user, pg_catalog.current_setting('search_path')`,

  schemas: `
    SELECT n.oid, n.nspname, pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    FROM pg_catalog.pg_namespace n WHERE NOT ${IS_HIDDEN} ORDER BY n.oid`,

  relations: `
    SELECT c.oid, c.relnamespace, c.relname, c.relkind,
      CASE WHEN c.relrowsecurity THEN pg_catalog.row_security_active(c.oid) END
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT ${IS_HIDDEN} ORDER BY c.oid`,

  // For the fingerprint alone: what drivers are told of columns, and what words of an enumeration look like.
  columns: `
    SELECT 1, pg_catalog.count(*), ${hashOf('a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod')}
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid >= ${FIRST_USER_OID} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND a.attnum > 0
      AND NOT a.attisdropped AND NOT ${IS_HIDDEN}
    UNION ALL SELECT 2, pg_catalog.count(*), ${hashOf('enumtypid, enumsortorder, enumlabel')}
    FROM pg_catalog.pg_enum ORDER BY 1`,

  definitions: `
    SELECT oid, ${bounded('definition')} FROM (
      SELECT c.oid, ${printed('pg_catalog.pg_get_viewdef(c.oid)')} AS definition
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'v' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND NOT ${IS_HIDDEN}
      ORDER BY c.oid LIMIT ${ROWS_MAX}) d ORDER BY oid`,

  inheritance: `
    SELECT i.inhrelid, i.inhparent
    FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
    WHERE c.relkind IN ('r', 'p', 'f') ORDER BY i.inhrelid, i.inhseqno`,

  triggers: `
    SELECT t.tgrelid, t.tgtype, t.tgfoid FROM pg_catalog.pg_trigger t
    WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'
    UNION ALL SELECT 0, 0, e.evtfoid FROM pg_catalog.pg_event_trigger e WHERE e.evtenabled <> 'D'
    ORDER BY 1, 2, 3`,

  rules: `
    SELECT DISTINCT r.ev_class FROM pg_catalog.pg_rewrite r
    WHERE r.rulename <> '_RETURN' AND r.ev_enabled <> 'D' AND r.oid >= ${FIRST_USER_OID} ORDER BY 1`,

  foreignKeys: `
    SELECT k.confrelid, k.conrelid, k.confdeltype, k.confupdtype
    FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' ORDER BY k.oid`,

  policies: `
    SELECT p.polrelid, ${printed('pg_catalog.pg_get_expr(p.polqual, p.polrelid)')}
    FROM pg_catalog.pg_policy p WHERE p.polcmd IN ('*', 'r') ORDER BY p.oid`,

  functions: `
    SELECT oid, pronamespace, proname, volatility, lanname, extname, ${bounded('source')}, is_parsed, takes_row
    FROM (
      SELECT p.oid, p.pronamespace, p.proname, l.lanname, e.extname,
        greatest(p.provolatile::text, ${worstOfAggregate()}) AS volatility,
        CASE WHEN l.lanname NOT IN ('sql', 'plpgsql') THEN NULL WHEN p.prosrc <> '' THEN p.prosrc
          ELSE ${printed('pg_catalog.pg_get_functiondef(p.oid)')} END AS source, p.prosrc = '' AS is_parsed,
        p.pronargs >= 1 AND p.pronargs - p.pronargdefaults <= 1
          AND t.typtype IN ('c', 'd', 'p') AND t.typname NOT IN ('cstring', 'internal') AS takes_row
      FROM pg_catalog.pg_proc p
      JOIN pg_catalog.pg_language l ON l.oid = p.prolang
      LEFT JOIN pg_catalog.pg_type t ON t.oid = p.proargtypes[0]
      LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        AND d.objid = p.oid AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
        AND d.deptype = 'e'
      LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
      WHERE p.oid >= ${FIRST_USER_OID}) f ORDER BY oid`,

  builtIns: `
    SELECT p.proname, max(p.provolatile::text COLLATE "C") FROM pg_catalog.pg_proc p
    WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace AND p.oid < ${FIRST_USER_OID}
    GROUP BY p.proname ORDER BY p.proname`,

  operators: `
    SELECT o.oprname, p.oid FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_proc p ON p.oid = o.oprcode
    WHERE o.oid >= ${FIRST_USER_OID} AND p.provolatile <> 'i' ORDER BY o.oid`,

  // To cast to a domain is to call the functions of its checks.
  casts: `
    SELECT t.typname, p.oid, k.castcontext FROM pg_catalog.pg_cast k
    JOIN pg_catalog.pg_proc p ON p.oid = k.castfunc JOIN pg_catalog.pg_type t ON t.oid = k.casttarget
    WHERE k.oid >= ${FIRST_USER_OID} AND p.provolatile <> 'i'
    UNION SELECT t.typname, p.oid, 'e' FROM pg_catalog.pg_constraint k
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
      AND d.objid = k.oid AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    JOIN pg_catalog.pg_proc p ON p.oid = d.refobjid JOIN pg_catalog.pg_type t ON t.oid = k.contypid
    WHERE k.contypid <> 0 AND p.oid >= ${FIRST_USER_OID} AND p.provolatile <> 'i' ORDER BY 1, 2, 3`,

  calls: `
    SELECT DISTINCT x.relation, d.refobjid FROM (
      SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass AS class, oid, adrelid AS relation, 0 AS but
        FROM pg_catalog.pg_attrdef
      UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, oid, conrelid, 0
        FROM pg_catalog.pg_constraint WHERE contype = 'c'
      UNION ALL SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, oid, polrelid, 0
        FROM pg_catalog.pg_policy
      UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, indexrelid, indrelid, 0
        FROM pg_catalog.pg_index WHERE indexprs IS NOT NULL OR indpred IS NOT NULL
      UNION ALL SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass, oid, tgrelid, tgfoid
        FROM pg_catalog.pg_trigger WHERE NOT tgisinternal
      UNION ALL SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, oid, 0, 0
        FROM pg_catalog.pg_type WHERE typtype = 'd') x
    JOIN pg_catalog.pg_depend d ON d.classid = x.class AND d.objid = x.oid AND d.refobjid <> x.but
      AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refobjid >= ${FIRST_USER_OID}
    ORDER BY 1, 2`,
};

/** Of all rows, in whatever order they come. Against chance only. */
function hashOf(columns: string): string {
  return `pg_catalog.sum(pg_catalog.hashtext(pg_catalog.concat_ws(' ', ${columns}))::bigint)`;
}

/** CREATE AGGREGATE declares an aggregate immutable whatever its functions are. */
function worstOfAggregate(): string {
  return `(SELECT max(w.provolatile::text COLLATE "C") FROM pg_catalog.pg_aggregate a
    JOIN pg_catalog.pg_proc w ON w.oid IN (a.aggtransfn, a.aggfinalfn, a.aggmtransfn, a.aggmfinalfn)
    WHERE a.aggfnoid = p.oid)`;
}

const NAMES = Object.keys(QUESTIONS) as QuestionName[];

export const catalogQuestions: CatalogQuestions = {
  questions: NAMES.map((name) => `${QUESTIONS[name].trim()} LIMIT ${ROWS_MAX + 1}`),
  asked: 'together',
  catalogOf(answers, options) {
    const named: Partial<Record<QuestionName, Answer>> = {};
    for (const [index, name] of NAMES.entries()) named[name] = answers[index] ?? [];
    return new PostgresCatalog({
      answers: named as Answers<QuestionName>,
      rowsMax: ROWS_MAX,
      systemCatalogs: options.systemCatalogs,
      language: { parse, builtIns },
    });
  },
};
