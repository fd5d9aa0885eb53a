/** The `warmpool` command. Each subcommand has a file of its own; here they meet and errors become messages. */
import { Command } from 'commander';
import { benchCommand } from './bench.ts';
import { buildCommand } from './build.ts';
import { configCommand } from './config.ts';
import { demoCommand } from './demo.ts';
import { devCommand } from './dev.ts';
import { doctorCommand } from './doctor.ts';
import { disposeAll, isStoppingNow, stopOnSignals } from './leftovers.ts';
import { placeCommand } from './place.ts';
import { planetscaleCommand } from './planetscale.ts';
import { purgeCommand } from './purge.ts';
import { restartCommand } from './restart.ts';
import { testCommand } from './test.ts';
import { tokenCommand } from './token.ts';
import { whyCommand } from './why.ts';

const program = new Command('warmpool')
  .description('An open Hyperdrive: keeps connections to your database warm.')
  .enablePositionalOptions()
  .addHelpText(
    'after',
    `
Examples:
  $ npm start                        the demo: PostgreSQL 18, Warmpool and a Worker that uses it
  $ npm start -- --mysql             the same with MariaDB
  $ npm run dev                      Warmpool alone, for your own database
  $ npx warmpool config url mydb     a connection string for psql or any other client
  $ npx warmpool doctor              what is missing or in the way

Environment of config, place, token, restart, purge, why, planetscale, doctor (as of wrangler):
  CLOUDFLARE_API_BASE_URL   where Warmpool's API is (default http://127.0.0.1:8787/client/v4)
  CLOUDFLARE_API_TOKEN      its admin token (default dev, that of npm run dev)
  CLOUDFLARE_ACCOUNT_ID     default local

Exit code 0: done. 1: failed, the reason is on stderr. 128 + n: stopped by signal n.`,
  );

for (const command of [
  demoCommand(),
  devCommand(),
  testCommand(),
  benchCommand(),
  buildCommand(),
  configCommand(),
  placeCommand(),
  tokenCommand(),
  restartCommand(),
  purgeCommand(),
  whyCommand(),
  planetscaleCommand(),
  doctorCommand(),
]) {
  program.addCommand(command);
}

stopOnSignals(() => console.error('\nStopping ...'));
try {
  await program.parseAsync();
  await disposeAll();
  process.exit();
} catch (error) {
  await fail(error);
}

async function fail(error: unknown): Promise<void> {
  // After Ctrl-C the step in progress fails too; stopOnSignals ends the process when all is cleaned up.
  if (isStoppingNow()) return;
  const message = error instanceof Error ? error.message : String(error);
  console.error(process.env.WARMPOOL_DEBUG === undefined ? message : error);
  await disposeAll();
  process.exit(1);
}
