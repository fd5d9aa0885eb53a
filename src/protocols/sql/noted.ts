/** A set of writes that only grows. Immutable; where nothing is added it stays the same object. */
import type { Catalog, Dependency, Verdict, Writes } from '../caching.ts';

export interface Noted {
  readonly writes: Writes;
  readonly changesSchema: boolean;
  /** By which they were judged. By another they may be others. */
  readonly catalog: Catalog | undefined;
}

export const NOTHING_NOTED: Noted = { writes: [], changesSchema: false, catalog: undefined };

export function noting(noted: Noted, verdict: Verdict, catalog: Catalog | undefined): Noted {
  const { writes, changesSchema } = verdict;
  if (writes.length === 0 && !changesSchema) return noted;
  return union(noted, { writes, changesSchema, catalog });
}

export function union(a: Noted, b: Noted): Noted {
  if (a === b || b === NOTHING_NOTED) return a;
  if (a === NOTHING_NOTED) return b;
  const { writes: more, catalog } = judgedBy(b, a.catalog);
  const writes = unionOfWrites(a.writes, more);
  const changesSchema = a.changesSchema || b.changesSchema;
  return writes === a.writes && changesSchema === a.changesSchema ? a : { writes, changesSchema, catalog };
}

/** The same where it was judged by this one; else it may have been anything. */
export function judgedBy(noted: Noted, catalog: Catalog | undefined): Noted {
  if (noted === NOTHING_NOTED || noted.catalog === catalog) return noted;
  return { ...noted, writes: 'everything', catalog };
}

function unionOfWrites(a: Writes, b: Writes): Writes {
  if (a === b || a === 'everything') return a;
  if (b === 'everything') return b;
  const all = new Set<Dependency>(a);
  for (const dependency of b) all.add(dependency);
  return all.size === a.length ? a : [...all];
}
