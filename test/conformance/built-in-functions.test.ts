/**
 * The list of PostgreSQL's own functions that are not immutable is that of real servers. To write it anew, for
 * instance for a new version: npm test -- conformance/built-in-functions -u
 */
import { join } from 'node:path';
import pg from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { startPostgresServer } from '../../src/demo/postgres-server.ts';
import { builtIns } from '../../src/protocols/postgres/built-in-functions.ts';
import { isMovingText } from '../../src/protocols/postgres/moving-literal.ts';
import { VERSIONS } from '../fakes/origins.ts';

const LIST = join(import.meta.dirname, '../../src/protocols/postgres/built-in-volatility.ts');
const LINE_LENGTH_MAX = 100;
const VOLATILITY_QUERY = `
  SELECT proname, bool_or(provolatile = 'v') FROM pg_catalog.pg_proc
  WHERE pronamespace = 'pg_catalog'::regnamespace AND provolatile <> 'i' GROUP BY proname`;

/** Whether PostgreSQL reads them as a moment that moves. */
const DATES = [
  ['now', true],
  ['  NOW ', true],
  [`${' '.repeat(100)}today`, true],
  ['today10:00', true],
  [`today 10:00:00.${'0'.repeat(80)}`, true],
  ['Yesterday z', true],
  ['2024-01-01', false],
  ['epoch', false],
  ['allballs', false],
  ['infinity', false],
] as const;

const isVolatileByName = new Map<string, boolean>();
const readAsDate = new Map<string, string>();

beforeAll(async () => {
  for (const version of VERSIONS) await ask(version);
});

async function ask(version: '18' | '15'): Promise<void> {
  const server = await startPostgresServer({ version });
  const client = new pg.Client({ host: '127.0.0.1', ...server });
  try {
    await client.connect();
    const { rows } = await client.query({ text: VOLATILITY_QUERY, rowMode: 'array' });
    for (const [name, isVolatile] of rows) {
      isVolatileByName.set(name, isVolatileByName.get(name) === true || isVolatile);
    }
    for (const [text] of DATES) {
      const type = text === 'allballs' ? 'time' : 'timestamp';
      const moments = await client.query(`SELECT $1::text::${type}::text AS moment`, [text]);
      readAsDate.set(text, moments.rows[0].moment);
    }
  } finally {
    await client.end();
    await server.stop();
  }
}

test('the list is that of the servers', async () => {
  const names = [...isVolatileByName.keys()].sort();
  const [stable, volatile] = [false, true].map((isVolatile) =>
    names.filter((name) => isVolatileByName.get(name) === isVolatile),
  );
  const text = [
    '/** Made by test/conformance/built-in-functions.test.ts from PostgreSQL 18 and 15; edited by nobody. */',
    ...['', `export const STABLE_NAMES = \`\n${inLines(stable ?? [])}\n\`;`],
    ...['', `export const VOLATILE_NAMES = \`\n${inLines(volatile ?? [])}\n\`;`, ''],
  ].join('\n');
  await expect(text).toMatchFileSnapshot(LIST);
});

test('every function that is judged to write exists and is not immutable', () => {
  expect([...builtIns.mayWrite].filter((name) => !isVolatileByName.has(name))).toEqual([]);
  expect(builtIns.notImmutable.size).toBe(isVolatileByName.size);
});

test.each(DATES)('PostgreSQL reads "%s" as a date, moving: %s', (text, isMoving) => {
  expect(readAsDate.get(text)).toBeDefined();
  expect(isMovingText(text)).toBe(isMoving);
});

function inLines(names: string[]): string {
  const lines = [''];
  for (const name of names) {
    const line = lines.at(-1) ?? '';
    if (line.length + name.length < LINE_LENGTH_MAX) lines[lines.length - 1] = `${line} ${name}`.trim();
    else lines.push(name);
  }
  return lines.join('\n');
}
