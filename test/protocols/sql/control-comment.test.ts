import { expect, test } from 'vitest';
import type { CacheControl } from '../../../src/protocols/caching.ts';
import { controlOf } from '../../../src/protocols/sql/control-comment.ts';

const OFF: CacheControl = { isOff: true };

test.each<[string, string[], CacheControl]>([
  ['nothing', [], {}],
  ['comments of others', ['/* ttl=5 */', "/*traceparent='00-1'*/", '-- about warmpool: fast'], {}],
  [
    'all words',
    ['/* warmpool: ttl=300 swr=30 tag=products,offers */'],
    { ttlSeconds: 300, swrSeconds: 30, tags: ['products', 'offers'] },
  ],
  ['without its marks', [' warmpool: ttl=300 '], { ttlSeconds: 300 }],
  ['to the end of the line', ['-- warmpool: ttl=300'], { ttlSeconds: 300 }],
  ['as MySQL writes them', ['# warmpool: ttl=300'], { ttlSeconds: 300 }],
  ['tight', ['/*warmpool:ttl=300*/'], { ttlSeconds: 300 }],
  ['over lines, in capitals', ['/* WarmPool:\n  TTL=300\n\tswr=0\n*/'], { ttlSeconds: 300, swrSeconds: 0 }],
  ['nocache', ['/* warmpool: nocache */'], OFF],
  ['a ttl of nothing', ['/* warmpool: ttl=0 */'], OFF],
  ['the later number counts', ['/* warmpool: ttl=300 */', '-- warmpool: ttl=5'], { ttlSeconds: 5 }],
  ['all tags count', ['/* warmpool: tag=a tag=b,a */', '-- warmpool: tag=c'], { tags: ['a', 'b', 'c'] }],
  ['nocache wins', ['/* warmpool: nocache */', '/* warmpool: ttl=300 tag=a */'], OFF],
])('%s', (_, comments, expected) => {
  expect(controlOf(comments)).toEqual(expected);
});

test.each([
  ['', 'an empty one'],
  ['nocahe', 'an unknown word'],
  ['ttl', 'no number'],
  ['ttl=', 'no number'],
  ['ttl=5s', 'a unit'],
  ['ttl=-5', 'a sign'],
  ['ttl=1.5', 'a fraction'],
  ['ttl=99999999999', 'a number out of all bounds'],
  ['ttl = 5', 'spaces around ='],
  ['ttl=5, swr=3', 'commas between words'],
  ['tag=', 'no tag'],
  ['tag=a,,b', 'an empty tag'],
  ['tag=<script>', 'a tag of other characters'],
  [`tag=${'x'.repeat(65)}`, 'a tag that is too long'],
  [`tag=${Array.from({ length: 17 }, (_, index) => index)}`, 'more than 16 tags'],
  ['max_age=5', 'an unknown name'],
])('what cannot be understood is not cached: %s (%s)', (words) => {
  expect(controlOf([`/* warmpool: ${words} */`])).toEqual(OFF);
  expect(controlOf(['/* warmpool: ttl=300 */', `/* warmpool: ${words} */`])).toEqual(OFF);
});
