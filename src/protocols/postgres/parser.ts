/** What one text of SQL says, by PostgreSQL's own grammar. The catalog has no say here. */
import { kindOf } from './parse-tree-kind.ts';
import { isNode, listOf, NestingError, type ParseNode } from './parse-tree-node.ts';
import { factsOf } from './parse-tree-walk.ts';
import type { ParsedStatement, ParseResult } from './parsed-statement.ts';
import { parseToJson } from './parser-engine.ts';

/**
 * One character a byte, as it came from the driver; the names in the result are decoded. The caller bounds the
 * length and remembers the result. Never throws.
 *
 * The bytes are read as UTF-8 (a name that is not then matches none in the catalog), and string literals as under
 * `standard_conforming_strings = on`: a session that has it otherwise must not rely on this.
 */
export function parse(text: string): ParseResult {
  if (text.includes('\0')) return { error: 'statement holds a zero byte' };
  const result = parseToJson(text);
  if ('error' in result) return result;
  try {
    const tree: unknown = JSON.parse(result.tree);
    return { statements: isNode(tree) ? listOf(tree.stmts).map(statementOf) : [] };
  } catch (error) {
    // JavaScript's own stack may end before our bound is reached.
    if (error instanceof NestingError || error instanceof RangeError) {
      return { error: 'statement is nested too deeply' };
    }
    throw error;
  }
}

/** `{"stmt": {"SelectStmt": {...}}}` */
function statementOf(raw: ParseNode): ParsedStatement {
  const statement = isNode(raw.stmt) ? raw.stmt : {};
  return { ...kindOf(statement), ...factsOf(statement) };
}
