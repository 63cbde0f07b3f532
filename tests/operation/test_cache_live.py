"""Answers that are given again, and calls that share one, at a running gateway in front of servers of both eras."""

import http.client
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from operation_kit import Gateway, Legacy, Tree, connect, modern_body, serving, until
from reading_remote import PROXIED, Reading, called_as, entry, reading

MARK = "dev.narthex/cached"
MANY = 50


def text(answer: Tree) -> str:
    said: str = answer["result"]["content"][0]["text"]
    return said


def mark(answer: Tree) -> Tree | None:
    found: Tree | None = answer["result"].get("_meta", {}).get(MARK)
    return found


def at_once(work: list[Callable[[], Tree]], server: Reading, flights: int, waiting: Callable[[], bool]) -> list[Tree]:
    """All answers of calls that are under way together: `flights` reach the server, and are let go when all wait."""
    server.held = True
    server.let_go.clear()
    with ThreadPoolExecutor(len(work)) as pool:
        answers = [pool.submit(one) for one in work]
        try:
            server.wait_for(flights)
            until(waiting, "all of them wait")
        finally:
            server.held = False
            server.let_go.set()
        return [one.result(30) for one in answers]


def inflight(gateway: Gateway, count: int) -> Callable[[], bool]:
    return lambda: gateway.metric("narthex_inflight") >= count


@pytest.mark.parametrize("modern", [True, False])
def test_fifty_equal_calls_at_once_are_one_at_the_server(tmp_path: Path, modern: bool) -> None:
    with reading(modern=modern) as server, serving(tmp_path, entry(server, cache={"seconds": 60})) as gateway:
        work = [lambda: gateway.call("look", q="x", n=1)] * MANY
        answers = at_once(work, server, 1, inflight(gateway, MANY))
        after = gateway.call("look", n=1, q="x")
        other = gateway.call("look", q="y", n=1)

        assert server.calls == ["look", "look"]
        assert {text(answer) for answer in answers} == {"version 1"}
        marks = [mark(answer) for answer in answers]
        assert marks.count(None) == 1
        assert marks.count({"shared": True}) == MANY - 1
        found = mark(after)
        assert found is not None
        assert found["age_seconds"] >= 0
        assert mark(other) is None
        assert gateway.metric("narthex_cached_answers_total", how="shared") == MANY - 1
        assert gateway.metric("narthex_cached_answers_total", how="kept") == 1
        assert gateway.metric("narthex_calls_total", tool="look") == MANY + 2
        assert gateway.metric("narthex_kept_answers") == 2


def test_two_callers_never_share_unless_it_is_public(tmp_path: Path) -> None:
    rules = {"plain": {"cache": {"public": True}}}
    house = {"authentication": PROXIED}
    with reading() as server, serving(tmp_path, entry(server, cache={}, rules=rules), **house) as gateway:
        work: list[Callable[[], Tree]] = [
            lambda: called_as(gateway.url, "ana", "look"),
            lambda: called_as(gateway.url, "ben", "look"),
        ] * 5
        answers = at_once(work, server, 2, inflight(gateway, 10))
        again = [called_as(gateway.url, user, "look") for user in ("ana", "ben", "eve")]
        public = [called_as(gateway.url, user, "plain", lines=1) for user in ("ana", "ben", "eve")]

        assert server.calls == ["look"] * 3 + ["plain"]
        assert sum(mark(answer) is None for answer in answers) == 2
        assert [mark(answer) is None for answer in again] == [False, False, True]
        assert [mark(answer) is None for answer in public] == [True, False, False]


def test_a_server_that_is_told_who_calls_shares_nothing_public(tmp_path: Path) -> None:
    told = {"headers": {"X-Caller": "${principal.subject}"}, "cache": {"public": True}}
    with reading() as server, serving(tmp_path, entry(server, **told), authentication=PROXIED) as gateway:
        answers = [called_as(gateway.url, user, "look") for user in ("ana", "ben", "ana", "ben")]

        assert [mark(answer) is None for answer in answers] == [True, True, False, False]
        assert server.calls == ["look"] * 2


def test_a_write_in_between_voids_what_was_read(tmp_path: Path) -> None:
    with reading() as server, serving(tmp_path, entry(server, cache={})) as gateway:
        before = [text(gateway.call("look")) for _ in range(2)]
        gateway.call("change")
        after = [text(gateway.call("look")) for _ in range(2)]

        assert before == ["version 1"] * 2
        assert after == ["version 2"] * 2
        assert server.calls == ["look", "change", "look"]


def test_what_was_read_while_something_was_written_is_not_kept_and_nobody_joins_it(tmp_path: Path) -> None:
    with reading() as server, serving(tmp_path, entry(server, cache={})) as gateway:
        server.held = True
        with ThreadPoolExecutor(2) as pool:
            early = pool.submit(gateway.call, "look")
            server.wait_for(1)
            gateway.call("change")
            late = pool.submit(gateway.call, "look")  # it comes after the change was acknowledged
            server.wait_for(1)
            server.held = False
            server.let_go.set()
            assert mark(early.result(30)) is None
            assert text(late.result(30)) == "version 2"
        assert text(gateway.call("look")) == "version 2"
        assert server.calls.count("look") in (2, 3)


def test_errors_and_tools_that_write_are_asked_every_time(tmp_path: Path) -> None:
    with reading() as server, serving(tmp_path, entry(server, cache={})) as gateway:
        answers = [gateway.call(name) for name in ("wrong", "wrong", "change", "change")]

        assert [mark(answer) for answer in answers] == [None] * 4
        assert server.calls == ["wrong", "wrong", "change", "change"]


def test_what_is_old_is_asked_anew_and_nothing_is_kept_for_no_seconds(tmp_path: Path) -> None:
    rules = {"plain": {"cache": {"seconds": 0}}}
    with reading() as server, serving(tmp_path, entry(server, cache={"seconds": 0.5}, rules=rules)) as gateway:
        gateway.call("look")
        server.version = 2
        until(lambda: text(gateway.call("look")) == "version 2", "it is asked anew")
        plain = [mark(gateway.call("plain", lines=1)) for _ in range(2)]

        assert plain == [None, None]
        until(lambda: gateway.metric("narthex_kept_answers") == 0, "what is old is forgotten")


def test_limits_count_answers_that_were_kept_and_the_record_says_so(tmp_path: Path) -> None:
    rules: dict[str, Any] = {"cache": {}, "rate_limit": {"requests_per_hour": 3}}
    with reading() as server, serving(tmp_path, entry(server, **rules)) as gateway:
        answers = [gateway.call("look") for _ in range(4)]

        assert [answer["result"].get("isError", False) for answer in answers] == [False, False, False, True]
        assert server.calls == ["look"]
        lines = [
            line for path in (tmp_path / "state" / "audit").glob("*.jsonl") for line in path.read_text().splitlines()
        ]
        records = [one for one in map(json.loads, lines) if (one.get("tool"), one["kind"]) == ("look", "end")]
        assert [one.get("note", "") for one in records] == ["", "cached", "cached", ""]
        assert [one["outcome"] for one in records] == ["ok", "ok", "ok", "denied"]


def test_another_definition_or_configuration_voids_what_was_kept(tmp_path: Path) -> None:
    with reading() as server, serving(tmp_path, entry(server, cache={})) as gateway:
        gateway.call("look")
        server.version = 2
        gateway.write(servers=[entry(server, cache={"seconds": 30})])

        until(lambda: text(gateway.call("look")) == "version 2", "the new configuration asks anew")


def leave(gateway: Gateway, tool: str) -> http.client.HTTPConnection:
    """A call whose client does not wait for the answer."""
    connection = connect(gateway.url)
    body, headers = modern_body("tools/call", {"name": tool, "arguments": {}})
    connection.request("POST", "/mcp", body, headers)
    return connection


def test_whoever_leaves_first_does_not_end_it_for_the_others(tmp_path: Path) -> None:
    with reading() as server, serving(tmp_path, entry(server, cache={})) as gateway:
        server.held = True
        first = leave(gateway, "look")
        server.wait_for(1)
        with ThreadPoolExecutor(1) as pool:
            second = pool.submit(gateway.call, "look")
            until(inflight(gateway, 2), "both wait")
            first.close()
            until(lambda: gateway.metric("narthex_calls_total", outcome="cancelled") == 1, "the first one has left")
            server.held = False
            server.let_go.set()
            answer = second.result(30)

        assert text(answer) == "version 1"
        assert mark(answer) == {"shared": True}
        assert server.calls == ["look"]


def test_when_all_have_left_the_next_one_asks_anew(tmp_path: Path) -> None:
    with reading() as server, serving(tmp_path, entry(server, cache={})) as gateway:
        server.held = True
        several = [leave(gateway, "look") for _ in range(3)]
        server.wait_for(1)
        until(inflight(gateway, 3), "all wait")
        for one in several:
            one.close()
        until(lambda: gateway.metric("narthex_calls_total", outcome="cancelled") == 3, "all have left")
        server.held = False
        answer = gateway.call("look")
        server.let_go.set()

        assert mark(answer) is None
        assert server.calls == ["look", "look"]


def test_sessions_of_an_older_server_that_remembers_share_nothing(tmp_path: Path) -> None:
    with reading(modern=False) as server, serving(tmp_path, entry(server, cache={})) as gateway:
        clients = [Legacy(gateway.url) for _ in range(2)]
        params = {"name": "look", "arguments": {}}
        answers = [client.request("tools/call", params) for client in clients for _ in range(2)]

        assert [mark(answer) is None for answer in answers] == [True, False, True, False]


def test_a_kept_answer_is_shaped_for_whoever_gets_it(tmp_path: Path) -> None:
    """One server, two eras in front, and one caller: what is kept is what the server said."""
    with reading() as server, serving(tmp_path, entry(server, cache={})) as gateway:
        modern = gateway.call("rows", rows=2)["result"]
        legacy = Legacy(gateway.url).request("tools/call", {"name": "rows", "arguments": {"rows": 2}})["result"]
        again = gateway.call("rows", rows=2)["result"]

        assert legacy["structuredContent"] == modern["structuredContent"] == again["structuredContent"]
        assert "resultType" not in legacy
        assert again["resultType"] == "complete"
        assert json.dumps(server.calls) == '["rows"]'
