/** The nodes of a parse tree that say something by themselves, wherever they stand, and what they say. */
import type { FactGatherer } from './parse-tree-facts.ts';
import { inside, isNode, listOf, nameOf, type ParseNode, relationOf, stringsOf } from './parse-tree-node.ts';
import type { WrittenRelation } from './parsed-statement.ts';

type Note = (node: ParseNode, facts: FactGatherer) => void;

/** By the node's type: https://github.com/postgres/postgres/blob/REL_18_STABLE/src/include/nodes/parsenodes.h */
export const NOTES: ReadonlyMap<string, Note> = mapOf({
  A_Const: noteConstant,
  A_Expr: noteOperator,
  A_Indirection: (node, facts) => {
    for (const name of stringsOf(node.indirection)) facts.takesAttribute(name);
  },
  ColumnRef: noteColumn,
  // CASE x WHEN y: x = y.
  CaseExpr: (node, facts) => node.arg !== undefined && facts.compares(EQUALS),
  JoinExpr: (node, facts) =>
    (node.isNatural === true || node.usingClause !== undefined) && facts.compares(EQUALS),
  // x IN (SELECT ...) has no operator's name.
  SubLink: (node, facts) => node.testexpr !== undefined && facts.compares(nameOf(node.operName) ?? EQUALS),
  SortBy: (node, facts) => facts.compares(nameOf(node.useOp)),
  SQLValueFunction: noteValueFunction,
  RangeTableSample: (_, facts) => facts.samples(),
  SelectStmt: noteSelect,
  larg: noteSelect,
  rarg: noteSelect,
  InsertStmt: noteInsert,
  UpdateStmt: (node, facts) => noteChange(node, facts, ['update']),
  DeleteStmt: (node, facts) => noteChange(node, facts, ['delete']),
  MergeStmt: (node, facts) => noteChange(node, facts, actionsOfMerge(node)),
  TruncateStmt: noteTruncate,
  DropStmt: noteDrop,
  CopyStmt: noteCopy,
});

/** What a field says, whatever node has it: some nodes stand bare, without their type. */
export function noteNames(node: ParseNode, field: string, facts: FactGatherer): void {
  if (field === 'funcname') facts.calls(nameOf(node.funcname));
  else if (field === 'names' && node.typemod !== undefined) facts.casts(nameOf(node.names));
}

/** Fields in which a node names relations that it does not, or not only, read; its note tells. */
export const TARGETS: ReadonlyMap<string, readonly string[]> = mapOf({
  SelectStmt: ['intoClause', 'lockingClause'],
  larg: ['intoClause', 'lockingClause'],
  rarg: ['intoClause', 'lockingClause'],
  CreateTableAsStmt: ['into'],
  InsertStmt: ['relation'],
  UpdateStmt: ['relation'],
  DeleteStmt: ['relation'],
  MergeStmt: ['relation'],
  CopyStmt: ['relation'],
  TruncateStmt: ['relations'],
});

const EQUALS = { name: '=' };

function mapOf<Value>(entries: Record<string, Value>): Map<string, Value> {
  return new Map(Object.entries(entries));
}

function noteConstant(node: ParseNode, facts: FactGatherer): void {
  const text = isNode(node.sval) ? node.sval.sval : undefined;
  if (typeof text === 'string') facts.holdsText(text);
}

/** BETWEEN is no operator, but stands in an operator's place. */
function noteOperator(node: ParseNode, facts: FactGatherer): void {
  const kind = String(node.kind);
  if (!kind.includes('BETWEEN')) facts.compares(nameOf(node.name));
  else if (kind.startsWith('AEXPR_NOT')) facts.compares({ name: '<' }, { name: '>' });
  else facts.compares({ name: '>=' }, { name: '<=' });
}

function noteColumn(node: ParseNode, facts: FactGatherer): void {
  const names = stringsOf(node.fields);
  const last = names.at(-1);
  if (names.length > 1 && last !== undefined) facts.takesAttribute(last);
}

/** `SVFOP_CURRENT_TIMESTAMP_N`: N is a precision. */
function noteValueFunction(node: ParseNode, facts: FactGatherer): void {
  const name = String(node.op)
    .replace(/^SVFOP_/, '')
    .replace(/_N$/, '');
  facts.asksValue(name.toLowerCase());
}

function noteSelect(node: ParseNode, facts: FactGatherer): void {
  if (node.intoClause !== undefined) facts.makesTable();
  if (node.lockingClause !== undefined) facts.locks();
}

function noteInsert(node: ParseNode, facts: FactGatherer): void {
  const conflict = isNode(node.onConflictClause) ? node.onConflictClause : undefined;
  const isUpdating = conflict?.action === 'ONCONFLICT_UPDATE';
  noteWrites(node.relation, facts, isUpdating ? ['insert', 'update'] : ['insert']);
  if (conflict !== undefined) noteRead(node.relation, facts);
}

function noteChange(node: ParseNode, facts: FactGatherer, actions: WrittenRelation['action'][]): void {
  noteRead(node.relation, facts);
  noteWrites(node.relation, facts, actions);
}

function actionsOfMerge(node: ParseNode): WrittenRelation['action'][] {
  const commands = listOf(node.mergeWhenClauses).map(
    (clause) => inside(clause, 'MergeWhenClause')?.commandType,
  );
  const actions = { CMD_INSERT: 'insert', CMD_UPDATE: 'update', CMD_DELETE: 'delete' } as const;
  return Object.entries(actions).flatMap(([command, action]) => (commands.includes(command) ? [action] : []));
}

function noteTruncate(node: ParseNode, facts: FactGatherer): void {
  for (const relation of listOf(node.relations)) noteWrites(relation.RangeVar, facts, ['truncate']);
}

/** Of a query instead of a relation: the walk finds it. */
function noteDrop(node: ParseNode, facts: FactGatherer): void {
  if (node.removeType !== 'OBJECT_TABLE') return;
  for (const { List: list } of listOf(node.objects)) {
    const name = isNode(list) ? nameOf(list.items) : undefined;
    if (name !== undefined) facts.reads(name);
  }
}

function noteCopy(node: ParseNode, facts: FactGatherer): void {
  if (node.is_from === true) noteWrites(node.relation, facts, ['insert']);
  else noteRead(node.relation, facts);
}

/** Never the name of a common table expression. */
function noteRead(relation: unknown, facts: FactGatherer): void {
  const name = isNode(relation) ? relationOf(relation) : undefined;
  if (name !== undefined) facts.reads(name);
}

function noteWrites(relation: unknown, facts: FactGatherer, actions: WrittenRelation['action'][]): void {
  const name = isNode(relation) ? relationOf(relation) : undefined;
  if (name !== undefined) for (const action of actions) facts.writes(name, action);
}
