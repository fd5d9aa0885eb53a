/** A self-hosted Warmpool is stopped while drivers are at rest, in transactions and under load. */
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { Client, type QueryResult } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { buildSelfHosted } from '../../src/cli/build.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../../src/cli/leftovers.ts';
import { startMySqlServer } from '../../src/demo/mysql-server.ts';
import { type PostgresServer, startPostgresServer } from '../../src/demo/postgres-server.ts';
import { errorFacts } from '../conformance/case.ts';
import { addConfig, type SelfHosted, startSelfHosted } from '../fakes/self-hosted.ts';

const WRITERS = 12;
const SHUTDOWN = '57P01';

let folder: TemporaryFolder;
let server: PostgresServer;
let warmpool: SelfHosted;
let url: string;
let database: string;
let databases = 0;

beforeAll(async () => {
  folder = await makeTemporaryFolder('warmpool-stopping');
  [server] = await Promise.all([startPostgresServer(), buildSelfHosted(join(folder.path, 'dist'))]);
});

afterAll(async () => {
  await server.stop();
  await folder.remove();
});

beforeEach(async () => {
  warmpool = await startSelfHosted(join(folder.path, 'dist'));
  return () => warmpool.process.stop();
});

// The edge takes part in the talk, or only passes bytes on.
describe.each([{ caches: true }, { caches: false }])('where replies are cached: $caches', ({ caches }) => {
  beforeEach(() => prepare(caches));

  test('drivers at rest are told to go, whether they have asked something or not', async () => {
    const silent = await connected();
    const asked = await connected();
    await asked.client.query('select 1');
    await asked.client.query("set application_name = 'kept'");
    stop();
    expect(await silent.failure).toBe(SHUTDOWN);
    expect(await asked.failure).toBe(SHUTDOWN);
    expect(await warmpool.process.exited).toBe(0);
  });

  test('a transaction is finished first, while nobody new is let in', async () => {
    const { client, failure } = await connected();
    await client.query('create table kept (id int)');
    await client.query('begin');
    await client.query('insert into kept values (1)');
    const witness = await connected();
    stop();
    expect(await witness.failure).toBe(SHUTDOWN);
    const late = new Client(url);
    late.on('error', () => undefined);
    const refusal = await late.connect().then(
      () => 'let in',
      (error) => errorFacts(error)['code'],
    );
    expect(refusal).toBe(SHUTDOWN);
    await client.query('commit');
    expect(await failure).toBe(SHUTDOWN);
    expect(await warmpool.process.exited).toBe(0);
    expect(await asOrigin('select id from kept')).toEqual([{ id: 1 }]);
  });

  test('under load every commit has been answered, and what was not answered is not there', async () => {
    await asOrigin('create table answered (id int)');
    const answered = new Set<number>();
    let next = 0;
    const write = async (inTransaction: boolean): Promise<void> => {
      const { client, failure } = await connected();
      const query = (sql: string): Promise<QueryResult> => client.query(sql);
      try {
        for (;;) {
          const id = next++;
          if (inTransaction) await query('begin');
          await query(`insert into answered values (${id})`);
          if (inTransaction) await query('commit');
          answered.add(id);
        }
      } catch (error) {
        // It reaches the query that was just being sent, or nobody's.
        const code = errorFacts(error)['code'] ?? (await failure);
        expect(code).toBe(SHUTDOWN);
      }
    };
    const writers = Array.from({ length: WRITERS }, (_, at) => write(at % 2 === 0));
    while (answered.size < 1000) await new Promise((resolve) => setTimeout(resolve, 5));
    stop();
    await Promise.all(writers);
    expect(await warmpool.process.exited).toBe(0);
    const rows = await asOrigin('select id from answered');
    expect(new Set(rows.map(({ id }) => id))).toEqual(answered);
  });
});

test('a MySQL driver finishes its transaction, too, before it is told to go', async () => {
  const mysql = await startMySqlServer({ flavour: 'mariadb' });
  const to = await addConfig(warmpool, { name: 'mysql', server: mysql, scheme: 'mysql' });
  const connection = await createConnection(to);
  const over = new Promise((resolve) =>
    connection.once('error', (error) => resolve(errorFacts(error)['code'])),
  );
  await connection.query('create table kept (id int)');
  await connection.beginTransaction();
  await connection.query('insert into kept values (1)');
  stop();
  await connection.commit();
  // ER_SERVER_SHUTDOWN
  expect(await over).toBe(1053);
  expect(await warmpool.process.exited).toBe(0);
  const direct = await createConnection({ ...mysql, host: '127.0.0.1' });
  expect((await direct.query('select id from kept'))[0]).toEqual([{ id: 1 }]);
  await direct.end();
  await mysql.stop();
});

test('a transaction that does not end is cut off, and rolled back', async () => {
  await prepare(true);
  await startAgain({ WARMPOOL_DRAIN_SECONDS: '1' });
  const { client, failure } = await connected();
  await client.query('create table cut (id int)');
  await client.query('begin');
  await client.query('insert into cut values (1)');
  stop();
  expect(await failure).toBeDefined();
  expect(await warmpool.process.exited).toBe(0);
  expect(await asOrigin('select id from cut')).toEqual([]);
});

test('the next start finds the configs of the one before, also where it was built anew meanwhile', async () => {
  await prepare(true);
  await buildSelfHosted(join(folder.path, 'dist'));
  await startAgain();
  const { client } = await connected();
  expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  await client.end();
});

/** A database, and a config that leads to it. */
async function prepare(caches: boolean): Promise<void> {
  databases += 1;
  database = `test_${databases}`;
  await asOrigin(`create database ${database}`, server.database);
  url = await addConfig(warmpool, { name: database, server: { ...server, database }, caches });
}

async function startAgain(env: Record<string, string> = {}): Promise<void> {
  stop();
  await warmpool.process.exited;
  warmpool = await startSelfHosted(join(folder.path, 'dist'), env);
  const moved = new URL(url);
  moved.port = String(warmpool.postgresPort);
  url = moved.href;
}

/** As an operator, systemd or a container does: the start script alone hears of it. */
function stop(): void {
  process.kill(warmpool.process.pid, 'SIGTERM');
}

/** `failure`: the code of the error that ends the connection. */
async function connected(to = url): Promise<{ client: Client; failure: Promise<unknown> }> {
  const client = new Client(to);
  const failure = new Promise((resolve) => {
    client.on('error', (error) => resolve(errorFacts(error)['code'] ?? error.message));
  });
  await client.connect();
  return { client, failure };
}

async function asOrigin(sql: string, at = database): Promise<Record<string, unknown>[]> {
  const { port, user, password } = server;
  const client = new Client({ host: '127.0.0.1', port, user, password, database: at });
  await client.connect();
  const { rows } = await client.query(sql);
  await client.end();
  return rows;
}
