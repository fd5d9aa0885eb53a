/** What a parse tree says of one statement, before anybody looks into the catalog. */

/** As written, unquoted and in the case that PostgreSQL folds it to. */
export interface QualifiedName {
  schema?: string;
  name: string;
}

export type StatementKind =
  | 'select' // SELECT, VALUES, TABLE, WITH ... SELECT, without anything below
  | 'insert'
  | 'update'
  | 'delete'
  | 'merge'
  | 'truncate'
  | 'copy from'
  | 'copy to'
  | 'transaction' // BEGIN, COMMIT, ROLLBACK, SAVEPOINT, ...
  | 'session' // SET, RESET, SHOW, DISCARD, PREPARE, DEALLOCATE, LISTEN, DECLARE, FETCH, CLOSE, LOCK, CHECKPOINT ...
  | 'explain' // of CREATE TABLE AS: 'definition', of EXECUTE: 'execute', because ANALYZE runs them
  | 'execute' // EXECUTE of a statement prepared in SQL: what it does is not in the text
  | 'call' // CALL, DO
  | 'maintenance' // VACUUM without FULL, ANALYZE, REINDEX: it changes nothing that is read, but runs functions
  | 'rewrite' // VACUUM FULL, CLUSTER: rows move to other places
  | 'annotation' // CREATE INDEX on columns, DROP INDEX, COMMENT: nothing is read or written in another way
  | 'temporary' // CREATE TEMPORARY TABLE, AS too: others see nothing of it
  | 'drop table' // without CASCADE; the tables are among what it reads
  | 'definition'; // everything else: it may change definitions

export interface WrittenRelation extends QualifiedName {
  action: 'insert' | 'update' | 'delete' | 'truncate';
}

export interface ParsedStatement {
  kind: StatementKind;
  /** Every relation that is read anywhere in it, names of common table expressions resolved away by scope. */
  reads: QualifiedName[];
  /** Also by data-modifying CTEs of a SELECT, and of the statement that EXPLAIN explains. */
  writes: WrittenRelation[];
  /** Every function that is called by name, aggregates and functions in FROM included. */
  functions: QualifiedName[];
  /** Operators by name, such as `=` or `@>`. */
  operators: QualifiedName[];
  /** Types that are cast to, and element types. */
  types: QualifiedName[];
  /** CURRENT_DATE, CURRENT_USER and their kin, which are no calls in the tree: their names. */
  valueFunctions: string[];
  /**
   * Names behind a dot, such as `total` of `orders.total` and `(orders).total`: a column, or where there is none of
   * that name a function of the row, called in disguise.
   */
  attributes: string[];
  /** SELECT INTO, of any kind of statement: EXPLAIN ANALYZE SELECT INTO makes the table too. */
  hasInto: boolean;
  /** FOR UPDATE, FOR SHARE and their kin. */
  hasLocks: boolean;
  /** TABLESAMPLE. */
  hasSample: boolean;
  /** A short literal that a date type reads as a moment of its own: 'now', 'today', 'tomorrow', 'yesterday'. */
  hasMovingLiteral: boolean;
  /** Of kind `transaction`: COMMIT, END, PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK ... AND CHAIN too. */
  endsTransaction: boolean;
}

export type ParseResult =
  | { statements: ParsedStatement[] }
  /** PostgreSQL's parser refuses the text. */
  | { error: string };
