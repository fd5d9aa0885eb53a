/** What is measured. Each row asks every target the same, in turn. */
import { measureHandshakes } from './handshake.ts';
import { measureIdleMemory } from './memory.ts';
import { type Load, measureThroughput, type QueryMode } from './pgbench.ts';
import type { Target } from './target.ts';

/** All numbers of one measurement by name. */
export type Sample = Record<string, number>;

export interface Row {
  name: string;
  /** The number that ratios are made of. */
  primary: string;
  isMoreBetter: boolean;
  /** Only the first measurement means something: what it left behind would hide the second. */
  isOnce?: true;
  /** Undefined: the question makes no sense for this target. */
  measure(target: Target): Promise<Sample | undefined>;
  /** The medians as a cell of the table. */
  show(medians: Sample): string;
}

export interface RowOptions {
  pgbench: string;
  seconds: number;
  isQuick: boolean;
}

const MODES: QueryMode[] = ['simple', 'extended', 'prepared'];
const CLIENTS = [1, 16, 64];
const RECONNECTING_CLIENTS = 8;
const IDLE_CONNECTIONS = 500;

export function rowsOf(options: RowOptions): Row[] {
  const modes = options.isQuick ? MODES.slice(0, 1) : MODES;
  const clients = options.isQuick ? [16] : CLIENTS;
  return [
    // First: memory that load has left free would serve the connections.
    memoryRow(options.isQuick ? IDLE_CONNECTIONS / 10 : IDLE_CONNECTIONS),
    ...modes.flatMap((mode) => clients.map((count) => throughputRow({ mode, clients: count }, options))),
    throughputRow({ mode: 'simple', clients: RECONNECTING_CLIENTS, reconnects: true }, options),
    handshakeRow(options),
  ];
}

function throughputRow(load: Load, { pgbench, seconds }: RowOptions): Row {
  const count = `${load.clients} ${load.clients === 1 ? 'client' : 'clients'}`;
  return {
    name: load.reconnects ? `one connection per query, ${count}` : `select-only, ${load.mode}, ${count}`,
    primary: 'tps',
    isMoreBetter: true,
    measure: async (target) => ({ ...(await measureThroughput({ pgbench, target, load, seconds })) }),
    show: ({ tps = NaN, latencyMs = NaN }) => `${Math.round(tps)} tps ${latencyMs.toFixed(2)} ms`,
  };
}

function handshakeRow({ seconds }: RowOptions): Row {
  return {
    name: 'handshake p50 / p90',
    primary: 'p50Ms',
    isMoreBetter: false,
    measure: async (target) => ({ ...(await measureHandshakes(target, seconds)) }),
    show: ({ p50Ms = NaN, p90Ms = NaN }) => `${p50Ms.toFixed(2)} / ${p90Ms.toFixed(2)} ms`,
  };
}

function memoryRow(connections: number): Row {
  return {
    name: `RSS per idle connection, of ${connections}`,
    primary: 'kilobytesPerConnection',
    isMoreBetter: false,
    isOnce: true,
    async measure(target) {
      const memory = await measureIdleMemory(target, connections);
      return memory && { ...memory };
    },
    show: ({ kilobytesPerConnection = NaN }) => `${kilobytesPerConnection.toFixed(1)} kB`,
  };
}
