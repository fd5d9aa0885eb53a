/** `warmpool restart`: a fresh pool for a config; no driver is cut off. */
import { Command } from 'commander';
import { apiFromEnv } from './api.ts';

export function restartCommand(): Command {
  return new Command('restart')
    .description("drain a config's pool and build a new one")
    .argument('<name>', 'name or id of the config')
    .option('--json', 'print the config')
    .addHelpText(
      'after',
      '\nConnections in use end with their transaction.\n\nExample:\n  $ npx warmpool restart mydb',
    )
    .action(restart);
}

async function restart(name: string, options: { json?: boolean }): Promise<void> {
  const api = apiFromEnv();
  const config = await api.restart(await api.findConfigId(name));
  if (options.json) console.log(JSON.stringify(config));
  else console.error(`Restarted: ${config.name}`);
}
