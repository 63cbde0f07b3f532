"""What is SQLite's own: files that are opened for reading, an authorizer, odd contents."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sql_house import compiled, house, sqlite_shop

from narthex.upstream.sql.dialects.sqlite import SqliteConnector
from narthex.upstream.sql.faults import DatabaseFault, SqlConfigError
from narthex.upstream.sql.job import Job
from narthex.upstream.sql.statement import Statement

# None of these gets past the reading of statements; here they are asked of the connection itself.
WRITES = [
    "insert into sales values (9, 'x', 'x', '2026-01-01', 1)",
    "update sales set city = 'x'",
    "delete from sales",
    "create table t (a)",
    "create temp table t (a)",
    "drop table sales",
    "attach database '/tmp/other.sqlite' as other",
    "pragma writable_schema = on",
    "pragma query_only = off",
    "pragma journal_mode = delete",
    "update sqlite_master set sql = 'x'",
    "vacuum",
    "vacuum into '/tmp/copy.sqlite'",
    "begin",
    "savepoint s",
    "analyze",
    "select load_extension('/tmp/x.so')",
    "select fts3_tokenizer('simple', x'00')",
    "with gone as (select 1) delete from sales",
]


def job(text: str, *, writes: bool = False) -> Job:
    return Job(Statement(text, ()), [], 10, 4096, 5, writes)


@pytest.mark.parametrize("text", WRITES)
async def test_a_connection_that_reads_cannot_do_anything_else(tmp_path: Path, text: str) -> None:
    address = compiled(sqlite_shop(tmp_path), {}).address
    connector = SqliteConnector(address, 1, writes=False)
    connection = await connector.connect()

    with pytest.raises(DatabaseFault):
        await connection.run(job(text))

    assert (await connection.run(job("select count(*) as n from sales"))).rows == [{"n": 4}]
    assert list(tmp_path.iterdir()) == [tmp_path / "shop.sqlite"]
    await connection.aclose()
    await connector.aclose()


@pytest.mark.parametrize(
    "text", [text for text in WRITES if not text.startswith(("insert", "update sales", "delete", "with"))]
)
async def test_a_connection_that_changes_rows_does_no_more_than_that(tmp_path: Path, text: str) -> None:
    connector = SqliteConnector(compiled(sqlite_shop(tmp_path), {}).address, 1, writes=True)
    connection = await connector.connect()

    with pytest.raises(DatabaseFault):
        await connection.run(job(text, writes=True))
    with pytest.raises(DatabaseFault):  # and where the query only reads, nothing at all
        await connection.run(job("delete from sales"))

    assert (await connection.run(job("select count(*) as n from sales"))).rows == [{"n": 4}]
    await connection.aclose()
    await connector.aclose()


async def test_no_file_is_made(tmp_path: Path) -> None:
    for writes in (False, True):
        query = {"sql": "delete from t" if writes else "select 1 from t", "writes": writes}
        async with house(f"sqlite:///{tmp_path}/none.sqlite", {"q": query}) as shown:
            said = await shown.refusal("q")

        assert said == "The database cannot be opened at the moment. Try again later."
    assert list(tmp_path.iterdir()) == []
    assert [level for level, _ in shown.said] == ["error"]


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"", b"SQLite format 3\0" + b"\xff" * 4080])
async def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.sqlite").write_bytes(content)
    async with house(f"sqlite:///{tmp_path}/odd.sqlite", {"q": {"sql": "select * from sales"}}) as shown:
        answer = await shown.call("q")

    assert answer["isError"]
    assert str(tmp_path) not in answer["content"][0]["text"]


async def test_tables_that_are_functions_and_full_text_search_are_there(tmp_path: Path) -> None:
    url = sqlite_shop(
        tmp_path, "create virtual table notes using fts5(text)", "insert into notes values ('a kite'), ('a boat')"
    )
    queries = {
        "notes": {"sql": "select text from notes where notes match :words", "parameters": {"words": {}}},
        "some": {
            "sql": "select id from sales where id in (select value from json_each(:ids)) order by id",
            "parameters": {"ids": {"type": "list", "items": "integer", "max_items": 3}},
        },
    }
    async with house(url, queries) as shown:
        kites = await shown.rows("notes", words="kite")
        some = await shown.rows("some", ids=[1, 3])
        bad = await shown.refusal("notes", words='"')
        many = await shown.refusal("some", ids=[1, 2, 3, 4])

    assert kites == [{"text": "a kite"}]
    assert some == [{"id": 1}, {"id": 3}]
    assert many == "'ids' must be a list of at most 3 items."
    assert "failed" in bad  # FTS has a language of its own; what is wrong in it is told to the operator
    assert "unterminated string" in shown.everything_said()


async def test_odd_contents_are_carried_as_json_can(tmp_path: Path) -> None:
    url = sqlite_shop(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.sqlite")) as found, found:
        found.execute("create table odd (a, b, c, d, e, f)")
        found.execute(
            "insert into odd values (cast(x'ff41' as text), x'00ff', 9e999, 9007199254740993, null, 'a' || char(0))"
        )
    async with house(url, {"odd": {"sql": "select * from odd"}}) as shown:
        row = (await shown.rows("odd"))[0]

    assert row == {"a": "\ufffdA", "b": "AP8=", "c": "Infinity", "d": "9007199254740993", "e": None, "f": "a\0"}


async def test_one_huge_value_is_refused(tmp_path: Path) -> None:
    async with house(sqlite_shop(tmp_path), {"huge": {"sql": "select zeroblob(100000000) as huge"}}) as shown:
        said = await shown.refusal("huge")

    assert said == "The database cannot use one of the values: string or blob too big"


async def test_whoever_writes_elsewhere_is_waited_for_and_then_told(tmp_path: Path) -> None:
    url = sqlite_shop(tmp_path)
    other = sqlite3.connect(tmp_path / "shop.sqlite", isolation_level=None)
    other.execute("begin exclusive")
    try:
        async with house(url, {"q": {"sql": "select id from sales", "timeout_seconds": 0.5}}) as shown:
            locked = await shown.refusal("q")
            other.execute("rollback")
            after = await shown.rows("q")
    finally:
        other.close()

    assert "Try again" in locked or "stopped after" in locked
    assert len(after) == 4


def test_a_file_that_can_be_written_is_not_taken_for_one_that_cannot(tmp_path: Path) -> None:
    from narthex.upstream.sql.dialects.sqlite import _prove

    sqlite_shop(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.sqlite", isolation_level=None)) as found:
        with pytest.raises(SqlConfigError, match="can be written"):
            _prove(found, "shop.sqlite")


async def test_what_a_statement_changed_is_undone_where_it_failed(tmp_path: Path) -> None:
    url = sqlite_shop(tmp_path, "create unique index one on sales (id)")
    add: dict[str, Any] = {
        "sql": "insert into sales select id + :by, city, tenant, sold_on, amount from sales",
        "parameters": {"by": {"type": "integer"}},
        "writes": True,
    }
    async with house(url, {"add": add, "count": {"sql": "select count(*) as n from sales"}}) as shown:
        refused = await shown.refusal("add", by=2)
        before = await shown.rows("count")
        done = await shown.call("add", by=10)
        after = await shown.rows("count")

    assert refused == "The database refuses the change: it breaks a rule about these rows."
    assert (before, after, done["structuredContent"]["changed"]) == ([{"n": 4}], [{"n": 8}], 4)


async def test_the_loop_is_free_while_a_file_is_read(tmp_path: Path) -> None:
    endless = "with recursive c(x) as (select 1 union all select x + 1 from c) select count(*) from c"
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    async with house(sqlite_shop(tmp_path), {"q": {"sql": endless, "timeout_seconds": 0.5}}) as shown:
        ticking = asyncio.create_task(tick())
        await shown.refusal("q")
        ticking.cancel()

    assert ticks > 10
