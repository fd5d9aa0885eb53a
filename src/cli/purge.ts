/** `warmpool purge`: cached replies are forgotten, for all drivers. */
import { Command } from 'commander';
import { apiFromEnv, type Purge } from './api.ts';

interface PurgeOptions {
  all?: true;
  tag?: string[];
  relation?: string[];
  json?: boolean;
}

export function purgeCommand(): Command {
  return new Command('purge')
    .description("forget a config's cached replies")
    .argument('<config>', 'name or id of the config')
    .option('--all', 'all of them')
    .option('--tag <tag...>', 'those of queries with this tag: /* warmpool: tag=products */')
    .option('--relation <relation...>', 'those that read this table or view')
    .option('--json', 'print what the API answered')
    .addHelpText(
      'after',
      `
After a write that did not go through Warmpool; what did needs no purge.

Examples:
  $ npx warmpool purge mydb --all
  $ npx warmpool purge mydb --tag products --tag sale
  $ npx warmpool purge mydb --relation public.users public.orders`,
    )
    .action(purge);
}

async function purge(name: string, options: PurgeOptions): Promise<void> {
  const request: Purge = {
    ...(options.all ? { everything: true } : {}),
    ...(options.tag === undefined ? {} : { tags: options.tag }),
    ...(options.relation === undefined ? {} : { relations: options.relation }),
  };
  if (Object.keys(request).length === 0) throw new Error('Say what to purge: --all, --tag or --relation.');
  const api = apiFromEnv();
  const config = await api.findConfig(name);
  const result = await api.purge(config.id, request);
  if (options.json) console.log(JSON.stringify(result));
  else console.error(`Purged: ${wordsOf(request)} of ${config.name}`);
}

function wordsOf({ everything, tags = [], relations = [] }: Purge): string {
  if (everything) return 'all';
  return [...tags.map((tag) => `tag ${tag}`), ...relations].join(', ');
}
