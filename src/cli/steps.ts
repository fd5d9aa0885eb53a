/** Progress on stderr: what is being started, and how long it took. */
import { isStoppingNow } from './leftovers.ts';

const TICK_MS = 1_000;

export async function runStep<T>(name: string, work: () => Promise<T>): Promise<T> {
  const startedAtMs = performance.now();
  const seconds = (): string => `${((performance.now() - startedAtMs) / 1000).toFixed(1)} s`;
  const isTerminal = process.stderr.isTTY;
  const ticker = setInterval(() => isTerminal && process.stderr.write(`\r${name} ... ${seconds()}`), TICK_MS);
  process.stderr.write(`${name} ...`);
  try {
    const result = await work();
    process.stderr.write(isTerminal ? `\r${name} ... ${seconds()}\n` : ` ${seconds()}\n`);
    return result;
  } catch (error) {
    // A step that Ctrl-C cut short did not fail.
    if (!isStoppingNow()) process.stderr.write(` failed after ${seconds()}\n`);
    throw error;
  } finally {
    clearInterval(ticker);
  }
}
