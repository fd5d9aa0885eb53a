/**
 * The judge against a real PostgreSQL. What it lets into a cache must come out the same again, whatever else
 * changes; what it calls volatile must be so by the origin's own catalog; and no statement may change a table that
 * its verdict does not name.
 */
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeTemporaryFolder, type TemporaryFolder } from '../../src/cli/leftovers.ts';
import { findFreePort } from '../../src/cli/ports.ts';
import { startWranglerDev, type WranglerDev } from '../../src/cli/wrangler-dev.ts';
import { type PostgresServer, startPostgresServer } from '../../src/demo/postgres-server.ts';
import type { Dependency, Verdict } from '../../src/protocols/caching.ts';
import { type CorpusCase, corpus } from './cacheability-corpus.ts';
import { SCHEMA } from './cacheability-schema.ts';
import type { JudgeRequest } from './cacheability-worker.ts';

type Named = Omit<Verdict, 'reads' | 'writes'> & { reads: string[]; writes: string[] | 'everything' };

let server: PostgresServer;
let folder: TemporaryFolder;
let worker: WranglerDev;
let owner: Client;
let questions: string[];
/** Verdicts by case; made in one go, because each request carries the whole catalog. */
const verdicts = new Map<CorpusCase, Named>();
/** Replies to what is cacheable, at the very beginning. */
const early = new Map<CorpusCase, unknown>();

beforeAll(async () => {
  server = await startPostgresServer({ version: '18' });
  folder = await makeTemporaryFolder('warmpool-cacheability');
  worker = await startWranglerDev({
    config: {
      name: 'cacheability',
      main: join(import.meta.dirname, 'cacheability-worker.ts'),
      compatibility_date: '2026-10-20',
      compatibility_flags: ['nodejs_compat'],
    },
    folder: folder.path,
    secrets: {},
    httpPort: await findFreePort(),
    healthPath: '/',
  });
  owner = await connect(server);
  await owner.query(SCHEMA);
  questions = (await (await fetch(worker.url)).json()) as string[];
  await judgeAll();
  for (const each of corpus.filter(isRepeatable)) early.set(each, await replyTo(each));
});

afterAll(async () => {
  await owner.end();
  await worker.stop();
  await folder.remove();
  await server.stop();
});

test('the corpus has at least 200 statements, each once in its place', () => {
  expect(corpus.length).toBeGreaterThanOrEqual(200);
  expect(new Set(corpus.map(titleOf)).size).toBe(corpus.length);
});

describe('the verdict', () => {
  test.each(corpus.map((each) => [titleOf(each), each] as const))('%s', (_, each) => {
    const verdict = verdictOf(each);
    const { status, reads, writes } = verdict;
    const expected = { status: each.status, reads: each.reads ?? [], writes: each.writes };
    expect({ status, reads, writes, reason: verdict.reason }).toEqual({
      ...expected,
      reads: expected.reads.toSorted(),
      writes: typeof expected.writes === 'string' ? expected.writes : expected.writes.toSorted(),
      reason: each.status === 'miss' ? undefined : expect.stringContaining(each.because ?? ''),
    });
  });
});

describe('what may be cached is the same again, in another session, later', () => {
  test.each(only(isRepeatable))('%s', async (_, each) => {
    expect(await replyTo(each, OTHER_SESSION)).toEqual(early.get(each));
  });
});

describe('what may be cached depends on nothing but what it reads', () => {
  test.each(only(isRepeatable))('%s', async (_, each) => {
    const { reads } = verdictOf(each);
    const reply = await inTransaction(owner, async () => {
      await owner.query('set local session_replication_role = replica');
      for (const table of await tables()) {
        if (!reads.includes(table.name)) await owner.query(`delete from only ${table.sql}`);
      }
      return askAs(owner, each);
    });
    expect(reply).toEqual(early.get(each));
  });
});

describe('a change of definitions by somebody else is seen by the catalog that is read next:', () => {
  test.each([
    'alter table plain add column w int',
    'alter table order_items drop column quantity',
    'alter table plain rename column v to w',
    'alter table order_items alter column quantity type bigint',
    "create type shade as enum ('dark')",
    'create table another (id int)',
  ])('%s', async (sql) => {
    expect(await fingerprintAfter(sql)).not.toBe(await fingerprintAfter('select 1'));
  });

  test.each([
    'create temp table own (id int)',
    'create index on plain (v)',
    "insert into plain values (77, 'x')",
    'analyze plain',
  ])('%s is none', async (sql) => {
    expect(await fingerprintAfter(sql)).toBe(await fingerprintAfter('select 1'));
  });
});

describe('a statement changes nothing that its verdict does not name', () => {
  const runnable = only((each) => each.cannotRun !== true);
  test.each(runnable)('%s', async (_, each) => {
    const before = await contents();
    const changed = await inTransaction(owner, async () => {
      await askAs(owner, each);
      await owner.query('reset role; reset all; set constraints all immediate');
      const after = await contents();
      return [...after.keys()].filter((name) => after.get(name) !== before.get(name));
    });
    const { writes } = verdictOf(each);
    if (writes !== 'everything') expect(writes).toEqual(expect.arrayContaining(changed));
    if (each.status === 'miss') expect(changed).toEqual([]);
  });

  test('and the property has teeth: the corpus changes most tables, by every way', async () => {
    const changing = corpus.filter(({ writes, cannotRun }) => writes.length > 0 && cannotRun !== true);
    expect(changing.length).toBeGreaterThan(60);
  });
});

describe('what is called volatile differs from run to run', () => {
  test.each(only(({ differs }) => differs === true))('%s', async (_, each) => {
    const first = await replyTo(each);
    const second = await replyTo(each, OTHER_SESSION);
    expect(second).not.toEqual(first);
  });
});

test('every function that a reason blames is not immutable by the origin itself', async () => {
  const blamed = new Set<string>();
  for (const each of corpus) {
    const name = /^(?:The function )?(?:\w+\.)?(\w+)\(\) is (?:stable|volatile)/.exec(
      verdictOf(each).reason ?? '',
    );
    if (each.status === 'volatile' && name?.[1] !== undefined) blamed.add(name[1]);
  }
  expect(blamed.size).toBeGreaterThan(25);
  const { rows } = await owner.query(
    `select distinct p.proname from pg_proc p left join pg_aggregate a on a.aggfnoid = p.oid
     left join pg_proc t on t.oid = a.aggtransfn
     where p.proname = any ($1) and (p.provolatile <> 'i' or t.provolatile <> 'i')`,
    [[...blamed]],
  );
  expect(rows.map(({ proname }) => proname).toSorted()).toEqual([...blamed].toSorted());
});

function only(isWanted: (each: CorpusCase) => boolean): (readonly [string, CorpusCase])[] {
  return corpus.filter(isWanted).map((each) => [titleOf(each), each] as const);
}

function titleOf({ sql, settings, as, systemCatalogs }: CorpusCase): string {
  const context = JSON.stringify({ settings, as, systemCatalogs });
  return `${sql.slice(0, 150)} ${context === '{}' ? '' : context}`;
}

function isRepeatable({ status }: CorpusCase): boolean {
  return status === 'miss';
}

function verdictOf(each: CorpusCase): Named {
  const verdict = verdicts.get(each);
  if (verdict === undefined) throw new Error(`no verdict on ${each.sql}`);
  return verdict;
}

async function judgeAll(): Promise<void> {
  for (const as of [undefined, 'app'] as const) {
    const answers = await answersAs(as);
    for (const systemCatalogs of [false, true]) {
      const cases = corpus.filter(
        (each) => each.as === as && (each.systemCatalogs ?? false) === systemCatalogs,
      );
      const statements = cases.map(({ sql, settings = {} }) => ({ sql, settings }));
      const { verdicts: made } = await judge({ answers, systemCatalogs, statements });
      for (const [index, each] of cases.entries()) {
        const verdict = made[index];
        if (verdict) verdicts.set(each, verdict);
      }
    }
  }
}

async function judge(request: JudgeRequest): Promise<{ fingerprint: string; verdicts: Named[] }> {
  const response = await fetch(worker.url, { method: 'POST', body: JSON.stringify(request) });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as { fingerprint: string; verdicts: Named[] };
}

async function answersAs(as: 'app' | undefined): Promise<(string | null)[][][]> {
  const client = await connect(server, as);
  const answers = await answersTo(client);
  await client.end();
  return answers;
}

async function answersTo(client: Client): Promise<(string | null)[][][]> {
  const answers: (string | null)[][][] = [];
  for (const question of questions) {
    const { rows } = await client.query({ text: question, rowMode: 'array', types: AS_TEXT });
    answers.push(rows);
  }
  return answers;
}

async function fingerprintAfter(sql: string): Promise<string> {
  const answers = await inTransaction(owner, async () => {
    await owner.query(sql);
    return answersTo(owner);
  });
  return (await judge({ answers, systemCatalogs: false, statements: [] })).fingerprint;
}

/** Our own connections ask in text too. */
const AS_TEXT = { getTypeParser: () => (text: unknown) => text };

/** Nothing that a key holds: what a session may change without seeing another reply. */
const OTHER_SESSION = "set application_name to 'another'; set work_mem to '1MB'; set lock_timeout to '9s'";

async function replyTo(each: CorpusCase, before = ''): Promise<unknown> {
  const client = await connect(server, each.as);
  try {
    await client.query(before);
    return await inTransaction(client, () => ask(client, each));
  } finally {
    await client.end();
  }
}

/** As the login of the case, on a connection of the superuser. */
async function askAs(client: Client, each: CorpusCase): Promise<unknown> {
  if (each.as !== undefined) await client.query(`set local role ${each.as}`);
  return ask(client, each);
}

async function ask(client: Client, { sql, settings = {} }: CorpusCase): Promise<unknown> {
  // The role comes last: it may not be allowed to set the others.
  for (const [name, value] of Object.entries(settings)) {
    await client.query('select set_config($1, $2, true)', [name, value]);
  }
  const result = await client.query({ text: sql, rowMode: 'array', types: AS_TEXT });
  const results = Array.isArray(result) ? result : [result];
  return results.map(({ rows }) =>
    /order by/i.test(sql) ? rows : rows.map((row: unknown) => String(row)).sort(),
  );
}

async function inTransaction<Result>(client: Client, work: () => Promise<Result>): Promise<Result> {
  await client.query('begin');
  try {
    return await work();
  } finally {
    await client.query('rollback');
  }
}

interface Table {
  /** As the catalog calls it in a verdict. */
  name: Dependency;
  sql: string;
}

async function tables(): Promise<Table[]> {
  const { rows } = await owner.query(`
    select case nspname when 'public' then relname else nspname || '.' || relname end as name,
      format('%I.%I', nspname, relname) as sql
    from pg_class c join pg_namespace n on n.oid = relnamespace
    where relkind = 'r' and nspname in ('public', 'shop', 'app')`);
  return rows;
}

/** A checksum of each table by itself. */
async function contents(): Promise<Map<string, string>> {
  const sums = (await tables()).map(
    ({ name, sql }) =>
      `select ${owner.escapeLiteral(name)} as name, md5(coalesce(string_agg(t::text, ',' order by t::text), '')) as sum
       from only ${sql} t`,
  );
  const { rows } = await owner.query(sums.join(' union all '));
  return new Map(rows.map(({ name, sum }) => [name, sum]));
}

async function connect(to: PostgresServer, as?: 'app'): Promise<Client> {
  const login = as === undefined ? { user: to.user, password: to.password } : { user: as, password: as };
  const client = new Client({ host: '127.0.0.1', port: to.port, database: to.database, ...login });
  await client.connect();
  return client;
}
