/** A PostgreSQL of the harness, ended and started again on its port with its data. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type ProcessGroup, startProcessGroup } from '../../src/cli/process-group.ts';
import type { Harness, Target } from '../fakes/harness.ts';
import { until } from './drivers.ts';

const WAIT_MS = 15_000;

export interface Stopped {
  /** Starts it again; whoever called ends the group. */
  start(): Promise<ProcessGroup>;
}

/** Fast shutdown: sessions are ended, not waited for. */
export async function stopServer(harness: Harness, target: Target): Promise<Stopped> {
  const [row] = await harness.ask(target, 'show data_directory');
  const folder = String(row?.['data_directory']);
  const pid = Number(readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n')[0]);
  const [command = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  const { uid, gid } = statSync(folder);
  process.kill(pid, 'SIGINT');
  await until(() => !isAlive(pid), WAIT_MS);
  return {
    async start() {
      const group = startProcessGroup({
        command,
        args,
        cwd: join(folder, '..'),
        uid,
        gid,
        stopSignal: 'SIGINT',
      });
      await until(() => group.output().includes('ready to accept connections'), WAIT_MS);
      return group;
    },
  };
}

/** A dead process that nobody has reaped yet is dead: state Z in proc_pid_stat(5). */
function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
