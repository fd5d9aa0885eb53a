/** Row level security: nobody is given rows from the cache that a policy hides from them. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { CACHING, DebugClient, untilCacheable, untilHit, withDebugClient } from '../fakes/caching.ts';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';

const READ = 'select body from doc';

let harness: Harness;
let target: Target;
let role: string;

beforeAll(async () => {
  harness = await startHarness();
  target = await harness.createTarget({ config: CACHING });
  role = `reader_of_${target.name}`;
  await withDebugClient(target.pooled, (client) => client.query(`create role ${role}`));
});

afterAll(() => harness.stop());

beforeEach(() =>
  withDebugClient(target.pooled, (client) =>
    client.query(
      `drop schema public cascade; create schema public; grant usage on schema public to ${role};
       create table doc (tenant text, body text); insert into doc values ('a', 'of a'), ('b', 'of b');
       grant select on doc to ${role}; alter table doc enable row level security`,
    ),
  ),
);

async function change(sql: string): Promise<void> {
  await withDebugClient(target.pooled, (client) => client.query(sql));
  await untilCacheable(target);
}

/** What a driver of this tenant sees, and whether any of it came from a cache. */
async function seenBy(
  tenant: string,
  become: (client: DebugClient) => Promise<unknown>,
): Promise<{ rows: unknown[]; isCached: boolean }> {
  return withDebugClient(
    target.pooled,
    async (client) => {
      await client.query(`set role ${role}`);
      await become(client);
      const heard = [];
      for (let times = 0; times < 4; times += 1) heard.push(await client.ask(READ));
      const rows = new Set(heard.flatMap((each) => each.rows.map(({ body }) => body)));
      return { rows: [...rows], isCached: heard.some(({ status }) => status.startsWith('hit')) };
    },
    { application_name: tenant },
  );
}

const UNSEEN = ['a', 'b', 'a'].map((tenant) => ({ rows: [`of ${tenant}`], isCached: false }));

test('by the name of the application', async () => {
  await change("create policy p on doc using (tenant = current_setting('application_name'))");
  const seen = [];
  for (const tenant of ['a', 'b', 'a']) seen.push(await seenBy(tenant, () => Promise.resolve()));
  expect(seen).toEqual(UNSEEN);
});

test('by a setting that a function sets', async () => {
  await change(
    `create policy p on doc using (tenant = current_setting('app.tenant', true));
     create function set_tenant(text) returns text language plpgsql as
       $$ begin return set_config('app.tenant', $1, false); end $$`,
  );
  const seen = [];
  for (const tenant of ['a', 'b', 'a'])
    seen.push(await seenBy(tenant, (client) => client.query('select set_tenant($1)', [tenant])));
  expect(seen).toEqual(UNSEEN);
});

test('by a setting that a DO block sets', async () => {
  await change("create policy p on doc using (tenant = current_setting('app.tenant', true))");
  const seen = [];
  for (const tenant of ['a', 'b', 'a'])
    seen.push(
      await seenBy(tenant, async (client) => {
        await client.query("set app.tenant = 'b'");
        await client.query(`do $$ begin perform set_config('app.tenant', '${tenant}', false); end $$`);
      }),
    );
  expect(seen.map(({ rows }) => rows)).toEqual([['of a'], ['of b'], ['of a']]);
});

test('a temporary table hides a cached one, and the cache stays as it is', async () => {
  await change('alter table doc disable row level security');
  await withDebugClient(target.pooled, async (reader) => {
    await untilHit(reader, READ);
    for (let times = 0; times < 10; times += 1) {
      await withDebugClient(target.pooled, async (client) => {
        await client.query('create temp table doc (body text)');
        expect(await client.ask(READ)).toMatchObject({ rows: [] });
      });
      expect((await reader.ask(READ)).status).toMatch(/^hit/);
    }
  });
});

test('by a setting that the driver sets: each tenant has replies of its own', async () => {
  await change("create policy p on doc using (tenant = current_setting('app.tenant', true))");
  const clients = [];
  for (const tenant of ['a', 'b']) {
    const client = await DebugClient.connect(target.pooled);
    clients.push(client);
    await client.query(`set role ${role}`);
    await client.query(`set app.tenant = '${tenant}'`);
    await untilHit(client, READ);
  }
  const seen = [];
  for (const client of clients) seen.push(await client.ask(READ));
  expect(seen.map(({ rows }) => rows)).toEqual([[{ body: 'of a' }], [{ body: 'of b' }]]);
  expect(seen.map(({ status }) => status)).toEqual([
    expect.stringMatching(/^hit/),
    expect.stringMatching(/^hit/),
  ]);
  for (const client of clients) await client.end();
});
