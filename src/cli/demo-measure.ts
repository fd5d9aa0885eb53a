/** Runs the demo Worker's jobs over and over and says how long they took and how often they had to wait. */
import type { DelayProxy } from '../demo/delay-proxy.ts';
import { type DemoRow, medianOf } from './table.ts';

const JOBS = [
  { path: 'select', job: '(a) SELECT', limitRoundTrips: 1 },
  { path: 'insert-select', job: '(b) INSERT, then SELECT', limitRoundTrips: 2 },
];
/** `cached` asks for the same book each time; the others for one that nobody has asked for before. */
const WAYS = [
  { name: 'direct', via: 'direct', isRepeated: false },
  { name: 'pooled', via: 'pooled', isRepeated: false },
  { name: 'cached', via: 'pooled', isRepeated: true },
];
const FIRST_BOOK = 1;
const BOOKS = 1_000;
/** The catalog must have been read before anything is cached. */
const WARM_UPS = 3;

export interface MeasureOptions {
  demoUrl: string;
  proxy: DelayProxy;
  runs: number;
}

export interface Measured {
  rows: DemoRow[];
  /** The same HTTP call without any query: what of the times is not the database. */
  emptyCallMs: number;
}

/** The ways take turns, so that a slow moment of the machine hits all of them. */
export async function measure(options: MeasureOptions): Promise<Measured> {
  const rounds: Run[][] = [];
  let book = FIRST_BOOK;
  const nextBook = (): number => {
    book = (book % BOOKS) + 1;
    return book === FIRST_BOOK ? nextBook() : book;
  };
  // Warms up: code, pool, caches of the database and ours.
  for (let round = 0; round < WARM_UPS; round += 1) await measureOnce(options, nextBook);
  for (let round = 0; round < options.runs; round += 1) rounds.push(await measureOnce(options, nextBook));
  const runs = rounds.flat();
  return {
    rows: JOBS.map(({ path, job, limitRoundTrips }) => ({
      job,
      limitRoundTrips,
      ways: WAYS.map(({ name }) => {
        const own = runs.filter((run) => run.path === path && run.way === name);
        return {
          name,
          medianMs: medianOf(own.map((run) => run.ms)),
          roundTrips: medianOf(own.map((run) => run.roundTrips)),
        };
      }),
    })),
    emptyCallMs: await measureEmptyCall(options),
  };
}

interface Run {
  path: string;
  way: string;
  ms: number;
  roundTrips: number;
}

async function measureOnce(options: MeasureOptions, nextBook: () => number): Promise<Run[]> {
  const runs: Run[] = [];
  for (const { path } of JOBS) {
    for (const { name, via, isRepeated } of WAYS) {
      const id = isRepeated ? FIRST_BOOK : nextBook();
      options.proxy.reset();
      const ms = await timeCall(`${options.demoUrl}/run?via=${via}&job=${path}&id=${id}`);
      runs.push({ path, way: name, ms, roundTrips: options.proxy.stats().roundTrips });
    }
  }
  return runs;
}

async function measureEmptyCall(options: MeasureOptions): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < options.runs; run += 1) times.push(await timeCall(options.demoUrl));
  return medianOf(times);
}

/** From outside: a Worker's clock stands still between I/O. */
async function timeCall(url: string): Promise<number> {
  const startedAtMs = performance.now();
  const response = await fetch(url);
  const text = await response.text();
  const ms = performance.now() - startedAtMs;
  if (!response.ok) throw new Error(`The demo Worker failed on ${url}: ${text}`);
  return ms;
}
