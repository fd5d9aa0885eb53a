/**
 * An ordinary user's Worker: postgres.js, unchanged, on `env.POOLER.connectionString`. Each request makes one new
 * connection, as Workers do; `via=direct` goes straight to the database, for comparison.
 */
import postgres from 'postgres';

interface Env {
  POOLER: Hyperdrive;
  DIRECT_URL: string;
}

export default {
  async fetch(request, env, ctx): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== '/run') return new Response('warmpool demo');

    const url = searchParams.get('via') === 'direct' ? env.DIRECT_URL : env.POOLER.connectionString;
    const startedAt = Date.now();
    const sql = postgres(url, { max: 1, fetch_types: false });
    try {
      const rows = await runJob(sql, {
        job: searchParams.get('job'),
        id: Number(searchParams.get('id') ?? 1),
      });
      return Response.json({ ms: Date.now() - startedAt, rows });
    } catch (error) {
      return Response.json({ error: String(error) }, { status: 500 });
    } finally {
      ctx.waitUntil(sql.end());
    }
  },
} satisfies ExportedHandler<Env>;

async function runJob(
  sql: postgres.Sql,
  { job, id }: { job: string | null; id: number },
): Promise<postgres.RowList<postgres.Row[]>> {
  if (job !== 'insert-select') return sql`select * from books where id = ${id}`;
  await sql`insert into visits (book_id) values (${id})`;
  return sql`select * from books where id = ${id}`;
}
