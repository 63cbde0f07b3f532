"""What is DuckDB's own: no way to other files, types of many kinds, one file for everybody."""

from pathlib import Path

import duckdb
import pytest
from sql_house import compiled, duckdb_shop, house

from narthex.libraries.server import Refusal
from narthex.upstream.sql.dialects.duckdb import DuckdbConnector
from narthex.upstream.sql.faults import DatabaseFault
from narthex.upstream.sql.job import Job
from narthex.upstream.sql.statement import Statement

BEYOND = [
    "select * from read_csv('/etc/passwd')",
    "select * from read_text('/etc/passwd')",
    "select * from glob('/etc/*')",
    "select * from '/etc/passwd'",
    "copy sales to '/tmp/stolen.csv'",
    "attach '/tmp/other.duckdb' as other",
    "install httpfs",
    "load httpfs",
    "set enable_external_access = true",
    "set memory_limit = '64GB'",
    "reset lock_configuration",
    "export database '/tmp/stolen'",
]
WRITES = ["insert into sales values (9, 'x', 'x', '2026-01-01', 1)", "delete from sales", "create table t (a int)"]


def job(text: str) -> Job:
    return Job(Statement(text, ()), [], 10, 4096, 5)


@pytest.mark.parametrize("text", BEYOND)
@pytest.mark.parametrize("writes", [False, True])
async def test_there_is_no_way_out_of_the_file(tmp_path: Path, text: str, writes: bool) -> None:
    connector = DuckdbConnector(compiled(duckdb_shop(tmp_path), {}).address, 1, writes=writes)
    connection = await connector.connect()

    with pytest.raises((DatabaseFault, Refusal)):
        await connection.run(job(text))

    await connection.aclose()
    await connector.aclose()


@pytest.mark.parametrize("text", WRITES)
@pytest.mark.parametrize("writes", [False, True])
async def test_a_query_that_reads_cannot_write_wherever_others_may(tmp_path: Path, text: str, writes: bool) -> None:
    connector = DuckdbConnector(compiled(duckdb_shop(tmp_path), {}).address, 1, writes=writes)
    connection = await connector.connect()

    with pytest.raises(DatabaseFault):
        await connection.run(job(text))

    assert (await connection.run(job("select count(*) as n from sales"))).rows == [{"n": 4}]
    await connection.aclose()
    await connector.aclose()


async def test_types_are_kept(tmp_path: Path) -> None:
    everything = """
        select 1.50::decimal(10, 2) as decimal, 'NaN'::double as odd, 170141183460469231731687303715884105727 as huge,
          date '2026-01-31' as day, timestamp '2026-01-31 10:00' as local, timestamptz '2026-01-31 10:00+00' as moment,
          interval 26 hours as span, '\\x00\\xff'::blob as bytes, '{"a": [1]}'::json as json, [1, null] as list,
          {'a': [1.5::decimal(4, 1)]} as struct, map {'k': 1} as map, null as nothing, 'ß'::varchar as text
    """
    async with house(duckdb_shop(tmp_path), {"types": {"sql": everything}}) as shown:
        found = await shown.rows("types")

    assert found == [
        {
            "decimal": "1.50", "odd": "NaN", "huge": "170141183460469231731687303715884105727", "day": "2026-01-31",
            "local": "2026-01-31T10:00:00", "moment": "2026-01-31T10:00:00+00:00", "span": "P1DT7200S",
            "bytes": "AP8=", "json": {"a": [1]}, "list": [1, None], "struct": {"a": ["1.5"]}, "map": {"k": 1},
            "nothing": None, "text": "ß",
        }
    ]  # fmt: skip


async def test_a_large_answer_is_not_made_before_it_is_cut(tmp_path: Path) -> None:
    """A billion rows of a kilobyte each."""
    query = {"sql": "select range as n, repeat('x', 1000) as text from range(1000000000)", "bytes_max": 20_000}
    async with house(duckdb_shop(tmp_path), {"q": {**query, "timeout_seconds": 5}}) as shown:
        found = (await shown.call("q"))["structuredContent"]

    assert found["truncated"] is True
    assert 10 < len(found["rows"]) < 20


async def test_what_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    query = {"sql": "select list(repeat('x', 1000) || range) as l from range(3000000)", "timeout_seconds": 20}
    async with house(duckdb_shop(tmp_path), {"q": query, "n": {"sql": "select count(*) as n from sales"}}) as shown:
        said = await shown.refusal("q")
        after = await shown.rows("n")

    assert said == "The query needs more memory than it may take. Ask for less."
    assert after == [{"n": 4}]


async def test_a_file_that_somebody_else_writes_is_said_to_be_away(tmp_path: Path) -> None:
    url = duckdb_shop(tmp_path)
    other = duckdb.connect(str(tmp_path / "shop.duckdb"))
    try:
        async with house(url, {"n": {"sql": "select count(*) as n from sales"}}) as shown:
            locked = await shown.refusal("n")
            other.close()
            after = await shown.rows("n")
    finally:
        other.close()

    assert locked == "The database cannot be opened at the moment. Try again later."
    assert [level for level, _ in shown.said] == ["error", "info"]
    assert after == [{"n": 4}]


async def test_no_file_is_made(tmp_path: Path) -> None:
    delete = {"sql": "delete from t", "writes": True}
    async with house(f"duckdb:///{tmp_path}/none.duckdb", {"delete": delete}) as shown:
        said = await shown.refusal("delete")

    assert said == "The database cannot be opened at the moment. Try again later."
    assert list(tmp_path.iterdir()) == []
