/** Replies that memory is too small for, from the Cache API of a real runtime. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CACHING, DebugClient, untilCacheable, untilHit } from '../fakes/caching.ts';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';

/** An endpoint so far away is worth asking the Cache API first. */
const RTT_MS = 400;
const READ = 'select * from big order by id';

let harness: Harness;
let target: Target;

beforeAll(async () => {
  harness = await startHarness();
  target = await harness.createTarget({ config: CACHING });
  target.proxy.setRtt(RTT_MS);
  await untilCacheable(target);
});

afterAll(() => harness.stop());

test.each([
  3, 40,
])('%i MiB: whole, from the Cache API, on another connection, and fresh after a write', async (mebibytes) => {
  const [writer, reader] = await Promise.all([connected(), connected()]);
  await writer.query(
    `drop table if exists big; create table big as
       select id, repeat(md5(id::text), 32) as words from generate_series(1, ${mebibytes * 1024}) id`,
  );
  await untilHit(writer, READ);
  const hit = await reader.ask(READ);
  expect(hit.status).toMatch(/^hit \(cache api/);
  expect(digestOf(hit.rows)).toBe(digestOf(await harness.ask(target, READ)));
  // What follows on the same connection is in order.
  expect((await reader.ask("select 'next' as word")).rows).toEqual([{ word: 'next' }]);
  await writer.query("update big set words = 'new' where id = 1");
  expect((await reader.ask(READ)).rows[0]).toEqual({ id: 1, words: 'new' });
  await Promise.all([writer.end(), reader.end()]);
});

function connected(): Promise<DebugClient> {
  return DebugClient.connect(target.pooled);
}

function digestOf(rows: Record<string, unknown>[]): string {
  const hash = createHash('sha256');
  for (const row of rows) hash.update(JSON.stringify(row));
  return hash.digest('hex');
}
