import { describe, expect, test } from 'vitest';
import type { CacheHooks } from '../../../src/protocols/caching.ts';
import { judgementOf } from '../../../src/protocols/mysql/judging.ts';

/** The catalog is being loaded. */
const hooks: CacheHooks = {
  isEdgeListening: true,
  catalog: undefined,
  writeStarted: () => 0,
  writeEnded: () => {},
  news: () => undefined,
  now: () => 0,
  count: () => {},
};

function writesOf(text: string, { isUnsure = false } = {}): readonly string[] | 'everything' {
  return judgementOf(text, { hooks, settings: {}, isUnsure }).verdict.writes;
}

describe('before the catalog is there', () => {
  test.each([
    'begin',
    'START TRANSACTION',
    'commit;',
    'rollback',
    'set time_zone = "+01:00"',
    'savepoint a',
    'show tables',
  ])('%s writes nothing', (text) => {
    expect(writesOf(text)).toEqual([]);
    expect(writesOf(text, { isUnsure: true })).toEqual([]);
  });

  test.each([
    'select 1',
    'insert into t values (1)',
    'set @x = f()',
    'set statement max_statement_time = 1 for delete from t',
    'begin not atomic delete from t; end',
    'commit; delete from t',
    'show tables where f()',
    'set x = 1 /*! , y = 2 */',
    'call p()',
  ])('%s may write everything', (text) => {
    expect(writesOf(text)).toBe('everything');
  });
});

test('a single ROLLBACK is one', () => {
  const isRollback = (text: string): boolean =>
    judgementOf(text, { hooks, settings: {}, isUnsure: false }).isRollback;
  expect(['rollback', ' ROLLBACK WORK ; '].map(isRollback)).toEqual([true, true]);
  expect(['rollback to a', 'rollback and chain', 'commit'].map(isRollback)).toEqual([false, false, false]);
});
