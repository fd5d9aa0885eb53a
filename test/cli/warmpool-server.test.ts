/** Drives a stand-in Worker: what is tested here is how Warmpool is started, not Warmpool. */
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findFreePort, isPortOpen } from '../../src/cli/ports.ts';
import { startWarmpool } from '../../src/cli/warmpool-server.ts';

const WORKER = `
export default {
  async fetch(request, env) {
    const { n } = await env.DB.prepare('select count(*) as n from configs').first();
    return Response.json({ configs: n, token: env.ADMIN_TOKEN, key: env.CONFIG_KEY, more: env.MORE, on: env.LISTENERS });
  },
  async connect(socket) {
    const writer = socket.writable.getWriter();
    const { localAddress } = await socket.opened;
    await writer.write(new TextEncoder().encode(localAddress));
    await writer.close();
  },
};`;

const CONFIG = `{
  "name": "stand-in", // a comment, and "//" in a string:
  "main": "worker.js",
  "compatibility_date": "2026-10-20",
  "d1_databases": [{ "binding": "DB", "database_name": "d", "database_id": "http://x", "migrations_dir": "sql" }],
  "connect": [{ "protocol": "tcp", "port": 6432 }],
}`;

describe('startWarmpool', () => {
  let folder: string;
  let ports: { httpPort: number; postgresPort: number; mysqlPort: number };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'warmpool-server-test-'));
    await mkdir(join(folder, 'project/sql'), { recursive: true });
    await writeFile(join(folder, 'project/wrangler.jsonc'), CONFIG);
    await writeFile(join(folder, 'project/worker.js'), WORKER);
    await writeFile(join(folder, 'project/sql/0001_configs.sql'), 'create table configs (id text);');
    ports = {
      httpPort: await findFreePort(),
      postgresPort: await findFreePort(),
      mysqlPort: await findFreePort(),
    };
  });

  afterEach(() => rm(folder, { recursive: true, maxRetries: 5 }));

  test('applies migrations, hands over secrets, opens all ports and tells the Worker which is whose, and keeps its key', async () => {
    const options = { ...ports, persistDir: join(folder, 'state'), projectDir: join(folder, 'project') };
    const warmpool = await startWarmpool({ ...options, env: { MORE: 'of it' } });
    const answer = (await (await fetch(warmpool.apiBase)).json()) as Record<string, unknown>;
    expect(answer).toMatchObject({ configs: 0, token: 'dev', more: 'of it' });
    expect(Buffer.from(String(answer.key), 'base64')).toHaveLength(32);
    expect(JSON.parse(String(answer.on))).toEqual({
      [ports.postgresPort]: 'postgres',
      [ports.mysqlPort]: 'mysql',
    });
    for (const port of [warmpool.postgresPort, warmpool.mysqlPort]) {
      const [greeting] = await once(connect(port, '127.0.0.1'), 'data');
      expect(String(greeting)).toBe(`127.0.0.1:${port}`);
    }
    expect((await stat(join(folder, 'state/.dev.vars'))).mode & 0o777).toBe(0o600);
    await warmpool.stop();
    expect(await isPortOpen(ports.httpPort)).toBe(false);
    expect(await isPortOpen(ports.postgresPort)).toBe(false);

    const again = await startWarmpool(options);
    expect(await (await fetch(again.apiBase)).json()).toMatchObject({ key: answer.key });
    await again.stop();
  });

  test.each([
    ['postgresPort', '--postgres-port'],
    ['mysqlPort', '--mysql-port'],
  ] as const)('refuses a busy %s before it starts or writes anything', async (port, option) => {
    const persistDir = join(folder, 'state');
    const server = createServer().listen(ports[port], '127.0.0.1');
    await once(server, 'listening');
    await expect(startWarmpool({ ...ports, persistDir })).rejects.toThrow(`choose another with ${option}`);
    await expect(readFile(join(persistDir, '.dev.vars'))).rejects.toThrow('ENOENT');
    server.close();
  });

  test('shows what wrangler said when the Worker does not start', async () => {
    await writeFile(join(folder, 'project/worker.js'), 'export default {');
    const options = { ...ports, persistDir: join(folder, 'state'), projectDir: join(folder, 'project') };
    await expect(startWarmpool(options)).rejects.toThrow(
      /wrangler dev of "stand-in" ended[\s\S]*found end of file/,
    );
    expect(await isPortOpen(ports.postgresPort)).toBe(false);
  });
});
