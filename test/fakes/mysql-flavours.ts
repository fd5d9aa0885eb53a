/** Tests against the real servers that this machine can have; `test/mysql-setup.ts` says which it cannot. */
import { describe, inject } from 'vitest';
import { MYSQL_FLAVOURS, type MySqlFlavour } from '../../src/demo/mysql-installation.ts';

/** Those of a server that is not here are reported as not run. */
export function describeMySql(flavour: MySqlFlavour, tests: () => void): void {
  describe.runIf(!inject('missingServers').includes(flavour))(flavour, tests);
}

export function describeEachMySql(tests: (flavour: MySqlFlavour) => void): void {
  for (const flavour of MYSQL_FLAVOURS) describeMySql(flavour, () => tests(flavour));
}
