/** How long a catalog is believed, and what happens to writes that were judged by an older one. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CatalogKeeper } from '../../src/endpoint/catalog-keeper.ts';
import type { Catalog } from '../../src/protocols/caching.ts';

const MINUTE_MS = 60_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Undefined: the origin does not answer. */
let fingerprint: string | undefined;
let changes: number;

async function newKeeper(): Promise<CatalogKeeper> {
  fingerprint = 'one';
  changes = 0;
  const keeper = new CatalogKeeper({
    load: () => (fingerprint ? Promise.resolve(catalogOf(fingerprint)) : Promise.reject(new Error('away'))),
    changed: () => {
      changes += 1;
    },
  });
  keeper.start({ systemCatalogs: false });
  await keeper.ready();
  return keeper;
}

function catalogOf(name: string): Catalog {
  return { fingerprint: name, dependencyOf: () => undefined, nameOf: (each) => each, judge: neverJudged };
}

function neverJudged(): never {
  throw new Error('nothing is judged here');
}

test('a write under way while other definitions are found was judged by the old ones', async () => {
  const keeper = await newKeeper();
  const ticket = keeper.watch(1, { changesSchema: false });
  await vi.advanceTimersByTimeAsync(MINUTE_MS + 1);
  fingerprint = 'two';
  expect(keeper.catalog?.fingerprint).toBe('one');
  await vi.advanceTimersByTimeAsync(0);
  expect(keeper.catalog?.fingerprint).toBe('two');
  expect(changes).toBe(1);
  expect(keeper.ended(ticket, { isCommitted: true })).toBe(true);
  expect(keeper.ended(keeper.watch(2, { changesSchema: false }), { isCommitted: true })).toBe(false);
  // It goes on looking.
  await vi.advanceTimersByTimeAsync(MINUTE_MS + 1);
  fingerprint = 'three';
  expect(keeper.catalog?.fingerprint).toBe('two');
  await vi.advanceTimersByTimeAsync(0);
  expect(keeper.catalog?.fingerprint).toBe('three');
});

test('the same definitions stay the same object, and change nothing', async () => {
  const keeper = await newKeeper();
  const first = keeper.catalog;
  const ticket = keeper.watch(1, { changesSchema: false });
  await vi.advanceTimersByTimeAsync(MINUTE_MS + 1);
  expect(keeper.catalog).toBe(first);
  await vi.advanceTimersByTimeAsync(0);
  expect(keeper.catalog).toBe(first);
  expect(changes).toBe(0);
  expect(keeper.ended(ticket, { isCommitted: true })).toBe(false);
});

test('a catalog that cannot be read again for three minutes is not believed any more, until it can', async () => {
  const keeper = await newKeeper();
  fingerprint = undefined;
  await vi.advanceTimersByTimeAsync(MINUTE_MS + 1);
  expect(keeper.catalog?.fingerprint).toBe('one');
  await vi.advanceTimersByTimeAsync(3 * MINUTE_MS);
  expect(keeper.catalog?.fingerprint).toBe('one');
  await vi.advanceTimersByTimeAsync(1);
  expect(keeper.catalog).toBeUndefined();
  fingerprint = 'one';
  await vi.advanceTimersByTimeAsync(2000);
  expect(keeper.catalog).toBeUndefined();
  await vi.advanceTimersByTimeAsync(0);
  expect(keeper.catalog?.fingerprint).toBe('one');
});

test('nobody having asked for hours is no reason to doubt it', async () => {
  const keeper = await newKeeper();
  await vi.advanceTimersByTimeAsync(300 * MINUTE_MS);
  expect(keeper.catalog?.fingerprint).toBe('one');
});

test('changes one after the other while it is being loaded are not so many loads at a time', async () => {
  const loads: ((catalog: Catalog) => void)[] = [];
  const keeper = new CatalogKeeper({
    load: () => new Promise((resolve) => loads.push(resolve)),
    changed: () => {},
  });
  keeper.start({ systemCatalogs: false });
  for (let change = 0; change < 10; change += 1) {
    expect(keeper.catalog).toBeUndefined();
    keeper.forget();
  }
  expect(loads.length).toBe(1);
  const ready = keeper.ready();
  loads[0]?.(catalogOf('outdated'));
  await vi.advanceTimersByTimeAsync(0);
  loads[1]?.(catalogOf('new'));
  expect((await ready).fingerprint).toBe('new');
  expect(loads.length).toBe(2);
});
