"""What applications do with asyncpg. Prints what it saw as JSON; the URL is the only argument."""

import asyncio
import datetime
import decimal
import io
import json
import sys
import uuid

import asyncpg

URL = sys.argv[1] + "?sslmode=disable"


async def error_of(awaitable):
    try:
        await awaitable
    except asyncpg.PostgresError as error:
        return [type(error).__name__, error.sqlstate, str(error)]
    except asyncio.TimeoutError:
        return ["TimeoutError"]
    raise AssertionError("An error was expected, and none came.")


async def types(conn):
    text = """select $1::int8, $2::float8, $3::numeric, $4::text, $5::bytea, $6::bool, $7::int[], $8::timestamptz,
        $9::interval, $10::uuid, $11::jsonb, $12::int"""
    row = await conn.fetchrow(
        text, 2**60, 1.5, decimal.Decimal("123.4560"), "text €", b"\x00\xff", True, [1, None, 3],
        datetime.datetime(2026, 2, 28, tzinfo=datetime.timezone.utc), datetime.timedelta(days=1),
        uuid.UUID(int=4711), '{"a": [1, null]}', None,
    )
    return [repr(value) for value in row]


async def own_types(conn):
    """asyncpg asks the catalogue for them in the middle of the statement."""
    await conn.execute("create type colour as enum ('red', 'green'); create type pair as (a int, b text)")
    try:
        row = await conn.fetchrow("select $1::colour as c, $2::pair as p, array[$2::pair] as l", "red", (1, "x"))
        return [row["c"], tuple(row["p"]), [tuple(pair) for pair in row["l"]]]
    finally:
        await conn.execute("drop type colour; drop type pair")


async def statement_cache(conn):
    answers = [await conn.fetchval(f"select $1::int + {n % 130}", n) for n in range(260)]
    prepared = await conn.prepare("select $1::text || 'x' as t, $2::int")
    names = [attribute.name for attribute in prepared.get_attributes()]
    return [sum(answers), names, await prepared.fetchval("a", 1), prepared.get_statusmsg()]


async def many(conn):
    await conn.execute("create temporary table many (id int primary key, name text)")
    await conn.executemany("insert into many values ($1, $2)", [(n, f"n{n}") for n in range(1000)])
    failed = await error_of(conn.executemany("insert into many values ($1, 'x')", [(2000,), (1,), (2001,)]))
    return [failed, list(await conn.fetchrow("select count(*), sum(id) from many"))]


async def transactions(conn):
    await conn.execute("create temporary table moves (id int primary key)")
    async with conn.transaction():
        await conn.execute("insert into moves values (1)")

        async def fail():
            async with conn.transaction():
                await conn.execute("insert into moves values (2)")
                await conn.execute("insert into moves values (1)")

        failed = await error_of(fail())
    rows = [row["id"] for row in await conn.fetch("select * from moves")]
    async with conn.transaction(readonly=True):
        refused = await error_of(conn.execute("create table never (id int)"))
    return [failed, rows, refused, conn.is_in_transaction()]


async def cursors(conn):
    seen = []
    async with conn.transaction():
        async for row in conn.cursor("select generate_series(1, $1::int) as n", 100, prefetch=7):
            seen.append(row["n"])
        cursor = await conn.cursor("select generate_series(1, 10) as n")
        seen.append([len(await cursor.fetch(4)), await cursor.forward(2), len(await cursor.fetch(10))])
    return [sum(seen[:-1]), seen[-1]]


async def copies(conn):
    await conn.execute("create temporary table copies (id int, name text)")
    records = [(n, f"name {n}") for n in range(20_000)]
    first = await conn.copy_records_to_table("copies", records=records)
    second = await conn.copy_to_table("copies", source=io.BytesIO(b"1\tone\n2\ttwo\n"))
    out = io.BytesIO()
    third = await conn.copy_from_query("select * from copies order by id limit 10", output=out)
    bad = await error_of(conn.copy_to_table("copies", source=io.BytesIO(b"x\ty\n")))
    return [first, second, third, out.getvalue().decode(), bad, await conn.fetchval("select count(*) from copies")]


async def notices_and_notifications(conn):
    seen = []
    heard = asyncio.get_running_loop().create_future()
    conn.add_log_listener(lambda _, message: seen.append([message.severity, message.message]))
    await conn.execute("do $$ begin raise notice 'one'; raise warning 'two'; end $$")
    await conn.add_listener("asyncpg_cases", lambda *args: heard.set_result(list(args[2:])))
    other = await asyncpg.connect(URL)
    await other.execute("select pg_notify('asyncpg_cases', 'hello')")
    await other.close()
    seen.append(await asyncio.wait_for(heard, 10))
    await conn.reset()
    return seen


async def errors(conn):
    return [
        await error_of(conn.fetch("selec 1")),
        await error_of(conn.fetch("select * from nowhere where id = $1", 1)),
        await error_of(conn.fetch("select 1 / $1::int", 0)),
        await error_of(conn.fetch("select pg_sleep(30)", timeout=0.2)),
        await conn.fetchval("select 'next'"),
    ]


async def table_changes(conn):
    """asyncpg forgets its statement and tries again where the server says that it is out of date."""
    await conn.execute("create table changing (id int); insert into changing values (1)")
    try:
        before = list(await conn.fetchrow("select * from changing where id = $1", 1))
        await conn.execute("alter table changing add column more text default 'm'")
        return [before, list(await conn.fetchrow("select * from changing where id = $1", 1))]
    finally:
        await conn.execute("drop table changing")


async def pool(_):
    async with asyncpg.create_pool(URL, min_size=2, max_size=8) as shared:
        answers = await asyncio.gather(*(shared.fetchval("select $1::int * 2", n) for n in range(200)))
        async with shared.acquire() as conn:
            await conn.execute("set work_mem = '5MB'")
        memory = {await shared.fetchval("show work_mem") for _ in range(20)}
    return [sum(answers), sorted(memory)]


CASES = [
    types, own_types, statement_cache, many, transactions, cursors, copies, notices_and_notifications, errors,
    table_changes, pool,
]


async def main():
    seen = {}
    for case in CASES:
        conn = await asyncpg.connect(URL, server_settings={"application_name": "cases"})
        try:
            seen[case.__name__] = await case(conn)
        finally:
            await conn.close()
    print(json.dumps(seen, default=str))


asyncio.run(main())
