/**
 * Limits and rules of the tree as failing tests: who may import whom, which words stand where, what every file
 * must not do. The rules are those of the README's map.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const SOURCES = filesBelow(join(ROOT, 'src'));
const TESTS = filesBelow(join(ROOT, 'test'));

/** What a protocol must offer. */
const CONTRACTS = ['contract.ts', 'caching.ts', 'driver-login.ts'].map((file) => `protocols/${file}`);

/** Folder (or file) to what it may import besides itself. `errors` and `transport` are everybody's. */
const MAY_IMPORT: Record<string, string[]> = {
  'worker.ts': ['edge', 'endpoint', 'control', 'placement', 'env.ts', 'protocols/registry.ts'],
  'env.ts': ['endpoint', 'placement'],
  edge: ['cache', 'endpoint/link.ts', 'config', 'env.ts', ...CONTRACTS, 'protocols/registry.ts'],
  endpoint: ['cache', 'config', 'env.ts', ...CONTRACTS, 'protocols/registry.ts'],
  cache: ['config', ...CONTRACTS],
  placement: ['config', 'env.ts', 'endpoint', ...CONTRACTS, 'protocols/registry.ts'],
  control: ['config', 'env.ts', 'endpoint/link.ts', 'placement', ...CONTRACTS, 'protocols/registry.ts'],
  config: [...CONTRACTS],
  transport: [],
  protocols: [],
  client: [],
  'self-hosted': ['worker.ts', 'edge/draining.ts', 'env.ts'],
  cli: ['demo', '../test/bench/main.ts'],
  demo: ['cli'],
};

test.each(SOURCES)('%s imports only what its folder may import', (file) => {
  const area = areaOf(file);
  const allowed = [...(MAY_IMPORT[area] ?? []), area, 'errors.ts', 'transport'];
  const breaches = importsOf(file)
    .map((target) => relative(join(ROOT, 'src'), target))
    .filter((target) => !allowed.some((prefix) => target === prefix || target.startsWith(`${prefix}/`)));
  expect(breaches).toEqual([]);
});

test('a protocol knows the contract and the bytes, and no other protocol', () => {
  const breaches = SOURCES.filter((file) => /^src\/protocols\/\w+\//.test(file)).flatMap((file) =>
    importsOf(file)
      .map((target) => relative(join(ROOT, 'src/protocols'), target))
      .filter((target) => {
        const own = file.split('/')[2] ?? '';
        const isAllowed = [own, 'bytes', 'sql'].some((folder) => target.startsWith(`${folder}/`));
        return !isAllowed && !CONTRACTS.includes(`protocols/${target}`) && target !== '../errors.ts';
      })
      .map((target) => `${file} imports ${target}`),
  );
  expect(breaches).toEqual([]);
});

test('every file is imported by another, or is one that something starts', () => {
  const started = [
    ...[
      'src/worker.ts',
      'src/self-hosted/worker.ts',
      'src/self-hosted/database.ts',
      'src/self-hosted/cache.ts',
    ],
    ...['src/cli/main.ts', 'src/demo/worker.ts', 'src/demo/mysql-worker.ts'],
  ];
  const imported = new Set([...SOURCES, ...TESTS].flatMap(importsOf).map((path) => relative(ROOT, path)));
  // Declarations are the compiler's.
  const files = SOURCES.filter((file) => !file.endsWith('.d.ts'));
  expect(files.filter((file) => !imported.has(file) && !started.includes(file))).toEqual([]);
});

test('only protocols, the client, the command line and the demo name a database', () => {
  const named = SOURCES.filter((file) => !/^src\/(protocols|client|cli|demo)\//.test(file)).filter((file) =>
    /postgres|mysql/i.test(withoutComments(file)),
  );
  expect(named).toEqual([]);
});

test('protocols do no I/O: no sockets, timers, fetch, console, clock or chance', () => {
  const forbidden =
    /cloudflare:|\bsetTimeout\b|\bsetInterval\b|\bfetch\(|\bconsole\.|\bDate\b|\bMath\.random\b|getRandomValues|randomBytes|\basync\b|\bawait\b/;
  const breaches = SOURCES.filter((file) => file.startsWith('src/protocols/')).filter((file) =>
    forbidden.test(withoutComments(file)),
  );
  expect(breaches).toEqual([]);
});

test('SQL of our own stands in store.ts and in migrations', () => {
  const sql = /\.prepare\(/;
  const breaches = SOURCES.filter(
    (file) => !file.endsWith('store.ts') && !/^src\/(protocols|demo|cli)\//.test(file),
  ).filter((file) => sql.test(withoutComments(file)));
  expect(breaches).toEqual([]);
});

test('no file is longer than 300 lines, no line longer than 110 characters', () => {
  const long = SOURCES.filter((file) => read(file).split('\n').length > 300);
  expect(long).toEqual([]);
});

test('Cloudflare and self-hosted run on one compatibility date', () => {
  const date = /compatibility_?date"?\s*[:=]\s*"([\d-]+)"/gi;
  const dates = ['wrangler.jsonc', 'src/self-hosted/warmpool.capnp', 'src/self-hosted/drain.capnp'].flatMap(
    (file) => [...read(file).matchAll(date)].map(([, found]) => found),
  );
  expect(dates).toHaveLength(5);
  expect(new Set(dates).size).toBe(1);
});

test('nothing is left undone, and no check is switched off without a reason', () => {
  const marks = new RegExp(
    [
      'TO' + 'DO',
      'FIX' + 'ME',
      '@ts-' + 'ignore',
      'as ' + 'any\\b',
      '\\.sk' + 'ip\\(',
      '\\.on' + 'ly\\(',
    ].join('|'),
  );
  expect([...SOURCES, ...TESTS].filter((file) => marks.test(read(file)))).toEqual([]);
});

test('no file only passes on what others export', () => {
  const barrels = SOURCES.filter((file) => {
    const lines = withoutComments(file)
      .split('\n')
      .filter((line) => line.trim() !== '');
    return lines.length > 0 && lines.every((line) => /^export .* from /.test(line));
  });
  expect(barrels).toEqual([]);
});

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((file) => !file.includes('node_modules') && !file.includes('.wrangler'));
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

function withoutComments(file: string): string {
  return read(file).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$|\s\/\/ .*$/gm, '');
}

/** Absolute paths of the files of ours that a file imports. */
function importsOf(file: string): string[] {
  const specifiers = [...read(file).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']*)'|path = '(\.[^']*)'/g)];
  return specifiers.map(([, direct, late]) => join(ROOT, dirname(file), direct ?? late ?? ''));
}

function areaOf(file: string): string {
  const [, area = ''] = file.split('/');
  return area;
}
