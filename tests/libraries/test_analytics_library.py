"""The warehouse that ships: approved questions alone, the same answers from DuckDB and SQLite, no SQL from a model."""

import asyncio
import json
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from narthex.libraries.analytics import library
from narthex.libraries.analytics.period import Period
from narthex.libraries.analytics.queries import QUERIES
from narthex.libraries.analytics.warehouse import WITHOUT_DUCKDB, opened_in
from narthex.testing import CallFailed, Client, connect

ENGINES = ("duckdb", "sqlite")
RANGE = "2026-01/2026-03"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("warehouse")


async def ask(client: Client, query: str, time_range: str = RANGE, **filters: str) -> dict[str, Any]:
    result = await client.call("analytics_query", query=query, time_range=time_range, filters=filters)
    assert not result.is_error, result.text
    return dict(result.data)


@pytest.mark.parametrize("query", QUERIES)
async def test_both_engines_give_the_same_answer(query: str, folder: Path) -> None:
    answers = []
    for engine in ENGINES:
        async with connect(library, settings={"folder": str(folder), "engine": engine}) as client:
            answers.append([await ask(client, query), await ask(client, query, "2025", region="Europe")])

    of_duckdb, of_sqlite = answers
    assert [one["rows"] for one in of_duckdb] == [one["rows"] for one in of_sqlite]
    assert all(one["rows"] for one in of_duckdb)
    assert {one["engine"] for one in of_duckdb} == {"DuckDB"}
    assert {one["engine"] for one in of_sqlite} == {"SQLite"}


async def test_revenue_by_quarter_adds_up(folder: Path) -> None:
    async with connect(library, settings={"folder": str(folder)}) as client:
        year = (await ask(client, "revenue_by_quarter", "2025"))["rows"]
        first = (await ask(client, "revenue_by_quarter", "2025-Q1"))["rows"]
        parts = [
            (await ask(client, "revenue_by_quarter", "2025-Q1", region=region))["rows"][0]["orders"]
            for region in ("Europe", "Americas", "Asia")
        ]

    assert [row["quarter"] for row in year] == ["2025-Q1", "2025-Q2", "2025-Q3", "2025-Q4"]
    assert first == year[:1]
    assert sum(parts) == first[0]["orders"]


async def test_churn_is_the_share_of_those_who_were_there(folder: Path) -> None:
    async with connect(library, settings={"folder": str(folder)}) as client:
        rows = (await ask(client, "customer_churn_rate"))["rows"]

    assert [row["month"] for row in rows] == ["2026-01", "2026-02", "2026-03"]
    for row in rows:
        assert row["churn_percent"] == pytest.approx(100 * row["lost"] / row["customers"], abs=0.01)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", "2026-01-01", "2026-12-31"),
        ("2026-Q1", "2026-01-01", "2026-03-31"),
        ("2026-02", "2026-02-01", "2026-02-28"),
        ("2024-02-29", "2024-02-29", "2024-02-29"),
        ("2026-01/2026-03", "2026-01-01", "2026-03-31"),
        ("2025-12-31/2026-Q4", "2025-12-31", "2026-12-31"),
    ],
)
def test_a_time_range_includes_both_its_ends(text: str, first: str, last: str) -> None:
    period = Period.of(text)

    assert str(period) == f"{first}/{last}"
    assert period.start == date.fromisoformat(first)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-13", "there is no such month"),
        ("2026-00", "there is no such month"),
        ("2026-02-30", "there is no such day"),
        ("2026-03/2026-01", "its end is before its start"),
        ("0000", "nobody has figures of that year"),
        ("9999-12-31", "nobody has figures of that year"),
        ("2026-Q5", "it has another form"),
        ("last year", "it has another form"),
        ("٢٠٢٦", "it has another form"),
        ("2026\n", "it has another form"),
    ],
)
def test_what_is_no_time_range_is_said_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Period.of(text)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"query": "select 1", "time_range": RANGE}, "'query': invalid enum value"),
        ({"query": "revenue_by_quarter; drop table orders", "time_range": RANGE}, "'query': invalid enum value"),
        ({"query": "revenue_by_quarter", "time_range": "2026' or '1'='1"}, "'time_range'"),
        ({"query": "revenue_by_quarter", "time_range": "2026-13"}, "there is no such month. Write 2026-01/2026-03"),
        ({"query": "revenue_by_quarter", "time_range": "1999"}, "The warehouse has figures from 2024-01-01/2026-06-30"),
        ({"query": "revenue_by_quarter"}, "Missing: time_range"),
        ({"query": "revenue_by_quarter", "time_range": RANGE, "sql": "select 1"}, "Unknown: sql"),
        ({"query": "revenue_by_quarter", "time_range": RANGE, "filters": {"region": "Mars"}}, "invalid enum value"),
        ({"query": "revenue_by_quarter", "time_range": RANGE, "filters": {"1=1 or region": "Asia"}}, "unknown field"),
        (
            {"query": "customer_churn_rate", "time_range": RANGE, "filters": {"product": "Comet"}},
            "customer_churn_rate cannot be filtered by product. It knows the filters region, segment.",
        ),
    ],
)
async def test_what_was_not_approved_is_refused_in_words(arguments: dict[str, Any], said: str, folder: Path) -> None:
    async with connect(library, settings={"folder": str(folder), "engine": "sqlite"}) as client:
        refused = await client.call("analytics_query", **arguments)

    assert refused.is_error
    assert said.lower() in refused.text.lower()


async def test_the_statements_can_be_read_as_they_were_approved(folder: Path) -> None:
    async with connect(library, settings={"folder": str(folder)}) as client:
        listed = json.loads(await client.read("analytics://queries"))
        statement = str(await client.read("analytics://queries/revenue_by_quarter"))
        with pytest.raises(CallFailed):
            await client.read("analytics://queries/secrets")

    assert list(listed) == list(QUERIES)
    assert statement.startswith("select quarter")


@pytest.mark.parametrize("engine", ENGINES)
def test_the_warehouse_can_only_be_read(engine: str, folder: Path) -> None:
    warehouse = opened_in(folder, engine)
    try:
        with pytest.raises(Exception, match=r"(?i)read-?\s?only"):
            warehouse._of.ask("delete from orders", {})
    finally:
        warehouse.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_two_gateways_read_one_warehouse(engine: str, folder: Path) -> None:
    one, other = opened_in(folder, engine), opened_in(folder, engine)
    try:
        for warehouse in (one, other):
            assert warehouse.ask(QUERIES["revenue_by_quarter"], Period.of("2026-01"), {})
    finally:
        one.close()
        other.close()


def test_without_duckdb_it_is_sqlite_and_says_so(tmp_path: Path) -> None:
    """In a process of its own in which nobody can import it."""
    program = """
import sys
sys.modules["duckdb"] = None
from narthex.libraries.analytics import library
from narthex.testing import call
print(call(library, "analytics_query", query="revenue_by_quarter", time_range="2026-01").text)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=tmp_path)

    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout)
    assert answer["engine"] == "SQLite"
    assert answer["note"] == WITHOUT_DUCKDB
    assert answer["rows"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_warehouse_is_made_in_a_moment(engine: str, tmp_path: Path) -> None:
    started = time.process_time()
    opened_in(tmp_path, engine).close()

    assert time.process_time() - started < 5.0
    assert len(list(tmp_path.iterdir())) == 1, "nothing is left of its making"


async def test_an_engine_that_nobody_knows_is_told_to_the_operator_alone() -> None:
    async with connect(library, settings={"engine": "oracle"}) as client:
        failed = await client.call("analytics_query", query="revenue_by_quarter", time_range=RANGE)

    assert failed.is_error
    assert any("`engine` is duckdb or sqlite" in one for one in client.reports)


@pytest.mark.parametrize("engine", ENGINES)
async def test_many_ask_at_once_and_each_gets_its_own_answer(engine: str, folder: Path) -> None:
    regions = ("Europe", "Americas", "Asia")
    async with connect(library, settings={"folder": str(folder), "engine": engine}) as client:
        alone = [await ask(client, "revenue_by_quarter", "2025", region=region) for region in regions]
        together = await asyncio.gather(
            *(ask(client, "revenue_by_quarter", "2025", region=regions[number % 3]) for number in range(60))
        )

    assert together == [alone[number % 3] for number in range(60)]


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_file_that_is_no_database_is_told_to_the_operator_alone(engine: str, tmp_path: Path) -> None:
    (tmp_path / f"warehouse.{engine}").write_bytes(b"secret" * 1_000)
    async with connect(library, settings={"folder": str(tmp_path), "engine": engine}) as client:
        failed = await client.call("analytics_query", query="revenue_by_quarter", time_range=RANGE)

    assert failed.is_error
    assert str(tmp_path) not in failed.text
    assert "secret" not in failed.text
    assert client.reports
