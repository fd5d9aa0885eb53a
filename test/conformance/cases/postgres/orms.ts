/** Query builders on top of the drivers: Drizzle on both of them, Kysely on node-postgres. */
import { and, desc, eq, gt, sql } from 'drizzle-orm';
import { drizzle as drizzleOnPg } from 'drizzle-orm/node-postgres';
import {
  integer,
  jsonb,
  type PgDatabase,
  type PgQueryResultHKT,
  pgTable,
  text,
  timestamp,
} from 'drizzle-orm/pg-core';
import { drizzle as drizzleOnPostgresJs } from 'drizzle-orm/postgres-js';
import { type Generated, Kysely, sql as kyselySql, PostgresDialect } from 'kysely';
import { Pool } from 'pg';
import Cursor from 'pg-cursor';
import { type Cases, errorOf } from '../../case.ts';
import { withSql } from './with-sql.ts';

const POOL_MAX = 3;

export const ormCases: Cases = {
  'Drizzle on postgres.js': (url) => withSql(url, async (client) => runDrizzle(drizzleOnPostgresJs(client))),

  'Drizzle on node-postgres': async (url) => {
    const client = new Pool({ connectionString: url, max: POOL_MAX });
    try {
      return await runDrizzle(drizzleOnPg(client));
    } finally {
      await client.end();
    }
  },

  'Kysely: inserts, joins, transactions, streams and introspection': async (url) => {
    const pool = new Pool({ connectionString: url, max: POOL_MAX });
    const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool, cursor: Cursor }) });
    try {
      return await runKysely(db);
    } finally {
      await db.destroy();
    }
  },
};

const authors = pgTable('authors', {
  id: integer().primaryKey().generatedAlwaysAsIdentity(),
  name: text().notNull().unique(),
  extra: jsonb(),
  born: timestamp({ withTimezone: true }),
});
const books = pgTable('books', {
  id: integer().primaryKey().generatedAlwaysAsIdentity(),
  authorId: integer('author_id').references(() => authors.id),
  title: text().notNull(),
});

async function runDrizzle(db: PgDatabase<PgQueryResultHKT>): Promise<unknown> {
  await db.execute(sql`create table authors (id int primary key generated always as identity,
    name text not null unique, extra jsonb, born timestamptz)`);
  await db.execute(sql`create table books (id int primary key generated always as identity,
    author_id int references authors, title text not null)`);
  try {
    const [ada] = await db
      .insert(authors)
      .values({ name: 'Ada', extra: { a: [1, null] }, born: new Date('1815-12-10T00:00:00Z') })
      .returning();
    const titles = Array.from({ length: 10 }, (_, n) => ({ authorId: ada?.id, title: `Title ${n}` }));
    await db.insert(books).values(titles);
    const joined = await db
      .select()
      .from(books)
      .innerJoin(authors, eq(books.authorId, authors.id))
      .where(and(gt(books.id, 3), eq(authors.name, 'Ada')))
      .orderBy(desc(books.id))
      .limit(3);
    const prepared = db
      .select({ title: books.title })
      .from(books)
      .where(eq(books.id, sql.placeholder('id')))
      .prepare('book_by_id');
    const found = await Promise.all([1, 2, 3, 1, 2, 3].map((id) => prepared.execute({ id })));
    const rolledBack = await errorOf(
      db.transaction(async (tx) => {
        await tx.delete(books);
        tx.rollback();
      }),
    );
    await db.transaction(async (tx) => {
      await tx.update(books).set({ title: 'kept' }).where(eq(books.id, 1));
      await tx.transaction((inner) => inner.insert(authors).values({ name: 'Ada' })).catch(() => undefined);
    });
    const upserted = await db
      .insert(authors)
      .values({ name: 'Ada', extra: { again: true } })
      .onConflictDoUpdate({ target: authors.name, set: { extra: { again: true } } })
      .returning({ extra: authors.extra });
    const count = await db.$count(books);
    const first = await db.select().from(books).where(eq(books.id, 1));
    return [ada, joined, found, rolledBack, upserted, count, first];
  } finally {
    await db.execute(sql`drop table books, authors`);
  }
}

interface Schema {
  people: { id: Generated<number>; name: string; age: number | null };
  pets: { id: Generated<number>; owner: number; name: string };
}

async function runKysely(db: Kysely<Schema>): Promise<unknown> {
  await db.schema
    .createTable('people')
    .addColumn('id', 'serial', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('age', 'integer')
    .execute();
  await db.schema
    .createTable('pets')
    .addColumn('id', 'serial', (column) => column.primaryKey())
    .addColumn('owner', 'integer', (column) => column.references('people.id'))
    .addColumn('name', 'text')
    .execute();
  try {
    const people = Array.from({ length: 50 }, (_, n) => ({
      name: `Person ${n}`,
      age: n % 2 === 0 ? n : null,
    }));
    const inserted = await db.insertInto('people').values(people).returning('id').execute();
    await db.insertInto('pets').values({ owner: 1, name: 'Rex' }).execute();
    const joined = await db
      .selectFrom('people')
      .innerJoin('pets', 'pets.owner', 'people.id')
      .select(['people.name', 'pets.name as pet'])
      .where('people.age', '>=', 0)
      .execute();
    const rolledBack = await errorOf(
      db.transaction().execute(async (tx) => {
        await tx.deleteFrom('pets').execute();
        await kyselySql`select 1 / 0`.execute(tx);
      }),
    );
    await db
      .transaction()
      .setIsolationLevel('serializable')
      .execute((tx) => tx.updateTable('people').set({ age: 99 }).where('id', '=', 2).execute());
    const streamed: unknown[] = [];
    for await (const row of db.selectFrom('people').selectAll().orderBy('id').stream(7)) streamed.push(row);
    const tables = await db.introspection.getTables();
    const pets = await db.selectFrom('pets').select(db.fn.countAll().as('n')).executeTakeFirst();
    return [inserted.length, joined, rolledBack, streamed, tables.map(({ name }) => name), pets];
  } finally {
    await db.schema.dropTable('pets').execute();
    await db.schema.dropTable('people').execute();
  }
}
