"""What is MariaDB's own: values as variables of a session, `KILL QUERY`, transactions that only read."""

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from sql_house import house, mariadb_admin, mariadb_shop
from sql_servers import PASSWORD, DatabaseServer

from narthex.libraries.server import Refusal
from narthex.upstream.sql.dialects.mysql import MysqlConnector
from narthex.upstream.sql.dialects.mysql_values import literal
from narthex.upstream.sql.faults import DatabaseFault, SqlConfigError
from narthex.upstream.sql.job import Job
from narthex.upstream.sql.statement import Statement

WRITES = [
    "insert into sales values (9, 'x', 'x', '2026-01-01', 1)",
    "replace into sales values (9, 'x', 'x', '2026-01-01', 1)",
    "delete from sales",
    "truncate table sales",
    "create table t (a int)",
    "drop table sales",
    "alter table sales add column x int",
    "load data infile '/etc/passwd' into table sales",
    "select * from sales into outfile '/tmp/stolen-by-a-query'",
]


@pytest.mark.parametrize("text", WRITES)
async def test_a_connection_that_reads_cannot_write(mariadb_server: DatabaseServer, text: str) -> None:
    url = mariadb_shop(mariadb_server, "readonly")
    async with house(url, {}) as shown:
        connector = MysqlConnector(shown.database.compiled.address, 1)
        connection = await connector.connect()
        with pytest.raises((DatabaseFault, Refusal)):
            await connection.run(Job(Statement(text, ()), [], 10, 4096, 5))
        rows = await connection.run(Job(Statement("select count(*) as n from sales", ()), [], 10, 4096, 5))
        await connection.aclose()
        await connector.aclose()

    assert rows.rows == [{"n": 4}]
    assert not Path("/tmp/stolen-by-a-query").exists()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a'b\\", "_utf8mb4 X'6127625c'"), ("", "_utf8mb4 X''"), ("ß", "_utf8mb4 X'c39f'"), (b"\0'", "X'0027'"),
        (7, "7"), (True, "1"), (None, "NULL"), (0.5, "5.00000000000000000e-01"),
        ([1, "'"], "_utf8mb4 X'5b312c2227225d'"),
    ],
)  # fmt: skip
def test_a_literal_has_nothing_in_it_that_could_end_it(value: Any, written: str) -> None:
    assert literal(value) == written


@pytest.mark.parametrize("mode", ["NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", "ANSI", ""])
async def test_values_are_values_whatever_the_mode(mariadb_server: DatabaseServer, mode: str) -> None:
    """Escaping depends on it; there is none."""
    url = mariadb_shop(mariadb_server, "modes")
    with contextlib.closing(mariadb_admin(mariadb_server)) as admin, admin.cursor() as cursor:
        cursor.execute("set global sql_mode = %s", (mode,))
    query = {"sql": "select :x as x", "parameters": {"x": {}}}
    hostile = ["\\'; drop table sales; -- ", "\\", "'", '"', "\xbf'", "a\\0b", "\x1a"]
    async with house(url, {"q": query}) as shown:
        found = [(await shown.rows("q", x=value))[0]["x"] for value in hostile]

    assert found == hostile


async def test_columns_of_other_alphabets_are_compared(mariadb_server: DatabaseServer) -> None:
    tables = (
        "create table old (name varchar(20) character set latin1 collate latin1_german1_ci)",
        "insert into old values ('Müller')",
        "create table newer (name varchar(20) character set utf8mb4 collate utf8mb4_bin)",
        "insert into newer values ('Müller')",
    )
    url = mariadb_shop(mariadb_server, "alphabets", *tables)
    queries = {
        table: {"sql": f"select name from {table} where name = :name", "parameters": {"name": {}}}
        for table in ("old", "newer")
    }
    async with house(url, queries) as shown:
        found = [await shown.rows(table, name="Müller") for table in queries]

    assert found == [[{"name": "Müller"}]] * 2


async def test_types_are_kept(mariadb_server: DatabaseServer) -> None:
    everything = """
        select cast(1.50 as decimal(10, 2)) as dec_, 9007199254740993 as large, date '2026-01-31' as day,
          timestamp '2026-01-31 10:00:00' as moment, time '26:00:00' as span, x'00ff' as bytes, null as nothing,
          :list as given
    """
    query = {"sql": everything, "parameters": {"list": {"type": "list", "items": "integer"}}}
    async with house(mariadb_shop(mariadb_server, "types"), {"types": query}) as shown:
        found = await shown.rows("types", list=[1, 2])

    assert found == [
        {
            "dec_": "1.50", "large": "9007199254740993", "day": "2026-01-31", "moment": "2026-01-31T10:00:00",
            "span": "P1DT7200S", "bytes": "AP8=", "nothing": None, "given": "[1,2]",
        }
    ]  # fmt: skip


async def test_a_cancelled_statement_does_not_go_on_in_the_database(mariadb_server: DatabaseServer) -> None:
    url = mariadb_shop(mariadb_server, "cancelling", "create table seq (n int)", *["insert into seq values (1)"] * 60)
    endless = "select count(*) as n from seq a, seq b, seq c, seq d, seq e, seq f where rand() < a.n + b.n"
    running = "select count(*) from information_schema.processlist where user = 'cancelling' and info like '%seq f%'"
    with contextlib.closing(mariadb_admin(mariadb_server)) as admin, admin.cursor() as cursor:

        def count() -> int:
            cursor.execute(running)
            found: int = cursor.fetchone()[0]
            return found

        async with house(url, {"endless": {"sql": endless, "timeout_seconds": 30}}) as shown:
            task = asyncio.create_task(shown.call("endless"))
            until = time.monotonic() + 5
            while not (begun := count()) and time.monotonic() < until:
                await asyncio.sleep(0.02)
            task.cancel()
            await asyncio.wait({task}, timeout=5)
            until = time.monotonic() + 5
            while count() and time.monotonic() < until:
                await asyncio.sleep(0.02)
            left = count()

    assert (begun, left) == (1, 0)


async def test_a_database_that_hangs_is_given_up_in_time(mariadb_server: DatabaseServer) -> None:
    url = mariadb_shop(mariadb_server, "hanging")
    async with house(url, {"q": {"sql": "select id from sales", "timeout_seconds": 0.5}}) as shown:
        await shown.rows("q")
        os.kill(mariadb_server.process.pid, signal.SIGSTOP)
        try:
            begun = time.monotonic()
            said = await shown.refusal("q")
            took = time.monotonic() - begun
        finally:
            os.kill(mariadb_server.process.pid, signal.SIGCONT)
        after = await shown.rows("q")

    assert said.startswith("The query was stopped after 0.5 seconds")
    assert took < 5
    assert len(after) == 4


async def test_a_wrong_password_is_told_to_nobody(mariadb_server: DatabaseServer) -> None:
    mariadb_shop(mariadb_server, "wrong")
    url = f"mysql://wrong:n0t-the-word@{mariadb_server.host}:{mariadb_server.port}/wrong"
    async with house(url, {"q": {"sql": "select 1"}}) as shown:
        with pytest.raises(SqlConfigError) as raised:
            await shown.database.prove()
        said = await shown.refusal("q")

    everything = f"{raised.value}{said}{shown.everything_said()}"
    assert "n0t-the-word" not in everything
    assert PASSWORD not in everything


async def test_connections_that_died_meanwhile_are_made_anew(mariadb_server: DatabaseServer) -> None:
    url = mariadb_shop(mariadb_server, "renewed")
    async with house(url, {"ids": {"sql": "select id from sales"}}) as shown:
        await asyncio.gather(*(shown.rows("ids") for _ in range(4)))
        with contextlib.closing(mariadb_admin(mariadb_server)) as admin, admin.cursor() as cursor:
            cursor.execute("select id from information_schema.processlist where user = 'renewed'")
            for (number,) in cursor.fetchall():
                cursor.execute(f"kill {number}")
        after = await shown.rows("ids")

    assert len(after) == 4
