/**
 * A piece of an application: uses the database behind the connection string as anybody's code would, and returns
 * what it saw. It runs straight to the server and through Warmpool, in a Worker and in Node, and must see the same.
 * So it leaves out what has to differ between two runs (process ids, times), and leaves no tables behind.
 */
export type Case = (url: string) => Promise<unknown>;

/** The name is a sentence about what works. */
export type Cases = Record<string, Case>;

/** The fields of a server's error or notice that are the same wherever it happens. */
export function errorFacts(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { thrown: String(error) };
  const fields = error as unknown as Record<string, unknown>;
  const names = ['code', 'errno', 'sqlState', 'severity', 'detail', 'hint', 'position', 'where'];
  const places = ['schema', 'schema_name', 'table', 'table_name', 'column', 'column_name'];
  const constraints = ['constraint', 'constraint_name'];
  const known = [...names, ...places, ...constraints].filter((name) => fields[name] !== undefined);
  return { message: error.message, ...Object.fromEntries(known.map((name) => [name, fields[name]])) };
}

/** What a promise was rejected with; a promise that fulfils is the surprise. */
export async function errorOf(promise: PromiseLike<unknown>): Promise<Record<string, unknown>> {
  try {
    await promise;
  } catch (error) {
    return errorFacts(error);
  }
  throw new Error('An error was expected, and none came.');
}
