/** How long a driver waits from opening a TCP connection until it may send its first query, SCRAM included. */
import { Client } from 'pg';
import type { Target } from './target.ts';

const LOGINS_MIN = 5;

export interface Handshakes {
  p50Ms: number;
  p90Ms: number;
  logins: number;
}

/** One after the other for so many seconds. The client's own PBKDF2 is in the times of all targets alike. */
export async function measureHandshakes(target: Target, seconds: number): Promise<Handshakes> {
  const times: number[] = [];
  const until = performance.now() + seconds * 1000;
  while (times.length < LOGINS_MIN || performance.now() < until) times.push(await timeLogin(target));
  times.sort((a, b) => a - b);
  return { p50Ms: quantileOf(times, 0.5), p90Ms: quantileOf(times, 0.9), logins: times.length };
}

export function clientOf({ port, user, password, database }: Target): Client {
  return new Client({ host: '127.0.0.1', port, user, password, database, ssl: false });
}

/** Nearest rank. */
export function quantileOf(sorted: readonly number[], share: number): number {
  const value = sorted[Math.ceil(share * sorted.length) - 1];
  if (value === undefined) throw new Error('A quantile of nothing.');
  return value;
}

async function timeLogin(target: Target): Promise<number> {
  const client = clientOf(target);
  const startedAtMs = performance.now();
  await client.connect();
  const ms = performance.now() - startedAtMs;
  await client.end();
  return ms;
}
