/** As consistency.test.ts, with mysql2 and both servers: what `session` and `strict` promise. */
import mysql from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CACHING, cacheStatuses } from '../fakes/caching.ts';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { describeEachMySql } from '../fakes/mysql-flavours.ts';
import type { CacheDriver, CacheDriverOptions } from './cache-drivers.ts';
import { Chance } from './chance.ts';
import { postToConfig } from './config-api.ts';
import { type Consistency, History } from './history.ts';
import { MYSQL_SCHEMA, someMySqlRead, someMySqlWrite } from './mysql-tables.ts';
import { inlined } from './tables.ts';
import { Counts, WorkloadClient } from './workload.ts';

const EDGES = 2;
const CLIENTS = 12;
const OPERATIONS = Number(process.env['WARMPOOL_TEST_OPERATIONS'] ?? 1_000);
const RUN_MS = 180_000;

describeEachMySql((flavour) => {
  let harness: Harness;

  beforeAll(async () => {
    harness = await startHarness({ edges: EDGES, versions: [flavour] });
  });

  afterAll(() => harness.stop());

  test.each(['session', 'strict'] as const)(
    '%s: nobody reads what is too old',
    (consistency) => run(consistency),
    RUN_MS,
  );

  async function run(consistency: Consistency): Promise<void> {
    const seed = Number(process.env['WARMPOOL_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`${flavour}, ${consistency}: seed ${seed}`);
    const caching = { ...CACHING.caching, consistency };
    const target = await harness.createTarget({ version: flavour, config: { caching } });
    for (const sql of MYSQL_SCHEMA) await harness.ask(target, sql);
    const history = new History({ agedMs: 0 });
    const counts = new Counts();
    const workload = {
      urls: harness.throughEdges(target),
      consistency,
      history,
      counts,
      open: [openMySql2],
      someRead: someMySqlRead,
      someWrite: someMySqlWrite,
    };
    const clients = Array.from(
      { length: CLIENTS },
      (_, index) => new WorkloadClient(workload, new Chance(seed + index)),
    );
    await runAll(clients, faultsFor(target));
    await Promise.all(clients.map((client) => client.leave()));
    const { hit = 0 } = await cacheStatuses(harness, target);
    console.log(JSON.stringify({ ...counts, hit }));
    history.checkSeen();
    // Few where a fault has kept the catalog from being read for long.
    expect(hit).toBeGreaterThan(counts.reads * 0.02);
    expect(counts.reads).toBeGreaterThan(OPERATIONS / 2);
  }

  /** Each fault comes after its share of the operations. The first broken promise ends the run. */
  async function runAll(clients: WorkloadClient[], faults: (() => Promise<unknown>)[]): Promise<void> {
    const faultEvery = Math.ceil(OPERATIONS / (faults.length + 1));
    let done = 0;
    const loop = async (client: WorkloadClient): Promise<void> => {
      while (done < OPERATIONS) {
        done += 1;
        if (done % faultEvery === 0) await faults.shift()?.();
        await client.step();
      }
    };
    await Promise.all(clients.map(loop));
  }

  function faultsFor(target: Target): (() => Promise<unknown>)[] {
    const say = (sql: string) => async (): Promise<void> => {
      const driver = await mysql.createConnection(target.pooled);
      await driver.query(sql);
      await driver.end();
    };
    const terminate = async (): Promise<void> => {
      const rows = await harness.ask(
        target,
        `select id from information_schema.processlist where db = database() and id <> connection_id()`,
      );
      for (const row of rows)
        await harness.ask(target, `kill ${row['id'] ?? row['ID']}`).catch(() => undefined);
    };
    return [
      say('alter table plain add column more text'),
      terminate,
      () => postToConfig(harness, target, { action: 'purge', body: { relations: ['plain', 'mirror'] } }),
      () => postToConfig(harness, target, { action: 'restart' }),
      async () => target.proxy.dropAll(),
      say('create or replace view plain_view as select id, n from plain where id > 0'),
    ];
  }
});

/** There are no notices and no bookmarks: each session comes from nowhere. */
async function openMySql2({ url }: CacheDriverOptions): Promise<CacheDriver> {
  let isOver = false;
  const connection = await mysql.createConnection({ uri: url, multipleStatements: true });
  connection.on('error', () => {
    isOver = true;
  });
  connection.on('end', () => {
    isOver = true;
  });
  // As PostgreSQL has it: a transaction sees what others have committed.
  await connection.query('set session transaction isolation level read committed');
  return {
    name: 'mysql2',
    async query(statement, manner) {
      if (manner === 'simple') return rowsOf((await connection.query(inlined(statement)))[0]);
      const values: number[] = [];
      const text = statement.text.replace(/\$(\d)/g, (_, at: string) => {
        values.push(statement.values[Number(at) - 1] ?? 0);
        return '?';
      });
      const isPrepared = manner === 'named' && !/^(begin|commit|rollback)/.test(text);
      const [rows] = isPrepared
        ? await connection.execute(text, values)
        : await connection.query(text, values);
      return rowsOf(rows);
    },
    isOver: () => isOver,
    bookmark: () => '0',
    end: () => connection.end(),
  };
}

function rowsOf(rows: unknown): Record<string, unknown>[] {
  return Array.isArray(rows) ? rows : [];
}
