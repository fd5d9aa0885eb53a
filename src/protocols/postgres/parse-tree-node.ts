/**
 * The parse tree as libpg_query's JSON has it: objects of fields. A node of many possible types stands inside an
 * object with its type as the only key, `{"RangeVar": {...}}`; one whose type the field fixes stands bare.
 */
import type { QualifiedName } from './parsed-statement.ts';

export type ParseNode = { readonly [field: string]: unknown };

/** Thrown by a walk that would come too near to the end of JavaScript's stack. */
export class NestingError extends Error {}

export function isNode(value: unknown): value is ParseNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function listOf(value: unknown): ParseNode[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** The node behind a `{"Type": node}`. */
export function inside(value: unknown, type: string): ParseNode | undefined {
  const node = isNode(value) ? value[type] : undefined;
  return isNode(node) ? node : undefined;
}

/** `[{"String": {"sval": "public"}}, {"String": {"sval": "now"}}]`. A database in front says nothing new. */
export function nameOf(list: unknown): QualifiedName | undefined {
  const [name, schema] = stringsOf(list).reverse();
  if (name === undefined) return undefined;
  return schema === undefined ? { name } : { schema, name };
}

/** Other members, such as the `*` of `t.*`, are left out. */
export function stringsOf(list: unknown): string[] {
  return listOf(list)
    .map((item) => inside(item, 'String')?.sval)
    .filter((text) => typeof text === 'string');
}

/** A RangeVar: how the grammar writes the name of a relation. */
export function relationOf(node: ParseNode): QualifiedName | undefined {
  const { relname: name, schemaname: schema } = node;
  if (typeof name !== 'string') return undefined;
  return typeof schema === 'string' ? { schema, name } : { name };
}
