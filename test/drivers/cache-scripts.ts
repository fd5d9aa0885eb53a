/** What drivers may say on the wire around statements that a cache answers: each must hear just what PostgreSQL says. */
import { int32, message } from '../faults/wire.ts';
import type { Saying } from '../faults/wire-driver.ts';

const SYNC = message('S');
const FLUSH = message('H');
const READ = 'select id, title from books where id = 1';
const OTHER = 'select count(*) from books';
const WITH_PARAMETER = 'select title from books where id = $1';

/** By what they are about. They leave nothing behind. */
export const SCRIPTS: Record<string, Saying[]> = {
  'a statement is run again and again, and closed': [
    says(parse('a', READ), describe('S', 'a'), SYNC),
    says(bind('a'), execute(), SYNC),
    says(bind('a'), describe('P', ''), execute(), SYNC),
    says(close('S', 'a'), SYNC),
    says(bind('a'), execute(), SYNC),
    says(parse('a', OTHER), bind('a'), execute(), SYNC),
    says(bind('a'), execute(), SYNC),
  ],
  'a name is parsed twice': [
    says(parse('a', READ), SYNC),
    says(parse('a', READ), SYNC),
    says(parse('a', OTHER), describe('S', 'a'), SYNC),
    says(bind('a'), execute(), SYNC),
  ],
  'DEALLOCATE of what only the edge knows': [
    says(parse('a', READ), describe('S', 'a'), SYNC),
    says(parse('b', OTHER), describe('S', 'b'), SYNC),
    simple('deallocate a'),
    says(bind('a'), execute(), SYNC),
    says(bind('b'), execute(), SYNC),
    simple('deallocate all'),
    says(bind('b'), execute(), SYNC),
    says(parse('b', READ), bind('b'), execute(), SYNC),
    simple('deallocate no_such_statement'),
  ],
  'the unnamed statement lives until it is replaced': [
    says(parse('', READ), describe('S', ''), SYNC),
    says(bind(''), execute(), SYNC),
    says(bind(''), describe('P', ''), execute(), SYNC),
    says(parse('', OTHER), bind(''), execute(), SYNC),
    says(bind(''), execute(), SYNC),
    says(parse('a', READ), bind('a'), execute(), SYNC),
    says(bind(''), execute(), SYNC),
    simple(READ),
    says(bind(''), execute(), SYNC),
    says(parse('', READ), bind(''), execute(), SYNC),
    says(parse('', 'selec'), SYNC),
    says(bind(''), execute(), SYNC),
  ],
  'a description is awaited behind a Flush': [
    awaits(parse('a', WITH_PARAMETER), describe('S', 'a'), FLUSH),
    says(bind('a', '1'), execute(), SYNC),
    awaits(parse('b', 'select no_such_column from books'), describe('S', 'b'), FLUSH),
    says(bind('a', '2'), execute(), SYNC),
    awaits(parse('', WITH_PARAMETER), describe('S', ''), FLUSH),
    awaits(parse('', OTHER), describe('S', ''), FLUSH),
    says(SYNC),
    says(bind(''), execute(), SYNC),
  ],
  'Sync alone, and nothing at all': [
    says(SYNC),
    says(SYNC, SYNC, SYNC),
    simple(''),
    simple(' ; -- nothing'),
    says(parse('', ''), bind(''), describe('P', ''), execute(), SYNC),
    says(FLUSH, SYNC),
    simple(READ),
  ],
  'errors keep their place in the text': [
    simple(`/* a comment */ ${READ} /* and */ and no_such_column`),
    says(parse('', `-- a comment\n${READ} and no_such_column`), SYNC),
    simple(`${READ};`),
    simple(`${READ}; select 1`),
    simple(`${READ}; select no_such_column`),
    says(parse('', `${READ}; select 1`), SYNC),
    simple("select id from books where id = 'x'"),
    says(parse('', WITH_PARAMETER), bind('', 'x'), execute(), SYNC),
    says(parse('', WITH_PARAMETER), bind(''), execute(), SYNC),
    says(parse('', WITH_PARAMETER), bind('', '1', '2'), execute(), SYNC),
    simple(READ),
  ],
  'hits, misses and writes in one pipeline keep their order': [
    simple(READ),
    pipelines(
      [parse('', READ), bind(''), execute(), SYNC],
      [parse('', "update books set title = 'other' where id = 1"), bind(''), execute(), SYNC],
      [parse('', READ), bind(''), execute(), SYNC],
      [parse('', "update books set title = 'Book 1' where id = 1"), bind(''), execute(), SYNC],
      [parse('', READ), bind(''), describe('P', ''), execute(), SYNC],
      [parse('', OTHER), bind(''), execute(), SYNC],
    ),
    pipelines([query(READ)], [query(OTHER)], [query('select 1 / 0')], [query(READ)]),
    says(
      parse('', READ),
      bind(''),
      execute(),
      parse('', 'select 1 / 0'),
      bind(''),
      execute(),
      bind(''),
      SYNC,
    ),
    says(parse('', READ), bind(''), execute(), parse('', OTHER), bind(''), execute(), SYNC),
    pipelines(
      [parse('x', READ), SYNC],
      [bind('x'), execute(), SYNC],
      [bind('y'), execute(), SYNC],
      [query(READ)],
    ),
  ],
  'portals are read in pieces': [
    says(parse('', 'select id from books order by id limit 5'), bind(''), execute(2), execute(2), SYNC),
    says(parse('', 'select id from books order by id limit 5'), bind(''), execute(0), SYNC),
    simple('begin'),
    says(parse('', READ), bind(''), execute(), SYNC),
    says(bindPortal('p'), execute(1, 'p'), SYNC),
    says(execute(1, 'p'), close('P', 'p'), SYNC),
    simple('declare c cursor for select id from books order by id'),
    simple('fetch 3 from c'),
    simple('commit'),
    simple('fetch 1 from c'),
  ],
  'transactions see what they wrote, and failed ones see nothing': [
    simple(READ),
    simple('begin'),
    simple("update books set title = 'mine' where id = 1"),
    simple(READ),
    says(parse('', READ), bind(''), execute(), SYNC),
    simple('rollback'),
    simple(READ),
    simple('begin'),
    simple('select 1 / 0'),
    simple(READ),
    says(parse('', READ), bind(''), execute(), SYNC),
    simple('commit'),
    simple(READ),
    simple(`begin; ${READ}; commit`),
  ],
  'COPY between two hits': [
    simple(OTHER),
    simple("copy (select 'out') to stdout"),
    simple(OTHER),
    { bytes: query('copy books from stdin'), endsWith: 'G' },
    says(message('d', '101\tCopied\n'), message('c')),
    simple(OTHER),
    simple('select title from books where id = 101'),
    { bytes: query('copy books from stdin'), endsWith: 'G' },
    says(message('f', 'no\0')),
    simple('delete from books where id = 101'),
    simple(OTHER),
    simple('select title from books where id = 101'),
  ],
  'a temporary table hides a table': [
    simple(OTHER),
    says(parse('a', OTHER), describe('S', 'a'), SYNC),
    simple('create temporary table books (id int, title text)'),
    simple(OTHER),
    says(parse('', OTHER), bind(''), execute(), SYNC),
    // Not `a` by its name: PostgreSQL itself plans it anew only in a session that had no temporary table before.
    simple('select count(*) from public.books'),
    simple('drop table pg_temp.books'),
    simple(OTHER),
    says(bind('a'), execute(), SYNC),
  ],
};

function says(...parts: Buffer[]): Saying {
  const times = parts.filter((part) => part === SYNC).length;
  return { bytes: Buffer.concat(parts), endsWith: 'Z', times: Math.max(times, 1) };
}

/** Several exchanges at once. */
function pipelines(...exchanges: Buffer[][]): Saying {
  return { bytes: Buffer.concat(exchanges.flat()), endsWith: 'Z', times: exchanges.length };
}

function awaits(...parts: Buffer[]): Saying {
  return { bytes: Buffer.concat(parts), endsWith: 'T' };
}

function simple(sql: string): Saying {
  return { bytes: query(sql), endsWith: 'Z' };
}

function query(sql: string): Buffer {
  return message('Q', `${sql}\0`);
}

function parse(name: string, sql: string): Buffer {
  return message('P', `${name}\0${sql}\0`, Buffer.alloc(2));
}

function describe(kind: 'S' | 'P', name: string): Buffer {
  return message('D', `${kind}${name}\0`);
}

function close(kind: 'S' | 'P', name: string): Buffer {
  return message('C', `${kind}${name}\0`);
}

/** Parameters and results in text. */
function bind(statement: string, ...values: string[]): Buffer {
  const count = Buffer.of(0, values.length);
  const parameters = values.flatMap((value) => [int32(value.length), value]);
  return message('B', `\0${statement}\0`, Buffer.alloc(2), count, ...parameters, Buffer.alloc(2));
}

/** Of the unnamed statement. */
function bindPortal(portal: string): Buffer {
  return message('B', `${portal}\0\0`, Buffer.alloc(6));
}

function execute(rowsMax = 0, portal = ''): Buffer {
  return message('E', `${portal}\0`, int32(rowsMax));
}
