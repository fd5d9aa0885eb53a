/** The command as a user runs it, against a small API that answers as Warmpool's does. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const CONFIG_ID = '0123456789abcdef0123456789abcdef';
const MYSQL_CONFIG_ID = 'fedcba9876543210fedcba9876543210';

describe('warmpool config url and token', () => {
  let server: Server;
  let tokens: { id: string; user: string }[];

  beforeEach(async () => {
    tokens = [];
    server = createServer(async (request, response) => {
      const [status, result] = await answer(request);
      const errors = status === 200 ? [] : [{ code: status, message: `refused with ${status}` }];
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ success: status === 200, result, errors, messages: [] }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterEach(() => server.close());

  test('prints one complete connection string and nothing else', async () => {
    expect(await run('config', 'url', 'books')).toEqual({
      code: 0,
      stdout: 'postgres://app:secret-1@127.0.0.1:6432/books\n',
      stderr: '',
    });
  });

  test("prints a string of the config's own protocol, with that protocol's port", async () => {
    expect(await run('config', 'url', 'orders')).toMatchObject({
      stdout: 'mysql://app:secret-1@127.0.0.1:3307/orders\n',
    });
    expect(await run('config', 'url', 'orders', '--user', 'cli', '--port', '3310')).toMatchObject({
      stdout: 'mysql://cli:secret-2@127.0.0.1:3310/orders\n',
    });
  });

  test('replaces the token of a user that has one', async () => {
    tokens = [
      { id: 'old', user: 'app' },
      { id: 'other', user: 'reporting' },
    ];
    const { code, stdout } = await run('config', 'url', 'books', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ user: 'app', url: expect.stringContaining('app:secret-') });
    expect(tokens.map((token) => token.user)).toEqual(['reporting', 'app']);
  });

  test('an unknown config names those that there are', async () => {
    const { code, stdout, stderr } = await run('config', 'url', 'nope');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('There is no config "nope" (there are: books, orders).');
  });

  test('a wrong API token shows what the API said', async () => {
    const { code, stderr } = await run('token', 'list', '--config', 'books', '--wrong-token');
    expect({ code, stderr }).toEqual({ code: 1, stderr: "Warmpool's API refused (403): refused with 403\n" });
  });

  test('token revoke ends the token', async () => {
    tokens = [{ id: 'old', user: 'app' }];
    expect((await run('token', 'revoke', 'app', '--config', 'books')).code).toBe(0);
    expect(tokens).toEqual([]);
  });

  async function answer(request: IncomingMessage): Promise<[number, unknown]> {
    const configs = '/client/v4/accounts/local/hyperdrive/configs';
    if (request.headers.authorization !== 'Bearer dev') return [403, null];
    if (request.url?.replace(/\?.*/, '') === configs)
      return [
        200,
        [
          { id: CONFIG_ID, name: 'books', origin: {} },
          { id: MYSQL_CONFIG_ID, name: 'orders', origin: { scheme: 'mysql' } },
        ],
      ];
    const path = request.url?.replace(/^.*\/[0-9a-f]{32}\/tokens/, '');
    if (request.method === 'GET' && path === '') return [200, tokens];
    if (request.method === 'DELETE') {
      tokens = tokens.filter((token) => path !== `/${token.id}`);
      return [200, null];
    }
    const { user } = JSON.parse(await text(request)) as { user: string };
    if (tokens.some((token) => token.user === user)) return [409, null];
    const token = { id: String(tokens.length + 1), user };
    tokens.push(token);
    return [200, { ...token, token: `secret-${token.id}` }];
  }

  async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const isTokenWrong = args.at(-1) === '--wrong-token';
    const main = join(import.meta.dirname, '../../src/cli/main.ts');
    const child = spawn(process.execPath, [main, ...args.filter((arg) => arg !== '--wrong-token')], {
      env: {
        PATH: process.env.PATH,
        CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/v4`,
        ...(isTokenWrong ? { CLOUDFLARE_API_TOKEN: 'wrong' } : {}),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number]>,
    ]);
    return { code, stdout, stderr };
  }
});
