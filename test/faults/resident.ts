/** What the workerd processes that a test has started hold in memory. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { findDescendants } from '../bench/memory.ts';

const MEBIBYTE = 2 ** 20;
const RSS_GROWTH_MAX = 64 * MEBIBYTE;

interface Growth {
  beforeBytes: number;
  peakBytes: number;
}

export function watchResident(): { stop(): Growth } {
  const beforeBytes = residentBytes();
  let peakBytes = beforeBytes;
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytes());
  }, 20);
  return {
    stop() {
      clearInterval(timer);
      return { beforeBytes, peakBytes: Math.max(peakBytes, residentBytes()) };
    },
  };
}

export function expectBounded({ beforeBytes, peakBytes }: Growth, what: string): void {
  const mebibytes = (bytes: number): string => (bytes / MEBIBYTE).toFixed(1);
  console.log(
    `${what}: workerd grew by ${mebibytes(peakBytes - beforeBytes)} MiB to ${mebibytes(peakBytes)} MiB`,
  );
  expect(peakBytes - beforeBytes).toBeLessThan(RSS_GROWTH_MAX);
}

/** Of all workerd processes that this one has started. */
export function residentBytes(): number {
  return findDescendants('workerd')
    .map((pid) => /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0')
    .reduce((sum, kilobytes) => sum + Number(kilobytes) * 1024, 0);
}
