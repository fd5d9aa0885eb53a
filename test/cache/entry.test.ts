import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeFacts, encodeEntry } from '../../src/cache/entry.ts';
import { MemoryTier } from '../../src/cache/memory-tier.ts';
import { bytesOf, entryOf, textOf } from './reads.ts';

test('an entry comes back as it was, body and all', async () => {
  const entry = entryOf('DDDC', {
    reads: ['r1', 'tag:shop'],
    asOf: 7,
    seenUpTo: 9,
    provenUpTo: 8,
    storedAtMs: 5,
  });
  const response = encodeEntry(entry, entry.body, { keepSeconds: 74.2 });
  expect(response?.headers.get('Cache-Control')).toBe('public, max-age=75');
  const { body, ...facts } = entry;
  expect(response && decodeFacts(response)).toEqual({ facts, place: { bytes: 4 } });
  expect(await response?.text()).toBe(textOf(body));
});

test('one whose facts are too long for a header is not encoded', () => {
  const reads = Array.from({ length: 2_000 }, (_, index) => `r${index}`);
  expect(encodeEntry(entryOf('x', { reads }), bytesOf('x'), { keepSeconds: 1 })).toBeUndefined();
});

test('garbage is nobody, never an error', () => {
  expect(decodeFacts(new Response('x'))).toBeUndefined();
  const valid = JSON.stringify({
    reads: ['r1'],
    asOf: 1,
    seenUpTo: 1,
    provenUpTo: 1,
    storedAtMs: 1,
    bytes: 1,
  });
  const header = (json: string): Response => new Response('x', { headers: { 'warmpool-entry': json } });
  expect(decodeFacts(header(valid))).toBeDefined();
  fc.assert(
    fc.property(fc.nat({ max: valid.length - 1 }), (length) => {
      expect(decodeFacts(header(valid.slice(0, length)))).toBeUndefined();
    }),
  );
  const names = fc.constantFrom('reads', 'asOf', 'seenUpTo', 'provenUpTo', 'storedAtMs', 'bytes', 'part');
  const wrong = fc.constantFrom<unknown>(-1, 1.5, '../x', '', null, {}, [1], true);
  fc.assert(
    fc.property(names, wrong, (name, value) => {
      expect(decodeFacts(header(JSON.stringify({ ...JSON.parse(valid), [name]: value })))).toBeUndefined();
    }),
  );
  for (const json of ['null', '1', '[]', '"x"']) expect(decodeFacts(header(json))).toBeUndefined();
});

test('memory is bounded by bytes, keys included, and forgets what was used least', () => {
  const tier = new MemoryTier({ bytesMax: 10_000, entryBytesMax: 4_000 });
  const long = 'k'.repeat(2_000);
  for (let index = 0; index < 10; index += 1) {
    tier.put(`${index}${long}`, entryOf('x'.repeat(1_000)));
    tier.get(`0${long}`);
    expect(tier.bytes).toBeLessThanOrEqual(10_000);
  }
  expect(tier.get(`0${long}`)).toBeDefined();
  expect(tier.get(`1${long}`)).toBeUndefined();
  expect(tier.get(`9${long}`)).toBeDefined();
  expect(tier.size).toBe(2);
});

test('what is larger than one entry may be is not kept in memory, a view of a large buffer neither', () => {
  const tier = new MemoryTier({ bytesMax: 10_000, entryBytesMax: 4_000 });
  tier.put('large', entryOf('x'.repeat(4_000)));
  tier.put('view', { ...entryOf(''), body: new Uint8Array(9_000).subarray(0, 1) });
  expect(tier.size).toBe(0);
});

test('a reply of a later moment is not replaced by one of an earlier', () => {
  const tier = new MemoryTier();
  tier.put('k', entryOf('new', { asOf: 11 }));
  tier.put('k', entryOf('old', { asOf: 10 }));
  expect(textOf(tier.get('k')?.body)).toBe('new');
  tier.put('k', entryOf('same moment, later', { asOf: 11 }));
  expect(textOf(tier.get('k')?.body)).toBe('same moment, later');
  tier.delete('k');
  expect(tier.get('k')).toBeUndefined();
});
