"""A database behind a whole gateway: queries become tools, bound to whoever calls, and held to all rules."""

import contextlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from operation_kit import Gateway, Tree, connect, modern_body, serving, until

SECRET = "planted-password-of-the-database"
CONTACTS = [(1, "ana", "Ana Berg", "ana@acme.example"), (2, "ben", "Ben Ott", "ben@zeta.example")]
ENDLESS = "with recursive c(x) as (select 1 union all select x + 1 from c) select count(*) as n from c"
SHOP: Tree = {
    "name": "shop",
    "sql": "sqlite:///shop.sqlite",
    "queries": {
        "mine": {
            "sql": "select name, email from contacts where owner = :me",
            "description": "My own contacts",
            "parameters": {"me": {"bound": "principal.subject"}},
        },
        "find": {
            "sql": "select id, email from contacts where name like :name order by id",
            "description": "Contacts by a part of their name",
            "parameters": {"name": {"max_length": 20}},
        },
        "endless": {"sql": ENDLESS, "description": "Never ends", "timeout_seconds": 0.5},
    },
    "redaction": {"detect": ["email"]},
    "rules": {"find": {"rate_limit": {"requests_per_minute": 6}}},
}
AWAY: Tree = {
    "name": "away",
    "sql": "postgresql://reader@127.0.0.1:9/shop",
    "database": {"password": SECRET, "timeout_seconds": 2},
    "queries": {"one": {"sql": "select 1 as one", "description": "One"}},
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("sql")
    with contextlib.closing(sqlite3.connect(folder / "shop.sqlite")) as found, found:
        found.execute("create table contacts (id integer, owner text, name text, email text)")
        found.executemany("insert into contacts values (?, ?, ?, ?)", CONTACTS)
    with serving(folder, SHOP, AWAY, authentication={"type": "keys"}) as running:
        yield running


def key(gateway: Gateway, name: str) -> str:
    state = str(gateway.folder / "state")
    command = [sys.executable, "-m", "narthex", "keys", "create", "--name", name, "--state", state]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def ask(gateway: Gateway, token: str, method: str, params: Tree) -> Tree:
    body, headers = modern_body(method, params)
    connection = connect(gateway.url)
    try:
        connection.request("POST", "/mcp", body, {**headers, "Authorization": f"Bearer {token}"})
        return dict(json.loads(connection.getresponse().read()))
    finally:
        connection.close()


def call(gateway: Gateway, token: str, tool: str, **arguments: object) -> Tree:
    answer = ask(gateway, token, "tools/call", {"name": tool, "arguments": arguments})
    assert "result" in answer, answer
    return dict(answer["result"])


@pytest.fixture(scope="module")
def tokens(gateway: Gateway) -> tuple[str, str]:
    found = key(gateway, "ana"), key(gateway, "ben")
    for token in found:
        until(lambda token=token: "result" in ask(gateway, token, "tools/list", {}), "the key is known")
    return found


def test_queries_are_tools_and_what_is_bound_is_not_among_their_arguments(
    gateway: Gateway, tokens: tuple[str, str]
) -> None:
    listed = ask(gateway, tokens[0], "tools/list", {})["result"]["tools"]

    tools = {tool["name"]: tool for tool in listed}
    assert sorted(tools) == ["away__one", "shop__endless", "shop__find", "shop__mine"]
    assert tools["shop__mine"]["inputSchema"]["properties"] == {}
    assert tools["shop__find"]["annotations"]["readOnlyHint"] is True


def test_each_caller_has_their_own_rows(gateway: Gateway, tokens: tuple[str, str]) -> None:
    ana, ben = (call(gateway, token, "shop__mine")["structuredContent"]["rows"] for token in tokens)
    tried = call(gateway, tokens[0], "shop__mine", me="ben")

    assert ([row["name"] for row in ana], [row["name"] for row in ben]) == (["Ana Berg"], ["Ben Ott"])
    assert tried["isError"]


def test_personal_data_limits_and_schemas_hold_as_for_any_server(gateway: Gateway, tokens: tuple[str, str]) -> None:
    found = call(gateway, tokens[0], "shop__find", name="%B%")
    too_long = call(gateway, tokens[0], "shop__find", name="x" * 21)
    hostile = call(gateway, tokens[0], "shop__find", name="'; drop table contacts; --")
    answers = [call(gateway, tokens[0], "shop__find", name="x") for _ in range(6)]

    assert "example" not in json.dumps(found)
    assert [row["id"] for row in found["structuredContent"]["rows"]] == [1, 2]
    assert too_long["isError"]
    assert hostile["isError"]  # longer than it may be,
    assert call(gateway, tokens[1], "shop__find", name="' or 1=1 --")["structuredContent"]["rows"] == []  # or no name
    assert any("Rate limit" in answer["content"][0]["text"] for answer in answers)
    assert len(call(gateway, tokens[1], "shop__mine")["structuredContent"]["rows"]) == 1


def test_what_takes_too_long_is_ended_and_said(gateway: Gateway, tokens: tuple[str, str]) -> None:
    answer = call(gateway, tokens[0], "shop__endless")

    assert answer["isError"]
    assert answer["content"][0]["text"].startswith("The query was stopped after 0.5 seconds")


def test_a_database_that_is_away_is_offered_and_says_so(gateway: Gateway, tokens: tuple[str, str]) -> None:
    answer = call(gateway, tokens[0], "away__one")

    assert answer["isError"]
    assert answer["content"][0]["text"] == "The database cannot be reached at the moment. Try again later."
    assert gateway.said("the database (postgres shop at 127.0.0.1:9) cannot be used") is not None


def test_a_database_that_is_away_is_shown_as_such_until_it_is_back(tmp_path: Path) -> None:
    """Nobody has to call for either to be noticed."""
    with serving(tmp_path, {**SHOP, "name": "other", "sql": "sqlite:///other.sqlite"}) as running:
        until(lambda: running.status("other")["state"] == "down", "it is shown as down")
        away = running.status("other")
        told = running.metric("narthex_upstream_up", server="other")
        with contextlib.closing(sqlite3.connect(tmp_path / "other.sqlite")) as found, found:
            found.execute("create table contacts (id integer, owner text, name text, email text)")
        until(lambda: running.status("other")["state"] == "up", "it is back")

        assert away["last_error"].endswith("(sqlite other.sqlite) cannot be used: unable to open database file")
        assert away["tools"] == 3
        assert told == 0
        assert running.status("other")["last_error"] is None


def test_a_password_is_nowhere_to_be_found(gateway: Gateway, tokens: tuple[str, str]) -> None:
    call(gateway, tokens[0], "away__one")
    told = gateway.log_text() + json.dumps(gateway.api("/api/servers"))
    kept = b"".join(path.read_bytes() for path in Path(gateway.folder / "state").rglob("*") if path.is_file())

    assert SECRET not in told
    assert SECRET.encode() not in kept


def test_a_query_that_could_write_is_found_before_anything_starts(tmp_path: Path) -> None:
    wrong = {**SHOP, "queries": {"gone": {"sql": "delete from contacts", "description": "Everything"}}}
    (tmp_path / "narthex.yaml").write_text(json.dumps({"servers": [wrong]}))
    command = [sys.executable, "-m", "narthex", "check", str(tmp_path / "narthex.yaml")]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert checked.returncode != 0
    assert "the statement writes (delete)" in checked.stdout + checked.stderr
    assert "Say 'writes: true' if it is meant to." in " ".join((checked.stdout + checked.stderr).split())
