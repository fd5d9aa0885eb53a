/** What people tell the cache, and what it tells them: purges, comments, notices, `why`, settings of the config. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../cli/run-cli.ts';
import {
  CACHING,
  cacheStatuses,
  callApi,
  DebugClient,
  until,
  untilCacheable,
  untilHit,
  withDebugClient,
} from '../fakes/caching.ts';
import { type ConfigFields, type Harness, startHarness, type Target } from '../fakes/harness.ts';

const READ = 'select id, title from books order by id';

let harness: Harness;
let target: Target;

beforeAll(async () => {
  harness = await startHarness();
  target = await makeTarget();
});

afterAll(() => harness.stop());

async function makeTarget(config: ConfigFields = CACHING): Promise<Target> {
  const made = await harness.createTarget({ config });
  await harness.ask(
    made,
    `create table books (id int primary key, title text); insert into books values (1, 'One'), (2, 'Two');
     create table others (id int); insert into others values (1)`,
  );
  if (config === CACHING) await untilCacheable(made);
  return made;
}

/** A write that Warmpool does not see. */
function write(title: string, into: Target = target): Promise<unknown> {
  return harness.ask(into, `update books set title = '${title}' where id = 1`);
}

async function titleSeen(client: DebugClient, text = READ): Promise<unknown> {
  return (await client.ask(text)).rows[0]?.['title'];
}

function cli(...args: string[]): ReturnType<typeof runCli> {
  const { apiBase, adminToken } = harness.warmpool;
  return runCli(args, {
    CLOUDFLARE_API_BASE_URL: apiBase,
    CLOUDFLARE_API_TOKEN: adminToken,
    CLOUDFLARE_ACCOUNT_ID: 'local',
  });
}

describe('a purge', () => {
  const purge = (body: unknown): Promise<unknown> =>
    callApi(harness, `/${target.configId}/purge`, { method: 'POST', body });
  const tagged = `${READ} /* warmpool: tag=shelf */`;
  const ways: Record<string, { by: () => Promise<unknown>; text: string }> = {
    'all, by the API': { by: () => purge({ everything: true }), text: READ },
    'a relation, by the API': { by: () => purge({ relations: ['public.books'] }), text: READ },
    'a tag, by the API': { by: () => purge({ tags: ['shelf'] }), text: tagged },
    'all, by the command': { by: () => cli('purge', target.name, '--all'), text: READ },
    'a relation, by the command': { by: () => cli('purge', target.name, '--relation', 'books'), text: READ },
    'a tag, by the command': { by: () => cli('purge', target.name, '--tag', 'shelf'), text: tagged },
  };

  test.each(Object.entries(ways))('of %s', async (name, { by, text }) => {
    await withDebugClient(target.pooled, async (client) => {
      // It needs the endpoint, so from now on there is a link, over which news come.
      await client.query('select now()');
      await untilHit(client, text);
      const before = await titleSeen(client, text);
      await write(name);
      expect([await titleSeen(client, text), client.status]).toEqual([before, expect.stringMatching(/^hit/)]);
      await by();
      // A connection with a link hears of it a moment later.
      await until(async () => (await titleSeen(client, text)) === name);
      await withDebugClient(target.pooled, async (other) => expect(await titleSeen(other, text)).toBe(name));
    });
  });

  test('reaches a driver that is only answered from caches, within seconds', async () => {
    await withDebugClient(target.pooled, (client) => untilHit(client, READ));
    await withDebugClient(target.pooled, async (client) => {
      expect((await client.ask(READ)).status).toMatch(/^hit/);
      await write('purged');
      await purge({ relations: ['books'] });
      await until(async () => (await titleSeen(client)) === 'purged');
    });
  });

  test('of another relation or tag leaves what is cached', async () => {
    await withDebugClient(target.pooled, async (client) => {
      await untilHit(client, READ);
      await purge({ relations: ['others'], tags: ['unused'] });
      // The new epoch has other keys, behind which the endpoint still has the reply.
      await write('not seen');
      expect(await titleSeen(client)).not.toBe('not seen');
      expect(client.status).toMatch(/^hit/);
      await expect(purge({ relations: ['no_such_table'] })).rejects.toThrow('no_such_table');
    });
  });
});

test('comments say how a query is cached', async () => {
  await withDebugClient(target.pooled, async (client) => {
    const off = `/* warmpool: nocache */ ${READ}`;
    await untilHit(client, READ);
    for (const title of ['uncached 1', 'uncached 2']) {
      await write(title);
      expect(await titleSeen(client, off)).toBe(title);
      expect(client.status).toBe('disabled');
    }
    const misread = `/* warmpool: ttl=forever */ ${READ}`;
    await write('uncached 3');
    expect(await titleSeen(client, misread)).toBe('uncached 3');
    const short = 'select title from books where id = 1 /* warmpool: ttl=1 swr=0 */';
    await untilHit(client, short);
    await write('after a second');
    await until(async () => (await titleSeen(client, short)) === 'after a second');
    const stale = 'select title from books where id = 1 /* warmpool: ttl=1 swr=60 */';
    await untilHit(client, stale);
    await write('refreshed');
    await until(async () => (await titleSeen(client, stale)) === 'refreshed');
  });
});

test('notices say what became of each query, once asked for', async () => {
  await withDebugClient(target.pooled, async (client) => {
    await untilHit(client, READ);
    const statusOf = async (text: string): Promise<string> => {
      await client.query(text).catch(() => undefined);
      return client.status.replace(/ \(.*/, '');
    };
    const statuses = {
      [READ]: 'hit',
      'select now()': 'volatile',
      'insert into others values (2)': 'uncacheable',
      'select 1; select 2': 'multiplestatements',
      selec: 'parseerror',
      'select * from pg_class limit 1': 'uncacheable',
      'select * from books for update': 'uncacheable',
      [`select '${'x'.repeat(70_000)}'`]: 'oversizedquery',
    };
    for (const [text, status] of Object.entries(statuses))
      expect([text.slice(0, 40), await statusOf(text)]).toEqual([text.slice(0, 40), status]);
    await client.query('begin');
    expect(await statusOf(READ)).toBe('transaction');
    await client.query('rollback');
    await client.query('set warmpool.debug = off');
    expect(await statusOf(READ)).toBe('');
  });
  expect(await cacheStatuses(harness, target)).toMatchObject({
    volatile: expect.any(Number),
    transaction: expect.any(Number),
  });
});

test('`why` says whether a query is cached, and why not', async () => {
  const said: Record<string, RegExp> = {
    'select * from books': /cached +yes[\s\S]*reads +books/,
    'select title from books where id = $1': /cached +yes/,
    '/* warmpool: ttl=5 tag=a */ select 1': /fresh for +5 s[\s\S]*tags +a/,
    '/* warmpool: nocache */ select 1': /no \(disabled\)/,
    'select now()': /no \(volatile\)[\s\S]*now/,
    'select random()': /no \(volatile\)[\s\S]*random/,
    'select * from books for update': /no \(uncacheable\)/,
    'select * from pg_class': /no \(uncacheable\)[\s\S]*catalog/i,
    'select 1; select 2': /no \(multiplestatements\)/,
    selec: /no \(parseerror\)/,
    'update books set id = id': /no \(uncacheable\)[\s\S]*writes +books/,
    'drop table books': /writes +perhaps everything/,
  };
  for (const [sql, expected] of Object.entries(said))
    expect((await cli('why', target.name, sql)).stdout).toMatch(expected);
}, 120_000);

describe('the config', () => {
  const patch = (made: Target, caching: unknown): Promise<unknown> =>
    callApi(harness, `/${made.configId}`, { method: 'PATCH', body: { caching } });
  const UPDATE = (title: string): string => `update books set title = '${title}' where id = 1`;

  test('switched on while a driver is there: what that one writes is never missed', async () => {
    const made = await makeTarget({});
    const writer = await DebugClient.connect(made.pooled);
    await writer.query(UPDATE('before'));
    await patch(made, { disabled: false });
    // It takes edges up to 5 s to hear of it, so drivers of both kinds are there at once.
    for (let n = 0; n < 30; n += 1) {
      await withDebugClient(made.pooled, async (reader) => {
        await titleSeen(reader);
        await writer.query(UPDATE(`title ${n}`));
        expect(await titleSeen(reader)).toBe(`title ${n}`);
      });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await writer.end();
    await until(() =>
      withDebugClient(made.pooled, async (reader) => {
        await reader.query(READ);
        return (await reader.ask(READ)).status.startsWith('hit');
      }),
    );
  });

  test('switched off: new drivers are given nothing from the cache', async () => {
    const made = await makeTarget();
    await withDebugClient(made.pooled, (client) => untilHit(client, READ));
    await patch(made, { disabled: true });
    await until(() =>
      withDebugClient(made.pooled, async (client) => {
        await write('off', made);
        return (await titleSeen(client)) === 'off' && client.status === '';
      }),
    );
  });

  test('with another max_age holds it', async () => {
    const made = await makeTarget();
    await withDebugClient(made.pooled, (client) => untilHit(client, READ));
    await patch(made, { disabled: false, max_age: 1, stale_while_revalidate: 0 });
    await write('a second later', made);
    await until(() =>
      withDebugClient(made.pooled, async (client) => (await titleSeen(client)) === 'a second later'),
    );
  });

  test('with system catalogs caches reads of them too', async () => {
    const made = await makeTarget();
    const sql = "select count(*) from pg_class where relname = 'books'";
    await withDebugClient(made.pooled, async (client) => {
      expect((await client.ask(sql)).status).toBe('uncacheable');
    });
    await patch(made, { disabled: false, cache_system_catalogs: true });
    await until(() =>
      withDebugClient(made.pooled, async (client) => {
        await client.query(sql);
        return (await client.ask(sql)).status.startsWith('hit');
      }),
    );
  });

  test('two of them with equal texts never see each other’s rows', async () => {
    const made = await makeTarget();
    await write('of the other', made);
    await withDebugClient(target.pooled, (client) => untilHit(client, READ));
    await withDebugClient(made.pooled, async (client) => {
      for (const _ of [1, 2, 3]) expect(await titleSeen(client)).toBe('of the other');
    });
  });

  test('with a token that is revoked lets nobody in to read from the cache', async () => {
    const made = await makeTarget();
    await withDebugClient(made.pooled, (client) => untilHit(client, READ));
    const tokens = (await callApi(harness, `/${made.configId}/tokens`)) as unknown as { id: string }[];
    for (const { id } of tokens)
      await callApi(harness, `/${made.configId}/tokens/${id}`, { method: 'DELETE' });
    await until(async () => {
      const client = await DebugClient.connect(made.pooled).catch((error: { code: string }) => error.code);
      if (client instanceof DebugClient) await client.end();
      return client === '28P01';
    });
  });
});

test('while the origin is away hits are given out, and misses are errors of the protocol', async () => {
  const made = await makeTarget();
  await withDebugClient(made.pooled, async (client) => {
    await untilHit(client, READ);
    await made.proxy.stop();
    expect((await client.ask(READ)).status).toMatch(/^hit/);
    await withDebugClient(made.pooled, async (other) =>
      expect((await other.ask(READ)).status).toMatch(/^hit/),
    );
    await expect(client.query('select count(*) from others')).rejects.toMatchObject({
      code: expect.any(String),
    });
  });
});
