/**
 * What we ask of an origin to judge statements: its relations, what is defined on them, and its routines, as the
 * INFORMATION_SCHEMA of MySQL 8.0 and later and MariaDB 10.2 and later tells it.
 * https://dev.mysql.com/doc/refman/9.7/en/information-schema.html
 *
 * Bounds: no question yields more rows than its limit, nor more than some megabytes of text. A list that is cut is
 * seen as such by its length, and makes a catalog in which nothing is cacheable (catalog.ts); a text that is left
 * out makes only its view, trigger or routine one that nobody can look into.
 */
import type { CatalogQuestions } from '../caching.ts';
import type { Answer, Answers } from '../sql/answers.ts';
import { MySqlCatalog } from './catalog.ts';
import type { QuestionName } from './catalog-facts.ts';

/** 50,000 relations with their triggers and keys are an answer of some 3 MB each. */
export const ROWS_MAX = 100_000;
/** Of all bodies of one kind together, and of one. */
const TEXT_BYTES_MAX = 8 * 1024 * 1024;
const ONE_TEXT_BYTES_MAX = 64 * 1024;

const isOfUser = (schema: string): string =>
  `LOWER(${schema}) NOT IN ('information_schema', 'performance_schema', 'mysql', 'sys')`;

/** A long text is left out, and so are all texts once they have too many bytes together. */
const bounded = (text: string, order: string): string =>
  `CASE WHEN LENGTH(${text}) <= ${ONE_TEXT_BYTES_MAX}
    AND SUM(LENGTH(${text})) OVER (ORDER BY ${order}) <= ${TEXT_BYTES_MAX} THEN ${text} END`;

/** As GRANTEE is written. */
const ME = `CONCAT('''', SUBSTRING_INDEX(CURRENT_USER(), '@', 1), '''@''', SUBSTRING_INDEX(CURRENT_USER(), '@', -1), '''')`;

const QUESTIONS: Record<QuestionName, string> = {
  // The others only make another fingerprint: a reply may depend on them.
  session: `
    SELECT VERSION(), @@global.lower_case_table_names, @@global.sql_mode, @@global.init_connect,
      @@global.time_zone, @@global.lc_time_names, @@global.collation_connection, @@global.group_concat_max_len,
      @@global.div_precision_increment, @@global.default_week_format`,

  relations: `
    SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ENGINE FROM information_schema.TABLES
    WHERE ${isOfUser('TABLE_SCHEMA')} ORDER BY 1, 2`,

  views: `
    SELECT TABLE_SCHEMA, TABLE_NAME, ${bounded('VIEW_DEFINITION', 'TABLE_SCHEMA, TABLE_NAME')}
    FROM information_schema.VIEWS WHERE ${isOfUser('TABLE_SCHEMA')} ORDER BY 1, 2`,

  triggers: `
    SELECT EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE, EVENT_MANIPULATION,
      ${bounded('ACTION_STATEMENT', 'TRIGGER_SCHEMA, TRIGGER_NAME')}, SQL_MODE
    FROM information_schema.TRIGGERS WHERE ${isOfUser('EVENT_OBJECT_SCHEMA')} ORDER BY 1, 2, TRIGGER_NAME`,

  routines: `
    SELECT ROUTINE_SCHEMA, ROUTINE_NAME, ${bounded('ROUTINE_DEFINITION', 'ROUTINE_SCHEMA, SPECIFIC_NAME, ROUTINE_TYPE')},
      SQL_MODE
    FROM information_schema.ROUTINES WHERE ${isOfUser('ROUTINE_SCHEMA')} ORDER BY 1, 2, ROUTINE_TYPE`,

  foreignKeys: `
    SELECT UNIQUE_CONSTRAINT_SCHEMA, REFERENCED_TABLE_NAME, CONSTRAINT_SCHEMA, TABLE_NAME, DELETE_RULE, UPDATE_RULE
    FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE ${isOfUser('CONSTRAINT_SCHEMA')}
    ORDER BY 1, 2, 3, 4, CONSTRAINT_NAME`,

  timeColumns: `
    SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS
    WHERE DATA_TYPE = 'time' AND ${isOfUser('TABLE_SCHEMA')} ORDER BY 1, 2, ORDINAL_POSITION`,

  // MySQL lets them look at nothing but their row.
  virtualColumns: `
    SELECT TABLE_SCHEMA, TABLE_NAME, GENERATION_EXPRESSION FROM information_schema.COLUMNS
    WHERE GENERATION_EXPRESSION <> '' AND VERSION() LIKE '%MariaDB%' AND ${isOfUser('TABLE_SCHEMA')}
    ORDER BY 1, 2, ORDINAL_POSITION`,

  privileges: `
    SELECT '' AS s, '' AS t FROM information_schema.USER_PRIVILEGES
      WHERE PRIVILEGE_TYPE = 'TRIGGER' AND GRANTEE = ${ME}
    UNION ALL SELECT TABLE_SCHEMA, '' FROM information_schema.SCHEMA_PRIVILEGES
      WHERE PRIVILEGE_TYPE = 'TRIGGER' AND GRANTEE = ${ME}
    UNION ALL SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLE_PRIVILEGES
      WHERE PRIVILEGE_TYPE = 'TRIGGER' AND GRANTEE = ${ME} ORDER BY 1, 2`,

  // Not every server has all of them.
  variables: `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('partial_revokes', 'tx_isolation', 'transaction_isolation')`,
};

const NAMES = Object.keys(QUESTIONS) as QuestionName[];

/** `database`: in which a session begins, as far as that is known by now. */
export function catalogQuestionsOf(database: () => string | undefined): CatalogQuestions {
  return {
    questions: NAMES.map((name) =>
      name === 'variables' ? QUESTIONS[name] : `${QUESTIONS[name].trim()} LIMIT ${ROWS_MAX + 1}`,
    ),
    asked: 'in turn',
    catalogOf(answers) {
      const named: Partial<Record<QuestionName, Answer>> = {};
      for (const [index, name] of NAMES.entries()) named[name] = answers[index] ?? [];
      return new MySqlCatalog({
        answers: named as Answers<QuestionName>,
        rowsMax: ROWS_MAX,
        database: database(),
      });
    },
  };
}
