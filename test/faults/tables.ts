/** The tables of the consistency test, and statements that read and write them in all the ways there are. */

import type { Chance } from './chance.ts';
import type { RowName } from './history.ts';

const IDS = 3;
/** Most reads are of one row: what many ask for is what caches hold. */
const HOT_PERCENT = 70;

export const SCHEMA = `
  create table plain (id int primary key, n int not null);
  create table other (id int primary key, n int not null);
  create view plain_view as select id, n from plain;
  create view pair as select p.id, p.n as plain, o.n as other from plain p join other o using (id);

  create table parent (id int primary key, n int not null, unique (id, n));
  create table child (id int primary key, n int not null,
                      foreign key (id, n) references parent (id, n) on update cascade);

  create table source (id int primary key, n int not null);
  create table mirror (id int primary key, n int not null);
  create function copy_to_mirror() returns trigger language plpgsql as
    'begin update mirror set n = greatest(n, new.n) where id = new.id; return new; end';
  create trigger mirrored after update on source for each row execute function copy_to_mirror();

  create table part (id int primary key, n int not null) partition by range (id);
  create table part_low partition of part for values from (1) to (2);
  create table part_high partition of part for values from (2) to (100);

  create function raise_plain(which int, to_n int) returns int language plpgsql as
    'begin update plain set n = greatest(n, to_n) where id = which; return to_n; end';

  insert into plain select id, 0 from generate_series(1, ${IDS}) id;
  insert into other select * from plain;
  insert into parent select * from plain;
  insert into child select * from plain;
  insert into source select * from plain;
  insert into mirror select * from plain;
  insert into part select * from plain;
`;

const TABLES = ['plain', 'other', 'parent', 'child', 'source', 'mirror', 'part'] as const;
type Table = (typeof TABLES)[number];

/** What a write of a table changes besides. */
const FOLLOWERS: Partial<Record<Table, Table>> = { parent: 'child', source: 'mirror' };
const WRITABLE = ['plain', 'other', 'parent', 'source', 'part'] as const;

/** `$1`, `$2` stand for the values, in this order. */
export interface Statement {
  text: string;
  values: number[];
}

export interface Write {
  rows: RowName[];
  /** One: by itself. Several: in a transaction. `number` is what the rows are raised to. */
  statements: (number: number) => Statement[];
}

export function someRead(chance: Chance): Statement {
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
      text: `select a.id, a.n as ${table}, b.n as ${second} from ${table} a join ${second} b using (id) where id = $1`,
      values: [id],
    }),
    () => ({ text: 'select id, plain, other from pair where id = $1', values: [id] }),
    () => ({ text: 'select id, n as plain from plain_view where id = $1', values: [id] }),
    () => ({
      text: `select id, n as part from ${id < 2 ? 'part_low' : 'part_high'} where id = $1`,
      values: [id],
    }),
  ])();
}

export function someWrite(chance: Chance): Write {
  const id = chance.below(IDS) + 1;
  const table = chance.of(WRITABLE);
  const second = chance.of(WRITABLE.filter((one) => one !== table));
  // Locked in one order, so that no two transactions wait for each other; what is in WITH runs last.
  const [early = table, late = second] = [table, second].sort();
  const rows = (...tables: Table[]): RowName[] => tables.flatMap((one) => rowsOf(one, id));
  return chance.of<() => Write>([
    () => ({ rows: rows(table), statements: (n) => [update(table, id, n)] }),
    () => ({ rows: rows(table), statements: (n) => [update(table, id, n)] }),
    () => ({ rows: rows('plain'), statements: (n) => [update('plain_view', id, n)] }),
    () => ({
      rows: rows('plain'),
      statements: (n) => [{ text: 'select raise_plain($1, $2)', values: [id, n] }],
    }),
    () => ({
      rows: rows(table, second),
      statements: (n) => [
        {
          text: `with late as (${update(late, id, n).text}) ${update(early, id, n).text}`,
          values: [id, n],
        },
      ],
    }),
    () => ({
      rows: rows(table, second),
      statements: (n) => [update(early, id, n), update(late, id, n)],
    }),
  ])();
}

function update(table: string, id: number, n: number): Statement {
  return { text: `update ${table} set n = greatest(n, $2) where id = $1`, values: [id, n] };
}

function rowsOf(table: Table, id: number): RowName[] {
  const follower = FOLLOWERS[table];
  return [`${table}:${id}`, ...(follower ? [`${follower}:${id}`] : [])];
}

/** As a simple query takes it: these values need no quotes. */
export function inlined({ text, values }: Statement): string {
  return text.replace(/\$(\d)/g, (_, index: string) => String(values[Number(index) - 1]));
}

/** Columns are named as the tables that they come from. */
export function valuesOf(rows: readonly Record<string, unknown>[]): Map<RowName, number> {
  const found = new Map<RowName, number>();
  for (const { id, ...columns } of rows)
    for (const [table, n] of Object.entries(columns)) found.set(`${table}:${id}`, Number(n));
  return found;
}
