/**
 * A child process with all that it starts, in a process group of its own: Ctrl-C in the terminal reaches only us,
 * and we end the whole group by its id (wrangler starts esbuild and workerd, which outlive a killed wrangler).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { registerLeftover } from './leftovers.ts';

const OUTPUT_BYTES_MAX = 64 * 1024;
const STOP_WAIT_MS = 5_000;
const KILL_WAIT_MS = 2_000;
const POLL_MS = 20;

export interface ProcessGroupOptions {
  command: string;
  args: string[];
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  uid?: number | undefined;
  gid?: number | undefined;
  /** What asks it politely to end. */
  stopSignal?: NodeJS.Signals;
  /** Gets each piece of its output. */
  log?: ((text: string) => void) | undefined;
}

export interface ProcessGroup {
  pid: number;
  /** The end of what it wrote to stdout and stderr. */
  output(): string;
  /** Fulfils with the exit code (null after a signal) of the first process. */
  exited: Promise<number | null>;
  hasExited(): boolean;
  /** Ends the group and waits until nothing of it is left. */
  stop(): Promise<void>;
}

export function startProcessGroup(options: ProcessGroupOptions): ProcessGroup {
  const child = spawn(options.command, options.args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  });
  const { pid } = child;
  // Without a pid it did not start; the reason comes as an event.
  if (pid === undefined) return failedGroup(child, options.command);

  const hasExited = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const stop = async (): Promise<void> => {
    await endGroup({ pid, stopSignal: options.stopSignal ?? 'SIGTERM', hasExited });
    forget();
  };
  const forget = registerLeftover({ dispose: stop, disposeNow: () => signalGroup(pid, 'SIGKILL') });
  return {
    pid,
    output: collectOutput(child, options.log),
    exited: new Promise((resolve) => child.once('close', resolve)),
    hasExited,
    stop,
  };
}

/** Runs to the end; throws with its output when it fails. */
export async function runToEnd(options: ProcessGroupOptions): Promise<string> {
  const group = startProcessGroup(options);
  try {
    const code = await group.exited;
    if (code === 0) return group.output();
    throw new Error(
      `${options.command} ${options.args[0] ?? ''} failed (exit code ${code}):\n${group.output()}`,
    );
  } finally {
    await group.stop();
  }
}

function failedGroup(child: ChildProcess, command: string): ProcessGroup {
  let output = '';
  const exited = new Promise<null>((resolve) => {
    child.once('error', (error) => {
      output = `${command} did not start: ${error.message}`;
      resolve(null);
    });
  });
  return { pid: -1, output: () => output, exited, hasExited: () => true, stop: async () => {} };
}

function collectOutput(child: ChildProcess, log: ((text: string) => void) | undefined): () => string {
  let output = '';
  const take = (text: string): void => {
    output = (output + text).slice(-OUTPUT_BYTES_MAX);
    log?.(text);
  };
  child.stdout?.setEncoding('utf8').on('data', take);
  child.stderr?.setEncoding('utf8').on('data', take);
  return () => output;
}

interface Ending {
  pid: number;
  stopSignal: NodeJS.Signals;
  hasExited: () => boolean;
}

async function endGroup(ending: Ending): Promise<void> {
  signalGroup(ending.pid, ending.stopSignal);
  if (await isGoneWithin(STOP_WAIT_MS, ending)) return;
  signalGroup(ending.pid, 'SIGKILL');
  if (await isGoneWithin(KILL_WAIT_MS, ending)) return;
  throw new Error(
    `Process group ${ending.pid} does not end; look at it with: ps -o pid,stat,args -g ${ending.pid}`,
  );
}

/** A process whose main thread is dead already (state Z) keeps its sockets until its last thread is. */
async function isGoneWithin(waitMs: number, { pid, hasExited }: Ending): Promise<boolean> {
  const until = performance.now() + waitMs;
  while (isGroupAlive(pid) || !hasExited()) {
    if (performance.now() > until) return false;
    await sleep(POLL_MS);
  }
  return true;
}

function isGroupAlive(pid: number): boolean {
  return signalGroup(pid, 0) && hasLivingMember(pid);
}

/** In a container whose first process reaps nobody, the dead keep their group. Linux tells them apart: state Z. */
function hasLivingMember(groupId: number): boolean {
  if (process.platform !== 'linux') return true;
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false;
    // proc_pid_stat(5): pid (comm) state ppid pgrp ...; comm may hold anything, so from the last parenthesis on.
    const [state, , group] = readStat(name).split(') ').at(-1)?.split(' ') ?? [];
    return state !== 'Z' && group === String(groupId);
  });
}

function readStat(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return ''; // It ended between the listing and now.
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false; // ESRCH: nothing of it is left, which is what was wanted.
  }
}
