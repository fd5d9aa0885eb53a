/** Tables whose reading depends on nearly everything that a session can set. */
export const SCHEMA = `
do $$ begin execute format('alter database %I set search_path = first', current_database()); end $$;
create type mood as enum ('bad', 'fair', 'good');
create schema first;
create schema second;
create table first.things (
  id int primary key, name text, at timestamptz, moment timestamp, day date, span interval, raw bytea,
  half float4, ratio float8, price numeric(12, 3), doc json, docb jsonb, list int[], words text[], feel mood,
  big int8, small int2, flag bool, code char(4), ident uuid, clock timetz, cash money, net inet);
create table second.things (like first.things including all);
insert into first.things
  select n, 'name ' || n || case when n % 3 = 0 then ' äöü' else '' end,
    timestamptz '2026-03-29 00:30:00.123456Z' + n * interval '7 hours 13 minutes',
    timestamp '2026-01-02 03:04:05' + n * interval '1 day', date '2026-01-02' + n,
    make_interval(years => n % 2, months => n, days => n, hours => -n, secs => n / 3.0),
    decode(lpad(to_hex(n * 7919), 8, '0'), 'hex') || '\\x5c00ff', n / 3.0, n / 7.0, n * 1234.567,
    json_build_object('n', n, 'text', 'a "b" \\ ä'), jsonb_build_object('n', n, 'z', null),
    array[n, null, -n], array['a,b', 'c"d', null, 'NULL', ''], (array['bad', 'fair', 'good'])[1 + n % 3]::mood,
    n * 9007199254740993, n, n % 2 = 0, 'c' || n, ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid,
    timetz '12:34:56+02', n * 12.34, ('10.0.0.' || n)::inet
  from generate_series(1, 12) n;
insert into first.things (id) values (13);
insert into second.things select * from first.things where id < 7;
update second.things set name = 'second ' || id, price = -price;
create role reader; create role writer;
create table first.secrets (id int primary key, owner text, tenant text);
insert into first.secrets values (1, 'reader', 'one'), (2, 'writer', 'one'), (3, 'reader', 'two'), (4, 'postgres', 'two');
alter table first.secrets enable row level security;
create policy own on first.secrets using (owner = current_user or tenant = current_setting('app.tenant', true));
create view first.seen with (security_invoker) as select * from first.secrets;
create view second.cheap as select id, price from first.things where price < 5000;
grant usage on schema first, second to reader, writer;
grant select on all tables in schema first, second to reader;
grant select on first.secrets, first.things to writer`;
