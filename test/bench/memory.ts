/** What an idle driver connection costs a pooler: RSS before and after many have logged in and asked once. Linux. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { clientOf } from './handshake.ts';
import type { Target } from './target.ts';

/** So many at a time, so that logins do not time out behind each other. */
const OPENING_MAX = 20;
/** For the pooler to put away what only the logins needed. */
const REST_MS = 1_000;

export interface IdleMemory {
  kilobytesPerConnection: number;
  beforeKilobytes: number;
  afterKilobytes: number;
  connections: number;
}

/** Undefined: this target has no process of its own, or the system does not tell. */
export async function measureIdleMemory(
  target: Target,
  connections: number,
): Promise<IdleMemory | undefined> {
  const pids = target.pids();
  if (pids.length === 0 || !existsSync('/proc/self/status')) return undefined;
  const clients = Array.from({ length: connections }, () => clientOf(target));
  const beforeKilobytes = residentKilobytes(pids);
  try {
    for (let at = 0; at < connections; at += OPENING_MAX) {
      await Promise.all(
        clients.slice(at, at + OPENING_MAX).map(async (client) => {
          await client.connect();
          await client.query('SELECT 1');
        }),
      );
    }
    await sleep(REST_MS);
    const afterKilobytes = residentKilobytes(pids);
    const kilobytesPerConnection = (afterKilobytes - beforeKilobytes) / connections;
    return { kilobytesPerConnection, beforeKilobytes, afterKilobytes, connections };
  } finally {
    await Promise.allSettled(clients.map((client) => client.end()));
  }
}

/** Processes of that name that descend from this one: wrangler starts workerd, and does not say as what. */
export function findDescendants(name: string): number[] {
  if (!existsSync('/proc/self/stat')) return [];
  const parents = new Map<number, number>();
  const named: number[] = [];
  for (const pid of readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)) {
    // proc_pid_stat(5): pid (comm) state ppid ...
    const [, comm, parent] = /^\d+ \((.*)\) \S (\d+)/.exec(readStat(pid)) ?? [];
    if (parent !== undefined) parents.set(pid, Number(parent));
    if (comm === name) named.push(pid);
  }
  return named.filter((pid) => {
    let ancestor: number | undefined = pid;
    while (ancestor !== undefined && ancestor !== process.pid) ancestor = parents.get(ancestor);
    return ancestor === process.pid;
  });
}

function residentKilobytes(pids: readonly number[]): number {
  return pids
    .map((pid) => /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0')
    .reduce((sum, kilobytes) => sum + Number(kilobytes), 0);
}

function readStat(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return ''; // It ended between the listing and now.
  }
}
