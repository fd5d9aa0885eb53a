import { expect, test } from 'vitest';
import { elementsOf, timeOf } from '../../../src/transport/tls/der.ts';

test.each([
  ['short', [0x04, 1, 7], 1],
  ['of one byte', [0x04, 0x81, 0x80, ...Array<number>(128).fill(7)], 128],
  ['of two bytes', [0x04, 0x82, 0x01, 0x00, ...Array<number>(256).fill(7)], 256],
])('a length that is %s', (_what, bytes, length) => {
  expect(elementsOf(Uint8Array.from(bytes)).map(({ content }) => content.length)).toEqual([length]);
});

test.each([
  ['longer than it must be', [0x04, 0x81, 1, 7]],
  ['with a zero in front', [0x04, 0x82, 0x00, 0x80, ...Array<number>(128).fill(7)]],
  ['indefinite', [0x24, 0x80, 0x04, 1, 7, 0, 0]],
  ['larger than any certificate', [0x04, 0x84, 0, 0, 0, 1, 7]],
  ['that reaches behind the end', [0x04, 2, 7]],
  ['cut short', [0x04, 0x82, 1]],
  ['missing', [0x04]],
])('a length that is %s makes it damaged', (_what, bytes) => {
  expect(() => elementsOf(Uint8Array.from(bytes))).toThrow('damaged DER');
});

const time = (tag: number, text: string): number => timeOf({ tag, content: new TextEncoder().encode(text) });

test('years of two digits are of this century below 50', () => {
  expect(time(0x17, '491231235959Z')).toBe(Date.UTC(2049, 11, 31, 23, 59, 59));
  expect(time(0x17, '500101000000Z')).toBe(Date.UTC(1950, 0, 1));
  expect(time(0x18, '20500101000000Z')).toBe(Date.UTC(2050, 0, 1));
  expect(time(0x18, '99991231235959Z')).toBe(Date.UTC(9999, 11, 31, 23, 59, 59));
});

test.each([
  [0x17, '4912312359Z'],
  [0x17, '491231235959+0100'],
  [0x18, '20500101000000.5Z'],
  [0x18, '20500101000000'],
])('of tag %i, %s is no time', (tag, text) => {
  expect(() => time(tag, text)).toThrow('damaged DER');
});
