import { describe, expect, test } from 'vitest';
import type { LocationHint, Region, Regions } from '../../src/config/placement.ts';
import { chooseHint } from '../../src/placement/choose.ts';
import { HINTS, hintsWithin, JURISDICTIONS } from '../../src/placement/hints.ts';
import { routesOf } from '../../src/placement/routes.ts';

/** A query's time alone decides; connecting is made to say the opposite. */
function region(queryMs: number): Region {
  return { queryMs, connectMs: 1_000 - queryMs };
}

function choose(queryMs: Partial<Record<LocationHint, number>>, current?: LocationHint): string | undefined {
  const regions: Regions = {};
  for (const hint of HINTS) {
    const ms = queryMs[hint];
    if (ms !== undefined) regions[hint] = region(ms);
  }
  return chooseHint({ regions, current });
}

describe('the choice of a place', () => {
  test('the lowest median of a query wins, wherever the endpoint is', () => {
    expect(choose({ wnam: 80, weur: 10, apac: 40 })).toBe('weur');
    expect(choose({ wnam: 80, weur: 10, apac: 40 }, 'wnam')).toBe('weur');
  });

  test('nearer by 5 percent is a tie and the endpoint stays; by more it moves', () => {
    expect(choose({ wnam: 105, weur: 100, me: 300 }, 'wnam')).toBe('wnam');
    expect(choose({ wnam: 106, weur: 100, me: 300 }, 'wnam')).toBe('weur');
  });

  test('nearer by 1 ms is a tie too, however near; by 2 it is not', () => {
    expect(choose({ wnam: 3, weur: 2, me: 300 }, 'wnam')).toBe('wnam');
    expect(choose({ wnam: 4, weur: 2, me: 300 }, 'wnam')).toBe('weur');
  });

  test('a tie that the endpoint has no part in goes to the first of the list', () => {
    expect(choose({ weur: 10, enam: 10, me: 90 }, 'me')).toBe('enam');
    expect(choose({ weur: 10, enam: 10, me: 90 })).toBe('enam');
  });

  test('a place that was not reached cannot win, and does not hold the endpoint', () => {
    const regions: Regions = { enam: { error: 'timeout' }, weur: region(200) };
    expect(chooseHint({ regions, current: undefined })).toBe('weur');
    expect(chooseHint({ regions, current: 'enam' })).toBe('weur');
  });

  test('where none is reached the endpoint stays', () => {
    const regions: Regions = { enam: { error: 'refused' }, weur: { error: 'timeout' } };
    expect(chooseHint({ regions, current: 'weur' })).toBe('weur');
    expect(chooseHint({ regions, current: undefined })).toBeUndefined();
    expect(chooseHint({ regions: {}, current: 'me' })).toBe('me');
  });

  test('where all are equal, as on one machine, nothing is made up', () => {
    const all = Object.fromEntries(HINTS.map((hint) => [hint, 0]));
    expect(choose(all)).toBeUndefined();
    expect(choose(all, 'sam')).toBe('sam');
  });

  test('the only place there is is chosen', () => {
    expect(choose({ oc: 5 })).toBe('oc');
  });
});

describe('hints', () => {
  test('are all that Workers know', () => {
    expect(HINTS).toEqual([
      ...['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'apac-ne', 'apac-se', 'oc', 'afr', 'me'],
    ]);
  });

  test('within a jurisdiction are some of them', () => {
    expect(hintsWithin(undefined)).toEqual(HINTS);
    expect(hintsWithin('eu')).toEqual(['weur', 'eeur']);
    expect(JURISDICTIONS).toEqual(['eu', 'us', 'fedramp', 'fedramp-high']);
  });
});

describe('PLACEMENT_ROUTES', () => {
  test('gives the regions; none means one place, unset means those of Cloudflare', () => {
    expect(routesOf('{"weur": {"host": "10.0.0.1", "port": 5432}}')).toEqual({
      weur: { host: '10.0.0.1', port: 5432 },
    });
    expect(routesOf('{}')).toEqual({});
    expect(routesOf(undefined)).toBeUndefined();
  });

  test.for([
    'weur',
    '{"mars": {"host": "a", "port": 1}}',
    '{"weur": {"host": "a"}}',
    '{"weur": {"host": "a", "port": 0}}',
  ])('%s is refused with what it should be', (text) => {
    expect(() => routesOf(text)).toThrow('PLACEMENT_ROUTES');
  });
});
