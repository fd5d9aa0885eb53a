/** The parser as a guest in a Worker: bounded in memory and depth, quick, and whole again after whatever happened. */
import { expect, test } from 'vitest';
import { parse } from '../../../src/protocols/postgres/parser.ts';
import { ParserEngine } from '../../../src/protocols/postgres/parser-engine.ts';

const MIB = 1024 * 1024;
const STATEMENTS = 20_000;

const ORM_SIZED = `
  SELECT "u"."id", "u"."email", "u"."name", "u"."created_at", "o"."id" AS "order_id", "o"."total", "o"."status",
    coalesce(json_agg(json_build_object('sku', "i"."sku", 'qty', "i"."qty")) FILTER (WHERE "i"."id" IS NOT NULL), '[]')
  FROM "users" AS "u" LEFT JOIN "orders" AS "o" ON "o"."user_id" = "u"."id" AND "o"."deleted_at" IS NULL
    LEFT JOIN "order_items" AS "i" ON "i"."order_id" = "o"."id"
  WHERE "u"."tenant_id" = $1 AND ("u"."email" ILIKE $2 OR "u"."name" ILIKE $3) AND "o"."status" IN ($4, $5, $6)
    AND "o"."total" BETWEEN $7 AND $8 AND EXISTS (SELECT 1 FROM "roles" "r" WHERE "r"."user_id" = "u"."id")
  GROUP BY "u"."id", "o"."id" ORDER BY "o"."created_at" DESC NULLS LAST, "u"."id" ASC LIMIT $9 OFFSET $10`;

test('the parser begins with 4 MiB and keeps within a few under many statements', () => {
  const engine = new ParserEngine();
  expect(engine.memoryBytes).toBe(4 * MIB);
  for (let index = 0; index < STATEMENTS; index += 1) {
    const result = engine.parse(index % 10 === 0 ? `SELEC ${index}` : `${ORM_SIZED} -- ${index}`);
    expect('tree' in result).toBe(index % 10 !== 0);
  }
  console.log(`memory after ${STATEMENTS} statements: ${engine.memoryBytes / MIB} MiB`);
  expect(engine.memoryBytes).toBeLessThanOrEqual(8 * MIB);
  expect(engine.isSpent).toBe(false);
}, 60_000);

test('a statement costs microseconds', () => {
  parse('SELECT 1');
  const made = time(1, () => new ParserEngine().parse('SELECT 1'));
  const simple = time(2_000, () => parse('SELECT * FROM books WHERE id = $1'));
  const sized = time(1_000, () => parse(ORM_SIZED));
  console.log(`first: ${made} us, simple: ${simple} us, ORM-sized: ${sized} us`);
  // Tens and hundreds on an idle machine.
  expect(simple).toBeLessThan(2_000);
  expect(sized).toBeLessThan(10_000);
});

test('a long statement is parsed, and its memory is given back', () => {
  const row = "(1, 'some text of a row', now(), 12.5)";
  const insert = `INSERT INTO t VALUES ${Array(Math.floor((64 * 1024) / (row.length + 2)))
    .fill(row)
    .join(', ')}`;
  const result = parse(insert);
  expect(result).toMatchObject({
    statements: [{ kind: 'insert', writes: [{ name: 't', action: 'insert' }], functions: [{ name: 'now' }] }],
  });
  const engine = new ParserEngine();
  engine.parse(Array(40).fill(insert).join(';'));
  expect(engine.memoryBytes).toBeGreaterThan(16 * MIB);
  expect(engine.isSpent).toBe(true);
  console.log(`64 KiB: ${time(5, () => parse(insert))} us`);
});

test('a statement that would take all memory is refused', () => {
  const engine = new ParserEngine();
  expect(engine.parse(`SELECT ${Array(2_000_000).fill('f(1)').join()}`)).toHaveProperty('error');
  expect(engine.memoryBytes).toBeLessThanOrEqual(96 * MIB);
  expect(engine.isSpent).toBe(true);
});

const BOMBS: Record<string, (depth: number) => string> = {
  operators: (depth) => `SELECT 1${'+1'.repeat(depth)}`,
  parentheses: (depth) => `SELECT ${'('.repeat(depth)}1${')'.repeat(depth)}`,
  subqueries: (depth) => `SELECT ${'(SELECT '.repeat(depth)}1${')'.repeat(depth)}`,
  negations: (depth) => `SELECT ${'NOT '.repeat(depth)}true`,
  unions: (depth) => `SELECT 1${' UNION SELECT 1'.repeat(depth)}`,
  arrays: (depth) => `SELECT ${'ARRAY['.repeat(depth)}1${']'.repeat(depth)}`,
  joins: (depth) => `SELECT FROM ${'('.repeat(depth)}a${' JOIN b ON true)'.repeat(depth)}`,
  cases: (depth) => `SELECT ${'CASE WHEN '.repeat(depth)}true${' THEN 1 END'.repeat(depth)}`,
  calls: (depth) => `SELECT ${'f('.repeat(depth)}1${')'.repeat(depth)}`,
  'common table expressions': (depth) =>
    `${'WITH a AS ('.repeat(depth)}SELECT 1${') SELECT 1'.repeat(depth)}`,
  casts: (depth) => `SELECT 1${'::int'.repeat(depth)}`,
  indirections: (depth) => `SELECT ${'('.repeat(depth)}a${').b'.repeat(depth)}`,
};

test.each(Object.entries(BOMBS))('%s may be nested 100 deep, and 20,000 do no harm', (_, bomb) => {
  expect(parse(bomb(100))).toHaveProperty('statements');
  for (const depth of [500, 1_000, 2_000, 5_000, 10_000, 20_000]) {
    const result = parse(bomb(depth));
    if ('error' in result)
      expect(result.error).toMatch(/too deeply|too complex|memory exhausted|stack depth/);
    expect(parse('SELECT * FROM t')).toMatchObject({ statements: [{ reads: [{ name: 't' }] }] });
  }
});

test('bytes that are no UTF-8 do not throw', () => {
  const text = Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1)).join('');
  const quoted = text.replaceAll('"', '').replaceAll("'", '').replaceAll('\\', '');
  expect(parse(`SELECT '${quoted}', "${quoted.slice(128)}" FROM "\xe9t\xe9"`)).toMatchObject({
    statements: [{ reads: [{ name: '\ufffdt\ufffd' }] }],
  });
  for (let index = 0; index < 256; index += 1) {
    const byte = String.fromCharCode(index);
    expect(() => parse(`SELECT ${byte} ${byte.repeat(70)} "${byte}"`)).not.toThrow();
  }
});

test('any text has an answer', () => {
  // A linear congruential generator: the same texts in each run.
  let seed = 20_261_121;
  const next = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % below;
  };
  const words =
    `${ORM_SIZED} WITH RECURSIVE ( ) INSERT INTO DELETE MERGE ' " $$ -- /* */ E' U&" \xe9 :: [ ] ;`.split(
      /\s+/,
    );
  for (let run = 0; run < 3_000; run += 1) {
    const text = Array.from({ length: next(30) }, () => words[next(words.length)]).join(' ');
    const result = parse(text);
    expect('error' in result || Array.isArray(result.statements)).toBe(true);
  }
});

/** Microseconds each. The clock of a Worker stands still while it computes, but not in tests. */
function time(runs: number, run: () => void): number {
  const startedAt = performance.now();
  for (let index = 0; index < runs; index += 1) run();
  return Math.round(((performance.now() - startedAt) * 10_000) / runs) / 10;
}
