/** What statements say, each with all that is to be found in it: what is not named must be empty. */
import { describe, expect, test } from 'vitest';
import { latin1 } from '../../../src/protocols/bytes/latin1.ts';
import type { QualifiedName, WrittenRelation } from '../../../src/protocols/postgres/parsed-statement.ts';
import { parse } from '../../../src/protocols/postgres/parser.ts';

/** Names are written `schema.name`, writes `action schema.name`. */
type Said = Record<string, string | true | string[]>;

const CASES: Record<string, [sql: string, said: Said][]> = {
  'names, strings and comments': [
    ['SELECT 1', { kind: 'select' }],
    ['TABLE books', { kind: 'select', reads: ['books'] }],
    ['VALUES (1), (2)', { kind: 'select' }],
    [
      'SELECT * FROM a, b JOIN c ON a.id = c.id LEFT JOIN d USING (id)',
      { kind: 'select', reads: ['a', 'b', 'c', 'd'], operators: ['='], attributes: ['id'] },
    ],
    ['SELECT * FROM a NATURAL JOIN b', { kind: 'select', reads: ['a', 'b'], operators: ['='] }],
    [
      'SELECT * FROM "Foo"."Bär" AS "x y", foo, FOO, "FOO"',
      { kind: 'select', reads: ['Foo.Bär', 'foo', 'FOO'] },
    ],
    ['SELECT * FROM db.public.orders', { kind: 'select', reads: ['public.orders'] }],
    [
      `SELECT U&'d\\0061ta', U&"d\\0061t" FROM U&"\\0441\\043B\\043E\\043D"`,
      { kind: 'select', reads: ['слон'] },
    ],
    ['SELECT * FROM "слон", "🐘"."naïve"', { kind: 'select', reads: ['слон', '🐘.naïve'] }],
    [
      "SELECT $$ from secret; now() $$, $tag$ 'today' $$ $tag$ FROM t",
      { kind: 'select', reads: ['t'], hasMovingLiteral: true },
    ],
    ['/* from a /* nested */ from b */ SELECT 1 -- from c', { kind: 'select' }],
  ],
  'relations wherever they stand': [
    [
      'SELECT * FROM a WHERE id IN (SELECT id FROM b WHERE EXISTS (SELECT FROM c))',
      { kind: 'select', reads: ['a', 'b', 'c'], operators: ['='] },
    ],
    [
      'SELECT (SELECT max(x) FROM a), ARRAY(SELECT y FROM b) FROM c ORDER BY (SELECT z FROM d) LIMIT (SELECT n FROM e) OFFSET (SELECT n FROM f)',
      { kind: 'select', reads: ['a', 'b', 'c', 'd', 'f', 'e'], functions: ['max'] },
    ],
    [
      'SELECT x FROM a GROUP BY x HAVING count(*) > (SELECT avg(n) FROM b)',
      { kind: 'select', reads: ['a', 'b'], functions: ['count', 'avg'], operators: ['>'] },
    ],
    [
      'SELECT a FROM t1 UNION SELECT b FROM t2 EXCEPT (SELECT c FROM t3 INTERSECT SELECT d FROM t4)',
      { kind: 'select', reads: ['t1', 't2', 't3', 't4'] },
    ],
    [
      'SELECT * FROM ROWS FROM (f(1), s.g(2)) WITH ORDINALITY, LATERAL h(x) AS k(a int, b text)',
      { kind: 'select', functions: ['f', 's.g', 'h'], types: ['pg_catalog.int4', 'text'] },
    ],
    [
      'SELECT * FROM a, LATERAL (SELECT * FROM b WHERE b.id = a.id) l',
      { kind: 'select', reads: ['a', 'b'], operators: ['='], attributes: ['id'] },
    ],
    [
      "SELECT x.* FROM t, XMLTABLE('/r' PASSING (SELECT doc FROM d) COLUMNS a int PATH 'a' DEFAULT f()) x",
      { kind: 'select', reads: ['t', 'd'], functions: ['f'], types: ['pg_catalog.int4'] },
    ],
    [
      "SELECT * FROM JSON_TABLE((SELECT j FROM js), '$[*]' COLUMNS (id int PATH '$.id', NESTED PATH '$.n' COLUMNS (d date PATH '$')))",
      { kind: 'select', reads: ['js'], types: ['pg_catalog.int4', 'date'] },
    ],
    [
      "SELECT JSON_VALUE(j, '$.x' RETURNING numeric DEFAULT f() ON EMPTY), JSON_OBJECT('k' VALUE g(x)), j IS JSON FROM t",
      { kind: 'select', reads: ['t'], functions: ['f', 'g'], types: ['pg_catalog.numeric'] },
    ],
    [
      'SELECT XMLELEMENT(NAME x, f(a)), XMLPARSE(DOCUMENT b), XMLSERIALIZE(CONTENT c AS text) FROM t',
      { kind: 'select', reads: ['t'], functions: ['f'], types: ['text'] },
    ],
  ],
  'common table expressions': [
    ['WITH a AS (SELECT * FROM b) SELECT * FROM a', { kind: 'select', reads: ['b'] }],
    ['WITH a AS (SELECT * FROM a) SELECT * FROM a', { kind: 'select', reads: ['a'] }],
    ['WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a, b', { kind: 'select', reads: ['b'] }],
    ['WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a, b', { kind: 'select' }],
    [
      'WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 9) SELECT sum(n) FROM t',
      { kind: 'select', functions: ['sum'], operators: ['+', '<'] },
    ],
    ['WITH a AS (SELECT 1) SELECT * FROM public.a, a', { kind: 'select', reads: ['public.a'] }],
    [
      'WITH a AS (WITH b AS (SELECT * FROM c) SELECT * FROM b) SELECT * FROM a, b',
      { kind: 'select', reads: ['c', 'b'] },
    ],
    ['SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) x, a', { kind: 'select', reads: ['a'] }],
    [
      'WITH a AS (SELECT 1) SELECT * FROM (SELECT * FROM a WHERE x IN (SELECT y FROM a)) s UNION SELECT * FROM a',
      { kind: 'select', operators: ['='] },
    ],
    ['WITH a AS (SELECT 1) SELECT (WITH a AS (SELECT * FROM a) SELECT * FROM a)', { kind: 'select' }],
    ['WITH "A" AS (SELECT 1) SELECT * FROM a', { kind: 'select', reads: ['a'] }],
    [
      'WITH a AS MATERIALIZED (SELECT f() FROM t) SEARCH DEPTH FIRST BY x SET o SELECT * FROM a',
      { kind: 'select', reads: ['t'], functions: ['f'] },
    ],
    [
      'WITH d AS (DELETE FROM t WHERE old RETURNING *) SELECT * FROM d',
      { kind: 'select', reads: ['t'], writes: ['delete t'] },
    ],
    [
      'WITH d AS (INSERT INTO log SELECT * FROM src RETURNING id), u AS (UPDATE s.t SET x = 1 FROM d) SELECT 1',
      { kind: 'select', reads: ['src', 's.t'], writes: ['insert log', 'update s.t'] },
    ],
    [
      'WITH t AS (SELECT 1) UPDATE t SET x = t2.x FROM t t2',
      { kind: 'update', reads: ['t'], writes: ['update t'], attributes: ['x'] },
    ],
    ['WITH t AS (SELECT 1) INSERT INTO t SELECT * FROM t', { kind: 'insert', writes: ['insert t'] }],
  ],
  functions: [
    [
      'SELECT now(), pg_catalog.random(), my.fn(1), "Weird Fn"(2)',
      { kind: 'select', functions: ['now', 'pg_catalog.random', 'my.fn', 'Weird Fn'] },
    ],
    [
      'SELECT count(*) FILTER (WHERE f(x)) OVER (PARTITION BY g(y) ORDER BY h(z) ROWS BETWEEN k() PRECEDING AND CURRENT ROW) FROM t',
      { kind: 'select', reads: ['t'], functions: ['count', 'f', 'g', 'h', 'k'] },
    ],
    [
      'SELECT rank() OVER w, percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM t WINDOW w AS (ORDER BY f(x))',
      { kind: 'select', reads: ['t'], functions: ['rank', 'percentile_cont', 'f'] },
    ],
    [
      'SELECT x FROM t GROUP BY GROUPING SETS ((f(a)), ROLLUP (b), CUBE (g(c)))',
      { kind: 'select', reads: ['t'], functions: ['f', 'g'] },
    ],
    [
      'SELECT CURRENT_DATE, CURRENT_TIME(3), CURRENT_TIMESTAMP, LOCALTIME, LOCALTIMESTAMP(0)',
      {
        kind: 'select',
        valueFunctions: ['current_date', 'current_time', 'current_timestamp', 'localtime', 'localtimestamp'],
      },
    ],
    [
      'SELECT CURRENT_USER, USER, SESSION_USER, CURRENT_ROLE, CURRENT_CATALOG, CURRENT_SCHEMA, SYSTEM_USER',
      {
        kind: 'select',
        functions: ['pg_catalog.system_user'],
        valueFunctions: [
          'current_user',
          'user',
          'session_user',
          'current_role',
          'current_catalog',
          'current_schema',
        ],
      },
    ],
    [
      "SELECT current_schema(), current_setting('x')",
      { kind: 'select', functions: ['current_schema', 'current_setting'] },
    ],
    ['SELECT * FROM CURRENT_DATE, t', { kind: 'select', reads: ['t'], valueFunctions: ['current_date'] }],
  ],
  'operators, types and attributes': [
    [
      'SELECT a + b, a || b, -a, a @> b, a OPERATOR(my.===) b, a !~~* b FROM t',
      { kind: 'select', reads: ['t'], operators: ['+', '||', '-', '@>', 'my.===', '!~~*'] },
    ],
    [
      'SELECT a BETWEEN 1 AND 2, a NOT BETWEEN SYMMETRIC 3 AND 4 FROM t',
      { kind: 'select', reads: ['t'], operators: ['>=', '<=', '<', '>'] },
    ],
    [
      "SELECT a IN (1, 2), a NOT IN (3), a IS DISTINCT FROM b, NULLIF(a, b), a = ANY (ARRAY[1]), a <> ALL ('{}') FROM t",
      { kind: 'select', reads: ['t'], operators: ['=', '<>'] },
    ],
    [
      "SELECT a LIKE 'x!%' ESCAPE '!', a ILIKE 'y', a SIMILAR TO 'z' ESCAPE '#', a NOT LIKE 'w' FROM t",
      {
        kind: 'select',
        reads: ['t'],
        functions: ['pg_catalog.like_escape', 'pg_catalog.similar_to_escape'],
        operators: ['~~', '~~*', '~', '!~~'],
      },
    ],
    [
      'SELECT (a, b) < (c, d), ROW(a, 1) = ROW(b, 2), a IN (SELECT 1), a > ALL (SELECT 2), (a, b) = (SELECT 1, 2) FROM t',
      { kind: 'select', reads: ['t'], operators: ['<', '=', '>'] },
    ],
    [
      'SELECT CASE a WHEN 1 THEN f() ELSE g() END, CASE WHEN h() THEN 1 END, COALESCE(i(), 0), GREATEST(j(), k())',
      { kind: 'select', functions: ['f', 'g', 'h', 'i', 'j', 'k'], operators: ['='] },
    ],
    [
      'SELECT a FROM t ORDER BY a USING OPERATOR(my.<<), b DESC',
      { kind: 'select', reads: ['t'], operators: ['my.<<'] },
    ],
    [
      `SELECT x::int, CAST(y AS my.type[]), z::numeric(10, 2), '{1}'::int4[], w::"Mood", interval '1 day', q::setof_like FROM t`,
      {
        kind: 'select',
        reads: ['t'],
        types: [
          'pg_catalog.int4',
          'my.type',
          'pg_catalog.numeric',
          'int4',
          'Mood',
          'pg_catalog.interval',
          'setof_like',
        ],
      },
    ],
    [
      "SELECT extract(year FROM a), position('x' IN b), substring(c FROM 1 FOR 2), trim(both 'x' FROM d), overlay(e PLACING 'f' FROM 1), a AT TIME ZONE 'UTC', a AT LOCAL, (a, b) OVERLAPS (c, d), COLLATION FOR (e), normalize(e, NFC), e IS NFC NORMALIZED",
      {
        kind: 'select',
        functions: [
          'pg_catalog.extract',
          'pg_catalog.position',
          'pg_catalog.substring',
          'pg_catalog.btrim',
          'pg_catalog.overlay',
          'pg_catalog.timezone',
          'pg_catalog.overlaps',
          'pg_catalog.pg_collation_for',
          'pg_catalog.normalize',
          'pg_catalog.is_normalized',
        ],
      },
    ],
    [
      'SELECT a COLLATE "de_DE", (b).c, (f(x)).y, arr[f(1)], arr[1:g(2)], (t).* FROM t',
      { kind: 'select', reads: ['t'], functions: ['f', 'g'], attributes: ['c', 'y'] },
    ],
    [
      'SELECT t.full_name, s.t.x, t.* FROM s.t',
      { kind: 'select', reads: ['s.t'], attributes: ['full_name', 'x'] },
    ],
  ],
  'moving literals, locks, INTO and samples': [
    ["SELECT 'now'::timestamp", { kind: 'select', types: ['pg_catalog.timestamp'], hasMovingLiteral: true }],
    [
      "SELECT date 'Today', '  tomorrow 10:00 '::timestamp, 'knowing', 'todays'",
      { kind: 'select', types: ['date', 'pg_catalog.timestamp'], hasMovingLiteral: true },
    ],
    [
      "SELECT * FROM t WHERE at > 'yesterday'",
      { kind: 'select', reads: ['t'], operators: ['>'], hasMovingLiteral: true },
    ],
    [
      "SELECT '[today,tomorrow)'::daterange, 'nowhere'",
      { kind: 'select', types: ['daterange'], hasMovingLiteral: true },
    ],
    [`SELECT E'n\\x6fw'::date`, { kind: 'select', types: ['date'], hasMovingLiteral: true }],
    [
      "SELECT 'It is a long text about what happens now and today, so long that nobody could take it for a date, because PostgreSQL has no dates that need so many of them fields, or has it?'",
      { kind: 'select' },
    ],
    ['SELECT * FROM t FOR UPDATE', { kind: 'select', reads: ['t'], hasLocks: true }],
    [
      'SELECT * FROM (SELECT * FROM t AS alias FOR SHARE OF alias) s',
      { kind: 'select', reads: ['t'], hasLocks: true },
    ],
    [
      'SELECT * FROM a UNION ALL (SELECT * FROM b FOR NO KEY UPDATE SKIP LOCKED)',
      { kind: 'select', reads: ['a', 'b'], hasLocks: true },
    ],
    ['SELECT * INTO new FROM old', { kind: 'select', reads: ['old'], hasInto: true }],
    ['SELECT a INTO TEMP x FROM t UNION SELECT 1', { kind: 'select', reads: ['t'], hasInto: true }],
    [
      'SELECT * FROM t TABLESAMPLE system (f(10)) REPEATABLE (1)',
      { kind: 'select', reads: ['t'], functions: ['f'], hasSample: true },
    ],
    ['SELECT * FROM ONLY t, u *', { kind: 'select', reads: ['t', 'u'] }],
  ],
  writes: [
    ['INSERT INTO t VALUES (1, f(2), DEFAULT)', { kind: 'insert', writes: ['insert t'], functions: ['f'] }],
    [
      'INSERT INTO s.t (a, b) SELECT a, g(b) FROM u RETURNING id, h(id)',
      { kind: 'insert', reads: ['u'], writes: ['insert s.t'], functions: ['g', 'h'] },
    ],
    [
      'INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING',
      { kind: 'insert', reads: ['t'], writes: ['insert t'] },
    ],
    [
      'INSERT INTO t AS x VALUES (1) ON CONFLICT (a) WHERE f(a) DO UPDATE SET a = excluded.a || x.a WHERE g(x.a) RETURNING (SELECT 1 FROM u)',
      {
        kind: 'insert',
        reads: ['t', 'u'],
        writes: ['insert t', 'update t'],
        functions: ['f', 'g'],
        operators: ['||'],
        attributes: ['a'],
      },
    ],
    ['INSERT INTO t DEFAULT VALUES', { kind: 'insert', writes: ['insert t'] }],
    [
      'WITH t AS (SELECT 1 AS x) INSERT INTO u WITH v AS (SELECT * FROM t) SELECT * FROM v, t',
      { kind: 'insert', writes: ['insert u'] },
    ],
    [
      'UPDATE t SET a = f(b), (c, d) = (SELECT 1, 2 FROM u) FROM v WHERE t.id = v.id RETURNING WITH (OLD AS o) o.a',
      {
        kind: 'update',
        reads: ['t', 'u', 'v'],
        writes: ['update t'],
        functions: ['f'],
        operators: ['='],
        attributes: ['id', 'a'],
      },
    ],
    [
      'DELETE FROM ONLY s.t USING u WHERE t.id = u.id',
      { kind: 'delete', reads: ['s.t', 'u'], writes: ['delete s.t'], operators: ['='], attributes: ['id'] },
    ],
    ['DELETE FROM t WHERE CURRENT OF c', { kind: 'delete', reads: ['t'], writes: ['delete t'] }],
    [
      'MERGE INTO t USING (SELECT * FROM u) s ON t.id = s.id WHEN MATCHED AND f(s.x) THEN UPDATE SET a = 1 WHEN NOT MATCHED THEN INSERT VALUES (g(1)) WHEN NOT MATCHED BY SOURCE THEN DELETE',
      {
        kind: 'merge',
        reads: ['t', 'u'],
        writes: ['insert t', 'update t', 'delete t'],
        functions: ['f', 'g'],
        operators: ['='],
        attributes: ['id', 'x'],
      },
    ],
    ['MERGE INTO t USING u ON true WHEN MATCHED THEN DO NOTHING', { kind: 'merge', reads: ['t', 'u'] }],
    ['TRUNCATE a, s.b CASCADE', { kind: 'truncate', writes: ['truncate a', 'truncate s.b'] }],
    ['COPY t FROM STDIN', { kind: 'copy from', writes: ['insert t'] }],
    ['COPY s.t (a, b) TO STDOUT WITH (FORMAT csv)', { kind: 'copy to', reads: ['s.t'] }],
    ['COPY (SELECT f(x) FROM t) TO STDOUT', { kind: 'copy to', reads: ['t'], functions: ['f'] }],
    ['COPY (DELETE FROM t RETURNING *) TO STDOUT', { kind: 'copy to', reads: ['t'], writes: ['delete t'] }],
    [
      'COPY t FROM STDIN WHERE f(a) > 1',
      { kind: 'copy from', writes: ['insert t'], functions: ['f'], operators: ['>'] },
    ],
  ],
  'statements by kind': [
    ['EXPLAIN SELECT * FROM t', { kind: 'explain', reads: ['t'] }],
    [
      'EXPLAIN (ANALYZE, FORMAT json) INSERT INTO t SELECT * FROM u',
      { kind: 'explain', reads: ['u'], writes: ['insert t'] },
    ],
    ['EXPLAIN ANALYZE CREATE TABLE x AS SELECT * FROM t', { kind: 'definition', reads: ['t'] }],
    ['EXPLAIN ANALYZE EXECUTE p', { kind: 'execute' }],
    ['EXPLAIN ANALYZE SELECT * INTO x FROM t', { kind: 'explain', reads: ['t'], hasInto: true }],
    ['BEGIN ISOLATION LEVEL SERIALIZABLE', { kind: 'transaction' }],
    ['COMMIT', { kind: 'transaction', endsTransaction: true }],
    ['END AND CHAIN', { kind: 'transaction', endsTransaction: true }],
    ['ROLLBACK', { kind: 'transaction', endsTransaction: true }],
    ['ROLLBACK TO SAVEPOINT s', { kind: 'transaction' }],
    ['ROLLBACK AND CHAIN', { kind: 'transaction', endsTransaction: true }],
    ['SAVEPOINT s', { kind: 'transaction' }],
    ['RELEASE s', { kind: 'transaction' }],
    ["PREPARE TRANSACTION 'x'", { kind: 'transaction', endsTransaction: true }],
    ["COMMIT PREPARED 'x'", { kind: 'transaction', endsTransaction: true }],
    ["ROLLBACK PREPARED 'x'", { kind: 'transaction', endsTransaction: true }],
    ['SET search_path = a, b', { kind: 'session' }],
    ["SET LOCAL TIME ZONE 'UTC'", { kind: 'session' }],
    ['RESET ALL', { kind: 'session' }],
    ['SHOW ALL', { kind: 'session' }],
    ['DISCARD ALL', { kind: 'session' }],
    [
      'PREPARE p (int) AS UPDATE t SET a = $1',
      { kind: 'session', reads: ['t'], writes: ['update t'], types: ['pg_catalog.int4'] },
    ],
    ['EXECUTE p(f(1))', { kind: 'execute', functions: ['f'] }],
    ['DEALLOCATE p', { kind: 'session' }],
    [
      'DECLARE c CURSOR WITH HOLD FOR SELECT f(x) FROM t',
      { kind: 'session', reads: ['t'], functions: ['f'] },
    ],
    ['FETCH 10 FROM c', { kind: 'session' }],
    ['CLOSE c', { kind: 'session' }],
    ['LISTEN ch', { kind: 'session' }],
    ["NOTIFY ch, 'x'", { kind: 'session' }],
    ['LOCK TABLE t IN EXCLUSIVE MODE', { kind: 'session', reads: ['t'] }],
    ['CALL s.proc(f(1))', { kind: 'call', functions: ['s.proc', 'f'] }],
    ['DO $$ BEGIN DELETE FROM t; END $$', { kind: 'call' }],
    ['CREATE TABLE t (id int PRIMARY KEY)', { kind: 'definition', reads: ['t'], types: ['pg_catalog.int4'] }],
    ['CREATE TABLE x AS SELECT * FROM t', { kind: 'definition', reads: ['t'] }],
    [
      'CREATE MATERIALIZED VIEW m AS SELECT f(a) FROM t',
      { kind: 'definition', reads: ['t'], functions: ['f'] },
    ],
    ['REFRESH MATERIALIZED VIEW m', { kind: 'definition', reads: ['m'] }],
    ['DROP TABLE t, pg_temp.u', { kind: 'drop table', reads: ['t', 'pg_temp.u'] }],
    ['DROP TABLE t CASCADE', { kind: 'definition', reads: ['t'] }],
    [
      'ALTER TABLE t ADD COLUMN x int DEFAULT f()',
      { kind: 'definition', reads: ['t'], functions: ['f'], types: ['pg_catalog.int4'] },
    ],
    ['GRANT SELECT ON t TO u', { kind: 'definition', reads: ['t'] }],
    ['VACUUM FULL t', { kind: 'rewrite', reads: ['t'] }],
    ['CLUSTER t USING i', { kind: 'rewrite', reads: ['t'] }],
    ['REINDEX TABLE t', { kind: 'maintenance', reads: ['t'] }],
    ['CREATE UNIQUE INDEX CONCURRENTLY i ON t (a, b DESC) INCLUDE (c)', { kind: 'annotation', reads: ['t'] }],
    ['CREATE INDEX ON t (f(a))', { kind: 'definition', reads: ['t'], functions: ['f'] }],
    ['CREATE INDEX ON t (a) WHERE b', { kind: 'definition', reads: ['t'] }],
    ['DROP INDEX i', { kind: 'annotation' }],
    ['DROP INDEX i CASCADE', { kind: 'definition' }],
    ["COMMENT ON TABLE t IS 'x'", { kind: 'annotation' }],
    ['VACUUM (ANALYZE) t', { kind: 'maintenance', reads: ['t'] }],
    ['ANALYZE', { kind: 'maintenance' }],
    ['CREATE TEMP TABLE x ()', { kind: 'temporary', reads: ['x'] }],
    ['CREATE TEMP TABLE x AS SELECT f() FROM t', { kind: 'temporary', reads: ['t'], functions: ['f'] }],
    ['CREATE TEMP TABLE x AS EXECUTE p', { kind: 'definition' }],
    ['CREATE TABLE pg_temp.x ()', { kind: 'definition', reads: ['pg_temp.x'] }],
    ['CREATE TEMP TABLE x () INHERITS (t)', { kind: 'definition', reads: ['x', 't'] }],
    [
      'SELECT * FROM a_name_that_is_much_longer_than_the_sixty_three_bytes_that_postgresql_keeps_of_it',
      { kind: 'select', reads: ['a_name_that_is_much_longer_than_the_sixty_three_bytes_that_post'] },
    ],
    [
      'SELECT $1::int, $2 FROM t WHERE id = $3',
      { kind: 'select', reads: ['t'], operators: ['='], types: ['pg_catalog.int4'] },
    ],
  ],
};

describe.each(Object.entries(CASES))('%s', (_, cases) => {
  test.each(cases)('%s', (sql, said) => {
    expect(factsOf(sql)).toEqual([said]);
  });
});

test('each statement of a text has its own facts', () => {
  expect(factsOf('BEGIN; UPDATE a SET x = 1;; SELECT * FROM b; COMMIT')).toEqual([
    { kind: 'transaction' },
    { kind: 'update', reads: ['a'], writes: ['update a'] },
    { kind: 'select', reads: ['b'] },
    { kind: 'transaction', endsTransaction: true },
  ]);
});

test.each(['', ' ; ', '-- SELECT 1', '/* SELECT */'])('there is no statement in "%s"', (sql) => {
  expect(factsOf(sql)).toEqual([]);
});

test.each([
  ['SELEC 1', 'syntax error at or near "SELEC"'],
  ['SELECT * FROM', 'syntax error at end of input'],
  ["SELECT 'x", 'unterminated quoted string at or near "\'x"'],
  ['SELECT /* x', 'unterminated /* comment at or near "/* x"'],
  ['SELECT FROM t FETCH FIRST 1 ROW WITH TIES', 'WITH TIES cannot be specified without ORDER BY clause'],
  ["SELECT E'\\xff'", 'invalid byte sequence for encoding "UTF8": 0xff'],
  ['SELECT 1\0; DELETE FROM t', 'statement holds a zero byte'],
])('%s: %s', (sql, error) => {
  expect(parse(sql)).toEqual({ error });
});

function factsOf(sql: string): Said[] {
  const result = parse(latin1(new TextEncoder().encode(sql)));
  if ('error' in result) throw new Error(result.error);
  return result.statements.map((statement) => {
    const said = Object.entries(statement).map(([fact, value]) => [fact, written(value)] as const);
    return Object.fromEntries(
      said.filter(([, value]) => value !== false && (value === true || value.length > 0)),
    ) as Said;
  });
}

function written(
  value: string | boolean | (string | QualifiedName | WrittenRelation)[],
): string | boolean | string[] {
  if (!Array.isArray(value)) return value;
  return value.map((item) => {
    if (typeof item === 'string') return item;
    const name = item.schema === undefined ? item.name : `${item.schema}.${item.name}`;
    return 'action' in item ? `${item.action} ${name}` : name;
  });
}
