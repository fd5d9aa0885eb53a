/** Random exchanges: what a driver may say to read something, in bytes; and what it may set before. */
import fc from 'fast-check';
import { int32, message } from '../faults/wire.ts';
import type { Saying } from '../faults/wire-driver.ts';

export type Step = { set: string } | { exchange: Exchange };

export interface Exchange {
  text: string;
  values: Value[];
  /** Also of results: none, one for all, or one for each. */
  resultFormats: number[];
  shape: Shape;
  declaresTypes: boolean;
}

interface Value {
  oid: number;
  format: 0 | 1;
  bytes: Buffer | null;
}

const SHAPES = ['simple', 'unnamed', 'described', 'prepared', 'flushed', 'named', 'unnamed twice'] as const;
type Shape = (typeof SHAPES)[number];

// --- what is read ---------------------------------------------------------------------------------------------

/** `$` stands for a parameter of this kind. */
const STATEMENTS: readonly [text: string, ...parameters: Kind[]][] = [
  ['select * from things where id = $1', 'int4'],
  ['select * from first.things where id = $1', 'int4'],
  ['select id, at, moment, day, span, clock from things order by id limit 4'],
  ['select raw, half, ratio, price, cash from things where id < 5 order by id'],
  ['select name, doc, docb, words, list, feel from things where name = $1 or id = 3', 'text'],
  ["select id from things where at > '2026-03-30 03:15' order by id"],
  ["select id, '01/02/2026'::date from things where day > '04/01/2026'::date order by id"],
  ['select id from things where at > $1 order by 1', 'timestamptz'],
  ['select id, $1::date from things where day >= $1::date order by 1', 'date'],
  ['select $1::float8 * ratio, $1::float8 from things where id = 5', 'float8'],
  ['select encode(raw, $1), raw from things where raw > $2 order by id', 'text', 'bytea'],
  ['select span * 2, span > $1::interval from things where id < 4 order by id', 'interval'],
  ["select 'a\\nb' as escaped, 'é' as accent, length('é') from things where id = 1"],
  ['select count(*), sum(price), avg(ratio) from things where flag = $1', 'bool'],
  ['select feel, count(*) from things group by feel order by feel'],
  ['select * from secrets order by id'],
  ['select * from first.seen order by id'],
  ['select * from second.cheap where price < $1::numeric order by id', 'numeric'],
  ['select name from things where name = null'],
  ['select id from things where id = any($1::int[]) order by id', 'int4[]'],
  ['values (1, $1::text), (2, null)', 'text'],
  ['with t as (select id, price from things) select max(price) from t where id <> $1', 'int4'],
  ['select array[1.5, null]::float4[], 0.1::float8 + 0.2, 1e20::float4 from things where id < 3'],
  ['select 1 / $1::int4 from things where id = 1', 'int4'],
  ['table first.things'],
  ['select from things where id < 3'],
  ['select no_such_column from things'],
];

/** Each setting with values of which at least one changes some reply. */
const SETTINGS: readonly [name: string, ...values: string[]][] = [
  ['TimeZone', 'UTC', 'Europe/Berlin', 'America/St_Johns', '<+03>-03'],
  ['DateStyle', 'ISO, MDY', 'ISO, DMY', 'German', 'SQL, DMY', 'Postgres, YMD'],
  ['IntervalStyle', 'postgres', 'iso_8601', 'sql_standard', 'postgres_verbose'],
  ['bytea_output', 'hex', 'escape'],
  ['extra_float_digits', '1', '0', '-3'],
  ['search_path', 'first', 'second, first', 'first, second', 'public', '"$user", second'],
  ['client_encoding', 'UTF8', 'LATIN1'],
  ['standard_conforming_strings', 'on', 'off'],
  ['transform_null_equals', 'off', 'on'],
  ['app.tenant', 'one', 'two', ''],
  ['array_nulls', 'on', 'off'],
  ['lc_monetary', 'C', 'C.UTF-8'],
];
/** The first ones lead back to where many others are. */
const OTHERS = ['reset all', 'discard all', 'reset role', 'set role reader', 'set role writer'];

export function steps(): fc.Arbitrary<Step[]> {
  const setOrOther = fc.oneof({ weight: 3, arbitrary: setting() }, { weight: 2, arbitrary: other() });
  const step = fc.oneof({ weight: 2, arbitrary: setOrOther }, { weight: 7, arbitrary: exchange() });
  return fc.array(step, { minLength: 12, maxLength: 24 });
}

function setting(): fc.Arbitrary<Step> {
  return fc
    .constantFrom(...SETTINGS)
    .chain(([name, ...values]) =>
      fc.constantFrom(...values.map((value) => ({ set: setText(name, value) })), { set: `reset ${name}` }),
    );
}

function setText(name: string, value: string): string {
  return `set ${name} = ${name === 'search_path' ? value : `'${value}'`}`;
}

function other(): fc.Arbitrary<Step> {
  return fc.constantFrom(...OTHERS).map((set) => ({ set }));
}

function exchange(): fc.Arbitrary<Step> {
  return fc
    .record({
      statement: fc.constantFrom(...STATEMENTS),
      decoration: fc.constantFrom('', '', '', '/* a comment */ ', '-- a line\n', '  '),
      values: fc.record(Object.fromEntries(KINDS.map((kind) => [kind, valueOfKind(kind)]))),
      resultFormats: fc.constantFrom<number[]>(
        ...[[], [], [], [0], [0], [1], [1], [1]],
        ...[
          [0, 1],
          [1, 0, 1],
        ],
      ),
      shape: fc.constantFrom(...SHAPES),
      declaresTypes: fc.boolean(),
    })
    .map(({ statement: [text, ...kinds], decoration, values, ...rest }) => ({
      exchange: {
        ...rest,
        text: decoration + text,
        values: kinds.flatMap((kind) => values[kind] ?? []),
      },
    }));
}

// --- parameters -----------------------------------------------------------------------------------------------

const OIDS = {
  int4: 23,
  text: 25,
  timestamptz: 1184,
  date: 1082,
  float8: 701,
  bytea: 17,
  interval: 1186,
  bool: 16,
  numeric: 1700,
  'int4[]': 1007,
};
type Kind = keyof typeof OIDS;
const KINDS = Object.keys(OIDS) as Kind[];

/** The same value as text and, where that is easy to write, in binary. */
const VALUES: Record<Kind, readonly (string | Buffer | null)[]> = {
  int4: ['1', '5', '0', int32(5), int32(0), '+5', null],
  text: ['name 1', 'name 3 äöü', Buffer.from('name 1'), 'hex', 'escape', '', null],
  timestamptz: ['2026-03-30 03:15', '2026-03-30 03:15+00', int64(828_846_900_000_000n), null],
  date: ['2026-04-01', '04/01/2026', '01.04.2026', int32(9_587)],
  float8: ['0.1', '1e10', double(0.1), 'NaN'],
  bytea: ['\\x00', '\\000', Buffer.from([0]), ''],
  interval: ['1 day', 'P1D', '1'],
  bool: ['t', 'false', Buffer.from([1])],
  numeric: ['5000', '1e3'],
  'int4[]': ['{1,2,5}', '{1,NULL}', '{}'],
};

function valueOfKind(kind: Kind): fc.Arbitrary<Value> {
  return fc.constantFrom(
    ...VALUES[kind].map((value): Value => {
      const isBinary = Buffer.isBuffer(value);
      return {
        oid: OIDS[kind],
        format: isBinary ? 1 : 0,
        bytes: typeof value === 'string' ? Buffer.from(value) : value,
      };
    }),
  );
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
}

// --- bytes ----------------------------------------------------------------------------------------------------

const SYNC = message('S');
const FLUSH = message('H');
const EXECUTE = message('E', '\0', int32(0));

/** `prepared`: names that the driver has used, which is added to. */
export function sayingsOf(exchange: Exchange, prepared: Set<string>): Saying[] {
  const { shape, text, values } = exchange;
  const name = `s ${exchange.declaresTypes} ${text.length} ${text}`.slice(0, 60);
  const isNew = !prepared.has(name);
  const bound = (statement: string, describes: boolean): Buffer =>
    Buffer.concat([bind(exchange, statement), ...(describes ? [message('D', 'P\0')] : []), EXECUTE, SYNC]);
  switch (shape) {
    case 'simple':
      // A simple query has no parameters: then its error is compared.
      return [{ bytes: message('Q', `${inlined(text, values)}\0`), endsWith: 'Z' }];
    case 'unnamed':
      return [ready(parse(exchange, ''), bound('', false))];
    case 'described':
      return [ready(parse(exchange, ''), bound('', true))];
    case 'unnamed twice':
      return [ready(parse(exchange, ''), SYNC), ready(bound('', true)), ready(bound('', false))];
    case 'prepared':
      prepared.add(name);
      return [
        ...(isNew ? [ready(parse(exchange, name), describe(name), SYNC)] : []),
        ready(bound(name, false)),
      ];
    case 'flushed':
      prepared.add(name);
      return [
        ...(isNew
          ? [
              {
                bytes: Buffer.concat([parse(exchange, name), describe(name), FLUSH]),
                endsWith: 'T',
              } satisfies Saying,
            ]
          : []),
        ready(bound(name, false)),
      ];
    case 'named':
      prepared.add(name);
      return [isNew ? ready(parse(exchange, name), bound(name, true)) : ready(bound(name, true))];
  }
}

function ready(...parts: Buffer[]): Saying {
  return { bytes: Buffer.concat(parts), endsWith: 'Z' };
}

function inlined(text: string, values: Value[]): string {
  return text.replaceAll(/\$(\d)/g, (_, n: string) => {
    const { format, bytes } = values[Number(n) - 1] ?? { format: 0, bytes: null };
    if (bytes === null) return 'null';
    return format === 1 ? String(bytes.at(-1)) : `'${bytes.toString()}'`;
  });
}

function parse({ text, values, declaresTypes }: Exchange, name: string): Buffer {
  const oids = declaresTypes ? values.map(({ oid }) => int32(oid)) : [];
  return message('P', `${name}\0${text}\0`, int16(oids.length), ...oids);
}

function describe(name: string): Buffer {
  return message('D', `S${name}\0`);
}

function bind({ values, resultFormats }: Exchange, name: string): Buffer {
  const lists = [values.map(({ format }) => format), resultFormats].map((formats) => [
    int16(formats.length),
    ...formats.map(int16),
  ]);
  const [parameterFormats = [], formats = []] = lists;
  const parameters = values.flatMap(({ bytes }) =>
    bytes === null ? [int32(-1)] : [int32(bytes.length), bytes],
  );
  return message('B', `\0${name}\0`, ...parameterFormats, int16(values.length), ...parameters, ...formats);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
