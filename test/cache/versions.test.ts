import { describe, expect, test } from 'vitest';
import { Knowledge } from '../../src/cache/knowledge.ts';
import { NewsFeed } from '../../src/cache/news-feed.ts';
import { Versions } from '../../src/cache/versions.ts';

const ROWS = { changesSchema: false };
const COMMITTED = { isCommitted: true };

describe('a commit', () => {
  test('makes what was read before it stale, and nothing else', () => {
    const versions = new Versions({ startAt: 100 });
    const before = versions.now();
    versions.writeEnded(versions.writeStarted(['r1'], ROWS), COMMITTED);
    expect(versions.isFresh(['r1', 'r2'], before)).toBe(false);
    expect(versions.isFresh(['r2', 'schema', 'tag:a'], before)).toBe(true);
    expect(versions.isFresh(['r1'], versions.now())).toBe(true);
  });

  test('makes what was read while it ran stale too', () => {
    const versions = new Versions({ startAt: 100 });
    const ticket = versions.writeStarted(['r1'], ROWS);
    const during = versions.now();
    versions.writeEnded(ticket, COMMITTED);
    expect(versions.isFresh(['r1'], during)).toBe(false);
  });

  test('of everything reaches relations, and definitions only where they may have changed', () => {
    const versions = new Versions({ startAt: 100 });
    const before = versions.now();
    versions.writeEnded(versions.writeStarted('everything', ROWS), COMMITTED);
    expect(versions.isFresh(['r7'], before)).toBe(false);
    expect(versions.isFresh(['schema', 'tag:a'], before)).toBe(true);
    versions.writeEnded(versions.writeStarted('everything', { changesSchema: true }), COMMITTED);
    expect(versions.isFresh(['schema'], before)).toBe(false);
    expect(versions.isFresh(['tag:a'], before)).toBe(true);
  });

  test('that was rolled back raises nothing, and settles', () => {
    const versions = new Versions({ startAt: 100 });
    const before = versions.now();
    versions.writeEnded(versions.writeStarted(['r1'], ROWS), { isCommitted: false });
    expect(versions.isFresh(['r1'], before)).toBe(true);
    expect(versions.settledUpTo).toBe(versions.now());
  });

  test('is taken once, however often it is said to have ended', () => {
    const versions = new Versions({ startAt: 100 });
    const ticket = versions.writeStarted(['r1'], ROWS);
    versions.writeEnded(ticket, COMMITTED);
    const after = versions.now();
    versions.writeEnded(ticket, COMMITTED);
    versions.writeEnded(12_345, COMMITTED);
    expect(versions.now()).toBe(after);
  });
});

test('a write is open for those who may have seen it, and for what it may change', () => {
  const versions = new Versions({ startAt: 100 });
  const ticket = versions.writeStarted(['r1'], ROWS);
  expect(versions.isOpen(['r1'], ticket - 1)).toBe(false);
  expect(versions.isOpen(['r2', 'r1'], ticket)).toBe(true);
  expect(versions.isOpen(['r2', 'schema', 'tag:a'], ticket)).toBe(false);
  expect(versions.settledUpTo).toBe(ticket - 1);
  const all = versions.writeStarted('everything', { changesSchema: true });
  expect(versions.isOpen(['r2'], all)).toBe(true);
  expect(versions.isOpen(['schema'], all)).toBe(true);
  expect(versions.isOpen(['tag:a'], all)).toBe(false);
  versions.writeEnded(ticket, COMMITTED);
  expect(versions.settledUpTo).toBe(all - 1);
});

test('a purge reaches what it names: a tag, a relation, or all there is', () => {
  const versions = new Versions({ startAt: 100 });
  const before = versions.now();
  versions.raise(['tag:shop']);
  expect(versions.isFresh(['r1', 'tag:shop'], before)).toBe(false);
  expect(versions.isFresh(['r1', 'tag:other'], before)).toBe(true);
  versions.raise(['r1']);
  expect(versions.isFresh(['r1'], before)).toBe(false);
  versions.raise('everything');
  for (const dependency of ['r9', 'schema', 'tag:other'])
    expect(versions.isFresh([dependency], before)).toBe(false);
});

test('what an earlier life of the endpoint gave out is stale', () => {
  const versions = new Versions({ startAt: 100 });
  for (const dependency of ['r1', 'schema', 'tag:a']) {
    expect(versions.isFresh([dependency], 99)).toBe(false);
    expect(versions.isFresh([dependency], 100)).toBe(true);
  }
});

test('dependencies without number take bounded memory, and none that was raised is forgotten', () => {
  const versions = new Versions({ startAt: 0, dependenciesMax: 10 });
  const knowledge = new Knowledge({ dependenciesMax: 10 });
  const before = versions.now();
  for (let index = 0; index < 1_000; index += 1) {
    const dependency = index % 2 === 0 ? `r${index}` : `tag:${index}`;
    versions.raise([dependency]);
    expect(versions.newsSince(0).raised.length).toBeLessThanOrEqual(13);
  }
  knowledge.heard(versions.newsSince(0));
  for (const known of [versions, knowledge]) {
    for (let index = 0; index < 1_000; index += 1)
      expect(known.isFresh([index % 2 === 0 ? `r${index}` : `tag:${index}`], before)).toBe(false);
    expect(known.isFresh(['r1', 'tag:0'], versions.now() - 10)).toBe(true);
  }
});

describe('news', () => {
  test('tell each link each thing once, and nothing where there is nothing', () => {
    const versions = new Versions({ startAt: 100 });
    const feed = new NewsFeed(versions, { knownUpTo: 100 });
    expect(feed.take()).toEqual({ raised: [], settledUpTo: 100 });
    expect(feed.take()).toBeUndefined();
    const ticket = versions.writeStarted(['r1'], ROWS);
    expect(feed.take()).toBeUndefined();
    versions.writeEnded(ticket, COMMITTED);
    expect(feed.take()).toEqual({ raised: [['r1', 102]], settledUpTo: 102 });
    expect(feed.take()).toBeUndefined();
  });

  test('tell who knows nothing that anything may have been raised before', () => {
    const versions = new Versions({ startAt: 100 });
    const raised = new NewsFeed(versions, { knownUpTo: 0 }).take()?.raised;
    expect(raised).toEqual([
      ['everything', 100],
      ['schema', 100],
      ['tag:', 100],
    ]);
  });

  test('are announced to whoever listens, until they do not', () => {
    const versions = new Versions({ startAt: 100 });
    const heard: number[] = [];
    const stop = versions.onChange(() => heard.push(versions.settledUpTo));
    const ticket = versions.writeStarted(['r1'], ROWS);
    expect(heard).toEqual([]);
    versions.writeEnded(ticket, { isCommitted: false });
    versions.raise(['tag:a']);
    stop();
    versions.raise(['tag:a']);
    expect(heard).toEqual([101, 102]);
  });
});

describe('at an edge', () => {
  const entry = { reads: ['r1'], asOf: 50, provenUpTo: 50 };

  test('a session gets what surely shows what it has seen', () => {
    const knowledge = new Knowledge();
    expect(knowledge.mayServe(entry, { floor: 0, consistency: 'session' })).toBe(true);
    expect(knowledge.mayServe(entry, { floor: 50, consistency: 'session' })).toBe(true);
    expect(knowledge.mayServe(entry, { floor: 51, consistency: 'session' })).toBe(false);
    knowledge.heard({ raised: [['r2', 55]], settledUpTo: 60 });
    expect(knowledge.mayServe(entry, { floor: 60, consistency: 'session' })).toBe(true);
  });

  test('eventual looks at what is known, not at floors; strict never trusts an edge', () => {
    const knowledge = new Knowledge();
    expect(knowledge.mayServe(entry, { floor: 99, consistency: 'eventual' })).toBe(true);
    expect(knowledge.mayServe(entry, { floor: 0, consistency: 'strict' })).toBe(false);
    knowledge.heard({ raised: [['r1', 51]], settledUpTo: 0 });
    expect(knowledge.mayServe(entry, { floor: 0, consistency: 'eventual' })).toBe(false);
    expect(knowledge.mayServe(entry, { floor: 0, consistency: 'session' })).toBe(false);
  });

  test('news of several links may come in any order', () => {
    const knowledge = new Knowledge();
    knowledge.heard({ raised: [['r1', 90]], settledUpTo: 95 });
    knowledge.heard({ raised: [['r1', 40]], settledUpTo: 45 });
    expect(knowledge.isFresh(['r1'], 89)).toBe(false);
    expect(knowledge.settledUpTo).toBe(95);
  });
});
