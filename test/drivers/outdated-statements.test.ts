/** A driver that was told a statement's columns once never reads other columns by them, wherever its statement runs. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withDebugClient } from '../fakes/caching.ts';
import { type Harness, startHarness } from '../fakes/harness.ts';
import { openDriver } from '../faults/drivers.ts';
import { int32, message } from '../faults/wire.ts';
import { WireDriver } from '../faults/wire-driver.ts';

const RUN = Buffer.concat([
  message('B', '\0s\0', Buffer.alloc(6)),
  message('E', '\0', int32(0)),
  message('S'),
]);

let harness: Harness;

beforeAll(async () => {
  harness = await startHarness();
});

afterAll(() => harness.stop());

test.each([
  { caching: 'off', text: 'select * from books' },
  { caching: 'off', text: 'insert into books (id) values (2) returning *' },
  { caching: 'on', text: 'insert into books (id) values (2) returning *' },
])('caching $caching: $text', async ({ caching, text }) => {
  const target = await harness.createTarget({ config: { caching: { disabled: caching === 'off' } } });
  await harness.ask(target, 'create table books (id int, title text); insert into books values (1)');
  const prepare = Buffer.concat([
    message('P', `s\0${text}\0`, Buffer.alloc(2)),
    message('D', 'Ss\0'),
    message('S'),
  ]);
  const [driver, idle] = [await WireDriver.connect(target.pooled), await openDriver(target.pooled)];
  await driver.say({ bytes: prepare, endsWith: 'Z' });
  await driver.say({ bytes: RUN, endsWith: 'Z' });
  // The connection that holds the statement is somebody else's now.
  await idle.query('begin');
  await withDebugClient(target.pooled, (client) =>
    client.query('alter table books drop column id; alter table books add column id int; select 1'),
  );
  expect((await driver.say({ bytes: RUN, endsWith: 'Z' }))[0]).toMatch(
    /0A000.*cached plan must not change result type/,
  );
  await idle.query('commit');
  expect(await harness.ask(target, 'select * from books where id = 2')).toEqual([]);
  driver.end();
  await idle.end();
});

test('a read whose Bind has a format for each column is refused in the same words', async () => {
  const target = await harness.createTarget({ config: { caching: { disabled: false } } });
  await harness.ask(target, 'create table shelves (id int, name text); insert into shelves values (1)');
  const driver = await WireDriver.connect(target.pooled);
  // As pgjdbc does: it asks for the columns once, and wants some of them in binary.
  const prepare = Buffer.concat([
    message('P', 's\0select * from shelves\0', Buffer.alloc(2)),
    message('D', 'Ss\0'),
    message('S'),
  ]);
  const formats = Buffer.from([0, 0, 0, 0, 0, 2, 0, 1, 0, 0]);
  const run = Buffer.concat([message('B', '\0s\0', formats), message('E', '\0', int32(0)), message('S')]);
  await driver.say({ bytes: prepare, endsWith: 'Z' });
  await driver.say({ bytes: run, endsWith: 'Z' });
  await withDebugClient(target.pooled, (client) =>
    client.query('alter table shelves add column x int; select 1'),
  );
  expect((await driver.say({ bytes: run, endsWith: 'Z' }))[0]).toMatch(
    /0A000.*cached plan must not change result type/,
  );
  driver.end();
});
