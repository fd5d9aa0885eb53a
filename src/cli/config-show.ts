/** `warmpool config show`: a config and what its endpoint is doing right now. */
import { apiFromEnv, type State } from './api.ts';

export async function showConfig(name: string, options: { json?: boolean }): Promise<void> {
  const api = apiFromEnv();
  const config = await api.findConfig(name);
  const state = await api.stateOf(config.id);
  if (options.json) console.log(JSON.stringify({ ...config, state }));
  else console.log([...linesOf({ ...config, caching: state.caching }), ...stateLines(state)].join('\n'));
}

/** One line for each setting, `origin.host` and the like. */
function linesOf(value: Record<string, unknown>, prefix = ''): string[] {
  return Object.entries(value).flatMap(([name, inner]) =>
    isRecord(inner) ? linesOf(inner, `${prefix}${name}.`) : [line(prefix + name, wordsOf(inner))],
  );
}

function stateLines({ sessions, pool, cache }: State): string[] {
  return [line('drivers', String(sessions)), ...poolLines(pool), ...cacheLines(cache)];
}

function poolLines(pool: State['pool']): string[] {
  if (pool === null) return [line('connections', 'none yet')];
  const { size, idle, opening, waiting, opened } = pool;
  return [
    line('connections', `${size} (${size - idle} in use, ${idle} idle, ${opening} being opened)`),
    line('waiting', `${waiting} drivers`),
    line('logins', `${opened} since the pool was made`),
  ];
}

function cacheLines(cache: State['cache']): string[] {
  if (cache === null) return [];
  const counts = Object.entries(cache.statuses).map(([status, count]) => `${count} ${status}`);
  return [
    line('cached replies', `${cache.entries} (${cache.bytes} bytes) at the endpoint`),
    line('queries', counts.join(', ') || 'none yet'),
  ];
}

function line(name: string, text: string): string {
  return `${name.padEnd(36)} ${text}`;
}

function wordsOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
