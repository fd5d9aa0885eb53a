/** What the tests with MySQL's drivers have in common. */
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';

export function openDriver(uri: string): Promise<Connection> {
  return createConnection({ uri, multipleStatements: true });
}

/** The first column of the first row. */
export async function firstValue(driver: Connection, sql: string): Promise<unknown> {
  const [rows] = await driver.query<RowDataPacket[]>(sql);
  const results = Array.isArray(rows[0]) ? (rows.at(-1) as unknown as RowDataPacket[]) : rows;
  return Object.values(results[0] ?? {})[0];
}

export interface Failure extends Error {
  errno?: number;
  sqlState?: string;
}

export async function failureOf(work: Promise<unknown>): Promise<Failure> {
  try {
    await work;
  } catch (error) {
    return error as Failure;
  }
  throw new Error('it did not fail');
}
