"""The same questions to every kind of database: real servers, real files, the protocol's own words."""

import asyncio
import time
from typing import Any

import pytest
from sql_house import ANA, BEN, House, house

BY_CITY = {
    "sql": "select id, city, amount from sales where city = :city order by id",
    "parameters": {"city": {"max_length": 40}},
}
OWN = {
    "sql": "select id from sales where tenant = :tenant order by id",
    "parameters": {"tenant": {"bound": "claims.tenant"}},
}
IN_RANGE = {
    "sql": "select id from sales where sold_on >= :period_start and sold_on < :period_end order by id",
    "parameters": {"period": {"type": "time_range", "reaches_as": "date", "default": "2026"}},
}
SORTED = {
    "sql": "select id from sales order by :by limit :most",
    "parameters": {
        "by": {"type": "identifier", "enum": ["amount", "amount desc", "city"], "default": "amount"},
        "most": {"type": "integer", "minimum": 1, "maximum": 3, "default": 3},
    },
}
# About 10^12 pairs: no database is through with them in the time of a test.
ENDLESS = {
    "postgres": "select count(*) as n from generate_series(1, 1000000) a, generate_series(1, 1000000) b where a <> b",
    "mysql": "select count(*) as n from seq a, seq b, seq c, seq d, seq e where a.n <> b.n + c.n + d.n + e.n",
    "sqlite": "with recursive c(x) as (select 1 union all select x + 1 from c) select count(*) as n from c",
    "duckdb": "select count(*) as n from range(1000000) a, range(1000000) b where a.range % 7 <> b.range % 5",
}


def kind(url: str) -> str:
    return {"postgresql": "postgres"}.get(url.partition(":")[0], url.partition(":")[0])


async def test_a_value_reaches_the_database_as_a_value(shop: str) -> None:
    async with house(shop, {"by_city": BY_CITY}) as shown:
        found = await shown.call("by_city", city="O'Hara; -- $$")

    row = found["structuredContent"]["rows"][0]
    assert (row["id"], row["city"]) == (4, "O'Hara; -- $$")
    # SQLite knows no decimal numbers: what it gives is its own nearest.
    assert row["amount"] == (40.1 if kind(shop) == "sqlite" else "40.10")
    assert [column["name"] for column in found["structuredContent"]["columns"]] == ["id", "city", "amount"]
    assert found["structuredContent"]["truncated"] is False


async def test_what_is_bound_to_the_caller_is_neither_seen_nor_set(shop: str) -> None:
    async with house(shop, {"own": OWN}) as shown:
        listed = (await shown.request("tools/list", {}))["result"]["tools"][0]
        mine, theirs = await shown.rows("own", ANA), await shown.rows("own", BEN)
        tried = await shown.refusal("own", BEN, tenant="acme")
        nobody = await shown.refusal("own")

    assert listed["inputSchema"] == {"type": "object", "properties": {}, "additionalProperties": False}
    assert ([row["id"] for row in mine], [row["id"] for row in theirs]) == ([1, 2, 4], [3])
    assert tried == "Unknown: 'tenant'. This tool takes: nothing."
    assert nobody == "This query is answered only for callers who have signed in."


async def test_a_stretch_of_time_is_two_values(shop: str) -> None:
    async with house(shop, {"sales": IN_RANGE}) as shown:
        quarter = await shown.rows("sales", period="2026-01/2026-03")
        default = await shown.rows("sales")
        wrong = await shown.refusal("sales", period="yesterday")

    assert [row["id"] for row in quarter] == [1, 2, 3]
    assert [row["id"] for row in default] == [1, 2, 3, 4]
    assert wrong.startswith("'period' is no time range: it is in no form that is known here. A stretch of time: a year")


async def test_names_are_chosen_from_a_list(shop: str) -> None:
    async with house(shop, {"sales": SORTED}) as shown:
        up = await shown.rows("sales")
        down = await shown.rows("sales", by="amount desc", most=1)
        wrong = await shown.refusal("sales", by="(select 1)")

    assert ([row["id"] for row in up], [row["id"] for row in down]) == ([1, 2, 3], [4])
    assert wrong == "'by' must be one of: amount, amount desc, city."


async def test_rows_and_bytes_have_a_bound_that_is_told(shop: str) -> None:
    everything = {"sql": "select id, city, tenant from sales order by id"}
    async with house(shop, {"few": {**everything, "rows_max": 2}, "all": {**everything, "rows_max": 4}}) as shown:
        few, whole = await shown.call("few"), await shown.call("all")

    assert [row["id"] for row in few["structuredContent"]["rows"]] == [1, 2]
    assert few["structuredContent"]["truncated"] is True
    assert few["structuredContent"]["note"] == (
        "There is more: no more than 2 rows are shown. Ask for less, or in parts."
    )
    assert (len(whole["structuredContent"]["rows"]), whole["structuredContent"]["truncated"]) == (4, False)


async def test_bytes_have_a_bound_that_is_told(shop: str) -> None:
    repeat = {"postgres": "repeat('x', 400)", "mysql": "repeat('x', 400)", "duckdb": "repeat('x', 400)"}
    long = repeat.get(kind(shop), "printf('%.*c', 400, 'x')")
    query = {"sql": f"select a.id, {long} as text from sales a, sales b", "bytes_max": 2048}
    async with house(shop, {"long": query}) as shown:
        found = (await shown.call("long"))["structuredContent"]
        after = await shown.rows("long")

    assert (len(found["rows"]), found["truncated"]) == (4, True)
    assert "2048 bytes" in found["note"]
    assert len(after) == 4  # and the next call is not in the way of the one that was cut


async def test_what_takes_too_long_is_ended_in_the_database(shop: str, request: pytest.FixtureRequest) -> None:
    await prepare_endless(shop, request)
    queries = {"endless": {"sql": ENDLESS[kind(shop)], "timeout_seconds": 0.4}, "by_city": BY_CITY}
    async with house(shop, queries, connections_max=1) as shown:
        begun = time.monotonic()
        said = await shown.refusal("endless")
        took = time.monotonic() - begun
        after = await shown.rows("by_city", city="Paris")

    assert said.startswith("The query was stopped after 0.4 seconds")
    assert took < 3
    assert [row["id"] for row in after] == [2]  # the one connection there is was not kept


async def test_a_call_that_is_cancelled_ends_in_the_database(shop: str, request: pytest.FixtureRequest) -> None:
    await prepare_endless(shop, request)
    queries = {"endless": {"sql": ENDLESS[kind(shop)], "timeout_seconds": 60}, "by_city": BY_CITY}
    async with house(shop, queries, connections_max=1) as shown:
        task = asyncio.create_task(shown.call("endless"))
        await asyncio.wait({task}, timeout=0.5)
        task.cancel()
        await asyncio.wait({task}, timeout=5)
        cancelled = task.cancelled()
        after = await asyncio.wait_for(shown.rows("by_city", city="Paris"), 5)

    assert cancelled
    assert [row["id"] for row in after] == [2]


async def test_a_statement_that_writes_is_refused_unless_it_may(shop: str) -> None:
    delete = {"sql": "delete from sales where id = :id", "parameters": {"id": {"type": "integer"}}, "writes": True}
    async with house(shop, {"delete": delete, "by_city": BY_CITY}) as shown:
        answer = await shown.call("delete", id=2)
        assert not answer["isError"], (answer, shown.everything_said())
        changed = answer["structuredContent"]
        listed = (await shown.request("tools/list", {}))["result"]["tools"]
        after = await shown.rows("by_city", city="Paris")

    assert changed["changed"] == 1
    assert after == []
    assert {tool["name"]: tool["annotations"]["readOnlyHint"] for tool in listed} == {"delete": False, "by_city": True}


async def test_many_calls_share_few_connections(shop: str) -> None:
    async with house(shop, {"by_city": BY_CITY}, connections_max=2) as shown:
        found = await asyncio.gather(*(shown.rows("by_city", city="Paris") for _ in range(40)))

    assert [row[0]["id"] for row in found] == [2] * 40


async def test_two_columns_of_one_name_are_told_apart(shop: str) -> None:
    async with house(shop, {"twice": {"sql": "select id, id from sales where id = 1"}}) as shown:
        found = await shown.rows("twice")

    assert found == [{"id": 1, "id_2": 1}] or found == [{"id": 1, "id_1": 1}]


async def test_models_may_read_of_the_tables_that_are_listed(shop: str) -> None:
    async with house(shop, {"by_city": BY_CITY}, tables=["sales"], sample_rows=2) as shown:
        listed = (await shown.request("resources/list", {}))["result"]["resources"]
        columns = await read(shown, "table:///sales")
        sample = await read(shown, "table:///sales/sample")
        other = await shown.request("resources/read", {"uri": "table:///secrets"})

    assert [item["uri"] for item in listed] == ["table:///sales", "table:///sales/sample"]
    assert [column["name"] for column in columns["columns"]] == ["id", "city", "tenant", "sold_on", "amount"]
    assert all(column["type"] for column in columns["columns"])
    assert len(sample["rows"]) == 2
    assert other["error"]["code"] == -32602


async def read(shown: House, uri: str) -> dict[str, Any]:
    import msgspec

    response = await shown.request("resources/read", {"uri": uri})
    found: dict[str, Any] = msgspec.json.decode(response["result"]["contents"][0]["text"])
    return found


async def prepare_endless(shop: str, request: pytest.FixtureRequest) -> None:
    """MariaDB has no endless table at hand."""
    if kind(shop) != "mysql":
        return
    from sql_house import mariadb_admin

    with mariadb_admin(request.getfixturevalue("mariadb_server")) as admin, admin.cursor() as cursor:
        cursor.execute("create or replace table shop.seq (n int)")
        cursor.executemany("insert into shop.seq values (%s)", [(n,) for n in range(400)])
