/** All cases of each protocol, with the name of the library in front. */
import type { Cases } from '../case.ts';
import { mariadbCases } from './mysql/mariadb.ts';
import { mysqlCases } from './mysql/mysql.ts';
import { mysql2Cases } from './mysql/mysql2.ts';
import { mysql2SessionCases } from './mysql/mysql2-sessions.ts';
import { notSupportedCases } from './mysql/not-supported.ts';
import { ormCases as mysqlOrmCases } from './mysql/orms.ts';
import { nodePostgresCases } from './postgres/node-postgres.ts';
import { ormCases as postgresOrmCases } from './postgres/orms.ts';
import { postgresJsCases } from './postgres/postgres-js.ts';
import { postgresJsSessionCases } from './postgres/postgres-js-sessions.ts';

export const casesOf: Record<'postgres' | 'mysql', Cases> = {
  postgres: {
    ...named('postgres.js', { ...postgresJsCases, ...postgresJsSessionCases }),
    ...named('node-postgres', nodePostgresCases),
    ...postgresOrmCases,
  },
  mysql: {
    ...named('mysql2', { ...mysql2Cases, ...mysql2SessionCases }),
    ...named('mysql', mysqlCases),
    ...named('mariadb', mariadbCases),
    ...mysqlOrmCases,
    ...named('not supported by Hyperdrive', notSupportedCases),
  },
};

/** mysql knows no login that MySQL 9 still has; to Warmpool it can log in. */
export function isRefusedByServer(name: string, version: string): boolean {
  return version === 'mysql' && name.startsWith('mysql: ');
}

function named(library: string, some: Cases): Cases {
  return Object.fromEntries(Object.entries(some).map(([name, run]) => [`${library}: ${name}`, run]));
}
