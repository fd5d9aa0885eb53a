/** The judge as it runs in production, for tests that need a real PostgreSQL beside it: answers and texts in, verdicts out. */
import { asBytes } from '../../src/protocols/bytes/latin1.ts';
import { catalogQuestions } from '../../src/protocols/postgres/catalog-questions.ts';

export interface JudgeRequest {
  answers: (string | null)[][][];
  systemCatalogs: boolean;
  statements: { sql: string; settings: Record<string, string> }[];
}

export default {
  async fetch(request): Promise<Response> {
    if (request.method !== 'POST') return Response.json(catalogQuestions.questions);
    const { answers, systemCatalogs, statements } = await request.json<JudgeRequest>();
    const catalog = catalogQuestions.catalogOf(answers, { systemCatalogs });
    const named = statements.map(({ sql, settings }) => {
      const verdict = catalog.judge(asBytes(sql), settings);
      const { writes } = verdict;
      return {
        ...verdict,
        reads: verdict.reads.map((read) => catalog.nameOf(read)).sort(),
        writes: writes === 'everything' ? writes : writes.map((write) => catalog.nameOf(write)).sort(),
      };
    });
    return Response.json({ fingerprint: catalog.fingerprint, verdicts: named });
  },
} satisfies ExportedHandler;
