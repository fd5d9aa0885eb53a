import { describe, expect, test } from 'vitest';
import { tierKey } from '../../src/cache/key.ts';
import { ageOf, lifetimeOf } from '../../src/cache/policy.ts';
import { Refreshes } from '../../src/cache/refreshes.ts';
import { Refusals } from '../../src/cache/refusals.ts';
import { DEFAULT_CACHING } from '../../src/config/config.ts';
import type { CacheControl } from '../../src/protocols/caching.ts';
import { readOf } from './reads.ts';

describe('how long a reply is good for', () => {
  test.each<[string, CacheControl, { ttlMs: number; swrMs: number } | undefined]>([
    ['as the config says', {}, { ttlMs: 60_000, swrMs: 15_000 }],
    ['as the query says', { ttlSeconds: 300, swrSeconds: 0 }, { ttlMs: 300_000, swrMs: 0 }],
    ['an hour at most', { ttlSeconds: 3_601, swrSeconds: 9_999 }, { ttlMs: 3_600_000, swrMs: 3_600_000 }],
    ['not at all', { isOff: true, ttlSeconds: 300 }, undefined],
    ['for no time is not at all', { ttlSeconds: 0 }, undefined],
  ])('%s', (_, control, expected) => {
    expect(lifetimeOf(DEFAULT_CACHING, control)).toEqual(expected);
  });

  test('a config without caching has none, whatever a query says', () => {
    expect(lifetimeOf({ ...DEFAULT_CACHING, disabled: true }, { ttlSeconds: 300 })).toBeUndefined();
  });

  test('fresh, then stale, then gone', () => {
    const lifetime = { ttlMs: 60_000, swrMs: 15_000 };
    expect([-5, 0, 59_999, 60_000, 74_999, 75_000].map((ageMs) => ageOf(ageMs, lifetime))).toEqual([
      'fresh',
      'fresh',
      'fresh',
      'stale',
      'stale',
      'expired',
    ]);
  });
});

test('a key tells apart what must not be mixed: namespace, what is wanted, tags, the read itself', () => {
  const keys = [
    tierKey('a', readOf('k')),
    tierKey('b', readOf('k')),
    tierKey('a', readOf('k', { wants: 'description' })),
    tierKey('a', readOf('k', { control: { tags: ['x'] } })),
    tierKey('a', readOf('l')),
  ];
  expect(new Set(keys).size).toBe(keys.length);
  expect(tierKey('a', readOf('k', { control: { tags: ['y', 'x'], ttlSeconds: 5 } }))).toBe(
    tierKey('a', readOf('k', { control: { tags: ['x', 'y'] } })),
  );
});

describe('what the endpoint refused', () => {
  const one = readOf('select now() + $1|1', { textLength: 17 });
  const other = readOf('select now() + $1|2', { textLength: 17 });

  test('is remembered by its text, for a minute', () => {
    const refusals = new Refusals();
    refusals.add('n', one, { status: 'volatile', nowMs: 1_000 });
    expect(refusals.has('n', other, { nowMs: 60_999 })).toBe(true);
    expect(refusals.has('n', other, { nowMs: 61_000 })).toBe(false);
    expect(refusals.has('m', one, { nowMs: 1_000 })).toBe(false);
  });

  test('because of its result is remembered with its parameters', () => {
    const refusals = new Refusals();
    refusals.add('n', one, { status: 'oversizedresult', nowMs: 0 });
    expect(refusals.has('n', one, { nowMs: 1 })).toBe(true);
    expect(refusals.has('n', other, { nowMs: 1 })).toBe(false);
  });

  test.each([
    'transaction',
    'unready',
  ] as const)('because of when it came, %s, is not remembered', (status) => {
    const refusals = new Refusals();
    refusals.add('n', one, { status, nowMs: 0 });
    expect(refusals.has('n', one, { nowMs: 1 })).toBe(false);
  });

  test('takes bounded memory', () => {
    const refusals = new Refusals();
    const long = 'x'.repeat(60_000);
    for (let index = 0; index < 200; index += 1)
      refusals.add('n', readOf(`${index}${long}`), { status: 'volatile', nowMs: 0 });
    expect(refusals.bytes).toBeLessThanOrEqual(2 * 1024 * 1024);
    expect(refusals.has('n', readOf(`199${long}`), { nowMs: 1 })).toBe(true);
  });
});

describe('a refresh', () => {
  test('is done by one at a time, and by another where that one is never heard of again', () => {
    const refreshes = new Refreshes();
    expect(refreshes.begin('k', { nowMs: 0 })).toBe(true);
    expect(refreshes.begin('k', { nowMs: 29_999 })).toBe(false);
    expect(refreshes.begin('k', { nowMs: 30_000 })).toBe(true);
    refreshes.end('k');
    expect(refreshes.begin('k', { nowMs: 30_001 })).toBe(true);
  });

  test('is remembered for a bounded number of keys', () => {
    const refreshes = new Refreshes();
    for (let index = 0; index < 10_100; index += 1) refreshes.begin(`k${index}`, { nowMs: 0 });
    expect(refreshes.size).toBe(10_000);
    expect(refreshes.begin('k10099', { nowMs: 1 })).toBe(false);
  });
});
