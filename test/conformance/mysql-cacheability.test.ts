/**
 * The judge against real servers. What it lets into a cache must come out the same again, in another session, at
 * another time, whatever else changes; and no statement may change a table that its verdict does not name.
 */
import mysql, { type Connection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MySqlServer, startMySqlServer } from '../../src/demo/mysql-server.ts';
import { asBytes } from '../../src/protocols/bytes/latin1.ts';
import type { Catalog, Verdict } from '../../src/protocols/caching.ts';
import { catalogQuestionsOf } from '../../src/protocols/mysql/catalog-questions.ts';
import { describeEachMySql } from '../fakes/mysql-flavours.ts';
import { corpus, type MySqlCase } from './mysql-cacheability-corpus.ts';
import { SCHEMA } from './mysql-cacheability-schema.ts';

const catalogQuestions = catalogQuestionsOf(() => undefined);

/** Nothing that a key holds, and all that a reply must not look at. */
const OTHER_SESSION = [
  'set timestamp = 1000000000',
  'set rand_seed1 = 1, rand_seed2 = 2, insert_id = 100, last_insert_id = 7, @x = 5, @id = 2',
];
/** Changes of these stay whatever is rolled back. */
const NOT_UNDONE = ['shop.isam', 'shop.volatile_rows'];
const MOVES_BY_ITSELF = 'shop.clocks';

test('the corpus has at least 200 statements, each once in its place', () => {
  expect(corpus.length).toBeGreaterThanOrEqual(200);
  expect(new Set(corpus.map(titleOf)).size).toBe(corpus.length);
});

describeEachMySql((flavour) => {
  const here = corpus.filter(({ only }) => only === undefined || only === flavour);
  let server: MySqlServer;
  let owner: Connection;
  let catalog: Catalog;
  const early = new Map<MySqlCase, unknown>();

  beforeAll(async () => {
    server = await startMySqlServer({ flavour, settings: { 'secure-file-priv': '/tmp' } });
    owner = await connect();
    for (const sql of SCHEMA) await owner.query(sql);
    catalog = catalogQuestions.catalogOf(await answers(owner), { systemCatalogs: false });
    for (const each of here.filter(isKept)) early.set(each, await replyTo(each, []));
  });

  afterAll(async () => {
    await owner.end();
    await server.stop();
  });

  describe('the verdict', () => {
    test.each(cases(() => true))('%s', (_, each) => {
      const { status, reads, writes, reason } = named(verdictOn(each));
      expect({ status, reads, writes, reason }).toEqual({
        status: each.status,
        reads: (each.reads ?? []).toSorted(),
        writes: typeof each.writes === 'string' ? each.writes : each.writes.toSorted(),
        reason: each.status === 'miss' ? undefined : expect.stringContaining(each.because ?? ''),
      });
    });
  });

  describe('what may be cached is the same again, in another session, at another time', () => {
    test.each(cases(isKept))('%s', async (_, each) => {
      expect(await replyTo(each, OTHER_SESSION)).toEqual(early.get(each));
    });
  });

  describe('what may be cached depends on nothing but what it reads', () => {
    test.each(cases(isKept))('%s', async (_, each) => {
      const { reads } = named(verdictOn(each));
      const reply = await undone(async () => {
        await owner.query('set foreign_key_checks = 0');
        for (const table of await tables()) {
          if (!reads.includes(table) && !NOT_UNDONE.includes(table))
            await owner.query(`delete from ${quoted(table)}`);
        }
        return ask(owner, each);
      });
      expect(reply).toEqual(early.get(each));
    });
  });

  describe('a statement changes nothing that its verdict does not name', () => {
    test.each(cases(({ cannotRun }) => cannotRun !== true))('%s', async (_, each) => {
      const before = await contents();
      const changed = await undone(async () => {
        await ask(owner, each);
        const after = await contents();
        return [...after.keys()].filter((name) => after.get(name) !== before.get(name));
      });
      const { writes } = named(verdictOn(each));
      if (writes !== 'everything') expect(writes).toEqual(expect.arrayContaining(changed));
      if (each.status === 'miss') expect(changed).toEqual([]);
      expect(await contents()).toEqual(before);
    });
  });

  describe('what is called volatile differs from session to session', () => {
    test.each(cases(({ differs }) => differs === true))('%s', async (_, each) => {
      expect(await replyTo(each, OTHER_SESSION)).not.toEqual(await replyTo(each, []));
    });
  });

  describe('each word that the server itself knows', () => {
    test('is cacheable by itself, or as a call, only if it says the same at another time', async () => {
      const words = await wordsOfServer();
      expect(words.length).toBeGreaterThan(500);
      const wrong: string[] = [];
      for (const sql of words.flatMap((word) => [
        `select ${word}`,
        `select ${word}()`,
        `select ${word}(1)`,
      ])) {
        if (catalog.judge(sql, { database: 'shop' }).status !== 'miss') continue;
        const each: MySqlCase = { sql, status: 'miss', writes: [] };
        const first = await replyTo(each, []).catch(() => undefined);
        if (first === undefined) continue;
        const second = await replyTo(each, OTHER_SESSION);
        if (JSON.stringify(first) !== JSON.stringify(second)) wrong.push(sql);
      }
      expect(wrong).toEqual([]);
    });
  });

  // --- the server -------------------------------------------------------------------------------------------

  function cases(isWanted: (each: MySqlCase) => boolean): (readonly [string, MySqlCase])[] {
    return here.filter(isWanted).map((each) => [titleOf(each), each] as const);
  }

  function verdictOn({ sql, settings }: MySqlCase): Verdict {
    return catalog.judge(asBytes(sql), { database: 'shop', ...settings });
  }

  function named({ reads, writes, ...verdict }: Verdict): {
    status: string;
    reason?: string;
    reads: string[];
    writes: string[] | 'everything';
  } {
    const list = (dependencies: readonly string[]): string[] =>
      dependencies.map((each) => catalog.nameOf(each)).toSorted();
    return { ...verdict, reads: list(reads), writes: writes === 'everything' ? writes : list(writes) };
  }

  async function connect(): Promise<Connection> {
    const { port, user, password } = server;
    return mysql.createConnection({ host: '127.0.0.1', port, user, password, multipleStatements: true });
  }

  async function replyTo(each: MySqlCase, before: readonly string[]): Promise<unknown> {
    const connection = await connect();
    try {
      for (const sql of before) await connection.query(sql);
      return await ask(connection, each);
    } finally {
      await connection.end();
    }
  }

  async function undone<Result>(work: () => Promise<Result>): Promise<Result> {
    await owner.query('start transaction');
    try {
      return await work();
    } finally {
      await owner.query('rollback');
      await owner.query('set foreign_key_checks = 1');
    }
  }

  async function tables(): Promise<string[]> {
    const [rows] = await owner.query({
      sql: `select concat(table_schema, '.', table_name) from information_schema.tables
        where table_type = 'BASE TABLE' and table_schema in ('shop', 'other')`,
      rowsAsArray: true,
    });
    return (rows as string[][]).map(([name = '']) => name);
  }

  async function contents(): Promise<Map<string, string>> {
    const all = new Map<string, string>();
    for (const table of await tables()) {
      if (table === MOVES_BY_ITSELF) continue;
      const [rows] = await owner.query(`select * from ${quoted(table)} order by 1`);
      all.set(table, JSON.stringify(rows));
    }
    return all;
  }

  async function wordsOfServer(): Promise<string[]> {
    const lists = ['select lower(word) from information_schema.keywords'];
    if (flavour === 'mariadb') lists.push('select lower(`function`) from information_schema.sql_functions');
    else lists.push("select lower(name) from mysql.help_topic where name regexp '^[A-Z_0-9]+$'");
    const words = new Set<string>();
    for (const sql of lists) {
      const [rows] = await owner.query({ sql, rowsAsArray: true });
      for (const [word = ''] of rows as string[][]) if (/^[a-z_]\w*$/.test(word)) words.add(word);
    }
    return [...words].filter((word) => word !== 'sleep');
  }
});

/** Our own connections ask in text too. */
async function answers(connection: Connection): Promise<(string | null)[][][]> {
  const all: (string | null)[][][] = [];
  for (const sql of catalogQuestions.questions) {
    const [rows] = await connection.query({ sql, rowsAsArray: true, typeCast: (field) => field.string() });
    all.push(rows as (string | null)[][]);
  }
  return all;
}

async function ask(connection: Connection, { sql, settings = {} }: MySqlCase): Promise<unknown> {
  const { database = 'shop', ...others } = settings;
  await connection.query(`use ${database}`);
  for (const [name, value] of Object.entries(others)) await connection.query(`set ${name} = '${value}'`);
  try {
    const [rows] = await connection.query({ sql, rowsAsArray: true, dateStrings: true });
    if (!Array.isArray(rows)) return [];
    return /order by/i.test(sql) ? rows : rows.map((row) => JSON.stringify(row)).toSorted();
  } finally {
    for (const name of Object.keys(others)) await connection.query(`set ${name} = default`);
  }
}

function isKept({ status }: MySqlCase): boolean {
  return status === 'miss';
}

function quoted(table: string): string {
  return table
    .split('.')
    .map((part) => `\`${part}\``)
    .join('.');
}

function titleOf({ sql, settings, only }: MySqlCase): string {
  const context = JSON.stringify({ settings, only });
  return `${sql.slice(0, 150)} ${context === '{}' ? '' : context}`;
}
