import { expect, test } from 'vitest';
import { Pace } from '../../src/cache/pace.ts';

function paceAfter(samples: { matchMs: number; endpointMs: number; hits: boolean }, times = 50): Pace {
  const pace = new Pace();
  for (let time = 0; time < times; time += 1) {
    pace.matched(samples.matchMs, { isHit: samples.hits });
    pace.answered(samples.endpointMs);
  }
  return pace;
}

function asked(pace: Pace, times = 320): number {
  let count = 0;
  for (let time = 0; time < times; time += 1) if (pace.isWorthAsking()) count += 1;
  return count;
}

function put(pace: Pace, times = 320): number {
  let count = 0;
  for (let time = 0; time < times; time += 1) if (pace.isWorthPutting()) count += 1;
  return count;
}

test('as long as nothing is known the Cache API is asked', () => {
  const pace = new Pace();
  expect(asked(pace)).toBe(320);
  pace.answered(1);
  expect(asked(pace)).toBe(320);
  expect(pace.isWorthPutting()).toBe(true);
});

test('before a far endpoint it is asked while it knows answers', () => {
  const pace = paceAfter({ matchMs: 5, endpointMs: 60, hits: true });
  expect(asked(pace)).toBe(320);
  expect(pace.isWorthPutting()).toBe(true);
});

test('where it never knows an answer it is asked one time in 32, but told', () => {
  const pace = paceAfter({ matchMs: 5, endpointMs: 60, hits: false });
  expect(asked(pace)).toBe(10);
  expect(pace.isWorthPutting()).toBe(true);
});

test('where nothing is asked twice one reply in 32 is put', () => {
  const pace = paceAfter({ matchMs: 5, endpointMs: 60, hits: false }, 200);
  expect(put(pace)).toBe(10);
});

test('it is told again as soon as memory finds what was asked before', () => {
  const pace = paceAfter({ matchMs: 5, endpointMs: 60, hits: false }, 200);
  for (let time = 0; time < 3; time += 1) pace.reused();
  expect(put(pace)).toBe(320);
});

test('an endpoint that is quicker is asked instead, and the Cache API is not told', () => {
  const pace = paceAfter({ matchMs: 5, endpointMs: 1, hits: true });
  expect(asked(pace)).toBe(10);
  expect(pace.isWorthPutting()).toBe(false);
});

test('samples change its mind', () => {
  const pace = paceAfter({ matchMs: 5, endpointMs: 1, hits: true });
  for (let time = 0; time < 50; time += 1) pace.answered(100);
  expect(asked(pace)).toBe(320);
});
