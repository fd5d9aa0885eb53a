/**
 * Caching as the application asks for it in comments of a statement:
 *
 *   /* warmpool: ttl=300 swr=30 tag=products,offers *\/     -- warmpool: nocache
 *
 * `ttl` and `swr` in seconds, as whole numbers; `ttl=0` means `nocache`. Of several comments the later number
 * counts, all tags count, and `nocache` anywhere wins. A comment that is addressed to us and cannot be understood
 * means `nocache`: a slip of the pen may cost time, never make somebody read what they wanted fresh.
 */
import type { CacheControl } from '../caching.ts';

/** The tags of one statement. */
const TAGS_MAX = 16;
const TAG = /^[\w.:-]{1,64}$/;
const SECONDS = /^\d{1,9}$/;
const ADDRESSED = /^\s*(?:\/\*|--|#)?\s*warmpool\s*:(.*)$/is;

/** `comments`: as they stand in the text, with or without what marks them as comments. */
export function controlOf(comments: readonly string[]): CacheControl {
  let control: CacheControl = {};
  for (const comment of comments) {
    const words = ADDRESSED.exec(comment)?.[1];
    if (words !== undefined) control = merged(control, readWords(words.replace(/\*\/\s*$/, '')));
  }
  return control.isOff ? { isOff: true } : control;
}

function readWords(text: string): CacheControl {
  const words = text.split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) return { isOff: true };
  return words.map(readWord).reduce(merged, {});
}

function readWord(word: string): CacheControl {
  const [, name = '', value = ''] = /^(\w+)(?:=(.+))?$/s.exec(word) ?? [];
  switch (name.toLowerCase()) {
    case 'ttl':
      return SECONDS.test(value) && Number(value) > 0 ? { ttlSeconds: Number(value) } : { isOff: true };
    case 'swr':
      return SECONDS.test(value) ? { swrSeconds: Number(value) } : { isOff: true };
    case 'tag': {
      const tags = value.split(',');
      return tags.every((tag) => TAG.test(tag)) ? { tags } : { isOff: true };
    }
    // `nocache`, and whatever we do not know.
    default:
      return { isOff: true };
  }
}

function merged(one: CacheControl, other: CacheControl): CacheControl {
  const tags = [...new Set([...(one.tags ?? []), ...(other.tags ?? [])])];
  const isOff = one.isOff || other.isOff || tags.length > TAGS_MAX;
  return { ...one, ...other, ...(tags.length > 0 ? { tags } : {}), ...(isOff ? { isOff: true } : {}) };
}
