/** Query builders on mysql2: Drizzle and Kysely. */
import { and, desc, eq, gt, sql } from 'drizzle-orm';
import { int, json, mysqlTable, timestamp, varchar } from 'drizzle-orm/mysql-core';
import { drizzle, type MySql2Database } from 'drizzle-orm/mysql2';
import { type Generated, Kysely, sql as kyselySql, MysqlDialect } from 'kysely';
import { createPool } from 'mysql2';
import { type Cases, errorOf } from '../../case.ts';
import { options, withPool } from './with-connection.ts';

export const ormCases: Cases = {
  Drizzle: (url) => withPool(url, (pool) => runDrizzle(drizzle(pool))),

  'Kysely: inserts, joins, transactions, streams and introspection': async (url) => {
    const pool = createPool({ ...options(url), connectionLimit: 3 });
    const db = new Kysely<Schema>({ dialect: new MysqlDialect({ pool }) });
    try {
      return await runKysely(db);
    } finally {
      await db.destroy();
    }
  },
};

const authors = mysqlTable('authors', {
  id: int().primaryKey().autoincrement(),
  name: varchar({ length: 100 }).notNull().unique(),
  extra: json(),
  born: timestamp(),
});
const books = mysqlTable('books', {
  id: int().primaryKey().autoincrement(),
  authorId: int('author_id').references(() => authors.id),
  title: varchar({ length: 100 }).notNull(),
});

async function runDrizzle(db: MySql2Database): Promise<unknown> {
  await db.execute(sql`create table authors (id int primary key auto_increment,
    name varchar(100) not null unique, extra json, born timestamp null)`);
  await db.execute(sql`create table books (id int primary key auto_increment,
    author_id int, title varchar(100) not null, foreign key (author_id) references authors (id))`);
  try {
    const [{ id }] = (await db
      .insert(authors)
      .values({ name: 'Ada', extra: { a: [1, null] }, born: new Date('1985-12-10T00:00:00Z') })
      .$returningId()) as [{ id: number }];
    const titles = Array.from({ length: 10 }, (_, n) => ({ authorId: id, title: `Title ${n}` }));
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
      .prepare();
    const found = await Promise.all([1, 2, 3, 1, 2, 3].map((n) => prepared.execute({ id: n })));
    const rolledBack = await errorOf(
      db.transaction(async (tx) => {
        await tx.delete(books);
        tx.rollback();
      }),
    );
    await db.transaction(
      async (tx) => {
        await tx.update(books).set({ title: 'kept' }).where(eq(books.id, 1));
        await tx.transaction((inner) => inner.insert(authors).values({ name: 'Ada' })).catch(() => undefined);
      },
      { isolationLevel: 'read committed', accessMode: 'read write' },
    );
    const upserted = await db
      .insert(authors)
      .values({ name: 'Ada' })
      .onDuplicateKeyUpdate({ set: { extra: { again: true } } });
    const count = await db.$count(books);
    const first = await db.select().from(books).where(eq(books.id, 1));
    return [id, joined, found, rolledBack, upserted, count, first, await db.select().from(authors)];
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
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('name', 'varchar(50)', (column) => column.notNull())
    .addColumn('age', 'integer')
    .execute();
  await db.schema
    .createTable('pets')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('owner', 'integer')
    .addColumn('name', 'varchar(50)')
    .execute();
  try {
    const people = Array.from({ length: 50 }, (_, n) => ({
      name: `Person ${n}`,
      age: n % 2 === 0 ? n : null,
    }));
    const inserted = await db.insertInto('people').values(people).executeTakeFirst();
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
        await kyselySql`select * from nowhere`.execute(tx);
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
    const counted = { id: String(inserted.insertId), n: String(inserted.numInsertedOrUpdatedRows) };
    return [counted, joined, rolledBack, streamed, tables.map(({ name }) => name), pets];
  } finally {
    await db.schema.dropTable('pets').execute();
    await db.schema.dropTable('people').execute();
  }
}
