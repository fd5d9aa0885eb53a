"""What applications do with PyMySQL. Prints what it saw as JSON; the URL is the only argument."""

import datetime
import decimal
import json
import sys
import tempfile
import threading
import urllib.parse

import pymysql
from pymysql.constants import CLIENT
from pymysql.cursors import DictCursor, SSCursor

URL = urllib.parse.urlparse(sys.argv[1])


def connect(**more):
    return pymysql.connect(
        host=URL.hostname, port=URL.port, user=URL.username, password=urllib.parse.unquote(URL.password),
        database=URL.path[1:], charset="utf8mb4", **more,
    )


def ask(conn, sql, values=None):
    with conn.cursor() as cursor:
        count = cursor.execute(sql, values)
        return [count, cursor.lastrowid, [column[:6] for column in cursor.description or ()],
                [[repr(value) for value in row] for row in cursor.fetchall()]]


def error_of(run):
    try:
        run()
    except pymysql.MySQLError as error:
        return [type(error).__name__, *error.args]
    raise AssertionError("An error was expected, and none came.")


def types():
    with connect(binary_prefix=True) as conn:
        values = [
            42, 2**60, 1.5, decimal.Decimal("1234567890.0123456789"), "text € 🐬", b"\x00\xff'", True, None,
            datetime.date(2026, 2, 28), datetime.datetime(2026, 2, 28, 12, 0, 0, 123456),
            datetime.timedelta(hours=-1, seconds=2),
        ]
        return ask(conn, "select " + ", ".join(["%s"] * len(values)), values)


def errors():
    with connect() as conn:
        return [
            error_of(lambda: ask(conn, "selec")),
            error_of(lambda: ask(conn, "select * from nowhere")),
            error_of(lambda: ask(conn, "select 1; select 2")),
            ask(conn, "select 'still works'"),
        ]


def transactions():
    """PyMySQL switches autocommit off, as Python's DB-API wants it."""
    with connect() as conn:
        ask(conn, "create table moves (id int auto_increment primary key, n int)")
        try:
            seen = [ask(conn, "insert into moves (n) values (%s)", [1])]
            conn.rollback()
            with conn.cursor() as cursor:
                seen.append(cursor.executemany("insert into moves (n) values (%s)", [[n] for n in range(100)]))
            conn.commit()
            ask(conn, "delete from moves")
            with connect(autocommit=True) as other:
                seen.append(ask(other, "select count(*) from moves"))
            conn.rollback()
            conn.begin()
            seen.append(ask(conn, "update moves set n = 0 where n < 10"))
            conn.commit()
            return seen
        finally:
            ask(conn, "drop table moves")


def several_statements_and_results():
    with connect(client_flag=CLIENT.MULTI_STATEMENTS, cursorclass=DictCursor) as conn:
        with conn.cursor() as cursor:
            cursor.execute("select 1 as a; do 1; select 2 as b")
            seen = [cursor.fetchall()]
            while cursor.nextset():
                seen.append(cursor.fetchall())
            cursor.execute("create procedure twice(in n int, out m int) begin select n; set m = n * 2; end")
            try:
                seen.append(cursor.callproc("twice", (21, 0)))
                seen.append(cursor.fetchall())
                cursor.nextset()
                cursor.execute("select @_twice_1 as m")
                seen.append(cursor.fetchall())
            finally:
                cursor.execute("drop procedure twice")
        return seen


def unbuffered():
    with connect(cursorclass=SSCursor) as conn:
        with conn.cursor() as cursor:
            cursor.execute("with recursive r as (select 1 n union all select n + 1 from r where n < 900) select * from r")
            some = [cursor.fetchone(), cursor.fetchmany(3)]
        return [some, ask(conn, "select 'the rest was read over'")]


def files():
    with connect(local_infile=True, autocommit=True) as conn:
        ask(conn, "create table loaded (id int, name varchar(50))")
        try:
            with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
                file.writelines(f"{n}\tname {n}\n" for n in range(10_000))
                file.flush()
                loaded = ask(conn, f"load data local infile '{file.name}' into table loaded")
            missing = error_of(lambda: ask(conn, "load data local infile '/nonexistent' into table loaded"))
            return [loaded, missing[:2], ask(conn, "select count(*), sum(id), sum(crc32(name)) from loaded")]
        finally:
            ask(conn, "drop table loaded")


def sessions():
    with connect(init_command="set time_zone = '+03:00'", sql_mode="ANSI_QUOTES") as conn:
        conn.ping()
        seen = [ask(conn, "select @@time_zone, @@sql_mode, from_unixtime(0)"), conn.get_autocommit()]
        ask(conn, "set @x = 1")
        seen.append(ask(conn, "select @x"))
        conn.select_db("information_schema")
        seen.append(ask(conn, "select database()"))
        conn.autocommit(True)
        seen.append(ask(conn, "select @@autocommit"))
        conn.set_charset("latin1")
        seen.append(ask(conn, "select 'é', @@character_set_client"))
        return seen


def kill():
    """By the id that the server told."""
    with connect() as conn, connect() as other:
        ended = []
        sleeper = threading.Thread(target=lambda: ended.append(error_or_rows(conn)))
        sleeper.start()
        running = "select 1 from information_schema.processlist where db = database() and info like 'select sleep(30)%%'"
        while not ask(other, running)[0]:
            pass
        ask(other, f"kill query {conn.thread_id()}")
        sleeper.join()
        return [ended, ask(conn, "select 'alive'")]


def error_or_rows(conn):
    try:
        return ask(conn, "select sleep(30), 1")
    except pymysql.MySQLError as error:
        return [type(error).__name__, *error.args]


CASES = [
    types, errors, transactions, several_statements_and_results, unbuffered, files, sessions, kill,
]
print(json.dumps({case.__name__: case() for case in CASES}, default=repr))
