import { expect, test } from 'vitest';
import { Outbox } from '../../src/protocols/bytes/outbox.ts';

test('a single slice is handed over without a copy', () => {
  const outbox = new Outbox();
  const slice = Uint8Array.of(1, 2);
  outbox.push(slice);
  expect(outbox.take()).toBe(slice);
  expect(outbox.take()).toBeUndefined();
});

test('several slices leave in order as one array', () => {
  const outbox = new Outbox();
  outbox.push(Uint8Array.of(1, 2));
  outbox.push(new Uint8Array());
  outbox.push(Uint8Array.of(3));
  expect(outbox.length).toBe(3);
  expect(outbox.take()).toEqual(Uint8Array.of(1, 2, 3));
  expect(outbox.length).toBe(0);
});
