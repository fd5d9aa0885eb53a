/** Judgements on texts by one catalog: texts come by many times. */
import { LRUCache } from 'lru-cache';
import type { Verdict } from '../caching.ts';

/** Judgements that are remembered, and the characters of their texts. */
const VERDICTS_MAX = 5000;
const VERDICT_CHARACTERS_MAX = 4 * 1024 * 1024;

/** By all that a judgement hangs on. */
export function rememberedVerdicts(): LRUCache<string, Verdict> {
  return new LRUCache<string, Verdict>({
    max: VERDICTS_MAX,
    maxSize: VERDICT_CHARACTERS_MAX,
    sizeCalculation: ({ reads, writes }, key) => key.length + 100 + 10 * (reads.length + writes.length),
  });
}
