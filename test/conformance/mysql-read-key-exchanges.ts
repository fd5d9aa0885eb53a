/** Random exchanges: what a driver of MySQL's may ask; and what it may set before. */
import fc from 'fast-check';

export interface Step {
  sql: string;
  /** Given: it is prepared, and these are its values. */
  values?: (string | number | null)[];
}

// --- what is read ---------------------------------------------------------------------------------------------

/** `$` stands for a parameter of this kind. */
const STATEMENTS: readonly [text: string, ...parameters: Kind[]][] = [
  ['select * from things where id = ?', 'number'],
  ['select * from OTHER.things where id = ?', 'number'],
  ['select id, at, moment, day, born from things order by id limit 4'],
  ['select raw, price, ratio, half, big, small, bits from things where id < 5 order by id'],
  ['select name, latin, doc, feel, tags, code, words from things where name = ? or id = 3', 'text'],
  ["select id from things where at > '2026-03-30 03:15' order by id"],
  ['select id from things where at > ? order by id', 'moment'],
  ['select id, date(?) as d from things where day >= ? order by 1', 'moment', 'moment'],
  ['select ? * ratio, ? from things where id = 5', 'number', 'value'],
  ["select id, name from things where name = 'NAME 1' or latin = 'latin 2 e' order by id"],
  ["select 'a\\nb' as escaped, 'é' as accent, length('é') as n from things where id = 1"],
  ['select "name" from things where id = 1'],
  ["select 'a' || 'b' as piped, not 1 between -5 and 5 as high from things where id = 1"],
  ['select count(*), sum(price), avg(ratio), avg(small) from things where small > ?', 'number'],
  ['select feel, count(*) from things group by feel order by feel'],
  ['select group_concat(words order by id) as w from things'],
  [
    'select id, price / 7 as share, 1 / 3 as third, 10 / ? as q from things where id < 4 order by id',
    'number',
  ],
  [
    'select date_format(day, ?) as f, dayname(day) as n, monthname(day) as m from things where id < 4',
    'format',
  ],
  ['select week(day) as w, week(day, 3) as iso from things order by id'],
  ['select concat(code, "|") as padded, code from things where id < 3 order by id'],
  ['select id from things where name is null or id = null'],
  ['select * from cheap where price < ? order by id', 'number'],
  ['select id, unix_timestamp(at) as u from things where id < 4 order by id'],
  ['select id from things order by name desc, id'],
  ['select distinct substring(name, 1, 4) as s from things order by 1'],
  ['select 1 union select id from things where id < 3 order by 1'],
  ['select * from things where id > 100'],
  ['select no_such_column from things'],
  ['select * from no_such_table'],
  ['select hex(name) as h, charset(name) as c, collation(name) as k from things where id < 4 order by id'],
  ["select if(name < 'name 5', 'less', 'more') as l from things where id < 8 order by id"],
];

/** Each setting with values of which at least one changes some reply. */
const SETTINGS: readonly [name: string, ...values: string[]][] = [
  ['time_zone', "'+00:00'", "'+02:00'", "'-03:30'"],
  ['sql_mode', "''", "'ANSI_QUOTES'", "'PIPES_AS_CONCAT'", "'NO_BACKSLASH_ESCAPES'", "'HIGH_NOT_PRECEDENCE'"],
  ['character_set_results', 'utf8mb4', 'latin1', 'null'],
  ['collation_connection', 'utf8mb4_bin', 'utf8mb4_general_ci', 'utf8mb4_unicode_ci'],
  ['div_precision_increment', '4', '9'],
  ['group_concat_max_len', '1024', '40'],
  ['lc_time_names', "'en_US'", "'de_DE'"],
  ['default_week_format', '0', '3'],
  ['sql_select_limit', '2', '100'],
  ['max_sort_length', '8', '1024'],
  ['sql_safe_updates', '0', '1'],
  ['div_precision_increment', '0'],
];
/** Of one flavour alone. */
const OWN_SETTINGS: Record<'mysql' | 'mariadb', readonly (readonly [name: string, ...values: string[]])[]> = {
  mysql: [['sql_mode', "'PAD_CHAR_TO_FULL_LENGTH'", "'TIME_TRUNCATE_FRACTIONAL'"]],
  mariadb: [['sql_mode', "'PAD_CHAR_TO_FULL_LENGTH'", "'EMPTY_STRING_IS_NULL'"]],
};
const OTHERS = [
  'set names utf8mb4',
  'set names latin1',
  'set names utf8mb4 collate utf8mb4_bin',
  'use OTHER',
  'use THIS',
];

export function steps(flavour: 'mysql' | 'mariadb'): fc.Arbitrary<Step[]> {
  const settings = [...SETTINGS, ...OWN_SETTINGS[flavour]].flatMap(([name, ...values]) =>
    [...values, 'default'].map((value) => ({ sql: `set ${name} = ${value}` })),
  );
  const setOrOther = fc.constantFrom(...settings, ...OTHERS.map((sql) => ({ sql })));
  const step = fc.oneof({ weight: 2, arbitrary: setOrOther }, { weight: 7, arbitrary: exchange() });
  return fc.array(step, { minLength: 12, maxLength: 24 });
}

function exchange(): fc.Arbitrary<Step> {
  return fc
    .record({
      statement: fc.constantFrom(...STATEMENTS),
      decoration: fc.constantFrom('', '', '', '/* a comment */ ', '-- a line\n', '  '),
      values: fc.record(Object.fromEntries(KINDS.map((kind) => [kind, fc.constantFrom(...VALUES[kind])]))),
      isPrepared: fc.boolean(),
    })
    .map(({ statement: [text, ...kinds], decoration, values, isPrepared }) => {
      const given = kinds.map((kind) => values[kind] ?? null);
      const sql = decoration + text;
      return isPrepared ? { sql, values: given } : { sql: mysqlText(sql, given) };
    });
}

// --- parameters -----------------------------------------------------------------------------------------------

const VALUES = {
  number: [1, 5, 0, '5', -3, 2.5, null],
  /** Where nothing but the value gives it a type; of NULL that is whatever it was before. */
  value: [1, '5', 2.5, 'x'],
  text: ['name 1', 'name 3 äöü €', 'NAME 1', '', null],
  moment: ['2026-03-30 03:15', '2026-01-05', '20260401', null],
  format: ['%W %d %M %Y', '%v', ''],
} satisfies Record<string, (string | number | null)[]>;
type Kind = keyof typeof VALUES;
const KINDS = Object.keys(VALUES) as Kind[];

/** As a driver puts values into a text. */
function mysqlText(sql: string, values: (string | number | null)[]): string {
  const left = [...values];
  return sql.replaceAll('?', () => {
    const value = left.shift() ?? null;
    return typeof value === 'string' ? `'${value}'` : String(value);
  });
}
