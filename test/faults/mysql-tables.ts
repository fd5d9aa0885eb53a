/** As tables.ts, for MySQL and MariaDB: the same tables, so that the same truth can be checked. */
import type { Chance } from './chance.ts';
import type { RowName } from './history.ts';
import type { Statement, Write } from './tables.ts';

const IDS = 3;
const HOT_PERCENT = 70;
const TABLES = ['plain', 'other', 'parent', 'child', 'source', 'mirror', 'part'] as const;
type Table = (typeof TABLES)[number];
/** What a write of a table changes besides. */
const FOLLOWERS: Partial<Record<Table, Table>> = { parent: 'child', source: 'mirror' };
const WRITABLE = ['plain', 'other', 'parent', 'source', 'part'] as const;

export const MYSQL_SCHEMA: readonly string[] = [
  ...['plain', 'other', 'source', 'mirror'].map(
    (name) => `create table ${name} (id int primary key, n int not null)`,
  ),
  'create table parent (id int primary key, n int not null, unique (id, n))',
  `create table child (id int primary key, n int not null,
    foreign key (id, n) references parent (id, n) on update cascade)`,
  `create table part (id int primary key, n int not null) partition by range (id)
    (partition low values less than (2), partition high values less than (100))`,
  'create view plain_view as select id, n from plain',
  'create view pair as select p.id, p.n as plain, o.n as other from plain p join other o on o.id = p.id',
  `create trigger mirrored after update on source for each row
    update mirror set n = greatest(n, new.n) where id = new.id`,
  `create function raise_plain(which int, to_n int) returns int deterministic modifies sql data
    begin update plain set n = greatest(n, to_n) where id = which; return to_n; end`,
  ...TABLES.map((name) => `insert into ${name} values (1, 0), (2, 0), (3, 0)`),
];

export function someMySqlRead(chance: Chance): Statement {
  const id = chance.percent(HOT_PERCENT) ? 1 : chance.below(IDS) + 1;
  const table = chance.of(TABLES);
  const second = chance.of(TABLES.filter((one) => one !== table));
  return chance.of<() => Statement>([
    () => ({ text: `select id, n as ${table} from ${table} where id = $1`, values: [id] }),
    () => ({
      text: `select id, n as ${table} from ${table} where id between $1 and $2`,
      values: [id, id + 2],
    }),
    () => ({ text: `select id, n as ${table} from ${table} order by id`, values: [] }),
    () => ({
      text: `select a.id, a.n as ${table}, b.n as ${second} from ${table} a join ${second} b on b.id = a.id where a.id = $1`,
      values: [id],
    }),
    () => ({ text: 'select id, plain, other from pair where id = $1', values: [id] }),
    () => ({ text: 'select id, n as plain from plain_view where id = $1', values: [id] }),
    () => ({
      text: `with t as (select id, n from part partition (${id < 2 ? 'low' : 'high'})) select id, n as part from t where id = $1`,
      values: [id],
    }),
  ])();
}

export function someMySqlWrite(chance: Chance): Write {
  const id = chance.below(IDS) + 1;
  const table = chance.of(WRITABLE);
  const second = chance.of(WRITABLE.filter((one) => one !== table));
  // Locked in one order, so that no two transactions wait for each other.
  const [early = table, late = second] = [table, second].sort();
  const rows = (...tables: Table[]): RowName[] =>
    tables.flatMap((one) =>
      [one, ...(FOLLOWERS[one] ? [FOLLOWERS[one]] : [])].map((name) => `${name}:${id}`),
    );
  return chance.of<() => Write>([
    () => ({ rows: rows(table), statements: (n) => [update(table, id, n)] }),
    () => ({ rows: rows('plain'), statements: (n) => [update('plain_view', id, n)] }),
    () => ({
      rows: rows('plain'),
      statements: (n) => [{ text: 'select raise_plain($1, $2)', values: [id, n] }],
    }),
    () => ({
      rows: rows('plain', 'other'),
      statements: (n) => [
        {
          text: `update plain p join other o on o.id = p.id
            set p.n = greatest(p.n, $2), o.n = greatest(o.n, $2) where p.id = $1`,
          values: [id, n],
        },
      ],
    }),
    () => ({
      rows: rows('part'),
      statements: (n) => [
        {
          text: 'insert into part values ($1, $2) on duplicate key update n = greatest(n, $2)',
          values: [id, n],
        },
      ],
    }),
    () => ({ rows: rows(table, second), statements: (n) => [update(early, id, n), update(late, id, n)] }),
  ])();
}

function update(table: string, id: number, n: number): Statement {
  return { text: `update ${table} set n = greatest(n, $2) where id = $1`, values: [id, n] };
}
