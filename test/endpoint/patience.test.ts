/** A driver that does not take its reply; the other limits are met in test/faults. */
import { expect, test } from 'vitest';
import { Patience } from '../../src/endpoint/patience.ts';

const LIMITS = { statementTimeoutMs: 60_000, idleInTransactionTimeoutMs: 60_000 };

test('a reader is slow where one piece of a reply is not taken for too long, however many come behind', async () => {
  const patience = new Patience(LIMITS);
  const { promise, resolve } = Promise.withResolvers<void>();
  const now = Date.now();
  expect(patience.isReaderSlow(now + 60_000)).toBe(false);
  patience.sending(promise);
  expect(patience.isReaderSlow(now + 1_000)).toBe(false);
  expect(patience.isReaderSlow(now + 3_000)).toBe(true);
  resolve();
  await promise;
  expect(patience.isReaderSlow(now + 60_000)).toBe(false);
});
