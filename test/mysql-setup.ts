/**
 * Before the first test: MariaDB and MySQL, fetched when they are missing. Where one cannot be had the run says which
 * tests did not run, and with CI=true fails.
 */
import type { TestProject } from 'vitest/node';
import { installMySql, MYSQL_FLAVOURS, type MySqlFlavour } from '../src/demo/mysql-installation.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    missingServers: MySqlFlavour[];
  }
}

export default async function setUp(project: TestProject): Promise<() => void> {
  const reasons = new Map<MySqlFlavour, string>();
  for (const flavour of MYSQL_FLAVOURS) {
    await installMySql(flavour).catch((error: unknown) => reasons.set(flavour, String(error)));
  }
  const warn = (): void => {
    for (const [flavour, reason] of reasons) {
      process.stderr.write(`\n!!! NOT TESTED: whatever needs the server "${flavour}". ${reason}\n`);
    }
  };
  warn();
  if (reasons.size > 0 && process.env['CI']) throw new Error('With CI set, every server must be there.');
  project.provide('missingServers', [...reasons.keys()]);
  // Again at the end, where it is seen.
  return warn;
}
