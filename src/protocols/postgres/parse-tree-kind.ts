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
  ReindexStmt: 'maintenance',
  ClusterStmt: 'rewrite',
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
  if (isTemporary(statement)) return 'temporary';
  if (isAnnotation(statement)) return 'annotation';
  const drop = inside(statement, 'DropStmt');
  if (drop && drop['removeType'] === 'OBJECT_TABLE' && drop['behavior'] !== 'DROP_CASCADE')
    return 'drop table';
  const vacuum = inside(statement, 'VacuumStmt');
  if (vacuum) return isFull(vacuum) ? 'rewrite' : 'maintenance';
  const [type = ''] = Object.keys(statement);
  return KINDS[type] ?? 'definition';
}

function isFull({ options }: ParseNode): boolean {
  return listOf(options).some((item) => inside(item, 'DefElem')?.defname === 'full');
}

/** One that inherits takes part in a table that is not its session's own. */
function isTemporary(statement: ParseNode): boolean {
  const isOwn = (relation: unknown): boolean => isNode(relation) && relation['relpersistence'] === 't';
  const table = inside(statement, 'CreateStmt');
  if (table) return isOwn(table['relation']) && listOf(table['inhRelations']).length === 0;
  const made = inside(statement, 'CreateTableAsStmt');
  const into = made?.['into'];
  const isOfQuery =
    inside(made?.['query'], 'SelectStmt') !== undefined && made?.['objtype'] === 'OBJECT_TABLE';
  return isOfQuery && isNode(into) && isOwn(into['rel']);
}

/** Not an index on expressions, or on some rows: their functions run at each write, and the catalog must know. */
function isAnnotation(statement: ParseNode): boolean {
  if (inside(statement, 'CommentStmt')) return true;
  const drop = inside(statement, 'DropStmt');
  if (drop) return drop['removeType'] === 'OBJECT_INDEX' && drop['behavior'] !== 'DROP_CASCADE';
  const index = inside(statement, 'IndexStmt');
  if (!index || index['whereClause'] !== undefined) return false;
  return listOf(index['indexParams']).every((item) => inside(item, 'IndexElem')?.['expr'] === undefined);
}

/** EXPLAIN ANALYZE runs what it explains: of CREATE TABLE AS and EXECUTE too, and these say no more by themselves. */
function kindOfExplained(query: unknown): StatementKind {
  const kind = isNode(query) ? kindOfRoot(query) : 'definition';
  return kind === 'definition' || kind === 'execute' ? kind : 'explain';
}
