/** `warmpool why`: would this query be cached, for how long, and why not? */
import { Command } from 'commander';
import { apiFromEnv, type Why } from './api.ts';

interface WhyOptions {
  set?: string[];
  json?: boolean;
}

export function whyCommand(): Command {
  return new Command('why')
    .description('say whether a query is cached, and why not; nothing is run')
    .argument('<config>', 'name or id of the config')
    .argument('<sql>', 'one SQL statement')
    .option('--set <setting...>', 'a session setting of the driver, as name=value')
    .option('--json', 'print what the API answered')
    .addHelpText(
      'after',
      `
Examples:
  $ npx warmpool why mydb "select * from users where id = $1"
  $ npx warmpool why mydb "select now()"
  $ npx warmpool why mydb "select * from users" --set search_path=app`,
    )
    .action(why);
}

async function why(name: string, query: string, options: WhyOptions): Promise<void> {
  const settings = Object.fromEntries((options.set ?? []).map(parseSetting));
  const api = apiFromEnv();
  const answer = await api.why(await api.findConfigId(name), { query, settings });
  console.log(options.json ? JSON.stringify(answer) : linesOf(answer).join('\n'));
}

function parseSetting(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new Error(`--set ${text}: it must be name=value.`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function linesOf({ status, reason, reads, writes, key, tags = [], ...times }: Why): string[] {
  const isCached = status === 'miss' || status === 'hit';
  return [
    line('cached', isCached ? 'yes' : `no (${status})`),
    ...(reason === undefined ? [] : [line('reason', reason)]),
    line('reads', reads.join(', ') || 'no relation'),
    line('writes', wordsOf(writes)),
    ...(isCached ? timeLines(times) : []),
    ...(tags.length === 0 ? [] : [line('tags', tags.join(', '))]),
    line('key', oneLine(key.text)),
    ...Object.entries(key.settings).map(([name, value]) => line('', `${name} = ${value}`)),
  ];
}

function wordsOf(writes: Why['writes']): string {
  if (writes === 'everything') return 'perhaps everything: all cached replies are forgotten when it commits';
  return writes.join(', ') || 'nothing';
}

function timeLines(times: Pick<Why, 'max_age' | 'stale_while_revalidate'>): string[] {
  const { max_age: fresh, stale_while_revalidate: stale } = times;
  return [
    ...(fresh === undefined ? [] : [line('fresh for', `${fresh} s`)]),
    ...(stale === undefined ? [] : [line('then stale for', `${stale} s, while it is fetched anew`)]),
  ];
}

function line(name: string, text: string): string {
  return `${name.padEnd(16)}${text}`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
