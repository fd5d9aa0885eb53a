/** mysql2 connections for cases: opened for one, closed whatever happens. */
import {
  type Connection,
  type ConnectionOptions,
  createConnection,
  createPool,
  type FieldPacket,
  type Pool,
} from 'mysql2/promise';

const POOL_MAX = 5;

/** What a URL says, and whether mysql2 may generate code, which a Worker must not. */
export function options(url: string, more: ConnectionOptions = {}): ConnectionOptions {
  return { uri: url, disableEval: navigator.userAgent === 'Cloudflare-Workers', ...more };
}

export async function withConnection<T>(
  url: string,
  run: (connection: Connection) => Promise<T>,
  more: ConnectionOptions = {},
): Promise<T> {
  const connection = await createConnection(options(url, more));
  try {
    return await run(connection);
  } finally {
    await connection.end();
  }
}

export async function withPool<T>(url: string, run: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = createPool({ ...options(url), connectionLimit: POOL_MAX });
  try {
    return await run(pool);
  } finally {
    await pool.end();
  }
}

/** For the time of `run`. */
export async function withTable<T>(
  connection: Pick<Connection, 'query'>,
  definition: string,
  run: () => Promise<T>,
): Promise<T> {
  const [name] = definition.split(' ');
  await connection.query(`create table ${definition}`);
  try {
    return await run();
  } finally {
    await connection.query(`drop table ${name}`);
  }
}

/** Of a reply: all that the server said, of several result sets too. */
export function facts([result, fields]: [unknown, FieldPacket[] | FieldPacket[][] | undefined]): unknown {
  return { result, fields: fields?.flat().map((field) => field && columnFacts(field)) };
}

/** Collations of one character set. Which it is says nothing of the bytes, and no reset brings back the login's. */
const UTF8MB4 = new Set([45, 224, 255]);

function columnFacts(field: FieldPacket): unknown {
  const { name, orgName, table, orgTable, schema, columnType, columnLength, flags, decimals } = field;
  const characterSet = UTF8MB4.has(field.characterSet ?? 0) ? 'utf8mb4' : field.characterSet;
  return {
    ...{ name, orgName, table, orgTable, schema },
    ...{ columnType, columnLength, flags, decimals, characterSet },
  };
}
