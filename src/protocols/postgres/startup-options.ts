/**
 * The startup parameter `options`: switches as the `postgres` program takes them, of which only the ones that
 * set a parameter mean anything here (pg_split_opts and process_postgres_switches in PostgreSQL's source).
 * https://www.postgresql.org/docs/18/config-setting.html#CONFIG-SETTING-SHELL
 */
import { PoolerError } from '../../errors.ts';

/** Lower-case names and values, in order. Understands `-c name=value`, `-cname=value` and `--name=value`. */
export function readOptions(options: string): [name: string, value: string][] {
  const words = splitOptions(options);
  const settings: [string, string][] = [];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '-c') settings.push(readAssignment(words.shift() ?? '', '-c '));
    else if (word.startsWith('-c')) settings.push(readAssignment(word.slice(2), '-c '));
    else if (word.startsWith('--') && word.length > 2) settings.push(readAssignment(word.slice(2), '--'));
    else throw invalid(`invalid command-line argument for server process: ${word}`);
  }
  return settings;
}

/** Words between white space. A backslash takes the special meaning from what follows it. */
function splitOptions(options: string): string[] {
  const words = options.match(/(?:\\.|[^\\ \t\n\v\f\r])+/gs) ?? [];
  return words.map((word) => word.replace(/\\(.)/gs, '$1'));
}

function readAssignment(text: string, form: string): [name: string, value: string] {
  const at = text.indexOf('=');
  if (at <= 0) throw invalid(`${form}${text} requires a value`);
  return [text.slice(0, at).replaceAll('-', '_').toLowerCase(), text.slice(at + 1)];
}

function invalid(text: string): PoolerError {
  return new PoolerError(text, {
    fault: 'driver',
    sqlState: '42601',
    hint: 'In "options" only -c name=value and --name=value are supported.',
    fatal: true,
  });
}
