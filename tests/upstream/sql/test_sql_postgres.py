"""What is PostgreSQL's own: types, row security, cancelled statements, a server that goes away."""

import asyncio
import os
import signal
import time
from typing import Any

import pytest
from outside.ports import free_port
from sql_house import ANA, BEN, admin_of, house, postgres_shop
from sql_servers import PASSWORD, DatabaseServer

from narthex.libraries.server import Principal, Refusal
from narthex.upstream.sql.dialects.postgres import PostgresConnector
from narthex.upstream.sql.faults import DatabaseFault, SqlConfigError
from narthex.upstream.sql.job import Job
from narthex.upstream.sql.statement import Statement

ENDLESS = "select count(*) as n from generate_series(1, 1000000) a, generate_series(1, 1000000) b where a <> b"
POLICY = (
    "alter table sales enable row level security",
    "create policy own on sales using (tenant = current_setting('app.tenant', true))",
)
WRITES = [
    "insert into sales values (9, 'x', 'x', '2026-01-01', 1)",
    "with gone as (delete from sales returning *) select * from gone",
    "create table t (a int)",
    "create temp table t (a int)",
    "select * into t from sales",
    "truncate sales",
    "select nextval('counted')",
    "select * from sales for update",
    "select set_config('transaction_read_only', 'off', true)",
    "commit",
]


async def test_types_are_kept(postgres_server: DatabaseServer) -> None:
    url = await postgres_shop(postgres_server, "types", "create type mood as enum ('good', 'bad')")
    everything = """
        select 1.50::numeric(10, 2) as decimal, 'NaN'::float8 as odd, 9007199254740993::int8 as large, true as yes,
          date '2026-01-31' as day, timestamptz '2026-01-31 10:00+02' as moment, timestamp '2026-01-31 10:00' as local,
          time '09:30' as clock, interval '1 day 2 hours' as span, '\\x00ff'::bytea as bytes,
          '{"a": [1, {"b": null}]}'::jsonb as json, '[1.5]'::json as older, array['a', null] as texts,
          array[[1, 2], [3, 4]] as grid, 'good'::mood as mood, '123e4567-e89b-12d3-a456-426614174000'::uuid as id,
          inet '10.0.0.1/8' as net, int4range(1, 5) as range, row(1, 'x') as record, null as nothing, 'x'::text as text
    """
    async with house(url, {"types": {"sql": everything}}) as shown:
        found = (await shown.call("types"))["structuredContent"]

    assert found["rows"] == [
        {
            "decimal": "1.50", "odd": "NaN", "large": "9007199254740993", "yes": True, "day": "2026-01-31",
            "moment": "2026-01-31T08:00:00+00:00", "local": "2026-01-31T10:00:00", "clock": "09:30:00",
            "span": "P1DT7200S", "bytes": "AP8=", "json": {"a": [1, {"b": None}]}, "older": [1.5],
            "texts": ["a", None], "grid": [[1, 2], [3, 4]], "mood": "good",
            "id": "123e4567-e89b-12d3-a456-426614174000", "net": "10.0.0.1/8", "range": "[1,5)",
            "record": [1, "x"], "nothing": None, "text": "x",
        }
    ]  # fmt: skip
    assert {"name": "decimal", "type": "numeric"} in found["columns"]


async def test_every_kind_of_argument_reaches_its_type(postgres_server: DatabaseServer) -> None:
    url = await postgres_shop(postgres_server, "arguments", "create type mood as enum ('good', 'bad')")
    cases: dict[str, tuple[str, Any, Any]] = {
        "string": ("text", "x", "x"),
        "integer": ("int4", 7, 7),
        "number": ("float8", 1.5, 1.5),
        "decimal": ("numeric", "1.10", "1.10"),
        "boolean": ("bool", True, True),
        "date": ("date", "2026-01-31", "2026-01-31"),
        "time": ("time", "09:30", "09:30:00"),
        "datetime": ("timestamptz", "2026-01-31T09:30:00+02:00", "2026-01-31T07:30:00+00:00"),
        "uuid": ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"),
        "binary": ("bytea", "AP8=", "AP8="),
        "json": ("jsonb", {"a": ["'", None]}, {"a": ["'", None]}),
    }
    queries = {
        kind: {"sql": f"select :value::{wanted} as value", "parameters": {"value": {"type": kind}}}
        for kind, (wanted, _, _) in cases.items()
    }
    queries["mood"] = {"sql": "select :value::mood as value", "parameters": {"value": {}}}
    queries["naive"] = {
        "sql": "select :value::timestamp as value",
        "parameters": {"value": {"type": "datetime", "zone": "Europe/Berlin"}},
    }
    queries["list"] = {
        "sql": "select id from sales where id = any(:ids) order by id",
        "parameters": {"ids": {"type": "list", "items": "integer"}},
    }
    async with house(url, queries) as shown:
        found = {kind: (await shown.rows(kind, value=given))[0]["value"] for kind, (_, given, _) in cases.items()}
        mood = (await shown.rows("mood", value="good"))[0]["value"]
        naive = (await shown.rows("naive", value="2026-01-31T09:30:00Z"))[0]["value"]
        some = await shown.rows("list", ids=[1, 3])
        bad_mood = await shown.refusal("mood", value="'; drop table sales; --")
        too_large = await shown.refusal("integer", value=2**40)

    assert found == {kind: wanted for kind, (_, _, wanted) in cases.items()}
    assert (mood, naive, some) == ("good", "2026-01-31T10:30:00", [{"id": 1}, {"id": 3}])
    assert bad_mood.startswith("The database cannot use one of the values: invalid input value for enum")
    assert too_large.startswith("The database cannot use one of the values: ")


@pytest.mark.parametrize(
    ("sql", "parameter", "given", "said"),
    [
        ("sold_on = :x", {"type": "datetime"}, "2026-01-31T00:00", "say 'reaches_as: date'"),
        ("id = :x", {"type": "string"}, "1", "declare the parameter as 'type: integer'"),
        ("id = any(:x)", {"type": "integer"}, 1, "declare the parameter as 'type: list'"),
        ("id = :x", {"type": "list", "items": "integer"}, [1], "a list fits an array"),
        ("amount = :x", {"type": "string"}, "1", "declare the parameter as 'type: decimal'"),
        ("city = :x", {"type": "binary"}, "AP8=", "bytes are no text"),
    ],
)
async def test_a_parameter_of_another_type_is_told_to_the_operator(
    postgres_server: DatabaseServer, sql: str, parameter: dict[str, Any], given: Any, said: str
) -> None:
    url = await postgres_shop(postgres_server, "mistaken")
    query = {"sql": f"select id from sales where {sql}", "parameters": {"x": parameter}}
    async with house(url, {"q": query}) as shown:
        refused = await shown.refusal("q", x=given)

    assert "is in the server's log under this number" in refused
    assert said in shown.everything_said()


async def test_row_security_sees_the_callers_claims(postgres_server: DatabaseServer) -> None:
    url = await postgres_shop(postgres_server, "guarded", *POLICY)
    query = {"sql": "select id, current_setting('app.odd') as odd from sales order by id"}
    settings = {"app.tenant": "claims.tenant", "app.odd": "principal.subject"}
    odd = Principal("o'; set role postgres; --", "", frozenset(), {"tenant": "acme"})
    async with house(
        url, {"all": query}, row_settings=settings, connections_max=1, tables=["sales"], sample_rows=9
    ) as shown:
        mine, theirs = await shown.rows("all", ANA), await shown.rows("all", BEN)
        strange = await shown.rows("all", odd)
        nobody = await shown.refusal("all")
        untold = await shown.refusal("all", Principal("eve", "", frozenset(), {}))
        sample = await shown.request("resources/read", {"uri": "table:///sales/sample"}, BEN)
        hidden = await shown.request("resources/read", {"uri": "table:///sales/sample"})

    assert ([row["id"] for row in mine], [row["id"] for row in theirs]) == ([1, 2, 4], [3])
    assert strange[0]["odd"] == "o'; set role postgres; --"
    assert nobody == "This query is answered only for callers who have signed in."
    assert untold == "This query is answered only for callers of whom 'claims.tenant' is known, and of you it is not."
    assert '"rows":[{"id":3' in sample["result"]["contents"][0]["text"]
    assert hidden["error"]["message"] == nobody


async def test_what_was_set_for_one_call_is_gone_with_it(postgres_server: DatabaseServer) -> None:
    url = await postgres_shop(postgres_server, "forgetting", *POLICY)
    async with house(
        url, {"all": {"sql": "select id from sales"}}, row_settings={"app.tenant": "claims.tenant"}, connections_max=1
    ) as shown:
        await shown.rows("all", ANA)
        connection = shown.database._pool._idle[-1][0]
        after = await connection.run(
            Job(Statement("select current_setting('app.tenant', true) as t", ()), [], 9, 999, 5)
        )

    assert after.rows == [{"t": ""}]


@pytest.mark.parametrize("grant", ["superuser", "bypassrls"])
async def test_a_role_that_passes_over_row_security_is_not_used_for_it(
    postgres_server: DatabaseServer, grant: str
) -> None:
    url = await postgres_shop(postgres_server, "passing", f"alter role passing_reader {grant}", *POLICY)
    async with house(url, {"q": {"sql": "select 1"}}, row_settings={"app.tenant": "claims.tenant"}) as shown:
        with pytest.raises(SqlConfigError, match="passes over row security"):
            await shown.database.prove()


@pytest.mark.parametrize("text", WRITES)
async def test_a_connection_that_reads_cannot_write(postgres_server: DatabaseServer, text: str) -> None:
    url = await postgres_shop(
        postgres_server, "readonly", "create sequence counted", "grant all on sequence counted to public"
    )
    async with house(url, {}) as shown:
        connection = await PostgresConnector(shown.database.compiled.address, guards_rows=False).connect()
        try:
            with pytest.raises((DatabaseFault, Refusal)) as raised:
                await connection.run(Job(Statement(text, ()), [], 10, 4096, 5))
            rows = await connection.run(Job(Statement("select count(*) as n from sales", ()), [], 10, 4096, 5))
        finally:
            await connection.aclose()

    assert rows.rows == [{"n": 4}]
    assert "read-only" in str(raised.value) or "read-write" in str(raised.value) or "commit" in text


async def test_a_cancelled_statement_does_not_go_on_in_the_database(postgres_server: DatabaseServer) -> None:
    url = await postgres_shop(postgres_server, "cancelling")
    admin = await admin_of(postgres_server)
    running = "select count(*) from pg_stat_activity where state = 'active' and usename = 'cancelling_reader'"
    async with house(url, {"endless": {"sql": ENDLESS, "timeout_seconds": 30}}) as shown:
        task = asyncio.create_task(shown.call("endless"))
        while await admin.fetchval(running) == 0:
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait({task}, timeout=5)
        until = time.monotonic() + 5
        while await admin.fetchval(running) and time.monotonic() < until:
            await asyncio.sleep(0.02)
        left = await admin.fetchval(running)
    await admin.close()

    assert left == 0


async def test_the_database_has_a_clock_of_its_own(postgres_server: DatabaseServer) -> None:
    """Should we be gone before we could say stop."""
    url = await postgres_shop(postgres_server, "clock")
    query = {"sql": "select current_setting('statement_timeout') as t, current_setting('transaction_read_only') as r"}
    async with house(url, {"q": {**query, "timeout_seconds": 7}}) as shown:
        found = await shown.rows("q")

    assert found == [{"t": "8s", "r": "on"}]


async def test_connections_that_died_meanwhile_are_made_anew(postgres_server: DatabaseServer) -> None:
    url = await postgres_shop(postgres_server, "renewed")
    admin = await admin_of(postgres_server)
    insert = {"sql": "insert into sales values (9, 'x', 'acme', '2026-01-01', 1)", "writes": True}
    async with house(url, {"ids": {"sql": "select id from sales"}, "insert": insert}) as shown:
        await asyncio.gather(*(shown.rows("ids") for _ in range(5)))
        await admin.fetch("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'renewed_reader'")
        after = await shown.rows("ids")
    await admin.close()

    assert len(after) == 4
    assert shown.reported == []


async def test_a_changed_table_is_seen(postgres_server: DatabaseServer) -> None:
    url = await postgres_shop(postgres_server, "changed")
    async with house(url, {"all": {"sql": "select * from sales where id = 1"}}) as shown:
        before = await shown.rows("all")
        admin = await admin_of(postgres_server, "changed")
        await admin.execute("alter table sales drop column amount")
        await admin.close()
        after = await shown.rows("all")

    assert "amount" in before[0]
    assert "amount" not in after[0]


async def test_a_database_that_hangs_is_given_up_in_time(postgres_server: DatabaseServer) -> None:
    url = await postgres_shop(postgres_server, "hanging")
    async with house(url, {"q": {"sql": "select id from sales", "timeout_seconds": 0.5}}) as shown:
        await shown.rows("q")
        os.kill(postgres_server.process.pid, signal.SIGSTOP)  # nobody is let in any more,
        connection = shown.database._pool._idle[-1][0]
        backend: int = connection._found.get_server_pid()  # type: ignore[attr-defined]
        os.kill(backend, signal.SIGSTOP)  # and the one that is in hears nothing
        try:
            begun = time.monotonic()
            said = await shown.refusal("q")
            took = time.monotonic() - begun
            again = await shown.refusal("q")
        finally:
            os.kill(backend, signal.SIGCONT)
            os.kill(postgres_server.process.pid, signal.SIGCONT)

    assert said.startswith("The query was stopped after 0.5 seconds")
    assert "stopped" in again or "cannot be reached" in again
    assert took < 4


async def test_a_database_that_is_not_there_is_said_to_be_away_and_nothing_more(
    postgres_server: DatabaseServer,
) -> None:
    address = f"postgresql://shop:s3cret-word@127.0.0.1:{free_port()}/shop"
    async with house(address, {"q": {"sql": "select 1"}}) as shown:
        said = [await shown.refusal("q") for _ in range(3)]

    assert set(said) == {"The database cannot be reached at the moment. Try again later."}
    assert [level for level, _ in shown.said] == ["error"]  # once
    assert "s3cret-word" not in shown.everything_said()


async def test_a_wrong_password_is_told_to_nobody(postgres_server: DatabaseServer) -> None:
    await postgres_shop(postgres_server, "wrong")
    url = f"postgresql://wrong_reader:n0t-the-word@{postgres_server.host}:{postgres_server.port}/wrong"
    async with house(url, {"q": {"sql": "select 1"}}) as shown:
        with pytest.raises(SqlConfigError) as raised:
            await shown.database.prove()
        said = await shown.refusal("q")

    everything = f"{raised.value}{said}{shown.everything_said()}{shown.database.compiled.address!r}"
    assert "n0t-the-word" not in everything
    assert PASSWORD not in everything
    assert "password authentication failed" in str(raised.value)
    assert "password" not in said


async def test_what_a_database_says_of_hidden_values_stays_with_us(postgres_server: DatabaseServer) -> None:
    url = await postgres_shop(postgres_server, "discreet")
    query = {
        "sql": "select id from sales where id = :level::text::int",
        "parameters": {"level": {"bound": "claims.tenant"}},
    }
    async with house(url, {"q": query}) as shown:
        said = await shown.refusal("q", ANA)

    assert said == "One of the values cannot be used."


async def test_a_rule_about_rows_is_told_without_the_rows(postgres_server: DatabaseServer) -> None:
    url = await postgres_shop(postgres_server, "ruled", "alter table sales add unique (city, tenant)")
    insert = {
        "sql": "insert into sales (id, city, tenant) values (:id, :city, 'acme') returning id",
        "parameters": {"id": {"type": "integer"}, "city": {}},
        "writes": True,
    }
    async with house(url, {"insert": insert}) as shown:
        refused = await shown.refusal("insert", id=9, city="Berlin")
        done = await shown.call("insert", id=9, city="Rome")

    assert refused == "The database refuses the change: it breaks a rule about these rows."
    assert (done["structuredContent"]["rows"], done["structuredContent"]["changed"]) == ([{"id": 9}], 1)
