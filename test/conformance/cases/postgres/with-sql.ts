/** postgres.js for the time of a case; its connections end with the case. */
import postgres from 'postgres';

type Options = postgres.Options<Record<string, never>>;
type Run = (sql: postgres.Sql) => Promise<unknown>;

const END_SECONDS = 5;

export function withSql(url: string, run: Run): Promise<unknown>;
export function withSql(url: string, options: Options, run: Run): Promise<unknown>;
export async function withSql(url: string, second: Options | Run, third?: Run): Promise<unknown> {
  const [options, run] = typeof second === 'function' ? [{}, second] : [second, third];
  const sql = postgres(url, { onnotice: () => {}, ...options });
  try {
    return await run?.(sql);
  } finally {
    await sql.end({ timeout: END_SECONDS });
  }
}
