/**
 * The same Worker as worker.ts for MySQL and MariaDB: mysql2, unchanged. `disableEval`, because Workers make no code
 * from text.
 */
import { type Connection, createConnection } from 'mysql2/promise';

interface Env {
  POOLER: Hyperdrive;
  DIRECT_URL: string;
}

export default {
  async fetch(request, env, ctx): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== '/run') return new Response('warmpool demo');

    const uri = searchParams.get('via') === 'direct' ? env.DIRECT_URL : env.POOLER.connectionString;
    const startedAt = Date.now();
    let connection: Connection | undefined;
    try {
      connection = await createConnection({ uri, disableEval: true });
      const rows = await runJob(connection, {
        job: searchParams.get('job'),
        id: Number(searchParams.get('id') ?? 1),
      });
      return Response.json({ ms: Date.now() - startedAt, rows });
    } catch (error) {
      return Response.json({ error: String(error) }, { status: 500 });
    } finally {
      if (connection) ctx.waitUntil(connection.end());
    }
  },
} satisfies ExportedHandler<Env>;

async function runJob(
  connection: Connection,
  { job, id }: { job: string | null; id: number },
): Promise<unknown> {
  if (job === 'insert-select') await connection.query('insert into visits (book_id) values (?)', [id]);
  const [rows] = await connection.query('select * from books where id = ?', [id]);
  return rows;
}
