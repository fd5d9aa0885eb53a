"""What applications do with psycopg 3. Prints what it saw as JSON; the URL is the only argument."""

import datetime
import decimal
import json
import sys
import threading
import uuid

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

URL = sys.argv[1]


def error_of(run):
    try:
        run()
    except psycopg.Error as error:
        return [type(error).__name__, error.sqlstate, error.diag.message_primary]
    raise AssertionError("An error was expected, and none came.")


def types():
    with psycopg.connect(URL) as conn:
        values = [
            42, 2**60, 1.5, decimal.Decimal("1234567890.0123456789"), "text €", b"\x00\xff", True, None,
            [1, 2, None], ["a", "b,c"], Jsonb({"a": [1, None]}), datetime.date(2026, 2, 28),
            datetime.datetime(2026, 2, 28, 12, 0, tzinfo=datetime.timezone.utc),
            datetime.timedelta(days=1, seconds=2), uuid.UUID(int=4711),
        ]
        marks = ", ".join(["%s"] * len(values))
        rows = []
        for binary in (False, True):
            cursor = conn.cursor(binary=binary)
            rows.append([repr(value) for value in cursor.execute(f"select {marks}", values).fetchone()])
        return rows


def statements_become_prepared():
    """After five times psycopg prepares by itself; more than a hundred texts, and it drops the oldest."""
    with psycopg.connect(URL, row_factory=dict_row) as conn:
        answers = [conn.execute("select %s::int as n", [n]).fetchone() for n in range(12)]
        conn.prepared_max = 10
        for n in range(30):
            for _ in range(2):
                answers.append(conn.execute(f"select %s::int + {n} as n", [1], prepare=True).fetchone())
        return answers


def reads_outside_transactions():
    """What a cache may answer: in text and in binary, with and without values, prepared and not."""
    with psycopg.connect(URL, autocommit=True) as conn:
        try:
            conn.execute("select 1 from shelves")
        except psycopg.errors.UndefinedTable:
            conn.execute("create table shelves as values (1, 'a'), (2, 'b')")
        seen = []
        for _ in range(8):
            seen.append(conn.execute("select * from shelves order by 1").fetchall())
            seen.append(conn.execute("select column2 from shelves where column1 = %s", [2]).fetchone())
            seen.append(conn.execute("select column1 from shelves where column2 = %s", ["a"], binary=True).fetchone())
            seen.append(conn.execute("select count(*) from shelves", prepare=True).fetchone())
        return seen


def pipeline():
    seen = []
    with psycopg.connect(URL, autocommit=True) as conn:
        conn.execute("create temporary table piped (id int primary key)")
        with conn.pipeline() as pipe:
            cursors = [conn.execute("select %s::int, %s::text", [n, f"t{n}"]) for n in range(100)]
            conn.cursor().executemany("insert into piped values (%s)", [[n] for n in range(50)])
            pipe.sync()
            seen.append([cursor.fetchone() for cursor in cursors])
            seen.append(conn.execute("select count(*) from piped").fetchone())

        def fail():
            with conn.pipeline() as pipe:
                conn.execute("insert into piped values (100)")
                conn.execute("insert into piped values (1)")
                conn.execute("insert into piped values (101)")
                pipe.sync()

        seen.append(error_of(fail))
        seen.append(conn.execute("select count(*) from piped").fetchone())
        with conn.pipeline():
            with conn.transaction():
                conn.execute("insert into piped values (200)")
            seen.append(conn.execute("select 'after'").fetchone())

        def skip():
            with conn.pipeline() as pipe:
                conn.execute("select 1 / 0")
                conn.execute("insert into piped values (300)")
                pipe.sync()

        seen.append(error_of(skip))
        seen.append(conn.execute("select count(*) from piped").fetchone())
    return seen


def transactions():
    seen = []
    with psycopg.connect(URL) as conn:
        conn.execute("create temporary table moves (id int primary key)")
        conn.commit()
        with conn.transaction():
            conn.execute("insert into moves values (1)")
            seen.append(error_of(lambda: insert_twice(conn)))
        conn.execute("insert into moves values (2)")
        conn.rollback()
        seen.append(error_of(lambda: conn.execute("select 1 / 0")))
        seen.append(error_of(lambda: conn.execute("select 1")))
        conn.rollback()
        seen.append(conn.execute("select * from moves").fetchall())
        conn.rollback()
        conn.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        seen.append(conn.execute("show transaction_isolation").fetchone())
    return seen


def insert_twice(conn):
    with conn.transaction():
        conn.execute("insert into moves values (1)")


def cursors_and_copy():
    seen = []
    with psycopg.connect(URL) as conn:
        with conn.cursor("named") as cursor:
            cursor.execute("select generate_series(1, 100)")
            seen.append([len(cursor.fetchmany(30)), len(cursor.fetchall())])
        cursor = conn.cursor()
        seen.append(sum(row[0] for row in cursor.stream("select generate_series(1, 1000)")))
        cursor.execute("create temporary table copies (id int, name text)")
        with cursor.copy("copy copies from stdin") as copy:
            for n in range(10_000):
                copy.write_row((n, f"name {n}"))
        with cursor.copy("copy copies to stdout (format binary)") as copy:
            seen.append(sum(len(block) for block in copy))
        seen.append(error_of(lambda: copy_badly(conn)))
        conn.rollback()
        with conn.cursor(binary=True) as reader:
            with reader.copy("copy (select 1, 'x') to stdout") as copy:
                seen.append([bytes(block).decode() for block in copy])
    return seen


def copy_badly(conn):
    with conn.cursor().copy("copy copies from stdin") as copy:
        copy.write(b"not a number\tx\n")


def notices_and_notifications():
    seen = []
    with psycopg.connect(URL, autocommit=True) as conn:
        conn.add_notice_handler(lambda diag: seen.append([diag.severity, diag.message_primary]))
        conn.execute("do $$ begin raise notice 'one'; raise warning 'two'; end $$")
        conn.execute("listen psycopg_cases")
        with psycopg.connect(URL, autocommit=True) as other:
            other.execute("notify psycopg_cases, 'hello'")
        for notify in conn.notifies():
            seen.append([notify.channel, notify.payload])
            break
    return seen


def cancel():
    with psycopg.connect(URL, autocommit=True) as conn:
        sleeping = []
        thread = threading.Thread(
            target=lambda: sleeping.append(error_of(lambda: conn.execute("select pg_sleep(30) as psycopg")))
        )
        thread.start()
        with psycopg.connect(URL, autocommit=True) as other:
            query = """select 1 from pg_stat_activity where state = 'active' and datname = current_database()
                and query = 'select pg_sleep(30) as psycopg'"""
            while other.execute(query).fetchone() is None:
                pass
        conn.cancel()
        thread.join()
        return [sleeping, conn.execute("select 'next'").fetchone()]


def connection_facts():
    with psycopg.connect(URL, application_name="cases", options="-c work_mem=5MB") as conn:
        info = conn.info
        names = ["server_encoding", "client_encoding", "DateStyle", "TimeZone", "integer_datetimes",
                 "standard_conforming_strings", "application_name", "is_superuser", "IntervalStyle"]
        reported = [info.parameter_status(name) for name in names]
        memory = conn.execute("show work_mem").fetchone()
        return [info.server_version, reported, memory, info.transaction_status.name]


CASES = [
    reads_outside_transactions, types, statements_become_prepared, pipeline, transactions, cursors_and_copy,
    notices_and_notifications, cancel, connection_facts,
]

print(json.dumps({case.__name__: case() for case in CASES}, default=str))
