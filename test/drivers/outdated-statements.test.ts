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
