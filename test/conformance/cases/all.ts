/** All cases, with the name of the library in front. */
import type { Cases } from '../case.ts';
import { nodePostgresCases } from './node-postgres.ts';
import { ormCases } from './orms.ts';
import { postgresJsCases } from './postgres-js.ts';
import { postgresJsSessionCases } from './postgres-js-sessions.ts';

export const cases: Cases = {
  ...named('postgres.js', { ...postgresJsCases, ...postgresJsSessionCases }),
  ...named('node-postgres', nodePostgresCases),
  ...ormCases,
};

function named(library: string, some: Cases): Cases {
  return Object.fromEntries(Object.entries(some).map(([name, run]) => [`${library}: ${name}`, run]));
}
