/** Answers to questions about a catalog, and maps made of them. */

/** Rows in text, null for NULL. */
export type Answer = readonly (readonly (string | null)[])[];

/** By the name of their question. */
export type Answers<Name extends string> = Readonly<Record<Name, Answer>>;

export type Cell = string | null | undefined;

export function text(cell: Cell): string {
  return cell ?? '';
}

/** Values of rows, by a key of theirs. */
export function listed<Value>(
  answer: Answer,
  entryOf: (row: readonly Cell[]) => readonly [Cell, Value],
): Map<string, Value[]> {
  const lists = new Map<string, Value[]>();
  for (const row of answer) {
    const [key, value] = entryOf(row);
    add(lists, text(key), value);
  }
  return lists;
}

export function grouped<Value>(
  values: readonly Value[],
  keyOf: (value: Value) => string,
): Map<string, Value[]> {
  const groups = new Map<string, Value[]>();
  for (const value of values) add(groups, keyOf(value), value);
  return groups;
}

function add<Value>(lists: Map<string, Value[]>, key: string, value: Value): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
