/**
 * An ordinary user's Worker that has a PostgreSQL under `env.POOLER` and a MySQL under `env.ORDERS`, whatever the bindings
 * are. Each path uses them in another way and answers with the rows that it saw.
 */
import { DurableObject, env as importedEnv, WorkerEntrypoint } from 'cloudflare:workers';
import { Buffer } from 'node:buffer';
import { Duplex } from 'node:stream';
import { createConnection } from 'mysql2/promise';
import { Client, type ClientConfig } from 'pg';
import postgres from 'postgres';
import { type Pooler, withPooler } from '../../src/client/with-pooler.ts';
import { errorFacts } from '../conformance/case.ts';

interface Env {
  POOLER: Pooler;
  ORDERS: Pooler;
  OBJECT: DurableObjectNamespace;
}

const BINDINGS = { POOLER: 'postgres', ORDERS: 'mysql' } as const;

const QUESTION = 'select $1::int + 1 as sum, current_database() as database';

/** Of a Hyperdrive binding: what can be had without a connection. */
function describe({ connectionString, host, ip, port, user, password, database }: Pooler): unknown {
  return { parsed: new URL(connectionString).hostname === host, ip, port, user, password, database };
}

async function withPostgresJs({ connectionString }: Pooler): Promise<unknown> {
  const sql = postgres(connectionString, { max: 1 });
  const rows = await sql.unsafe(QUESTION, [41]);
  await sql.end();
  return [...rows];
}

async function withNodePostgres(config: ClientConfig): Promise<unknown> {
  const client = new Client(config);
  await client.connect();
  const { rows } = await client.query(QUESTION, [41]);
  await client.end();
  return rows;
}

async function withMySql2({ connectionString }: Pooler): Promise<unknown> {
  const connection = await createConnection({ uri: connectionString, disableEval: true });
  const [rows] = await connection.execute('select ? + 1 as sum, database() as `database`', [41]);
  await connection.end();
  return rows;
}

/** node-postgres on a socket that is there already. */
function onSocket(socket: Socket): ClientConfig {
  const stream = Object.assign(Duplex.fromWeb(socket as never), {
    connect: () => queueMicrotask(() => stream.emit('connect')),
    setNoDelay: () => stream,
  });
  return { stream: () => stream as never };
}

/** What runs is cancelled by a second connection; the first hears of it, and works on. */
async function cancelled({ connectionString }: Pooler): Promise<unknown> {
  const sql = postgres(connectionString, { max: 1 });
  const watch = postgres(connectionString, { max: 1 });
  const query = sql`select pg_sleep(20)`;
  const failed = query.then(
    () => 'not cancelled',
    (error) => errorFacts(error)['code'],
  );
  const running = () => watch`
    select from pg_stat_activity where query = 'select pg_sleep(20)' and state = 'active'`;
  while ((await running()).length === 0) await scheduler.wait(20);
  query.cancel();
  const code = await failed;
  const [after] = await sql`select 1 as after`;
  await Promise.all([sql.end(), watch.end()]);
  return { code, ...after };
}

/** The same by sockets alone: one for the query, one for the CancelRequest. */
async function cancelledOnSockets(pooler: Pooler): Promise<unknown> {
  const { connectionString, user, password, database } = pooler;
  const client = new Client({ user, password, database, ...onSocket(pooler.connect()) });
  await client.connect();
  const watch = postgres(connectionString, { max: 1 });
  const failed = client.query('select pg_sleep(21)').then(
    () => 'not cancelled',
    (error) => errorFacts(error)['code'],
  );
  const running = () => watch`
    select from pg_stat_activity where query = 'select pg_sleep(21)' and state = 'active'`;
  while ((await running()).length === 0) await scheduler.wait(20);
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
  const request = new DataView(new ArrayBuffer(16));
  for (const [at, field] of [16, 80877102, processID, secretKey].entries()) request.setInt32(4 * at, field);
  await pooler.connect().writable.getWriter().write(new Uint8Array(request.buffer));
  const code = await failed;
  const { rows } = await client.query('select 1 as after');
  await Promise.all([client.end(), watch.end()]);
  return { code, ...rows[0] };
}

/** The same in MySQL, where it is a statement of another connection. */
async function killed({ connectionString }: Pooler): Promise<unknown> {
  const options = { uri: connectionString, disableEval: true };
  const [connection, other] = [await createConnection(options), await createConnection(options)];
  const failed = connection.query('select sleep(20)').then(
    () => 'not killed',
    (error) => errorFacts(error)['code'],
  );
  const running = () =>
    other.query("select 1 from information_schema.processlist where info = 'select sleep(20)'");
  while (String((await running())[0]) === '') await scheduler.wait(20);
  await other.query(`kill query ${connection.threadId}`);
  const code = await failed;
  const [rows] = await connection.query('select 1 as after');
  await Promise.all([connection.end(), other.end()]);
  return { code, ...(rows as object[])[0] };
}

/** Asks to cancel somebody else's query: the bytes are a whole CancelRequest. Over once it has been read and closed. */
async function cancelForeign(pooler: Pooler, request: string): Promise<unknown> {
  const socket = pooler.connect();
  await socket.writable.getWriter().write(Buffer.from(request, 'hex'));
  return (await new Response(socket.readable).bytes()).length;
}

const ways: Record<string, (env: Env, argument: string) => Promise<unknown> | unknown> = {
  describe: ({ POOLER, ORDERS }) => [describe(POOLER), describe(ORDERS)],
  cancelled: ({ POOLER }) => cancelled(POOLER),
  'cancelled-on-sockets': ({ POOLER }) => cancelledOnSockets(POOLER),
  killed: ({ ORDERS }) => killed(ORDERS),
  'cancel-foreign': ({ POOLER }, argument) => cancelForeign(POOLER, argument),
  'postgres-js': ({ POOLER }) => withPostgresJs(POOLER),
  'node-postgres': ({ POOLER: { host, port, user, password, database } }) =>
    withNodePostgres({ host, port, user, password, database }),
  connect: ({ POOLER: pooler }) => {
    const { user, password, database } = pooler;
    return withNodePostgres({ user, password, database, ...onSocket(pooler.connect()) });
  },
  slow: async ({ POOLER }) => {
    const sql = postgres(POOLER.connectionString, { max: 1 });
    const rows = await sql`select pg_sleep(2)::text as slept`;
    await sql.end();
    return [...rows];
  },
  mysql2: ({ ORDERS }) => withMySql2(ORDERS),
  imported: () => withPostgresJs((importedEnv as unknown as Env).POOLER),
};

async function answer(request: Request, env: Env): Promise<Response> {
  const { searchParams } = new URL(request.url);
  const way = ways[searchParams.get('way') ?? ''];
  if (!way) return new Response('no such way', { status: 404 });
  try {
    return Response.json({ saw: await way(env, searchParams.get('argument') ?? '') });
  } catch (error) {
    return Response.json({ error: errorFacts(error), stack: error instanceof Error ? error.stack : '' });
  }
}

export const InObject = withPooler(
  class extends DurableObject<Env> {
    override fetch(request: Request): Promise<Response> {
      return answer(request, this.env);
    }
  },
  BINDINGS,
);

export const InEntrypoint = withPooler(
  class extends WorkerEntrypoint<Env> {
    override fetch(request: Request): Promise<Response> {
      return answer(request, this.env);
    }
  },
  BINDINGS,
);

export default withPooler(
  {
    async fetch(request, env, ctx) {
      const { pathname } = new URL(request.url);
      if (pathname === '/object') return env.OBJECT.getByName('one').fetch(request);
      if (pathname === '/entrypoint') return entrypointOf(ctx).fetch(request);
      return pathname === '/handler' ? answer(request, env) : new Response('consumer');
    },
  } satisfies ExportedHandler<Env>,
  BINDINGS,
);

function entrypointOf(ctx: ExecutionContext): Fetcher {
  return (ctx.exports as unknown as { InEntrypoint: Fetcher }).InEntrypoint;
}
