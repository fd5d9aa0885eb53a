import { expect, test } from 'vitest';
import {
  BIND,
  EXECUTE,
  type Expected,
  ExpectedReplies,
  PARSE,
  QUERY,
  SYNC,
} from '../../../src/protocols/postgres/expected.ts';

function owing(...entries: Expected[]): ExpectedReplies {
  const expected = new ExpectedReplies();
  for (const entry of entries) expected.push(entry);
  return expected;
}

/** What is left, first one first. */
function rest(expected: ExpectedReplies): string[] {
  const left: string[] = [];
  for (; expected.first; expected.shift()) left.push(expected.first.reply);
  return left;
}

test('first in, first out', () => {
  const expected = owing(PARSE, BIND);
  expected.shift();
  expected.push(SYNC);
  expect(expected.isEmpty).toBe(false);
  expect(rest(expected)).toEqual(['bind', 'ready']);
  expect(expected.isEmpty).toBe(true);
  expect(expected.first).toBeUndefined();
});

test('an error takes out what stands before Sync, and undoes it from the end; the first one failed', () => {
  const undone: string[] = [];
  const undoing = (name: string): Expected => ({ ...PARSE, undo: (why) => undone.push(`${name} ${why}`) });
  const expected = owing(undoing('a'), BIND, undoing('b'), QUERY, SYNC, undoing('c'), SYNC);
  expect(expected.skipToSync()).toBe(true);
  expect(undone).toEqual(['b skipped', 'a failed']);
  expect(rest(expected)).toEqual(['ready', 'parse', 'ready']);
});

test('an error before any Sync was sent takes out all', () => {
  const expected = owing(PARSE, QUERY);
  expect(expected.skipToSync()).toBe(false);
  expect(expected.isEmpty).toBe(true);
});

test('a server that copies swallows the Syncs that come next, and no others', () => {
  const alone = owing(PARSE, EXECUTE, SYNC, SYNC);
  alone.shift();
  expect(alone.dropSyncs()).toBe(true);
  expect(rest(alone)).toEqual(['execute']);
  const followed = owing(EXECUTE, SYNC, PARSE, SYNC);
  expect(followed.dropSyncs()).toBe(false);
  expect(rest(followed)).toEqual(['execute', 'parse', 'ready']);
});

test('one exchange is owed when one end is, and nothing behind it', () => {
  expect(owing(BIND, EXECUTE, SYNC).isLastExchange).toBe(true);
  expect(owing(BIND, EXECUTE).isLastExchange).toBe(false);
  expect(owing(BIND, SYNC, BIND).isLastExchange).toBe(false);
  expect(owing(SYNC, SYNC).isLastExchange).toBe(false);
  expect(owing(QUERY).isLastExchange).toBe(false);
  expect(owing().isLastExchange).toBe(false);
});
