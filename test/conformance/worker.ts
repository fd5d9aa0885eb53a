/**
 * An ordinary user's Worker: runs the case that the request names on the binding that it names, and answers with
 * what the case returned.
 */
import { errorFacts } from './case.ts';
import { casesOf } from './cases/all.ts';

type Env = Record<string, Hyperdrive>;

export default {
  async fetch(request, env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== '/run') return new Response('conformance');
    const cases = new Map(Object.entries(casesOf)).get(searchParams.get('protocol') ?? '');
    const run = cases?.[searchParams.get('case') ?? ''];
    const binding = env[searchParams.get('binding') ?? ''];
    if (!run || !binding) return Response.json({ error: 'no such case or binding' }, { status: 404 });
    try {
      return Response.json({ saw: await run(binding.connectionString) });
    } catch (error) {
      const stack = error instanceof Error ? error.stack : undefined;
      return Response.json({ error: errorFacts(error), stack });
    }
  },
} satisfies ExportedHandler<Env>;
