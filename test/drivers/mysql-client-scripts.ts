/** What people type into the command line client of MariaDB or MySQL. Each runs with its errors in the output. */
export const SCRIPTS: Record<string, string> = {
  'describes databases, tables and what is in them': `
    show tables; describe people; show create table people; show create view names;
    show columns from names; show variables like 'character_set_c%'; show full tables; explain select 1;
    show procedure status where db = database(); show grants; show engines; help 'no such help';`,

  'runs many statements, with a delimiter of its own, and shows errors and warnings': `
    select 1; select 2 as two, 'x' as x; select * from nowhere; selec 1;
    delimiter //
    create procedure greet(in name text) begin select concat('Hello ', name) as greeting; select 1 / 0 as nothing; end//
    call greet('Ada')//
    delimiter ;
    warnings
    select 1 / 0; insert into people (name) values ('Ada'), ('Ada'); show warnings; show count(*) errors;
    nowarning
    drop procedure greet; select 'the end';`,

  'changes the database by COM_INIT_DB, and back': `
    use information_schema
    select database(); show tables like 'SCHEMAT%';
    use nowhere_at_all
    select database();`,

  'keeps settings, variables, temporary tables, locks and prepared statements': `
    set time_zone = '+09:00'; select from_unixtime(0); set sql_mode = 'ANSI_QUOTES'; select 1 as "one";
    charset latin1
    select @@character_set_client;
    set @x = 5, @y := 'text'; select @x, @y; create temporary table notes (id int); insert into notes values (1), (2);
    select * from notes; prepare plan from 'select ? + 1 as n'; execute plan using @x; deallocate prepare plan;
    execute plan using @x; select get_lock(database(), 0), release_lock(database());
    lock tables people read; insert into people (name) values ('locked'); unlock tables; select count(*) from people;
    resetconnection
    select @x; select * from notes;`,

  'keeps what goes on in a transaction': `
    begin; insert into people (name) values ('Eve'); select row_count(), last_insert_id() > 0; savepoint a;
    delete from people; select count(*) from people; rollback to a; select count(*) from people; rollback;
    select count(*) from people; set autocommit = 0; delete from people; rollback; set autocommit = 1;
    start transaction read only; delete from people; commit; select name from people order by id limit 2;`,

  'prints rows in every shape': `
    select * from people\\G
    select null as n, '' as empty, 'a\\tb' as tab, x'00ff' as bytes\\G
    select * from people where false; select 1 as wide, repeat('x', 200) as x; tee /dev/null
    select id, name from people order by id desc limit 3; system echo from a shell
    select sql_calc_found_rows * from people limit 1; select found_rows();`,
};
