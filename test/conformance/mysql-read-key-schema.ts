/** Tables whose reading depends on nearly everything that a session can set. `OTHER` stands for a second database. */
export const SCHEMA: readonly string[] = [
  'create database OTHER character set utf8mb4',
  `create table things (
    id int primary key, name varchar(40) character set utf8mb4, latin varchar(40) character set latin1, at timestamp(6) null,
    moment datetime(3), day date, raw varbinary(20), price decimal(12, 3), ratio double, half float, doc json,
    feel enum('bad', 'fair', 'good'), tags set('a', 'b', 'c'), bits bit(10), big bigint unsigned, small tinyint, born year,
    code char(6), words text)`,
  `insert into things
    select n, concat('name ', n, if(n % 3 = 0, ' äöü €', '')), concat('latin ', n, ' é'),
      timestamp'2026-03-29 00:30:00.123456' + interval n * 433 minute, timestamp'2026-01-02 03:04:05' + interval n day,
      date'2026-01-02' + interval n day, unhex(lpad(hex(n * 7919), 8, '0')), n * 1234.567, n / 7e0, n / 3e0,
      json_object('n', n, 'text', 'a "b" ä'), 1 + n % 3, n % 8, n * 81, n * 1000000007, n - 6, 2020 + n, concat('c', n),
      repeat('w', n * 30)
    from (with recursive s as (select 1 n union all select n + 1 from s where n < 12) select n from s) s`,
  'insert into things (id) values (13)',
  'create table OTHER.things like things',
  'insert into OTHER.things select * from things where id < 7',
  "update OTHER.things set name = concat('other ', id), price = -price",
  'create view cheap as select id, price, name from things where price < 5000',
];
