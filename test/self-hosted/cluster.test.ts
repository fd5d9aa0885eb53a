/** Two machines, played by two processes with a folder each, that share a bucket: what one leaves the other takes. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildSelfHosted } from '../../src/cli/build.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../../src/cli/leftovers.ts';
import { findFreePort, waitUntil } from '../../src/cli/ports.ts';
import { type PostgresServer, startPostgresServer } from '../../src/demo/postgres-server.ts';
import { type Bucket, startBucket } from '../fakes/bucket.ts';
import { addConfig, type SelfHosted, startSelfHosted } from '../fakes/self-hosted.ts';

/** A lease is valid for 20 s; its owner may have renewed it just before it died. */
const TAKEOVER_MS_MAX = 40_000;

let folder: TemporaryFolder;
let dist: string;
let bucket: Bucket;
let server: PostgresServer;
let first: SelfHosted;
let second: SelfHosted;
let url: string;

beforeAll(async () => {
  folder = await makeTemporaryFolder('warmpool-cluster');
  dist = join(folder.path, 'dist');
  [bucket, server] = await Promise.all([startBucket(), startPostgresServer(), buildSelfHosted(dist)]);
  await writeFile(join(dist, 'cluster.capnp'), clusterConfig(bucket));
  first = await startMember('first');
  second = await startMember('second');
  url = await addConfig(first, { name: 'shop', server });
});

afterAll(async () => {
  await Promise.all([first, second].map((member) => member.process.stop()));
  await bucket.stop();
  await server.stop();
  await folder.remove();
});

test('a config made at one serves drivers at both', async () => {
  expect(await ask(first)).toBe(42);
  expect(await ask(second)).toBe(42);
  const { id } = await second.api.findConfig('shop');
  expect(await second.api.stateOf(id)).toMatchObject({ pool: { size: expect.any(Number) } });
});

test('what a machine that dies had is taken by the other when the lease is over', async () => {
  process.kill(-first.process.pid, 'SIGKILL');
  const isReady = async (): Promise<boolean> => (await ask(second).catch(() => undefined)) === 42;
  expect(await waitUntil({ isReady, isHopeless: () => false, waitMs: TAKEOVER_MS_MAX })).toBe(true);
});

test('it comes back with an empty disk, and serves', async () => {
  first = await startMember('anew');
  expect(await ask(first)).toBe(42);
});

async function startMember(name: string): Promise<SelfHosted> {
  const data = join(folder.path, name);
  const address = `127.0.0.1:${await findFreePort()}`;
  return startSelfHosted(dist, {
    WARMPOOL_DATA: data,
    WARMPOOL_CONFIG: join(dist, 'cluster.capnp'),
    WARMPOOL_FLAGS: `--experimental --cluster-addr ${address}`,
  });
}

function clusterConfig({ url: endpoint }: Bucket): string {
  return `
using Workerd = import "/workerd/workerd.capnp";
using Warmpool = import "warmpool.capnp";

const config :Workerd.Config = (
  services = [Warmpool.warmpool, Warmpool.database, Warmpool.cache, Warmpool.internet, Warmpool.storage],
  sockets = [Warmpool.http, Warmpool.postgres, Warmpool.mysql, Warmpool.control],
  cluster = (
    bucket = "s3://bucket/warmpool",
    bucketOptions = ["aws_endpoint=${endpoint}", "aws_allow_http=true", "aws_region=auto",
      "aws_access_key_id=test", "aws_secret_access_key=test"],
    key = "a secret that only the members of the cluster know",
  ),
);
`;
}

/** A login and a query that no cache answers, on a new connection. */
async function ask({ postgresPort }: SelfHosted): Promise<unknown> {
  const to = new URL(url);
  to.port = String(postgresPort);
  const client = new Client({ connectionString: to.href, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query('/* warmpool: nocache */ select 42 as answer');
  await client.end();
  return rows[0].answer;
}
