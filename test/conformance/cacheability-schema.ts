/** The database that the corpus is about: each way in which PostgreSQL reads or writes more than a statement names. */
export const SCHEMA = `
create role app login password 'app';
create role clerk;
grant clerk to app;
create schema shop;
create schema app;

create table users (id int primary key, name text, email text, created timestamptz default now());
create table products (id int primary key, name text, price numeric, tags text[], data jsonb);
create table orders (id int primary key, user_id int references users on delete cascade on update cascade,
  total numeric, note text);
create table order_items (id int primary key, order_id int references orders on delete cascade,
  product_id int default 1 references products on delete set null, quantity int);
create table invoices (id int primary key, order_id int references orders on delete restrict);
create table favourites (id int primary key, product_id int default 1 references products on delete set default);
create table audit (id serial primary key, what text);
create table counters (id int primary key, n int);
create table plain (id int primary key, v text);
create table "Odd Name" (id int primary key, "select" text);
create table "größe" (id int primary key, "maß" int);
create table shop.users (id int primary key, nick text);
create table shop.items (id int primary key, label text);
create table app.preferences (id int primary key, v text);
create unlogged table scratch (id int primary key, v text);

create table cycle_a (id int primary key, b int);
create table cycle_b (id int primary key, a int references cycle_a on delete cascade);
alter table cycle_a add foreign key (b) references cycle_b on delete cascade deferrable initially deferred;

create table events (id int, day date, v text) partition by range (day);
create table events_2024 partition of events for values from ('2024-01-01') to ('2025-01-01');
create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01')
  partition by list (v);
create table events_2025_a partition of events_2025 for values in ('a');
create table events_2025_rest partition of events_2025 default;
create table animals (id int, name text);
create table dogs (breed text) inherits (animals);
create table puppies (months int) inherits (dogs);

create foreign data wrapper nowhere;
create server nowhere foreign data wrapper nowhere;
create foreign table remote (id int) server nowhere;
create table mixed (id int) partition by list (id);
create table mixed_1 partition of mixed for values in (1);
create foreign table mixed_2 partition of mixed for values in (2) server nowhere;
create sequence numbers;

create function add_one(int) returns int language sql immutable as 'select $1 + 1';
create function stable_one() returns int language sql stable as 'select 1';
create function volatile_one() returns float language sql volatile as 'select random()';
create function pick(int) returns int language sql immutable as 'select $1';
create function pick(text) returns float language sql volatile as 'select random()';
create function lying(int) returns text language sql immutable as 'select name from users where id = $1';
create function lying_too(n int) returns text language plpgsql immutable as $$
  declare found_name text; begin select name into found_name from users where id = n; return found_name; end $$;
create function lying_atomic(n int) returns text language sql immutable
  begin atomic select name from users where id = n; end;
create function honest_atomic(n int) returns int language sql immutable return n * 2;
create function count_users() returns bigint language plpgsql as $$
  declare n bigint; begin select count(*) into n from users; return n; end $$;
create function log_read() returns int language sql as $$
  insert into public.audit (what) values ('read'); select 1 $$;
create function lying_deeply(int) returns bigint language sql immutable as 'select count_users() + $1';
create function lying_about_time() returns timestamptz language sql immutable as 'select current_timestamp';
create function lying_about_chance() returns float language plpgsql immutable as $$ begin return random(); end $$;
create function writing_index(int) returns int language sql immutable as 'select public.log_read() + $1';
create function iso_day(date) returns text language sql immutable as $$ select to_char($1, 'YYYY-MM-DD') $$;
create function clamp(n int) returns int language plpgsql immutable as $$
  begin if n > 10 then return 10; end if; return greatest(n, 0); end $$;
create function dynamic_immutable(t text) returns int language plpgsql immutable as $$
  declare n int; begin execute 'select length($1)' into n using t; return n; end $$;
create function shop.discount(numeric) returns numeric language sql immutable as 'select $1 * 0.9';
create function shop.rate() returns numeric language sql stable as 'select 0.9';

create function log_text(text) returns void language plpgsql as $$
  begin insert into public.audit (what) values ($1); end $$;
create function raise_price(int) returns void language plpgsql as $$
  begin
    -- update users is only a comment
    update products set price = price + 1 where id = $1;
    if found then perform log_text('price'); end if;
  end $$;
create function bump(i int) returns void language plpgsql as $$
  begin insert into counters values (i, 1) on conflict (id) do update set n = counters.n + 1; end $$;
create function merge_counters() returns void language plpgsql as $$
  begin
    merge into counters c using plain p on c.id = p.id
      when matched then update set n = c.n + 1 when not matched then insert values (p.id, 1);
  end $$;
create function wipe_scratch() returns void language plpgsql as $$ begin truncate table scratch; end $$;
create function dynamic_writer(t text) returns void language plpgsql as $$
  begin execute format('update %I set v = v || ''!''', t); end $$;
create function stable_caller() returns int language sql stable as 'select log_read()';
create function stable_caller_too() returns int language plpgsql stable as $$ begin return log_read(); end $$;
create function reads_writing_view() returns bigint language plpgsql as $$
  declare n bigint; begin select count(logged) into n from writing_view; return n; end $$;
create function atomic_writer(t text) returns void language sql
  begin atomic insert into audit (what) values (t); end;
create function locker() returns int language plpgsql as $$
  declare n int; begin select id into n from users where id = 1 for no key update; return n; end $$;
create function full_name(users) returns text language sql stable as $$ select $1.name || current_date $$;
create function shout(users) returns text language sql immutable as $$ select upper($1.name) $$;
create function logged_name(users) returns text language sql as $$
  insert into audit (what) values ('name'); select $1.name $$;
create function maker() returns void language plpgsql as $$ begin create table if not exists made (id int); end $$;
create procedure fix_prices() language sql as 'update products set price = 1';

create function volatile_add(float, float) returns float language sql volatile as 'select $1 + random()';
create aggregate moody_sum(float) (sfunc = volatile_add, stype = float, initcond = '0');
create aggregate good_sum(float) (sfunc = float8pl, stype = float, initcond = '0');
create function volatile_compare(int, int) returns boolean language sql volatile as 'select random() < 0.5';
create operator <~> (leftarg = int, rightarg = int, function = volatile_compare);
create function plain_compare(int, int) returns boolean language sql immutable as 'select $1 < $2';
create operator <+> (leftarg = int, rightarg = int, function = plain_compare);
create type mood as enum ('sad', 'happy');
create function mood_of(text) returns mood language sql volatile as
  $$ select case when random() < 0.5 then 'sad'::mood else 'happy'::mood end $$;
create cast (text as mood) with function mood_of(text);

create function audit_change() returns trigger language plpgsql as $$
  begin insert into audit (what) values (tg_op); return coalesce(new, old); end $$;
create function set_changed() returns trigger language plpgsql as $$ begin new.v := new.v || now(); return new; end $$;
create function move_on() returns trigger language plpgsql as $$
  begin execute 'insert into audit (what) values (''dynamic'')'; return new; end $$;
create function count_change() returns trigger language plpgsql as $$
  begin perform bump(1); return null; end $$;
create table audited (id int primary key, v text);
create trigger audited after insert or update or delete on audited for each row execute function audit_change();
create table stamped (id int primary key, v text);
create trigger stamped before update on stamped for each row execute function set_changed();
create table dynamic (id int primary key, v text);
create trigger dynamic after insert on dynamic for each row execute function move_on();
create table counted (id int primary key, v text);
create trigger counted after insert or truncate on counted execute function count_change();
create table paused (id int primary key, v text);
create trigger paused after insert on paused for each row execute function move_on();
alter table paused disable trigger paused;
create table picky (id int primary key, v text);
create trigger picky after update on picky for each row when (old.v is distinct from new.v)
  execute function audit_change();
create trigger events_rest after insert or delete on events_2025_rest for each row execute function audit_change();
create table searched (id int primary key, body text, found tsvector);
create trigger searched before insert or update on searched for each row
  execute function tsvector_update_trigger(found, 'pg_catalog.english', body);
create table ruled (id int primary key, v text);
create rule ruled as on insert to ruled do also insert into audit (what) values ('rule');
create table defaulted (id int primary key, n int default log_read());
create table checked (id int primary key, v int check (v < add_one(100)));
create table indexed (id int primary key, n int);
create index on indexed (writing_index(n));
create table child_of_audited (id int primary key, parent int references audited on delete cascade);

create view some_users as select id, name from users where id < 100;
create view order_totals as
  select u.name, sum(o.total) as total from some_users u join orders o on o.user_id = u.id group by u.name;
create view clock as select id, now() as at from users;
create view deep_clock as select id from clock;
create view current_names as select name from users where name <> current_user;
create view with_stable as select id, stable_one() as one from users;
create view writing_view as select id, log_read() as logged from users;
create view of_numbers as select last_value from numbers;
create view of_remote as select id from remote;
create view of_shop as select i.id, shop.discount(2) as price from shop.items i join shop.users u on u.id = i.id;
create view of_catalog as select relname from pg_class;
create view between_view as select id from users where id between 1 and 5 and name like 'A%';
create view audited_view as select id, v from audited;
create view instead_view as select o.id, o.total, u.name from orders o join users u on u.id = o.user_id;
create function instead_insert() returns trigger language plpgsql as $$
  begin insert into orders (id, user_id, total) values (new.id, 1, new.total); return new; end $$;
create trigger instead instead of insert on instead_view for each row execute function instead_insert();
create view ruled_view as select id, v from plain;
create rule ruled_view as on update to ruled_view do instead update plain set v = new.v where id = old.id;
create materialized view summary as select count(*) as n, now() as at from products;

create table documents (id int primary key, owner text, body text);
alter table documents enable row level security;
create policy documents on documents using (owner = current_user);
create table shares (document_id int, who text);
create table shared_documents (id int primary key, body text);
alter table shared_documents enable row level security;
create policy shared on shared_documents using (id in (select document_id from shares where who = current_user));
create table tenant_rows (id int primary key, tenant text);
alter table tenant_rows enable row level security;
create policy tenant on tenant_rows using (tenant = current_setting('app.tenant', true));
create table timed (id int primary key, opens timestamptz);
alter table timed enable row level security;
create policy timed on timed using (opens <= now());
create view all_documents as select id, body from documents;

insert into users select n, chr(64 + n) || 'nna', 'u' || n, '2024-01-01' from generate_series(1, 5) n;
insert into products select n, 'p' || n, n * 10, array['t' || n], jsonb_build_object('n', n) from generate_series(1, 4) n;
insert into orders select n, n, n * 5, 'note' from generate_series(1, 5) n;
insert into order_items select n, n, 1 + n % 4, n from generate_series(1, 5) n;
insert into favourites values (1, 2), (2, 3);
insert into audit (what) values ('first');
insert into counters values (1, 1), (2, 5);
insert into plain values (1, 'one'), (2, 'two'), (3, 'now');
insert into "Odd Name" values (1, 'odd');
insert into "größe" values (1, 42);
insert into shop.users values (1, 'nick'), (2, 'nack');
insert into shop.items values (1, 'item');
insert into app.preferences values (1, 'dark');
insert into scratch values (1, 'scratch');
insert into cycle_a values (1, null);
insert into cycle_b values (1, 1);
update cycle_a set b = 1;
insert into events values (1, '2024-05-05', 'a'), (2, '2025-05-05', 'a'), (3, '2025-05-05', 'b');
insert into animals values (1, 'cat'); insert into dogs values (2, 'dog', 'pug');
insert into puppies values (3, 'pup', 'pug', 2);
insert into mixed_1 values (1);
insert into audited values (1, 'a'), (2, 'b');
insert into child_of_audited values (1, 1);
insert into stamped values (1, 'a'); insert into picky values (1, 'a'); insert into checked values (1, 1);
insert into searched values (1, 'a word');
insert into ruled values (1, 'a'); insert into defaulted values (1, 1);
insert into documents values (1, 'app', 'mine'), (2, 'clerk', 'theirs');
insert into shares values (1, 'app'); insert into shared_documents values (1, 'shared'), (2, 'hidden');
insert into tenant_rows values (1, 'one'), (2, 'two'); insert into timed values (1, '2020-01-01');
refresh materialized view summary;
grant usage on schema shop, app to app, clerk;
grant select, insert, update, delete on all tables in schema public, shop, app to app, clerk;
`;
