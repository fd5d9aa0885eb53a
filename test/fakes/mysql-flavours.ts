/** Tests against the real servers that this machine can have; `test/mysql-setup.ts` says which it cannot. */
import { describe, inject } from 'vitest';
import { MYSQL_FLAVOURS, type MySqlFlavour } from '../../src/demo/mysql-installation.ts';

export function mySqlFlavoursHere(): MySqlFlavour[] {
  return MYSQL_FLAVOURS.filter((flavour) => !inject('missingServers').includes(flavour));
}

/** Those of a server that is not here are reported as not run. */
export function describeEachMySql(tests: (flavour: MySqlFlavour) => void): void {
  const here = mySqlFlavoursHere();
  for (const flavour of MYSQL_FLAVOURS) {
    describe.runIf(here.includes(flavour))(flavour, () => tests(flavour));
  }
}
