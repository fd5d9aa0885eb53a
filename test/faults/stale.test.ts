/** `stale_while_revalidate`: what has passed its time is given out at once, and made anew once, for all. */
import type { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { firstValue, openDriver, until } from './drivers.ts';

const MAX_AGE_S = 1;
const WAIT_MS = 20_000;
const DRIVERS = 20;
const TITLE = 'select title from books where id = 1';

let harness: Harness;
let target: Target;
let drivers: Client[];
/** Of the first driver: what each of its queries was. */
const notices: string[] = [];

beforeAll(async () => {
  harness = await startHarness();
  target = await harness.createTarget({
    config: { caching: { max_age: MAX_AGE_S, stale_while_revalidate: 600 } },
  });
  await harness.ask(
    target,
    `create table books (id int primary key, title text); insert into books values (1, 'old')`,
  );
  drivers = await Promise.all(Array.from({ length: DRIVERS }, () => openDriver(target.pooled)));
  drivers[0]?.on('notice', ({ message }) => notices.push(message ?? ''));
  await drivers[0]?.query('set warmpool.debug = on');
});

afterAll(async () => {
  await Promise.all(drivers.map((driver) => driver.end()));
  await harness.stop();
});

test('all are given the old reply while one refresh is under way, and then the new one', async () => {
  await until(
    async () => (await readAll()) && notices.at(-1)?.startsWith('warmpool: hit (memory') === true,
    WAIT_MS,
  );
  // Past the pooler, which does not hear of it.
  await harness.ask(target, `update books set title = 'new'`);
  // What is asked from now on reaches nobody.
  target.proxy.pause();
  target.proxy.reset();
  try {
    await until(async () => {
      expect(new Set(await titles())).toEqual(new Set(['old']));
      return ageOf(notices.at(-1)) > MAX_AGE_S;
    }, WAIT_MS);
    for (let round = 0; round < 5; round += 1) expect(new Set(await titles())).toEqual(new Set(['old']));
    expect(target.proxy.stats().roundTrips).toBe(0);
  } finally {
    target.proxy.resume();
  }
  await until(async () => (await titles()).every((title) => title === 'new'), WAIT_MS);
  expect(target.proxy.stats().roundTrips).toBe(1);
});

async function readAll(): Promise<boolean> {
  await titles();
  return true;
}

function titles(): Promise<unknown[]> {
  return Promise.all(drivers.map((driver) => firstValue(driver, TITLE)));
}

/** In seconds, of a hit in the edge's memory. */
function ageOf(notice: string | undefined): number {
  return Number(/\(memory, ([\d.]+) s old\)/.exec(notice ?? '')?.[1] ?? 0);
}
