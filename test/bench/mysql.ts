/** MySQL: direct and through Warmpool, with caching off and on, by mysql2. The ways take turns in each round. */
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { runStep } from '../../src/cli/steps.ts';
import { medianOf } from '../../src/cli/table.ts';
import { type MySqlLoad, measureMySqlLoad } from './mysql-load.ts';
import type { Target } from './target.ts';

/** Few: with one connection per query, too, each is soon in the cache. */
const ACCOUNTS = 100;
const CLIENTS = [1, 16, 64];
const RECONNECTING_CLIENTS = 8;

/** What `--only` calls it. */
const NAME = 'MySQL';

export interface MySqlTargets {
  direct: Target;
  /** Caching is off. */
  pooled: Target;
  cached: Target;
}

export interface MySqlResult {
  name: string;
  /** Queries a second, medians. */
  tps: Record<keyof MySqlTargets, number>;
}

export interface MySqlReport {
  version: string;
  rows: MySqlResult[];
}

/** Undefined where no row's name contains the text. */
export async function measureMySql(
  start: () => Promise<MySqlTargets>,
  options: { seconds: number; rounds: number; isQuick: boolean; only: string },
): Promise<MySqlReport | undefined> {
  const loads = loadsOf(options.isQuick ? [16] : CLIENTS).filter(({ name }) => name.includes(options.only));
  if (loads.length === 0) return undefined;
  const targets = await runStep(NAME, start);
  await fill(targets.direct);
  const rows: MySqlResult[] = [];
  for (const { name, ...load } of loads) {
    const tps = await runStep(name, () =>
      measureRow(targets, { ...options, load: { ...load, query: randomSelect } }),
    );
    rows.push({ name, tps });
  }
  return { version: targets.direct.version, rows };
}

export async function versionOfMySql(origin: Omit<Target, 'name' | 'version' | 'pids'>): Promise<string> {
  const connection = await connect(origin);
  const [[row]] = await connection.query<RowDataPacket[]>('select version() as version');
  await connection.end();
  return String(row?.['version']);
}

function loadsOf(clients: readonly number[]): (Omit<MySqlLoad, 'query'> & { name: string })[] {
  return [
    ...clients.map((count) => ({
      name: `${NAME}, select-only, ${count} ${count === 1 ? 'client' : 'clients'}`,
      clients: count,
    })),
    {
      name: `${NAME}, one connection per query, ${RECONNECTING_CLIENTS} clients`,
      clients: RECONNECTING_CLIENTS,
      reconnects: true,
    },
  ];
}

async function measureRow(
  targets: MySqlTargets,
  { seconds, rounds, load }: { seconds: number; rounds: number; load: MySqlLoad },
): Promise<MySqlResult['tps']> {
  const samples: Record<keyof MySqlTargets, number[]> = { direct: [], pooled: [], cached: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const way of ['direct', 'pooled', 'cached'] as const) {
      samples[way].push((await measureMySqlLoad({ target: targets[way], load, seconds })).tps);
    }
  }
  return {
    direct: medianOf(samples.direct),
    pooled: medianOf(samples.pooled),
    cached: medianOf(samples.cached),
  };
}

function connect({
  port,
  user,
  password,
  database,
}: Omit<Target, 'name' | 'version' | 'pids'>): Promise<Connection> {
  return createConnection({ host: '127.0.0.1', port, user, password, database });
}

async function fill(target: Target): Promise<void> {
  const connection = await connect(target);
  await connection.query('create table accounts (id int primary key, balance int not null)');
  const rows = Array.from({ length: ACCOUNTS }, (_, id) => [id, id * 10]);
  await connection.query('insert into accounts values ?', [rows]);
  await connection.end();
}

function randomSelect(): string {
  return `select balance from accounts where id = ${Math.floor(Math.random() * ACCOUNTS)}`;
}
