/** The migrated database of a test file, and its store. */
/// <reference types="@cloudflare/vitest-plugin/types" />
import { applyD1Migrations, type D1Migration } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { ConfigStore } from '../../src/config/store.ts';

interface TestEnv {
  DB: D1Database;
  TEST_MIGRATIONS: D1Migration[];
}

function isTestEnv(value: object): value is TestEnv {
  return 'DB' in value && 'TEST_MIGRATIONS' in value;
}

/** Migrated and empty. */
export async function freshDatabase(): Promise<{ db: D1Database; store: ConfigStore }> {
  if (!isTestEnv(env)) throw new Error('test/vitest.config.ts gives DB and TEST_MIGRATIONS');
  const { DB: db, TEST_MIGRATIONS: migrations } = env;
  await applyD1Migrations(db, migrations);
  const tables = await tablesOf(db);
  // Foreign keys are checked when the batch is done.
  await db.batch([
    db.prepare('PRAGMA defer_foreign_keys = on'),
    ...tables.map((table) => db.prepare(`DELETE FROM ${table}`)),
  ]);
  return { db, store: new ConfigStore(db) };
}

export function testDatabase(): D1Database {
  if (!isTestEnv(env)) throw new Error('test/vitest.config.ts gives DB and TEST_MIGRATIONS');
  return env.DB;
}

/** Every table, as one text to search for secrets. */
export async function dumpAll(db: D1Database): Promise<string> {
  const tables = await tablesOf(db);
  const rows = await db.batch(tables.map((table) => db.prepare(`SELECT * FROM ${table}`)));
  return JSON.stringify(rows.map((table, i) => [tables[i], table.results]));
}

async function tablesOf(db: D1Database): Promise<string[]> {
  const { results } = await db
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    .all<{ name: string }>();
  return results.map((row) => row.name).filter((name) => !/^(_cf_|sqlite_|d1_)/.test(name));
}

/** Configs and their tokens, as one text to search or compare. */
export async function dump(db: D1Database): Promise<string> {
  const tables = await db.batch([
    db.prepare('SELECT * FROM configs ORDER BY id'),
    db.prepare('SELECT * FROM client_tokens ORDER BY id'),
  ]);
  return JSON.stringify(tables.map((table) => table.results));
}
