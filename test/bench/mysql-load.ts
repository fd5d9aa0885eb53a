/**
 * A load of mysql2's, for so many seconds. mysqlslap was tried: it counts queries instead of seconds and has the logins of
 * its clients in the time, so that what it says of a fast way depends on how long it is asked to run.
 */
import { type Connection, createConnection } from 'mysql2/promise';
import type { Throughput } from './pgbench.ts';
import type { Target } from './target.ts';

export interface MySqlLoad {
  clients: number;
  /** The next query of a client. */
  query: () => string;
  /** A new connection, login included, for each query. */
  reconnects?: true;
}

export async function measureMySqlLoad(options: {
  target: Target;
  load: MySqlLoad;
  seconds: number;
}): Promise<Throughput> {
  const { target, load, seconds } = options;
  const clients = load.reconnects ? [] : await connectAll(target, load.clients);
  const until = performance.now() + seconds * 1000;
  let queries = 0;
  const work = async (connection: Connection | undefined): Promise<void> => {
    while (performance.now() < until) {
      const current = connection ?? (await connect(target));
      await current.query(load.query());
      queries += 1;
      if (!connection) await current.end();
    }
  };
  await Promise.all(Array.from({ length: load.clients }, (_, at) => work(clients[at])));
  await Promise.all(clients.map((client) => client.end()));
  return { tps: queries / seconds, latencyMs: (load.clients * seconds * 1000) / queries };
}

/** A few at a time, as a pool opens them. */
async function connectAll(target: Target, count: number): Promise<Connection[]> {
  const connections: Connection[] = [];
  while (connections.length < count) connections.push(await connect(target));
  return connections;
}

function connect({ port, user, password, database }: Target): Promise<Connection> {
  return createConnection({ host: '127.0.0.1', port, user, password, database });
}
