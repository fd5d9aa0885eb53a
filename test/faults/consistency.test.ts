/**
 * What each consistency promises, against real servers: many drivers at three edges, which are separate isolates, read
 * and write the same few rows at random, while connections are cut, the pool is rebuilt, the cache is purged and
 * definitions change. `WARMPOOL_TEST_SEED` repeats the choices of a run, `WARMPOOL_TEST_OPERATIONS` says how long it is;
 * what happens when is up to the machine.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { openNodePostgres, openPostgresJs } from './cache-drivers.ts';
import { Chance } from './chance.ts';
import { postToConfig, sessionsOf } from './config-api.ts';
import { until } from './drivers.ts';
import { type Consistency, History } from './history.ts';
import { SCHEMA, valuesOf } from './tables.ts';
import { Counts, WorkloadClient } from './workload.ts';

const EDGES = 3;
const CLIENTS = 24;
const OPERATIONS = Number(process.env['WARMPOOL_TEST_OPERATIONS'] ?? 2_000);
const RUN_MS = 120_000;
/** Of the origin: where it is nearer than the Cache API, as in the runs above, edges rarely ask that. */
const RTT_MS = 30;
const ROUNDS = 20;
/** Of the config of `eventual`. */
const MAX_AGE_S = 2;
const STALE_S = 1;
/** From the origin's answer to the edge's clock, on a machine that does other things too. */
const SLACK_MS = 2_000;

let harness: Harness;

beforeAll(async () => {
  harness = await startHarness({ edges: EDGES });
});

afterAll(() => harness.stop());

const CACHING: Record<Consistency, Record<string, unknown>> = {
  session: { consistency: 'session' },
  strict: { consistency: 'strict' },
  eventual: { consistency: 'eventual', max_age: MAX_AGE_S, stale_while_revalidate: STALE_S },
};

test(
  'session: nobody reads what is older than their own writes, or than what they have read',
  async () => {
    const { hits, reads } = await run('session');
    expect(hits.memory).toBeGreaterThan(reads * 0.03);
    expect(hits.endpoint).toBeGreaterThan(reads * 0.01);
  },
  RUN_MS,
);

test(
  'strict: nobody reads what is older than a commit that somebody had heard of',
  async () => {
    const { hits, reads } = await run('strict');
    expect(hits.endpoint).toBeGreaterThan(reads * 0.1);
    expect(hits.memory + hits['cache api']).toBe(0);
  },
  RUN_MS,
);

test(
  'eventual: what is read was committed, whole, and is not too old',
  async () => {
    const { hits, reads } = await run('eventual');
    expect(hits.memory).toBeGreaterThan(reads * 0.04);
  },
  RUN_MS,
);

async function run(consistency: Consistency): Promise<Counts> {
  const seed = Number(process.env['WARMPOOL_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`${consistency}: seed ${seed}`);
  const target = await harness.createTarget({ config: { caching: CACHING[consistency] } });
  await harness.ask(target, SCHEMA);
  const history = new History({ agedMs: (MAX_AGE_S + STALE_S) * 1_000 + SLACK_MS });
  const counts = new Counts();
  const workload = { urls: harness.throughEdges(target), consistency, history, counts };
  const clients = Array.from(
    { length: CLIENTS },
    (_, index) => new WorkloadClient(workload, new Chance(seed + index)),
  );
  const beganAtMs = performance.now();
  await runAll(clients, faultsFor(target));
  await Promise.all(clients.map((client) => client.leave()));
  console.log(JSON.stringify({ ...counts, tookMs: Math.round(performance.now() - beganAtMs) }));
  history.checkSeen();
  await checkOrigin(target, history);
  return counts;
}

/** Each fault comes after its share of the operations. The first broken promise ends the run. */
async function runAll(clients: WorkloadClient[], faults: (() => Promise<void>)[]): Promise<void> {
  const faultEvery = Math.ceil(OPERATIONS / (faults.length + 1));
  const underWay: Promise<void>[] = [];
  const broken: unknown[] = [];
  let done = 0;
  const loop = async (client: WorkloadClient): Promise<void> => {
    while (done < OPERATIONS && broken.length === 0) {
      done += 1;
      const fault = done % faultEvery === 0 ? faults.shift() : undefined;
      if (fault) underWay.push(fault().catch((cause: unknown) => void broken.push(cause)));
      await client.step().catch((cause: unknown) => void broken.push(cause));
    }
  };
  await Promise.all(clients.map(loop));
  await Promise.all(underWay);
  if (broken.length > 0) throw broken[0];
  expect(faults).toEqual([]);
}

function faultsFor(target: Target): (() => Promise<void>)[] {
  const say = (sql: string) => async (): Promise<void> => {
    const driver = await openNodePostgres({ url: target.pooled, bookmark: '0', heard: () => {} });
    await driver.query({ text: sql, values: [] }, 'simple');
    await driver.end();
  };
  const terminate = async (): Promise<void> => {
    await harness.ask(
      target,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid()`,
    );
  };
  const purge = (body: object) => (): Promise<void> =>
    postToConfig(harness, target, { action: 'purge', body });
  return [
    say('alter table plain add column more text'),
    terminate,
    purge({ relations: ['public.plain', 'public.mirror'] }),
    () => postToConfig(harness, target, { action: 'restart' }),
    async () => target.proxy.dropAll(),
    say(`create or replace view plain_view as select id, n from only plain`),
    purge({ everything: true }),
    say(
      'alter table other rename column n to n_before; alter table other add column n int' +
        '; update other set n = n_before; alter table other drop column n_before cascade' +
        '; create view pair as select p.id, p.n as plain, o.n as other from plain p join other o using (id)',
    ),
    terminate,
    async () => target.proxy.dropAll(),
  ];
}

/** Were all commits that drivers have heard of really made? Else the test proves nothing. */
async function checkOrigin(target: Target, history: History): Promise<void> {
  for (const table of new Set([...history.acknowledged.keys()].map((row) => row.split(':')[0]))) {
    const values = valuesOf(await harness.ask(target, `select id, n as ${table} from ${table}`));
    for (const [row, number] of values)
      expect(number, row).toBeGreaterThanOrEqual(history.acknowledged.get(row) ?? 0);
  }
}

test.each([
  ['node-postgres', openNodePostgres],
  ['postgres.js', openPostgresJs],
])('a session that brings a bookmark reads what its bearer wrote at another edge: %s', async (_, open) => {
  const target = await harness.createTarget({ config: { caching: { consistency: 'session' } } });
  await harness.ask(target, SCHEMA);
  const counts = new Counts();
  const heard = (notice: string): void => counts.heard(notice);
  const [here = '', ...others] = harness.throughEdges(target);
  const read = { text: 'select id, n as plain from plain where id = $1', values: [1] };
  const readBy = async (url: string, bookmark: string): Promise<unknown> => {
    const driver = await open({ url, bookmark, heard });
    const [row] = await driver.query(read, 'extended');
    await driver.end();
    return row?.['plain'];
  };
  const writer = await openNodePostgres({ url: here, bookmark: '0', heard });
  for (let number = 1; number <= ROUNDS; number += 1) {
    // Each edge has it in memory, as it was; and without a link it hears of nothing.
    for (const url of others) expect(await readBy(url, '0')).toBe(number - 1);
    await until(async () => (await sessionsOf(harness, target)) <= 1, RUN_MS / 2);
    await writer.query({ text: 'update plain set n = $2 where id = $1', values: [1, number] }, 'extended');
    expect(writer.bookmark()).toMatch(/^[1-9]\d+$/);
    for (const url of others) expect(await readBy(url, writer.bookmark())).toBe(number);
  }
  await writer.end();
  expect(counts.hits.memory).toBeGreaterThan(0);
});

test('what one edge has put into the Cache API others give out, but not to who knows of a later write', async () => {
  const target = await harness.createTarget({ config: { caching: { consistency: 'session' } } });
  await harness.ask(target, SCHEMA);
  target.proxy.setRtt(RTT_MS);
  const counts = new Counts();
  const [here = '', there = '', elsewhere = ''] = harness.throughEdges(target);
  const open = (url: string, bookmark = '0') =>
    openNodePostgres({ url, bookmark, heard: (notice) => counts.heard(notice) });
  const [reader, other] = await Promise.all([open(here), open(there)]);
  const read = (id: number) => ({
    text: 'select id, n as plain from plain where id = 1 and id <= $1',
    values: [id],
  });
  // It is put there behind the answer: by the time that the last has been read, the first are there.
  const ids = Array.from({ length: ROUNDS }, (_, index) => index + 1);
  for (const id of ids) await reader.query(read(id), 'extended');
  for (const id of ids) await other.query(read(id), 'extended');
  expect(counts.hits['cache api']).toBeGreaterThan(0);
  await reader.query({ text: 'update plain set n = 7 where id = 1', values: [] }, 'simple');
  // This edge has heard nothing of this config yet.
  const late = await open(elsewhere, reader.bookmark());
  expect(await late.query(read(1), 'extended')).toEqual([{ id: 1, plain: 7 }]);
  target.proxy.setRtt(0);
  await Promise.all([reader, other, late].map((driver) => driver.end()));
});

test('a bookmark can be set in the midst of a session', async () => {
  const target = await harness.createTarget({ config: { caching: { consistency: 'session' } } });
  await harness.ask(target, SCHEMA);
  const [here, there] = await Promise.all(
    harness.throughEdges(target).map((url) => openNodePostgres({ url, bookmark: '0', heard: () => {} })),
  );
  const read = { text: 'select id, n as plain from plain where id = 1', values: [] };
  for (let number = 1; number <= 30; number += 1) {
    await there?.query(read, 'simple');
    await here?.query({ text: `update plain set n = ${number} where id = 1`, values: [] }, 'simple');
    await there?.query({ text: `set warmpool.bookmark = '${here?.bookmark()}'`, values: [] }, 'simple');
    expect(await there?.query(read, 'simple')).toEqual([{ id: 1, plain: number }]);
  }
  await Promise.all([here?.end(), there?.end()]);
});
