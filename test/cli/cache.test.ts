/** `purge` and `why`: what they ask of the API, word for word, and what they print of its answer. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Ran, runCli } from './run-cli.ts';

interface Call {
  request: string;
  body: unknown;
}

const CONFIG = { id: 'c'.repeat(32), name: 'books' };
const PATH = `/accounts/local/hyperdrive/configs/${CONFIG.id}`;
const MISS = {
  status: 'miss',
  reads: ['public.users', 'public.orders'],
  writes: [],
  key: {
    settings: { search_path: '"$user", public', TimeZone: 'UTC' },
    text: 'select *\n  from users\njoin orders using (id)',
  },
  max_age: 60,
  stale_while_revalidate: 15,
  tags: ['products', 'sale'],
};

let server: Server;
let base: string;
let calls: Call[];
/** What the API answers to a POST. */
let answer: { status: number; result?: unknown; message?: string };

beforeEach(async () => {
  calls = [];
  server = createServer((request, response) => void serve(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  base = `http://127.0.0.1:${typeof address === 'object' ? address?.port : address}`;
});

afterEach(async () => {
  server.close();
  await once(server, 'close');
});

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request);
  const isList = request.method === 'GET';
  if (!isList) calls.push({ request: `${request.method} ${request.url}`, body: JSON.parse(body) });
  const { status, result, message } = isList ? { status: 200, result: [CONFIG], message: undefined } : answer;
  const errors = message === undefined ? [] : [{ code: 1, message }];
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify({ success: status === 200, errors, messages: [], result: result ?? null }));
}

function run(...args: string[]): Promise<Ran> {
  return runCli(args, { CLOUDFLARE_API_BASE_URL: base });
}

test.for([
  [['--all'], { everything: true }, 'all'],
  [['--tag', 'products', '--tag', 'sale'], { tags: ['products', 'sale'] }, 'tag products, tag sale'],
  [
    ['--relation', 'public.users', 'orders'],
    { relations: ['public.users', 'orders'] },
    'public.users, orders',
  ],
  [['--tag=a', '--relation=b'], { tags: ['a'], relations: ['b'] }, 'tag a, b'],
] as const)('purge %j', async ([options, body, words]) => {
  answer = { status: 200, result: { cache_epoch: 7 } };
  const ran = await run('purge', 'books', ...options);
  expect(ran).toEqual({ code: 0, stdout: '', stderr: `Purged: ${words} of books\n` });
  expect(calls).toEqual([{ request: `POST ${PATH}/purge`, body }]);
});

test('purge --json prints what the API answered', async () => {
  answer = { status: 200, result: { cache_epoch: 7 } };
  expect(await run('purge', 'books', '--all', '--json')).toEqual({
    code: 0,
    stdout: '{"cache_epoch":7}\n',
    stderr: '',
  });
});

test('purge of nothing in particular asks nothing of the API', async () => {
  const ran = await run('purge', 'books');
  expect(ran).toMatchObject({ code: 1, stderr: 'Say what to purge: --all, --tag or --relation.\n' });
  expect(calls).toEqual([]);
});

test('a refused purge fails with the reason', async () => {
  answer = { status: 400, message: 'The origin has no relation "nope", so nothing was purged.' };
  const { code, stderr } = await run('purge', 'books', '--relation', 'nope');
  expect([code, stderr]).toEqual([1, expect.stringContaining('no relation "nope", so nothing was purged')]);
});

test('why tells of a query that is cached: how long, and all that its key is made of', async () => {
  answer = { status: 200, result: MISS };
  const query = 'select * from users join orders using (id)';
  const { code, stdout } = await run('why', 'books', query, '--set', 'search_path=app', 'a.b=c=d');
  expect(code).toBe(0);
  expect(stdout.split('\n')).toEqual([
    'cached          yes',
    'reads           public.users, public.orders',
    'writes          nothing',
    'fresh for       60 s',
    'then stale for  15 s, while it is fetched anew',
    'tags            products, sale',
    'key             select * from users join orders using (id)',
    '                search_path = "$user", public',
    '                TimeZone = UTC',
    '',
  ]);
  const settings = { search_path: 'app', 'a.b': 'c=d' };
  expect(calls).toEqual([{ request: `POST ${PATH}/why`, body: { query, settings } }]);
});

test('why tells of a query that is not cached: the status and the reason, and no times', async () => {
  const key = { settings: {}, text: 'call f()' };
  const reason = 'CALL may do anything.';
  answer = {
    status: 200,
    result: { ...MISS, status: 'uncacheable', reason, writes: 'everything', reads: [], key },
  };
  const { code, stdout } = await run('why', 'books', 'call f()');
  expect(code).toBe(0);
  expect(stdout.split('\n').slice(0, 5)).toEqual([
    'cached          no (uncacheable)',
    'reason          CALL may do anything.',
    'reads           no relation',
    'writes          perhaps everything: all cached replies are forgotten when it commits',
    'tags            products, sale',
  ]);
  expect(calls[0]?.body).toEqual({ query: 'call f()', settings: {} });
});

test('why --json prints what the API answered', async () => {
  answer = { status: 200, result: MISS };
  expect(JSON.parse((await run('why', 'books', 'select 1', '--json')).stdout)).toEqual(MISS);
});

test('why refuses a setting without a value before it asks', async () => {
  const { code, stderr } = await run('why', 'books', 'select 1', '--set', 'role');
  expect([code, stderr]).toEqual([1, '--set role: it must be name=value.\n']);
  expect(calls).toEqual([]);
});

test('where caching is disabled why fails with the way out', async () => {
  answer = { status: 409, message: 'Caching is disabled in this config: nothing is cached.' };
  const { code, stderr } = await run('why', 'books', 'select 1');
  expect([code, stderr]).toEqual([1, expect.stringContaining('refused (409): Caching is disabled')]);
});
