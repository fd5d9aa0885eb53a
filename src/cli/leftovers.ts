/**
 * What must not outlive us: processes and temporary folders. Each is registered in the same tick in which it is
 * made, so that Ctrl-C finds all of them at any moment, also between two steps of a start.
 */
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { resolve } from 'node:path';

export interface Leftover {
  /** Stops or removes it; may be called twice. */
  dispose(): Promise<void>;
  /** Last resort when the process exits: no time to wait for anything. */
  disposeNow(): void;
}

const leftovers = new Set<Leftover>();
let isStopping = false;

process.on('exit', () => {
  for (const leftover of [...leftovers].reverse()) leftover.disposeNow();
});

/** Returns a function that forgets it again. */
export function registerLeftover(leftover: Leftover): () => void {
  if (isStopping) {
    leftover.disposeNow();
    throw new Error('Stopping.');
  }
  leftovers.add(leftover);
  return () => leftovers.delete(leftover);
}

/** Last made, first stopped: a Worker goes before the database that it uses. */
export async function disposeAll(): Promise<void> {
  for (const leftover of [...leftovers].reverse()) {
    // One that resists must not keep the others alive.
    await leftover.dispose().catch((error: unknown) => console.error(String(error)));
  }
}

/** While true, failures are only echoes of what is being stopped. */
export function isStoppingNow(): boolean {
  return isStopping;
}

/**
 * Ctrl-C, `kill`, a closed terminal and the death of warmpool.mjs, which started us, all stop everything; a second
 * signal changes nothing, stopping is bounded.
 */
export function stopOnSignals(onStop: () => void): void {
  const stop = (signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): void => {
    if (isStopping) return;
    isStopping = true;
    onStop();
    disposeAll().finally(() => process.exit(128 + constants.signals[signal]));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  process.on('disconnect', () => stop('SIGHUP'));
}

export interface TemporaryFolder {
  path: string;
  remove(): Promise<void>;
}

/** Among the system's temporary files, unless the prefix is an absolute path. */
export async function makeTemporaryFolder(prefix: string): Promise<TemporaryFolder> {
  const path = await mkdtemp(resolve(tmpdir(), `${prefix}-`));
  const remove = async (): Promise<void> => {
    await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    forget();
  };
  const forget = registerLeftover({
    dispose: remove,
    disposeNow: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }),
  });
  return { path, remove };
}
