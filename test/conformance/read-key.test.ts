/**
 * Two exchanges with the same key have byte-equal replies from the origin: random drivers say the same to PostgreSQL
 * and to a caching config, each thing twice, and must hear the same bytes, whoever asked before under whichever
 * settings.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CACHING, untilCacheable } from '../fakes/caching.ts';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { message } from '../faults/wire.ts';
import { type Saying, WireDriver } from '../faults/wire-driver.ts';
import { type Exchange, type Step, sayingsOf, steps } from './read-key-exchanges.ts';
import { SCHEMA } from './read-key-schema.ts';

const SEED = Number(process.env['WARMPOOL_TEST_SEED'] ?? Date.now() % 2 ** 31);
const DRIVERS = Number(process.env['WARMPOOL_TEST_DRIVERS'] ?? 40);
/** Of all exchanges, errors and what is never cached too. */
const HITS_SHARE_MIN = 0.2;

let harness: Harness;
let target: Target;

beforeAll(async () => {
  harness = await startHarness();
  target = await harness.createTarget({ config: CACHING });
  await harness.ask(target, SCHEMA);
  await untilCacheable(target);
});

afterAll(() => harness.stop());

test(`a cached reply has the bytes of PostgreSQL's (seed ${SEED})`, { timeout: 300_000 }, async () => {
  const statuses: string[] = [];
  const compare = async (taken: Step[]): Promise<void> => {
    const direct = await WireDriver.connect(target.direct);
    const cached = await WireDriver.connect(target.pooled);
    try {
      const prepared = new Set<string>();
      for (const step of taken)
        for (const saying of sayingsOfStep(step, prepared))
          expect(await cached.say(saying), wordsOf(taken, step)).toEqual(await direct.say(saying));
    } finally {
      statuses.push(...cached.statuses);
      direct.end();
      cached.end();
    }
  };
  // Shrinking would find the cache as the failing run has left it.
  const options = { seed: SEED, numRuns: DRIVERS, endOnFailure: true };
  await fc.assert(fc.asyncProperty(steps(), compare), options);
  const hits = statuses.filter((status) => status === 'hit').length;
  expect(hits / statuses.length).toBeGreaterThan(HITS_SHARE_MIN);
});

/** Twice: the second time it is mostly in the cache. */
function sayingsOfStep(step: Step, prepared: Set<string>): Saying[] {
  if ('set' in step) {
    if (step.set === 'discard all') prepared.clear();
    return [{ bytes: message('Q', `${step.set}\0`), endsWith: 'Z' }];
  }
  const first = sayingsOf(step.exchange, prepared);
  return [...first, ...sayingsOf(step.exchange, prepared)];
}

function wordsOf(taken: Step[], step: Step): string {
  const index = taken.indexOf(step);
  const words = taken
    .slice(0, index + 1)
    .map((one) => ('set' in one ? one.set : wordsOfExchange(one.exchange)));
  return words.join('\n');
}

function wordsOfExchange({ text, shape, values, resultFormats }: Exchange): string {
  const said = values.map(({ oid, format, bytes }) => `${oid}/${format}:${bytes?.toString('latin1')}`);
  return `${shape}: ${text} [${said.join()}] as [${resultFormats.join()}]`;
}
