import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConsistencyModel, STEPS, type Step } from './consistency-model.ts';

const kind: fc.Arbitrary<Step['kind']> = fc.oneof(
  ...(Object.keys(STEPS) as Step['kind'][]).map((name) => ({
    weight: STEPS[name] * 100,
    arbitrary: fc.constant(name),
  })),
);
const step: fc.Arbitrary<Step> = fc.record({
  kind,
  session: fc.nat({ max: 99 }),
  which: fc.nat({ max: 99 }),
  choice: fc.nat({ max: 99 }),
});

test('no session ever reads older than it wrote or saw, no reply of the endpoint is from before a commit', () => {
  const counts = { edgeHits: 0, endpointHits: 0, joins: 0, runs: 0, restarts: 0 };
  fc.assert(
    fc.property(fc.array(step, { minLength: 200, maxLength: 600 }), (steps) => {
      const model = new ConsistencyModel();
      for (const next of steps) model.step(next);
      for (const name of Object.keys(counts) as (keyof typeof counts)[]) counts[name] += model.counts[name];
    }),
    { numRuns: 4_000 },
  );
  // The promises are kept while caches are of use, not because nothing is ever given out.
  expect(counts.edgeHits).toBeGreaterThan(10_000);
  expect(counts.endpointHits).toBeGreaterThan(5_000);
  expect(counts.joins).toBeGreaterThan(5_000);
  expect(counts.restarts).toBeGreaterThan(1_000);
}, 60_000);
