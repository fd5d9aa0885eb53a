/** What only one session has writes rows that all read: then nobody is given the old ones. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { CACHING, DebugClient, untilCacheable, untilHit, withDebugClient } from '../fakes/caching.ts';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { int32, message } from '../faults/wire.ts';
import { WireDriver } from '../faults/wire-driver.ts';

const READ = 'select count(*)::int as n from books';

let harness: Harness;
let target: Target;

beforeAll(async () => {
  harness = await startHarness();
  target = await harness.createTarget({ config: CACHING });
});

afterAll(() => harness.stop());

beforeEach(async () => {
  await withDebugClient(target.pooled, (client) =>
    client.query(
      `drop schema public cascade; create schema public;
       create table books (id int); insert into books values (1);
       create table others (id int);
       create function noting() returns trigger language plpgsql as
         $$ begin insert into books values (2); return new; end $$;
       create function noted() returns int language plpgsql as
         $$ begin insert into books values (2); return 1; end $$`,
    ),
  );
  await untilCacheable(target);
});

const OBJECTS: Record<string, { has: string; writes: string }> = {
  'a temporary view': {
    has: 'create temp view seen as select id from books',
    writes: 'insert into pg_temp.seen values (2)',
  },
  'a temporary view with the name of a table': {
    has: 'create temp view others as select id from books',
    writes: 'insert into others values (2)',
  },
  'a trigger of a temporary table': {
    has: `create temp table own (id int);
          create trigger t after insert on own for each row execute function noting()`,
    writes: 'insert into pg_temp.own values (1)',
  },
  'a default of a temporary table': {
    has: 'create temp table own (id int, other int default noted())',
    writes: 'insert into pg_temp.own values (1)',
  },
  'a rule of a temporary table': {
    has: `create temp table own (id int);
          create rule r as on insert to own do also insert into books values (2)`,
    writes: 'insert into pg_temp.own values (1)',
  },
};

test.each(Object.entries(OBJECTS))('%s', async (_, { has, writes }) => {
  const writer = await DebugClient.connect(target.pooled);
  await withDebugClient(target.pooled, async (reader) => {
    await writer.query(has);
    await untilHit(reader, READ);
    await writer.query(writes);
    // The writer's edge has heard by now, and it is this one.
    expect((await reader.ask(READ)).rows).toEqual([{ n: 2 }]);
  });
  await writer.end();
});

test('a statement that was prepared in SQL, run by the protocol', async () => {
  const writer = await WireDriver.connect(target.pooled);
  await withDebugClient(target.pooled, async (reader) => {
    await writer.say({ bytes: message('Q', 'prepare own as insert into books values (2)\0'), endsWith: 'Z' });
    await untilHit(reader, READ);
    const bind = message('B', '\0own\0', Buffer.alloc(6));
    const run = Buffer.concat([bind, message('E', '\0', int32(0)), message('S')]);
    expect(await writer.say({ bytes: run, endsWith: 'Z' })).toContain('C INSERT 0 1\0');
    expect((await reader.ask(READ)).rows).toEqual([{ n: 2 }]);
  });
  writer.end();
});

test('temporary tables are made, written and dropped, and what is cached stays', async () => {
  const writer = await DebugClient.connect(target.pooled);
  await withDebugClient(target.pooled, async (reader) => {
    await untilHit(reader, READ);
    for (const sql of [
      'create temp table own as select id from books',
      'insert into own select id from books',
      'begin; create temp table brief (id int) on commit drop; insert into brief values (1); update own set id = 7; commit',
      'drop table own',
    ]) {
      await writer.query(sql);
      expect((await reader.ask(READ)).status, sql).toMatch(/^hit/);
    }
    await writer.query(
      'create temp table own (id int); insert into books select 2; insert into own values (1)',
    );
    expect((await reader.ask(READ)).rows).toEqual([{ n: 2 }]);
  });
  await writer.end();
});
