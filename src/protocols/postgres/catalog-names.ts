/**
 * What a name in a statement means, as PostgreSQL finds it along the search path.
 * https://www.postgresql.org/docs/18/ddl-schemas.html#DDL-SCHEMAS-PATH
 *
 * Temporary relations are not here: a session that has some is never answered from a cache.
 */
import type { CatalogFacts, Relation, UserFunction, Volatility } from './catalog-facts.ts';
import type { QualifiedName } from './parsed-statement.ts';

export interface Names {
  /** Usually one. More, where it is not known which of them is meant. */
  relations(name: QualifiedName): readonly Relation[];
  functions(name: QualifiedName): NamedFunctions;
}

/** All that a call may mean: which overload is taken is not decided here. */
export interface NamedFunctions {
  readonly own: readonly UserFunction[];
  readonly builtIn: Volatility | undefined;
}

/** The settings on which the meaning of names hangs. */
export const NAMING_SETTINGS = ['search_path', 'role', 'session_authorization'] as const;

/** Names of a statement in a session with these settings. */
export function namesOfSession(facts: CatalogFacts, settings: Readonly<Record<string, string>>): Names {
  const role = settings['role'] === 'none' ? undefined : settings['role'];
  const other = role ?? settings['session_authorization'];
  const path = schemasOfPath(settings['search_path'] ?? facts.searchPath).map((schema) =>
    schema === '$user' ? (other ?? facts.user) : schema,
  );
  // Which schemas another role may use is not known: those that it may not are passed over.
  const isUsable = (schema: string): boolean =>
    other === undefined ? facts.schemas.get(schema) === true : facts.schemas.has(schema);
  return namesOfPath(facts, {
    path: withCatalog(path.filter(isUsable)),
    isCertain: other === undefined || path.length <= 1,
  });
}

/** Names as pg_get_viewdef writes them for us: what is not in pg_catalog is qualified. */
export function namesOfDefinition(facts: CatalogFacts): Names {
  return namesOfPath(facts, { path: ['pg_catalog'], isCertain: true });
}

/** Names in the body of a function, which may run under any search path. */
export function namesAnywhere(facts: CatalogFacts): Names {
  return {
    relations: ({ schema, name }) =>
      (facts.relationsNamed.get(name) ?? []).filter(
        (found) => schema === undefined || found.schema === schema,
      ),
    functions: (name) => functionsIn(facts, name, () => true),
  };
}

/** `"$user", public` as a list; what is not quoted is in lower case. */
export function schemasOfPath(path: string): string[] {
  const items = path.match(/"(?:[^"]|"")*"|[^\s,"]+/g) ?? [];
  return items.map((item) =>
    item.startsWith('"') ? item.slice(1, -1).replaceAll('""', '"') : item.toLowerCase(),
  );
}

function withCatalog(path: string[]): string[] {
  return path.includes('pg_catalog') ? path : ['pg_catalog', ...path];
}

function namesOfPath(facts: CatalogFacts, search: { path: string[]; isCertain: boolean }): Names {
  return {
    relations({ schema, name }) {
      const all = facts.relationsNamed.get(name) ?? [];
      if (schema !== undefined) return all.filter((relation) => relation.schema === schema);
      const inOrder = search.path.flatMap((on) => all.filter((relation) => relation.schema === on));
      const isSure = search.isCertain || inOrder[0]?.schema === 'pg_catalog';
      return isSure ? inOrder.slice(0, 1) : inOrder;
    },
    functions: (name) => functionsIn(facts, name, (schema) => search.path.includes(schema)),
  };
}

function functionsIn(
  facts: CatalogFacts,
  { schema, name }: QualifiedName,
  isOnPath: (schema: string) => boolean,
): NamedFunctions {
  const all = facts.functionsNamed.get(name) ?? [];
  return {
    own: all.filter((fn) => (schema === undefined ? isOnPath(fn.schema) : fn.schema === schema)),
    builtIn: schema === undefined || schema === 'pg_catalog' ? facts.builtIns.get(name) : undefined,
  };
}

/**
 * `t.f` may be a call of `f(t)`: what it may call, whichever schema it is in.
 * https://www.postgresql.org/docs/18/rowtypes.html#ROWTYPES-USAGE
 */
export function rowFunctionsAmong(facts: CatalogFacts, attributes: Iterable<string>): UserFunction[] {
  if (facts.rowFunctions.length === 0) return [];
  const names = new Set(attributes);
  return facts.rowFunctions.filter(({ name }) => names.has(name));
}

export function readable({ schema, name }: QualifiedName): string {
  return schema === undefined || schema === 'pg_catalog' ? name : `${schema}.${name}`;
}
