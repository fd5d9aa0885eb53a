import { beforeEach, describe, expect, test } from 'vitest';
import { type EndpointAnswer, type EndpointAsk, EndpointCache } from '../../src/cache/endpoint-cache.ts';
import { Flights } from '../../src/cache/flights.ts';
import { MemoryTier } from '../../src/cache/memory-tier.ts';
import { Versions } from '../../src/cache/versions.ts';
import { DEFAULT_CACHING } from '../../src/config/config.ts';
import { bytesOf, readOf, textOf } from './reads.ts';

type Answer = Extract<EndpointAnswer, { step: 'answer' }>;
type Wait = Extract<EndpointAnswer, { step: 'wait' }>;
type Run = Extract<EndpointAnswer, { step: 'run' }>;

let versions: Versions;
let cache: EndpointCache;
let nowMs = 0;

beforeEach(() => {
  nowMs = 1_000_000;
  versions = new Versions({ startAt: 100 });
  const memory = new MemoryTier({ bytesMax: 10_000, entryBytesMax: 1_000 });
  cache = new EndpointCache({ versions, memory, nowMs: () => nowMs });
});

function ask(more: Partial<EndpointAsk> = {}): EndpointAnswer {
  return cache.ask({
    read: readOf('select 1'),
    floor: 0,
    reads: ['r1'],
    caching: DEFAULT_CACHING,
    namespace: 'n',
    ...more,
  });
}

function mustBe<Step extends EndpointAnswer['step']>(step: Step, answer: EndpointAnswer): EndpointAnswer {
  expect(answer.step).toBe(step);
  return answer;
}

const run = (more?: Partial<EndpointAsk>): Run => mustBe('run', ask(more)) as Run;
const wait = (more?: Partial<EndpointAsk>): Wait => mustBe('wait', ask(more)) as Wait;
const answer = (more?: Partial<EndpointAsk>): Answer => mustBe('answer', ask(more)) as Answer;

function complete({ recording }: Run, text: string): void {
  recording?.add(bytesOf(text));
  recording?.complete(versions.now());
}

function commit(relation: string): void {
  versions.writeEnded(versions.writeStarted([relation], { changesSchema: false }), { isCommitted: true });
}

describe('a reply', () => {
  test('is run once and then given out, with its age', () => {
    const first = run();
    expect(first.facts).toEqual({ status: 'miss', reads: ['r1'], asOf: 100, ageMs: 0, tier: 'origin' });
    complete(first, 'one');
    nowMs += 5_000;
    const { reply, facts, seenUpTo } = answer();
    expect(textOf(reply.body)).toBe('one');
    expect(facts).toEqual({ status: 'hit', reads: ['r1'], asOf: 100, ageMs: 5_000, tier: 'endpoint' });
    expect(seenUpTo).toBe(100);
  });

  test('is not given out after its time, not even as stale: who asks wants a newer one', () => {
    complete(run(), 'one');
    nowMs += 59_999;
    answer();
    nowMs += 1;
    complete(run(), 'two');
    expect(textOf(answer().reply.body)).toBe('two');
  });

  test('is not given out after a commit to what it reads, nor stored if that came before its end', () => {
    complete(run(), 'one');
    commit('r2');
    answer();
    commit('r1');
    const second = run();
    commit('r1');
    complete(second, 'too late');
    complete(run(), 'three');
    expect(textOf(answer().reply.body)).toBe('three');
  });

  test('is not given to who may have seen a write that has not ended', () => {
    complete(run(), 'one');
    const ticket = versions.writeStarted(['r1'], { changesSchema: false });
    answer({ floor: ticket - 1 });
    run({ floor: ticket });
    versions.writeEnded(ticket, { isCommitted: false });
    answer({ floor: ticket });
  });

  test('is purged by its tags, which are told to edges too', () => {
    const tagged = { read: readOf('select 1', { control: { tags: ['shop'] } }) };
    const first = run(tagged);
    expect(first.facts.reads).toEqual(['r1', 'tag:shop']);
    complete(first, 'one');
    answer(tagged);
    versions.raise(['tag:shop']);
    run(tagged);
  });

  test.each<[string, Partial<EndpointAsk>]>([
    ['another namespace', { namespace: 'm' }],
    ['a description', { read: readOf('select 1', { wants: 'description' }) }],
    ['another tag', { read: readOf('select 1', { control: { tags: ['a'] } }) }],
  ])('is not mixed up with that of %s', (_, more) => {
    complete(run(), 'one');
    run(more);
  });

  test('of a query that is not to be cached is neither recorded nor joined', () => {
    const off = { read: readOf('select 1', { control: { isOff: true } }) } as const;
    complete(run(), 'one');
    expect(run(off)).toEqual({
      step: 'run',
      facts: { status: 'disabled', reads: ['r1'], asOf: 100, ageMs: 0, tier: 'origin' },
      recording: undefined,
    });
  });

  test('is forgotten when all are', () => {
    complete(run(), 'one');
    cache.clear();
    run();
  });
});

describe('reads that run at the same time', () => {
  test('run once, however many', async () => {
    const leader = run();
    const waiting = Array.from({ length: 1_000 }, () => wait().landed);
    complete(leader, 'one');
    for (const landed of await Promise.all(waiting)) {
      if (typeof landed === 'string') throw new Error(landed);
      expect(textOf(landed.reply.body)).toBe('one');
      expect(landed.facts.status).toBe('hit');
    }
  });

  test('do not fail with their leader: one of them leads anew, the others join it', async () => {
    const leader = run();
    const waiting = Array.from({ length: 5 }, () => wait().landed);
    leader.recording?.abandon();
    const steps: string[] = [];
    const all = waiting.map(async (landed) => {
      expect(await landed).toBe('again');
      const next = ask();
      steps.push(next.step);
      if (next.step === 'run') complete(next, 'two');
      const last = next.step === 'wait' ? await next.landed : next;
      return typeof last === 'string' ? last : last.step;
    });
    const ends = await Promise.all(all);
    expect(ends.filter((end) => end === 'run')).toHaveLength(1);
    expect(ends.filter((end) => end === 'answer')).toHaveLength(4);
  });

  test('each run alone as soon as a reply is too large to be shared, not one after the other', async () => {
    const leader = run();
    const { landed } = wait();
    leader.recording?.add(new Uint8Array(1_001));
    expect(await landed).toBe('alone');
    const alone = run({ isAlone: true });
    run({ isAlone: true });
    complete(alone, 'small after all');
    answer();
  });

  test('are not joined after a commit, nor by who may have seen a write that has not ended', async () => {
    const before = run();
    const { landed } = wait();
    commit('r1');
    const after = run();
    const ticket = versions.writeStarted(['r1'], { changesSchema: false });
    run({ floor: ticket });
    complete(before, 'before');
    complete(after, 'after');
    // It asked before the commit had ended: what it gets is as old as that, and is not kept.
    const early = await landed;
    if (typeof early === 'string') throw new Error(early);
    expect(textOf(early.reply.body)).toBe('before');
    expect(textOf(answer().reply.body)).toBe('after');
  });

  test('are bounded in number; beyond, each runs by itself', () => {
    const flights = new Flights({ flightsMax: 2 });
    const about = { reads: ['r1'], asOf: 1 };
    const one = flights.lead('a', about);
    flights.lead('b', about);
    expect(flights.lead('c', about)).toBeUndefined();
    // One in another's place is not one more; the one that it replaced takes nothing away when it lands.
    const replacing = flights.lead('a', about);
    one?.land('again');
    expect(flights.of('a')).toBe(replacing);
    replacing?.land('again');
    expect(flights.size).toBe(1);
  });
});
