/** Runs a database program (psql, pgbench, python3) to its end, without TLS and without the user's own settings. */
import { type ChildProcess, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';

const RUN_MS_MAX = 50_000;

export interface Ended {
  /** Exit code; a signal's name where one ended it. */
  code: number | string;
  stdout: string;
  stderr: string;
}

export interface Program {
  child: ChildProcess;
  stdout(): string;
  ended: Promise<Ended>;
}

export interface ProgramOptions {
  command: string;
  args: string[];
  /** All that it reads; default: nothing. `open` leaves it open for more. */
  input?: string | 'open';
  env?: Record<string, string>;
}

export function startProgram({ command, args, input = '', env = {} }: ProgramOptions): Program {
  const child = spawn(command, args, {
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'], ...ENVIRONMENT, ...env },
    timeout: RUN_MS_MAX,
    killSignal: 'SIGKILL',
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    output.stderr += text;
  });
  child.stdin.on('error', () => {}); // It ended without reading all: its exit code tells.
  if (input !== 'open') child.stdin.end(input);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code: code ?? signal ?? 'unknown', ...output }));
  });
  return { child, stdout: () => output.stdout, ended };
}

export function runProgram(options: ProgramOptions): Promise<Ended> {
  return startProgram(options).ended;
}

/** `PGGSSENCMODE`: libpq would ask for it where a ticket lies about. */
const ENVIRONMENT = {
  LC_ALL: 'C.UTF-8',
  HOME: '/nonexistent',
  TERM: 'dumb',
  PAGER: 'cat',
  PGSSLMODE: 'disable',
  PGGSSENCMODE: 'disable',
  PGCONNECT_TIMEOUT: '10',
};
