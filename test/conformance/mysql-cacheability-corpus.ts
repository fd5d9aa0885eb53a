/**
 * Statements on the databases of mysql-cacheability-schema.ts, each with the verdict that a person who knows MySQL
 * gives. The test holds the verdicts against the judge, and the judge against real servers.
 */
import type { CacheStatus } from '../../src/protocols/caching.ts';

export interface MySqlCase {
  sql: string;
  status: CacheStatus;
  /** Part of the reason. */
  because?: string;
  /** For `miss`. Without a database: of `shop`. */
  reads?: string[];
  writes: string[] | 'everything';
  settings?: Record<string, string>;
  /** Only this server knows such a statement. */
  only?: 'mysql' | 'mariadb';
  /** It cannot be undone, or is refused where the test runs it: in a transaction. */
  cannotRun?: true;
  /** Run again in another session, its reply differs. */
  differs?: true;
}

type More = Partial<Omit<MySqlCase, 'sql'>>;

function miss(sql: string, reads: string, more: More = {}): MySqlCase {
  return { sql, status: 'miss', reads: names(reads), writes: [], ...more };
}

function refused(status: CacheStatus, sql: string, because: string, more: More = {}): MySqlCase {
  return { sql, status, because, writes: [], ...more };
}

const moves = (sql: string, because: string, more: More = {}): MySqlCase =>
  refused('volatile', sql, because, more);
const no = (sql: string, because: string, more: More = {}): MySqlCase =>
  refused('uncacheable', sql, because, more);
const noQuery = (sql: string, more: More = {}): MySqlCase => refused('notaquery', sql, '', more);

/** A statement that writes: not cached, and this is what it may change. */
function writes(sql: string, tables: string, more: More = {}): MySqlCase {
  return { sql, status: 'uncacheable', writes: tables === '*' ? 'everything' : names(tables), ...more };
}

function defines(sql: string, more: More = {}): MySqlCase {
  return { sql, status: 'notaquery', writes: 'everything', cannotRun: true, ...more };
}

function names(text: string): string[] {
  const words = text.split(/\s+/).filter((word) => word !== '');
  return words.map((word) => (word.includes('.') ? word : `shop.${word}`));
}

const CACHEABLE: MySqlCase[] = [
  miss('select 1', ''),
  miss('SELECT 1;', ''),
  miss('select 1 from dual', ''),
  miss('(select 1)', ''),
  miss('((select id from users) union (select id from orders)) order by 1', 'users orders'),
  miss('values row(1, 2), row(3, 4)', '', { only: 'mysql' }),
  miss('values (1, 2), (3, 4)', '', { only: 'mariadb' }),
  miss('table users', 'users', { only: 'mysql' }),
  miss('select * from (table users) t', 'users', { only: 'mysql' }),
  miss('select * from users where id = 1', 'users'),
  miss('select * from shop.users', 'users'),
  miss('select * from `shop` . `users`', 'users'),
  miss('select * from other.users', 'other.users'),
  miss('select * from users', 'other.users', { settings: { database: 'other' } }),
  miss('select * from users u, other.users o order by u.id, o.id', 'users other.users'),
  miss('SELECT `users`.`name` AS `u2` FROM `users` LIMIT 3', 'users'),
  miss('select "users"."name" from "users"', 'users', { settings: { sql_mode: 'ANSI_QUOTES' } }),
  miss('select name, "now()" from users', 'users'),
  miss('select /* now() */ name -- rand()\n from users # uuid()\n order by id', 'users'),
  miss('select 5--1', ''),
  miss("select 'it''s now()', 'it\\'s rand()', \"a \\\" b\" from users", 'users'),
  miss("select 'a\\' as x, name from users", 'users', { settings: { sql_mode: 'NO_BACKSLASH_ESCAPES' } }),
  miss("select 'insert into users' as text from users", 'users'),
  miss('select count(*), min(total), avg(total), sum(total) from orders', 'orders'),
  miss('select count(distinct user_id) from orders', 'orders'),
  miss('select u.name, o.total from users u join orders o on o.user_id = u.id order by 1, 2', 'users orders'),
  miss(
    'select u.name from users u left join (orders o, items i) on o.user_id = u.id and i.order_id = o.id order by 1',
    'users orders items',
  ),
  miss('select straight_join u.name from users u straight_join orders o on true order by 1', 'users orders'),
  miss('select name from users use index for order by (primary) order by id', 'users'),
  miss('select name from users force index (primary), plain order by 1', 'users plain'),
  miss('select * from users natural join plain order by 1', 'users plain'),
  miss('select * from users join orders using (id) order by 1', 'users orders'),
  miss(
    'select * from users u, lateral (select * from orders o where o.user_id = u.id) x order by x.id',
    'users orders',
    { only: 'mysql' },
  ),
  miss('select name from users where exists (select 1 from orders where user_id = users.id)', 'users orders'),
  miss('select (select name from products where id = 1), id from users order by id', 'users products'),
  miss('select id from users where id in (select user_id from orders) order by id', 'users orders'),
  miss('select id from users where id > all (select id from plain where id < 0) order by id', 'users plain'),
  miss('with u as (select * from users) select * from u order by id', 'users'),
  miss('with u (a, b) as (select id, name from users) select a from u order by a', 'users'),
  miss('with recursive t (n) as (select 1 union all select n + 1 from t where n < 10) select * from t', ''),
  miss('with a as (select 1 as x), b as (select id from users) select * from a, b order by id', 'users'),
  // That a name of WITH hides the table is not seen: it depends on more than it reads.
  miss('with users as (select 1 as id) select * from users', 'users'),
  miss('select id from users union select id from products order by 1', 'users products'),
  miss('select id from users except select id from orders', 'users orders'),
  miss(
    'select *, row_number() over (partition by user_id order by total) as n from orders order by id',
    'orders',
  ),
  miss('select rank() over w from orders window w as (order by total)', 'orders'),
  miss('select user_id, sum(total) from orders group by user_id with rollup', 'orders'),
  miss('select user_id from orders group by user_id having sum(total) > 1 order by 1', 'orders'),
  miss('select upper(name), lower(name), char_length(name), concat(name, 1) from users order by id', 'users'),
  miss(
    "select coalesce(name, email), ifnull(name, ''), nullif(name, email), greatest(1, id) from users order by id",
    'users',
  ),
  miss(
    "select case when id > 1 then name else email end, if(id = 1, 'a', 'b') from users order by id",
    'users',
  ),
  miss(
    'select cast(id as char(10)), cast(id as decimal(10, 2)), convert(id, char) from users order by id',
    'users',
  ),
  miss(
    "select date '2024-01-01', timestamp '2024-01-01 10:00:00', x'41', b'01', 0x41, _utf8mb4 'x', n'y'",
    '',
  ),
  miss("select '2024-01-01' + interval 1 day, date_add('2024-01-01', interval 1 month)", ''),
  miss(
    "select extract(year from '2024-05-05'), year(created), date_format(created, '%Y-%m') from users order by id",
    'users',
  ),
  miss(
    "select datediff(created, '2024-01-01'), timestampdiff(hour, '2024-01-01', created) from users order by id",
    'users',
  ),
  miss('select from_unixtime(0)', '', { settings: { time_zone: '+05:00' } }),
  miss("select group_concat(name order by id separator ',') from users", 'users'),
  miss(
    "select substring(name, 1, 2), substring(name from 1 for 1), trim(both 'x' from name), position('n' in name) from users order by id",
    'users',
  ),
  miss(
    "select replace(name, 'A', 'B'), insert(name, 1, 1, 'x'), left(name, 1), right(name, 1), repeat('a', 2) from users order by id",
    'users',
  ),
  miss("select doc -> '$.n', doc ->> '$.n' from products order by id", 'products', { only: 'mysql' }),
  miss(
    "select json_extract(doc, '$.n'), json_object('id', id), json_array(1) from products order by id",
    'products',
  ),
  miss('select json_arrayagg(id), json_objectagg(id, name) from plain join users using (id)', 'plain users'),
  miss("select j.n from json_table('[{\"n\": 1}]', '$[*]' columns (n int path '$.n')) as j", ''),
  miss(
    "select p.id, j.n from products p, json_table(p.doc, '$' columns (n int path '$.n')) as j order by 1",
    'products',
  ),
  miss("select 1 member of ('[1, 2]')", '', { only: 'mysql' }),
  miss("select id from articles where match (body) against ('fox' in boolean mode)", 'articles'),
  miss(
    "select name from users where name like 'A%' or name regexp '^B' or name rlike 'x' order by id",
    'users',
  ),
  miss(
    "select name from users where name sounds like 'Ann' and id between 1 and 3 and id in (1, 2)",
    'users',
  ),
  miss('select sha2(name, 256), crc32(name), hex(name) from users order by id', 'users'),
  miss('select md5(name), sha1(name) from users order by id', 'users', { only: 'mariadb' }),
  miss("select inet_aton('10.0.0.1'), bin(5), conv(10, 10, 2), format(1234.5, 1)", ''),
  miss('select id from `select` where `from` = 1', 'select'),
  miss('select `odd name`, day from hours', 'hours'),
  miss('select * from hours', 'hours'),
  miss('select * from parts partition (p0)', 'parts'),
  miss('select * from sums', 'sums'),
  miss('select * from clocks', 'clocks', { only: 'mysql' }),
  miss('select * from user_orders order by total', 'user_orders users orders'),
  miss('select * from big_orders', 'big_orders user_orders users orders'),
  miss('select * from user_names order by id', 'user_names users'),
  miss('select name from other.shop_users order by id', 'other.shop_users users'),
  miss('select distinct high_priority name from users order by name limit 1 offset 1', 'users'),
  miss('select sql_small_result user_id, count(*) from orders group by user_id order by 1', 'orders'),
  miss('select name collate utf8mb4_bin, binary name from users order by id', 'users'),
  miss("select id from users where (id, name) in ((1, 'Ann'), (2, 'x'))", 'users'),
  miss('select true, false, null, not 1, 1 xor 0, 5 div 2, 5 mod 2, 1 is not null', ''),
  miss('select log from (select 1 as log) x', 'log'),
  miss('select unix_timestamp from (select 1 as unix_timestamp) x', ''),
  miss('select time from (select 1 as time, 2 as b) x where time > 0', ''),
];

const MOVING: MySqlCase[] = [
  moves('select now()', 'now()', { differs: true }),
  moves('select now(6)', 'now()', { differs: true }),
  moves('select NOW ()', 'now()', { cannotRun: true }),
  moves('select/**/now/**/()', 'now()', { cannotRun: true }),
  moves('select current_timestamp', 'CURRENT_TIMESTAMP', { differs: true }),
  moves('select current_timestamp(3)', 'CURRENT_TIMESTAMP', { differs: true }),
  moves('select current_date', 'CURRENT_DATE', { differs: true }),
  moves('select current_time()', 'CURRENT_TIME', { differs: true }),
  moves('select curdate(), curtime()', 'curdate()', { differs: true }),
  moves('select localtime', 'LOCALTIME', { differs: true }),
  moves('select localtimestamp()', 'LOCALTIMESTAMP', { differs: true }),
  moves('select utc_date', 'UTC_DATE', { differs: true }),
  moves('select utc_time(), utc_timestamp(2)', 'UTC_TIME', { differs: true }),
  moves('select sysdate()', 'SYSDATE'),
  moves('select unix_timestamp()', 'unix_timestamp()', { differs: true }),
  moves('select name from users where created > now() - interval 1 day', 'now()'),
  moves('select rand()', 'rand()', { differs: true }),
  moves('select name from users order by rand()', 'rand()'),
  moves('select uuid()', 'uuid()', { differs: true }),
  moves('select uuid_short()', 'uuid_short()'),
  moves('select random_bytes(4)', 'random_bytes()', { differs: true }),
  moves('select connection_id()', 'connection_id()', { differs: true }),
  moves('select current_user', 'CURRENT_USER'),
  moves('select current_user()', 'CURRENT_USER'),
  moves('select user(), session_user(), system_user()', 'SESSION_USER'),
  moves('select current_role()', 'CURRENT_ROLE'),
  moves('select last_insert_id()', 'last_insert_id()'),
  moves('select last_insert_id(5)', 'last_insert_id()'),
  moves('select row_count()', 'row_count()'),
  moves('select found_rows()', 'found_rows()'),
  moves('select database(), schema()', 'database()'),
  moves('select version()', 'version()'),
  moves("select get_lock('a', 0)", 'get_lock()'),
  moves("select release_lock('a'), is_free_lock('a'), is_used_lock('a')", 'release_lock()'),
  moves("select load_file('/etc/hostname')", 'load_file()'),
  moves('select sleep(0)', 'sleep()'),
  moves('select benchmark(1, 1)', 'benchmark()'),
  moves("select str_to_date('10:00', '%H:%i')", 'str_to_date()'),
  moves('select timestamp(maketime(10, 0, 0))', 'maketime()', { differs: true }),
  moves("select date_format(sec_to_time(100), '%Y-%m-%d')", 'sec_to_time()', {
    only: 'mysql',
    differs: true,
  }),
  moves("select date(timediff('10:00:00', '09:00:00'))", 'timediff()'),
  moves('select (select count(*) from users where created < now())', 'now()'),
  moves('with t as (select uuid() as u) select * from t', 'uuid()', { differs: true }),
  moves('select 1 union select now()', 'now()'),
  moves('select id from users where id = (select max(id) from orders) or rand() > 2', 'rand()'),
  moves('select * from recent', 'in the view recent'),
  moves('select * from mine', 'in the view mine'),
  moves('select `a`.`b` from (select 1 as b) a where current_date() > 0', 'CURRENT_DATE'),
  moves('select sys_guid()', 'sys_guid()', { only: 'mariadb', differs: true }),
  moves('select uuid_v7()', 'uuid_v7()', { cannotRun: true }),
];

const UNCACHEABLE: MySqlCase[] = [
  no('select @@session.time_zone', 'a variable'),
  no('select @@version', 'a variable'),
  no('select @x', 'a variable'),
  no("select @'x', @`y`", 'a variable'),
  no('select @x := 1', 'a variable'),
  no('select id from users where id = @id', 'a variable'),
  no('select id into @a from users limit 1', 'INTO'),
  no("select * from users into outfile '/tmp/x'", 'INTO', { cannotRun: true }),
  no('select * from users for update', 'FOR UPDATE'),
  no('select * from users for share', 'FOR SHARE', { only: 'mysql' }),
  no('select * from users where id = 1 for update skip locked', 'FOR UPDATE'),
  no('select * from users lock in share mode', 'LOCK'),
  no('select sql_no_cache * from users', 'SQL_NO_CACHE'),
  no('select sql_calc_found_rows * from users limit 1', 'SQL_CALC_FOUND_ROWS'),
  no('select * from information_schema.tables', 'not known'),
  no('select * from INFORMATION_SCHEMA.PROCESSLIST', 'not known'),
  no('select * from performance_schema.threads', 'not known'),
  no('select * from mysql.user', 'not known'),
  no('select * from processlist', 'not known', { settings: { database: 'information_schema' } }),
  no('select * from nothing', 'not known', { cannotRun: true }),
  no('select * from users, nothing', 'nothing is not known', { cannotRun: true }),
  no('select * from users join nothing on true', 'nothing is not known', { cannotRun: true }),
  no('select (select 1 from nothing) from users', 'nothing is not known', { cannotRun: true }),
  no('select * from (users, nothing)', 'nothing is not known', { cannotRun: true }),
  no('select * from users where id in (select id from nothing)', 'nothing is not known', { cannotRun: true }),
  no('select * from users', 'not known', { settings: { database: 'nowhere' }, cannotRun: true }),
  moves('select * from clocks', 'a virtual column of clocks', { only: 'mariadb', differs: true }),
  no('select * from isam', 'engine MyISAM'),
  no('select * from users', 'not committed', {
    settings: { transaction_isolation: 'READ-UNCOMMITTED' },
    only: 'mysql',
  }),
  no('select * from users', 'not committed', {
    settings: { tx_isolation: 'READ-UNCOMMITTED' },
    only: 'mariadb',
  }),
  no('select * from volatile_rows', 'engine MEMORY'),
  no('select open_at from hours', 'TIME'),
  no("select date_format(open_at, '%Y-%m-%d') from hours", 'TIME', { only: 'mysql', differs: true }),
  no('select cast(open_at as datetime) from hours', 'TIME', { differs: true }),
  no('select id from hours where cast(day as datetime) < hours.OPEN_AT', 'TIME'),
  no('select * from hours union select id, created, created, id from users', 'TIME', { differs: true }),
  no('with h (a, b, c, d) as (select * from hours) select year(b) from h', 'TIME'),
  no('select id from hours where open_at > 1', 'TIME'),
  no('select * from opening union select id, created from users', 'TIME', { differs: true }),
  no("select cast(time '10:00' as datetime)", 'TIME', { differs: true }),
  no("select timestamp(cast('10:00' as time))", 'TIME', { differs: true }),
  no("select timestamp(time('2024-01-01 10:00'))", 'TIME', { differs: true }),
  no("select convert(convert('10:00', time), datetime)", 'TIME', { differs: true }),
  no("select year(t) from json_table('[\"10:00\"]', '$[*]' columns (t time path '$')) j", 'TIME', {
    differs: true,
  }),
  no("select {ts '2024-01-01 10:00:00'}", '{'),
  no('select vat(1)', 'vat()', { writes: [] }),
  no('select `vat`(1)', 'vat()'),
  no('select shop.vat(1)', 'vat()'),
  no('select user_count()', 'user_count()'),
  no('select * from vat_prices', 'in the view vat_prices'),
  no('select noted(1)', 'noted()', { writes: ['shop.log'] }),
  no('select n from noting', 'noted()', { writes: ['shop.log'] }),
  no('select unknown_function(1)', 'unknown_function()', { writes: 'everything', cannotRun: true }),
  no('select other.abs(1)', 'abs()', { writes: 'everything', cannotRun: true }),
  no('select `now`()', 'now()', { writes: 'everything', cannotRun: true }),
  no('select /*! now() */', 'comment', { writes: 'everything' }),
  no('select 1 /*!50000 , now() */', 'comment', { writes: 'everything' }),
  no('select 1 /*M! , now() */', 'comment', { writes: 'everything' }),
  no('select /*!99999 1 + */ 2', 'comment', { writes: 'everything' }),
  no("select /*+ SET_VAR(time_zone = '+01:00') */ from_unixtime(0)", 'comment', { writes: 'everything' }),
  no('select größe from users', 'letters', { writes: 'everything', cannotRun: true }),
  no('select 1 /* not ended', 'comment', { writes: 'everything', cannotRun: true }),
  no("select 'not ended", 'comment', { writes: 'everything', cannotRun: true }),
  no('select * from users', 'grammar', {
    settings: { sql_mode: 'ORACLE' },
    writes: 'everything',
    only: 'mariadb',
  }),
  no('select 1', 'character set', { settings: { character_set_client: 'gbk' }, writes: 'everything' }),
  no('select next value for s', 'NEXT VALUE', { cannotRun: true }),
  moves('select lastval(s)', 'LASTVAL', { cannotRun: true }),
  no('select * from users procedure analyse()', 'PROCEDURE', { cannotRun: true }),
  no('select * from seq_1_to_5', 'not known', { only: 'mariadb' }),
  no('select * from users for system_time all', 'SYSTEM_TIME', { cannotRun: true }),
  no('select * from users limit rows examined 1', 'EXAMINED', { only: 'mariadb' }),
];

const WRITING: MySqlCase[] = [
  writes("insert into users (name) values ('Cid')", 'users'),
  writes("insert into users values (7, 'Cid', null, now())", 'users'),
  writes("insert users (name) values ('it\\'s')", 'users'),
  writes("insert low_priority ignore into `shop`.`users` (name) values ('x')", 'users'),
  writes("insert into users set name = 'Dot'", 'users'),
  writes(
    'insert into plain (id, value) values (3, 3) as new (a, b) on duplicate key update value = b',
    'plain',
    { only: 'mysql' },
  ),
  writes(
    'insert into plain (id, value) values (1, 5) on duplicate key update value = values(value)',
    'plain',
  ),
  writes('insert into plain (id, value) select id + 10, id from users', 'plain'),
  writes('insert into plain with u as (select 30 as id) select id, 1 from u', 'plain'),
  writes('insert into other.notes values (2, database())', 'other.notes'),
  writes("insert into users values (9, 'x')", 'other.users', { settings: { database: 'other' } }),
  writes('insert into parts partition (p0) (id, value) values (5, 5)', 'parts'),
  writes("insert into user_names (id, name) values (11, 'Eve')", 'user_names users'),
  writes("insert into history (what) values ('x')", 'history audit'),
  writes('insert into plain (id, value) values (4, noted(1))', 'plain log'),
  writes('replace into plain values (1, 9)', 'plain'),
  writes("replace into users (id, name) values (1, 'Ann2')", 'users orders items'),
  writes("update users set name = 'Al' where id = 1", 'users orders'),
  writes('update products set price = price + 1', 'products history audit'),
  writes("update users u join plain p on p.id = u.id set u.name = 'x', p.value = 5", 'users plain orders'),
  writes('update plain, (select 1 as one from log) l set value = one', 'plain log'),
  writes("update user_names set name = 'x' where id = 2", 'user_names users orders'),
  writes('update `shop`.`plain` set value = (select max(id) from users)', 'plain'),
  writes('update ignore plain set value = 1 order by id limit 1', 'plain'),
  writes('delete from users where id = 1', 'users orders items'),
  writes('delete from orders', 'orders items'),
  writes('delete from products where id = 2', 'products items'),
  writes('delete from plain where id in (select id from users) limit 1', 'plain', { cannotRun: true }),
  writes('delete plain from plain join users on users.id = plain.id', 'plain users orders items'),
  writes('delete from p using plain p join log on true', 'plain log'),
  writes('delete p.* from plain as p', 'plain'),
  writes('delete quick from plain', 'plain'),
  writes('delete from reviews', '*', { cannotRun: true }),
  writes('with u as (select 1 as id) delete from plain where id in (select id from u)', 'plain', {
    only: 'mysql',
  }),
  writes('with u as (select 1 as id) update plain, u set value = 7 where plain.id = u.id', 'plain', {
    only: 'mysql',
  }),
  writes('insert into isam values (3, 3)', 'isam', { cannotRun: true }),
  writes('insert into volatile_rows values (3)', 'volatile_rows', { cannotRun: true }),
  writes('insert into nothing values (1)', '*', { cannotRun: true }),
  writes('update nothing set a = 1', '*', { cannotRun: true }),
  writes('delete from nothing', '*', { cannotRun: true }),
  writes("load data local infile 'x' into table plain", 'plain', { cannotRun: true }),
  writes("load data infile 'x' replace into table users", 'users orders items', { cannotRun: true }),
  writes('call noted_well()', '*'),
  writes('insert into plain values (5, unknown_function(1))', '*', { cannotRun: true }),
  writes('insert /*+ SET_VAR(unique_checks = OFF) */ into plain values (50, 1)', '*'),
  writes('insert /*!40000 into */ plain values (51, 1)', '*'),
  writes('insert into plain (id) values (60) returning noted(id)', 'plain log', { only: 'mariadb' }),
  writes('delete from plain returning id', 'plain', { only: 'mariadb' }),
];

const OTHERS: MySqlCase[] = [
  noQuery('', { cannotRun: true }),
  noQuery(' ; ', { cannotRun: true }),
  noQuery('-- only a comment', { cannotRun: true }),
  noQuery('begin', { cannotRun: true }),
  noQuery('start transaction read only', { cannotRun: true }),
  noQuery('commit', { cannotRun: true }),
  noQuery('rollback', { cannotRun: true }),
  noQuery('savepoint a'),
  noQuery('set names utf8mb4'),
  noQuery('set @x = 1'),
  noQuery('set @x = noted(1)', { writes: ['shop.log'] }),
  noQuery('do sleep(0)'),
  noQuery('do noted(2)', { writes: ['shop.log'] }),
  noQuery('show tables'),
  noQuery('show create table users'),
  noQuery('describe users'),
  noQuery('explain select * from users'),
  noQuery('use other', { cannotRun: true }),
  noQuery('set autocommit = 0', { cannotRun: true }),
  noQuery('truncate table plain', { writes: ['shop.plain'], cannotRun: true }),
  noQuery("set statement time_zone = '+01:00' for insert into plain values (70, 1)", {
    writes: 'everything',
    only: 'mariadb',
  }),
  noQuery("set global time_zone = '+01:00'", { writes: 'everything', cannotRun: true }),
  noQuery('explain analyze select noted(3)', { writes: 'everything', only: 'mysql' }),
  noQuery("xa commit 'x'", { writes: 'everything', cannotRun: true }),
  noQuery('create temporary table mine_only (id int)'),
  defines('analyze update plain set value = 3', { only: 'mariadb' }),
  defines('create table t (id int)'),
  defines('create or replace view v as select 1'),
  defines('alter table users add column x int'),
  defines('drop table if exists nothing'),
  defines('rename table users to people'),
  defines("execute immediate 'delete from users'"),
  defines('begin not atomic delete from users; end', { status: 'multiplestatements' }),
  defines('grant select on users to nobody'),
  defines('select 1; insert into plain values (9, 9)', {
    status: 'multiplestatements',
    writes: ['shop.plain'],
  }),
  defines('use other; delete from users', { status: 'multiplestatements' }),
  defines('select 1; select 2', { status: 'multiplestatements', writes: [] }),
];

export const corpus: readonly MySqlCase[] = [...CACHEABLE, ...MOVING, ...UNCACHEABLE, ...WRITING, ...OTHERS];
