/** On the bare wire, byte by byte: a driver of a caching config hears what PostgreSQL says, whatever the cache knows. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CACHING, untilCacheable } from '../fakes/caching.ts';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { WireDriver } from '../faults/wire-driver.ts';
import { SCRIPTS } from './cache-scripts.ts';

let harness: Harness;
let target: Target;
let hits = 0;

beforeAll(async () => {
  harness = await startHarness();
  target = await harness.createTarget({ config: CACHING });
  await harness.ask(
    target,
    `create table books (id int primary key, title text not null);
     insert into books select n, 'Book ' || n from generate_series(1, 100) n`,
  );
  await untilCacheable(target);
});

afterAll(() => harness.stop());

test.each(Object.entries(SCRIPTS))('%s', async (_, script) => {
  const play = async (url: string): Promise<string[][]> => {
    const driver = await WireDriver.connect(url);
    try {
      const heard: string[][] = [];
      for (const saying of script) heard.push(await driver.say(saying));
      hits += driver.statuses.filter((status) => status === 'hit').length;
      return heard;
    } finally {
      driver.end();
    }
  };
  const direct = await play(target.direct);
  // By a driver that finds nothing, and by drivers that find what others have asked for.
  for (const _ of [1, 2, 3]) expect(await play(target.pooled)).toEqual(direct);
});

test('the cache had its part in it', () => {
  expect(hits).toBeGreaterThan(Object.keys(SCRIPTS).length);
});
