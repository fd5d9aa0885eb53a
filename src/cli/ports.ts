/** Local TCP ports: which are free, who holds one, and when one accepts. */
import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const HOST = '127.0.0.1';
const POLL_MS = 20;
/** Each process has its own part of them, so that two that start servers at the same time do not meet. */
const FREE_PORTS = { from: 12_000, parts: 40, each: 500 };
const FIND_ATTEMPTS_MAX = 20;

export class PortInUseError extends Error {}

/** None is given twice: whoever has it may not listen yet. */
const given = new Set<number>();

function nextCandidate(): number {
  const { from, parts, each } = FREE_PORTS;
  if (given.size >= each / 2) given.clear();
  const first = from + (process.pid % parts) * each;
  for (;;) {
    const port = randomInt(first, first + each);
    if (given.has(port)) continue;
    given.add(port);
    return port;
  }
}

/**
 * A port that was free a moment ago, and below those that systems give to outgoing connections (Linux from 32768):
 * else one of them may have it before whoever asked here does.
 */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < FIND_ATTEMPTS_MAX; attempt += 1) {
    try {
      return await listenOnce(nextCandidate());
    } catch (error) {
      if (!isCode(error, 'EADDRINUSE')) throw error;
    }
  }
  return listenOnce(0);
}

/** Throws with the option that chooses another port. */
export async function requireFreePort(port: number, option: string): Promise<void> {
  try {
    await listenOnce(port);
  } catch (error) {
    if (!isCode(error, 'EADDRINUSE')) throw error;
    const holder = findListener(port) ?? 'by another program';
    throw new PortInUseError(
      `Port ${port} is in use (${holder}); stop that program or choose another with ${option}`,
      { cause: error },
    );
  }
}

export async function isPortOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: HOST });
    const answer = (isOpen: boolean): void => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}

/** Asks again and again until `isReady` or until `isHopeless`; false means that it will not come. */
export async function waitUntil(options: {
  isReady: () => Promise<boolean>;
  isHopeless: () => boolean;
  waitMs: number;
}): Promise<boolean> {
  const until = performance.now() + options.waitMs;
  while (!(await options.isReady())) {
    if (options.isHopeless() || performance.now() > until) return false;
    await sleep(POLL_MS);
  }
  return true;
}

function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, HOST, () => {
      const address = server.address();
      const taken = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve(taken));
    });
  });
}

/** "by node, pid 4711", as far as /proc tells: Linux, and processes that we may look at. */
function findListener(port: number): string | undefined {
  try {
    const inode = findListenerInode(port);
    if (inode === undefined) return undefined;
    const pid = readdirSync('/proc').find((name) => /^\d+$/.test(name) && holdsSocket(name, inode));
    if (pid === undefined) return undefined;
    return `by ${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()}, pid ${pid}`;
  } catch {
    return undefined; // The port is in use all the same; only the name is missing.
  }
}

/** Format of proc_pid_net(5): local_address is hex address:port, state 0A is LISTEN, field 9 the inode. */
function findListenerInode(port: number): string | undefined {
  const portHex = port.toString(16).toUpperCase().padStart(4, '0');
  return ['/proc/net/tcp', '/proc/net/tcp6']
    .flatMap((path) => readFileSync(path, 'utf8').split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .find(([, local, , state]) => state === '0A' && local?.endsWith(`:${portHex}`))?.[9];
}

function holdsSocket(pid: string, inode: string): boolean {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((fd) => readlinkSync(`${folder}/${fd}`) === `socket:[${inode}]`);
  } catch {
    return false; // Ended meanwhile, or another user's.
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
