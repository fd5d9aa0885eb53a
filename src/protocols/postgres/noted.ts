/** A set of writes that only grows. Immutable; where nothing is added it stays the same object. */
import type { Dependency, Verdict, Writes } from '../caching.ts';

export interface Noted {
  readonly writes: Writes;
  readonly changesSchema: boolean;
}

export const NOTHING_NOTED: Noted = { writes: [], changesSchema: false };

export function noting(noted: Noted, verdict: Verdict): Noted {
  const { writes, changesSchema } = verdict;
  if (writes.length === 0 && !changesSchema) return noted;
  return union(noted, { writes, changesSchema });
}

export function union(a: Noted, b: Noted): Noted {
  if (a === b || b === NOTHING_NOTED) return a;
  if (a === NOTHING_NOTED) return b;
  const writes = unionOfWrites(a.writes, b.writes);
  const changesSchema = a.changesSchema || b.changesSchema;
  return writes === a.writes && changesSchema === a.changesSchema ? a : { writes, changesSchema };
}

function unionOfWrites(a: Writes, b: Writes): Writes {
  if (a === b || a === 'everything') return a;
  if (b === 'everything') return b;
  const all = new Set<Dependency>(a);
  for (const dependency of b) all.add(dependency);
  return all.size === a.length ? a : [...all];
}
