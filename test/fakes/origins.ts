/** The databases behind the harness: what differs between those that speak PostgreSQL's protocol and MySQL's. */
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { Client } from 'pg';
import { type DelayProxy, startDelayProxy } from '../../src/demo/delay-proxy.ts';
import { MYSQL_FLAVOURS, type MySqlFlavour } from '../../src/demo/mysql-installation.ts';
import { startMySqlServer } from '../../src/demo/mysql-server.ts';
import { startPostgresServer } from '../../src/demo/postgres-server.ts';

export const VERSIONS = ['18', '15'] as const;
/** Of PostgreSQL, or one of the two that speak MySQL's protocol. */
export type Version = (typeof VERSIONS)[number] | MySqlFlavour;

export interface Origin {
  version: Version;
  protocol: 'postgres' | 'mysql';
  server: {
    port: number;
    user: string;
    password: string;
    /** One that is there from the start. */
    database: string;
    stop(): Promise<void>;
  };
  proxy: DelayProxy;
}

export async function startOrigin(version: Version): Promise<Origin> {
  const server = isMySql(version)
    ? await startMySqlServer({ flavour: version, settings: { 'max-connections': '200' } })
    : await startPostgresServer({ version, settings: { max_connections: '200' } });
  return {
    version,
    protocol: protocolOf(version),
    server,
    proxy: await startDelayProxy({ targetPort: server.port, rttMs: 0 }),
  };
}

export async function stopOrigin({ server, proxy }: Origin): Promise<void> {
  await proxy.stop();
  await server.stop();
}

export function originUrl({ protocol, server }: Origin, database: string): string {
  return `${protocol}://${server.user}:${server.password}@127.0.0.1:${server.port}/${database}`;
}

/** On a connection of its own. */
export async function askOrigin(url: string, sql: string): Promise<Record<string, unknown>[]> {
  return url.startsWith('mysql:') ? askMySql(url, sql) : askPostgres(url, sql);
}

export function protocolOf(version: Version): 'postgres' | 'mysql' {
  return isMySql(version) ? 'mysql' : 'postgres';
}

function isMySql(version: Version): version is MySqlFlavour {
  return MYSQL_FLAVOURS.some((flavour) => flavour === version);
}

async function askPostgres(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client(url);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function askMySql(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const connection = await createConnection({ uri: url, multipleStatements: true });
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql);
    return rows;
  } finally {
    await connection.end();
  }
}
