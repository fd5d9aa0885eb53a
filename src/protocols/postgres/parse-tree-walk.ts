/**
 * Walks a parse tree for what it reads, writes, calls and compares with. It knows the nodes that say something (notes)
 * and the scope of common table expressions; through all else, nodes of later versions of PostgreSQL too, it goes as
 * it finds it. So a new node can hide a name only by keeping names in a way of its own.
 */
import { FactGatherer, type Facts } from './parse-tree-facts.ts';
import { inside, isNode, listOf, NestingError, type ParseNode, relationOf } from './parse-tree-node.ts';
import { NOTES, noteNames, TARGETS } from './parse-tree-notes.ts';

/** Objects and lists inside each other; an operator takes two. JavaScript's stack ends at several times as many. */
const NESTING_MAX = 2000;

/** Names of the common table expressions that can be seen from here. */
type Scope = ReadonlySet<string>;

export function factsOf(statement: ParseNode): Facts {
  const walk = new Walk();
  walk.visit(statement, '', new Set());
  return walk.facts.facts();
}

/** Nodes in which nothing else can stand: most of a tree, and no need to look. */
const LEAVES = new Set(['ColumnRef', 'A_Const', 'ParamRef', 'String']);

class Walk {
  readonly facts = new FactGatherer();
  #nesting = 0;

  /** `type`: the field it stands in, which is the node's type where the tree tells it. */
  visit(value: object, type: string, scope: Scope): void {
    if (this.#nesting === NESTING_MAX) throw new NestingError();
    this.#nesting += 1;
    if (isNode(value)) {
      NOTES.get(type)?.(value, this.facts);
      if (!LEAVES.has(type)) this.#visitFields(value, type, scope);
    } else if (Array.isArray(value)) {
      for (const item of value) if (typeof item === 'object' && item !== null) this.visit(item, '', scope);
    }
    this.#nesting -= 1;
  }

  #visitFields(node: ParseNode, type: string, scope: Scope): void {
    const inner = isNode(node.withClause) ? this.#visitWith(node.withClause, scope) : scope;
    const targets = TARGETS.get(type);
    for (const field in node) {
      const child = node[field];
      if (typeof child === 'object' && child !== null) {
        noteNames(node, field, this.facts);
        if (field !== 'withClause' && targets?.includes(field) !== true) this.visit(child, field, inner);
      } else if (field === 'relname') this.#noteRelation(node, scope);
    }
  }

  #noteRelation(node: ParseNode, scope: Scope): void {
    const relation = relationOf(node);
    if (relation === undefined) return;
    const isCte = relation.schema === undefined && scope.has(relation.name);
    if (!isCte) this.facts.reads(relation);
  }

  /**
   * Each expression sees those in front of it, with RECURSIVE all of them and itself. Returns what the statement
   * behind them sees.
   */
  #visitWith(clause: ParseNode, scope: Scope): Scope {
    const expressions = listOf(clause.ctes).map((item) => inside(item, 'CommonTableExpr') ?? item);
    const inner = new Set(scope);
    const add = ({ ctename }: ParseNode): unknown => typeof ctename === 'string' && inner.add(ctename);
    if (clause.recursive === true) expressions.forEach(add);
    for (const expression of expressions) {
      this.visit(expression, 'CommonTableExpr', inner);
      add(expression);
    }
    return inner;
  }
}
