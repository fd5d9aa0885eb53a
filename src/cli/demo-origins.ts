/** The databases of the demo: each with the same two tables, and an ordinary Worker that uses it. */
import { createConnection } from 'mysql2/promise';
import postgres from 'postgres';
import { startMySqlServer } from '../demo/mysql-server.ts';
import { startPostgresServer } from '../demo/postgres-server.ts';
import type { ProtocolName } from './listeners.ts';

export interface DemoOrigin {
  title: string;
  protocol: ProtocolName;
  /** What the Worker uses. */
  driver: string;
  /** In src/demo. */
  worker: string;
  start(): Promise<StartedOrigin>;
  /** How to look around by hand. */
  shell(pooledUrl: string): string;
}

export interface StartedOrigin {
  port: number;
  /** The same database on another port: that of a proxy. */
  urlOn(port: number): string;
}

export const POSTGRES_ORIGIN: DemoOrigin = {
  title: 'PostgreSQL 18',
  protocol: 'postgres',
  driver: 'postgres.js',
  worker: 'worker.ts',
  shell: (url) => `psql "${url}"`,
  async start() {
    const server = await startPostgresServer();
    const origin = started('postgres', server);
    const sql = postgres(origin.urlOn(server.port), { max: 1 });
    await sql`create table books (id int primary key, title text not null)`;
    await sql`create table visits (book_id int references books, visited_at timestamptz default now())`;
    await sql`insert into books select n, 'Book ' || n from generate_series(1, 1000) n`;
    await sql.end();
    return origin;
  },
};

export const MARIADB_ORIGIN: DemoOrigin = {
  title: 'MariaDB 10.11',
  protocol: 'mysql',
  driver: 'mysql2',
  worker: 'mysql-worker.ts',
  shell: (url) => {
    const { hostname, port, username, password, pathname } = new URL(url);
    return `mariadb --skip-ssl -h ${hostname} -P ${port} -u ${username} -p${password} ${pathname.slice(1)}`;
  },
  async start() {
    const server = await startMySqlServer({ flavour: 'mariadb' });
    const origin = started('mysql', server);
    const connection = await createConnection(origin.urlOn(server.port));
    await connection.query('create table books (id int primary key, title text not null)');
    await connection.query(
      'create table visits (book_id int references books (id), visited_at timestamp default now())',
    );
    await connection.query("insert into books select seq, concat('Book ', seq) from seq_1_to_1000");
    await connection.end();
    return origin;
  },
};

function started(
  protocol: ProtocolName,
  server: { port: number; user: string; password: string; database: string },
): StartedOrigin {
  const { port, user, password, database } = server;
  return { port, urlOn: (other) => `${protocol}://${user}:${password}@127.0.0.1:${other}/${database}` };
}
