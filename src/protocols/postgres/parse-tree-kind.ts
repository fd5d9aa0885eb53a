/** What kind of statement a parse tree is, told by the type of its root. */
import { inside, isNode, listOf, type ParseNode } from './parse-tree-node.ts';
import type { ParsedStatement, StatementKind } from './parsed-statement.ts';

/** Whatever is not here may change definitions. */
const KINDS: Record<string, StatementKind> = {
  SelectStmt: 'select',
  InsertStmt: 'insert',
  UpdateStmt: 'update',
  DeleteStmt: 'delete',
  MergeStmt: 'merge',
  TruncateStmt: 'truncate',
  TransactionStmt: 'transaction',
  VariableSetStmt: 'session',
  VariableShowStmt: 'session',
  DiscardStmt: 'session',
  PrepareStmt: 'session',
  DeallocateStmt: 'session',
  DeclareCursorStmt: 'session',
  FetchStmt: 'session',
  ClosePortalStmt: 'session',
  ListenStmt: 'session',
  UnlistenStmt: 'session',
  NotifyStmt: 'session',
  LockStmt: 'session',
  ConstraintsSetStmt: 'session',
  CheckPointStmt: 'session',
  LoadStmt: 'session',
  ExecuteStmt: 'execute',
  CallStmt: 'call',
  DoStmt: 'call',
};

/** ROLLBACK TO a savepoint is none of them. */
const ENDS = new Set([
  'TRANS_STMT_COMMIT',
  'TRANS_STMT_ROLLBACK',
  'TRANS_STMT_PREPARE',
  'TRANS_STMT_COMMIT_PREPARED',
  'TRANS_STMT_ROLLBACK_PREPARED',
]);

export function kindOf(statement: ParseNode): Pick<ParsedStatement, 'kind' | 'endsTransaction'> {
  const transaction = inside(statement, 'TransactionStmt');
  return { kind: kindOfRoot(statement), endsTransaction: ENDS.has(String(transaction?.kind)) };
}

function kindOfRoot(statement: ParseNode): StatementKind {
  const copy = inside(statement, 'CopyStmt');
  if (copy !== undefined) return copy.is_from === true ? 'copy from' : 'copy to';
  const explain = inside(statement, 'ExplainStmt');
  if (explain !== undefined) return kindOfExplained(explain.query);
  if (isMaintenance(statement)) return 'maintenance';
  const [type = ''] = Object.keys(statement);
  return KINDS[type] ?? 'definition';
}

/** A temporary table that inherits takes part in a table that is not its session's own. */
function isMaintenance(statement: ParseNode): boolean {
  const vacuum = inside(statement, 'VacuumStmt');
  if (vacuum) return !listOf(vacuum.options).some((item) => inside(item, 'DefElem')?.defname === 'full');
  const table = inside(statement, 'CreateStmt');
  const relation = isNode(table?.relation) ? table.relation : undefined;
  return relation?.relpersistence === 't' && listOf(table?.inhRelations).length === 0;
}

/** EXPLAIN ANALYZE runs what it explains: of CREATE TABLE AS and EXECUTE too, and these say no more by themselves. */
function kindOfExplained(query: unknown): StatementKind {
  const kind = isNode(query) ? kindOfRoot(query) : 'definition';
  return kind === 'definition' || kind === 'execute' ? kind : 'explain';
}
