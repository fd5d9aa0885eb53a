/** The Cache API of a self-hosted Warmpool: replies that memory is too small for come from files. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildSelfHosted } from '../../src/cli/build.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../../src/cli/leftovers.ts';
import { DebugClient, until, untilHit } from '../fakes/caching.ts';
import { type Origin, startOrigin, stopOrigin } from '../fakes/origins.ts';
import { addConfig, type SelfHosted, startSelfHosted } from '../fakes/self-hosted.ts';

const MEBIBYTE = 1024 * 1024;
const readOf = (mebibytes: number): string =>
  `select repeat('x', ${mebibytes * MEBIBYTE}) as words, id from t`;

let folder: TemporaryFolder;
let files: string;
let origin: Origin;
let warmpool: SelfHosted;
let url: string;

beforeAll(async () => {
  folder = await makeTemporaryFolder('warmpool-cache');
  const dist = join(folder.path, 'dist');
  files = join(dist, 'data/cache');
  await buildSelfHosted(dist);
  await mkdir(files, { recursive: true });
  await writeFile(join(files, 'of-an-earlier-process'), 'x');
  [origin, warmpool] = await Promise.all([
    startOrigin('18'),
    startSelfHosted(dist, { WARMPOOL_CACHE_MB: '64' }),
  ]);
  url = await addConfig(warmpool, { name: 'shop', server: origin.server });
  await using(async (client) => {
    await client.query('create table t (id int); insert into t values (1)');
  });
});

afterAll(async () => {
  await warmpool.process.stop();
  await stopOrigin(origin);
  await folder.remove();
});

test.each([3, 40])('%i MiB: whole, on another connection, and fresh after a write', async (mebibytes) => {
  const [client, other] = [await DebugClient.connect(url), await DebugClient.connect(url)];
  await untilHit(client, readOf(mebibytes));
  const { rows, status } = await other.ask(readOf(mebibytes));
  expect(status).toMatch(/^hit \(cache api/);
  expect(String(rows[0]?.['words'])).toHaveLength(mebibytes * MEBIBYTE);
  await other.query('update t set id = id + 1');
  expect((await client.ask(readOf(mebibytes))).rows[0]?.['id']).toBe(Number(rows[0]?.['id']) + 1);
  await Promise.all([client.end(), other.end()]);
});

test('no more is kept than is said, and nothing of an earlier process', async () => {
  await using(async (client) => {
    for (const mebibytes of [20, 21, 22, 23]) await untilHit(client, readOf(mebibytes));
    const kept = async (): Promise<string[]> => (existsSync(files) ? readdir(files) : []);
    await until(async () => (await kept()).length <= 4);
    expect(await kept()).not.toContain('of-an-earlier-process');
    // What was used longest ago has gone.
    expect((await client.ask(readOf(20))).status).toBe('miss');
  });
});

async function using(work: (client: DebugClient) => Promise<void>): Promise<void> {
  const client = await DebugClient.connect(url);
  await work(client);
  await client.end();
}
