import { describe, expect, test } from 'vitest';
import { type DemoRow, medianOf, renderBars, renderTable } from '../../src/cli/table.ts';

const ROWS: DemoRow[] = [
  {
    job: '(a) SELECT',
    ways: [
      { name: 'direct', medianMs: 382.4, roundTrips: 5 },
      { name: 'pooled', medianMs: 63.5, roundTrips: 1 },
    ],
    limitRoundTrips: 1,
  },
  {
    job: '(b) INSERT, then SELECT',
    ways: [
      { name: 'direct', medianMs: 510, roundTrips: 7 },
      { name: 'pooled', medianMs: 127.5, roundTrips: 2 },
    ],
    limitRoundTrips: 2,
  },
];

describe('table of the demo', () => {
  test('shows medians, counted round trips and the limit', () => {
    expect(renderTable(ROWS, 60)).toBe(
      [
        '                          direct                   pooled                   limit',
        '(a) SELECT                382 ms (5 round trips)   64 ms (1 round trip)     60 ms (1 round trip)',
        '(b) INSERT, then SELECT   510 ms (7 round trips)   128 ms (2 round trips)   120 ms (2 round trips)',
      ].join('\n'),
    );
  });

  test('draws bars in proportion, to an eighth of a column', () => {
    const bars = renderBars(ROWS.slice(1), 60).split('\n');
    expect(bars).toEqual([
      '(b) INSERT, then SELECT',
      `  direct  ${'█'.repeat(44)} 510 ms`,
      `  pooled  ${'█'.repeat(11)} 128 ms`,
      `  limit   ${'█'.repeat(10)}▍ 120 ms`,
    ]);
  });

  test('a median of an even number of values lies between the two in the middle', () => {
    expect(medianOf([10, 1, 2])).toBe(2);
    expect(medianOf([4, 1, 2, 10])).toBe(3);
    expect(() => medianOf([])).toThrow('The median of nothing.');
  });
});
