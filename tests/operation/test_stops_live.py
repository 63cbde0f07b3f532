"""What an operator stops, against gateways that run: how soon it counts, in every process, and what survives."""

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from operation_kit import (
    Gateway,
    Legacy,
    connect,
    in_background,
    listening,
    modern_body,
    seconds_until,
    serving,
    stdio,
    until,
)
from operation_remote import remote

Tree = dict[str, Any]
REFUSAL = "dev.narthex/refusal"
SOON_SECONDS = 1.0
TOKEN = "the-token-of-who-decides"


def narthex(gateway: Gateway, *arguments: str) -> str:
    command = [sys.executable, "-m", "narthex", *arguments, "--state", str(gateway.folder / "state")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return ran.stdout.strip()


def refused(gateway: Gateway, tool: str, **arguments: Any) -> str | None:
    """The machine's word for the refusal; None: it was let through."""
    result = gateway.call(tool, **arguments)["result"]
    return result.get("_meta", {}).get(REFUSAL, {}).get("reason") if result.get("isError") else None


def asked(gateway: Gateway, method: str, path: str, tree: Tree | None = None, token: str = TOKEN) -> tuple[int, Tree]:
    connection = connect(gateway.admin)
    try:
        headers = {"Content-Type": "application/json"} if tree is not None else {}
        headers["Authorization"] = f"Bearer {token}"
        connection.request(method, path, json.dumps(tree).encode() if tree is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    more = {"admin": {"listen": "http://127.0.0.1:0", "token": TOKEN}}
    with serving(tmp_path, stdio("notes", tmp_path), stdio("wiki", tmp_path), **more) as running:
        until(lambda: "wiki__echo" in running.tools() and "notes__echo" in running.tools(), "both are listed")
        yield running


def test_a_stop_counts_within_a_second_in_every_process_and_survives_a_restart(
    gateway: Gateway, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with serving(other, stdio("notes", other), state=str(gateway.folder / "state")) as second:
        until(lambda: "echo" in second.tools(), "listed there")
        narthex(gateway, "stop", "--tool", "notes__echo", "--reason", "incident 4711")

        assert seconds_until(lambda: refused(gateway, "notes__echo", text="x") == "stopped") < SOON_SECONDS
        assert seconds_until(lambda: refused(second, "echo", text="x") == "stopped") < SOON_SECONDS
        assert "notes__echo" not in gateway.tools()
        assert "echo" not in second.tools()
        assert refused(gateway, "notes__pid") is None
        assert refused(gateway, "wiki__echo", text="x") is None
        until(lambda: gateway.said("Stopped by", "until it is resumed", "incident 4711"), "told to the operator")
        assert gateway.metric("narthex_stops", kind="tool") == 1
        assert gateway.metric("narthex_denials_total", filter="stopped", tool="notes__echo") >= 1

        second.stop()
        second.start()
        assert refused(second, "echo", text="x") == "stopped"
        narthex(gateway, "resume", "1")
        assert seconds_until(lambda: refused(second, "echo", text="x") is None) < SOON_SECONDS
        until(lambda: refused(gateway, "notes__echo", text="x") is None, "it runs again there too")
        until(lambda: "notes__echo" in gateway.tools(), "and is listed again")


def test_the_reason_is_told_and_explained(gateway: Gateway) -> None:
    asked(gateway, "POST", "/api/stops", {"server": "notes", "reason": "incident 4711"})
    answer = gateway.call("notes__echo", text="x")["result"]

    assert answer["isError"] is True
    assert answer["content"][0]["text"].startswith("Stopped by the operator: incident 4711.")
    assert answer["_meta"][REFUSAL] == {"reason": "stopped", "stopped": "server", "until": None}
    assert all(name.startswith("wiki__") for name in gateway.tools())
    explained = asked(gateway, "POST", "/api/explain", {"scopes": [], "tool": "notes__echo"})[1]
    assert (explained["allowed"], explained["decided_by"], explained["listed"]) == (False, "stopped", False)
    assert explained["steps"][2]["why"].endswith("(stop 1 by admin address)")


def test_stops_are_made_listed_and_taken_back_on_the_admin_address(gateway: Gateway) -> None:
    status, made = asked(gateway, "POST", "/api/stops", {"tool": "wiki/echo", "reason": "why", "seconds": 3600})

    assert (status, made["kind"], made["name"], made["state"], made["by"]) == (
        200,
        "tool",
        "wiki/echo",
        "holds",
        "admin address",
    )
    assert refused(gateway, "wiki__echo", text="x") == "stopped"  # at once: it holds when the answer is there
    assert asked(gateway, "GET", "/api/stops")[1]["stops"] == [made]
    assert asked(gateway, "DELETE", f"/api/stops/{made['id']}", token="guessed")[0] == 401
    assert refused(gateway, "wiki__echo", text="x") == "stopped"
    assert asked(gateway, "DELETE", f"/api/stops/{made['id']}")[1]["state"] == "resumed"
    assert refused(gateway, "wiki__echo", text="x") is None
    assert asked(gateway, "GET", "/api/stops")[1] == {"stops": []}
    assert asked(gateway, "DELETE", "/api/stops/77")[0] == 404
    for wrong in ({}, {"tool": "a", "server": "b"}, {"tool": ""}, {"planet": "x"}, {"tool": "a", "seconds": -1}):
        status, told = asked(gateway, "POST", "/api/stops", wrong)
        assert (status, bool(told["error"])) == (400, True)
    assert "/api/stops" in asked(gateway, "GET", "/api/openapi.json")[1]["paths"]


def test_without_a_token_nothing_is_resumed_on_the_admin_address(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("notes", tmp_path)) as gateway:
        until(lambda: "echo" in gateway.tools(), "listed")
        asked(gateway, "POST", "/api/stops", {"tool": "notes/echo"})
        status, told = asked(gateway, "DELETE", "/api/stops/1")

        assert (status, "narthex resume" in told["error"]) == (403, True)
        assert refused(gateway, "echo", text="x") == "stopped"


def test_it_ends_by_itself(gateway: Gateway) -> None:
    asked(gateway, "POST", "/api/stops", {"tool": "wiki/echo", "seconds": 1.0})

    assert refused(gateway, "wiki__echo", text="x") == "stopped"
    assert seconds_until(lambda: refused(gateway, "wiki__echo", text="x") is None) < 2.0


def test_a_call_under_way_goes_on_and_the_next_one_is_refused(gateway: Gateway) -> None:
    slow = in_background(lambda: gateway.call("notes__sleep", seconds=2.0))
    until(lambda: gateway.metric("narthex_inflight") >= 1, "it is under way")
    asked(gateway, "POST", "/api/stops", {"server": "notes"})

    assert refused(gateway, "notes__sleep", seconds=0) == "stopped"
    assert slow()["result"]["content"][0]["text"] == "slept"


def test_a_stopped_caller_sees_nothing_and_its_streams_end(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("notes", tmp_path)) as gateway:  # everybody is the principal `local`
        until(lambda: "echo" in gateway.tools(), "listed")
        session = Legacy(gateway.url)
        filters = {"toolsListChanged": True}
        with listening(gateway.url, filters=filters) as modern, listening(gateway.url, legacy=session) as legacy:
            narthex(gateway, "stop", "--principal", "local")

            assert seconds_until(modern.ended.is_set) < SOON_SECONDS
            assert seconds_until(legacy.ended.is_set) < SOON_SECONDS
        assert gateway.tools() == []
        assert session.request("tools/list")["result"]["tools"] == []
        told = session.request("tools/call", {"name": "echo", "arguments": {"text": "x"}})["result"]
        assert "This holds for all calls of this caller" in told["content"][0]["text"]
        narthex(gateway, "resume", "all")
        until(lambda: "echo" in gateway.tools(), "it is let in again")


def test_the_express_way_is_stopped_too(tmp_path: Path) -> None:
    with remote(modern=True) as server, serving(tmp_path, {"name": "far", "upstream": server.url}) as gateway:
        until(lambda: "echo" in gateway.tools(), "listed")
        connection = connect(gateway.url)
        assert "result" in _usual(connection, gateway.url)
        before = len(server.calls)
        asked(gateway, "POST", "/api/stops", {"tool": "far/echo"})
        told = _usual(connection, gateway.url)
        connection.close()

        assert told["result"]["_meta"][REFUSAL]["reason"] == "stopped"
        assert len(server.calls) == before


def _usual(connection: http.client.HTTPConnection, url: str) -> Tree:
    body, headers = modern_body("tools/call", {"name": "echo", "arguments": {}})
    connection.request("POST", urlsplit(url).path, body, headers)
    return dict(json.loads(connection.getresponse().read()))


def test_without_a_readable_store_nobody_is_served(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, {"servers": [stdio("notes", tmp_path)]})
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "state.db").write_bytes(b"this is no database, and never was one" * 100)

    with pytest.raises(AssertionError, match=r"the gateway ended with 2"):
        gateway.start()
    assert "state.db is damaged" in gateway.log_text()


def test_a_store_that_cannot_be_read_any_more_refuses_every_call(gateway: Gateway) -> None:
    database = gateway.folder / "state" / "state.db"
    database.replace(database.with_suffix(".away"))
    for beside in ("state.db-wal", "state.db-shm"):
        (database.parent / beside).unlink(missing_ok=True)
    database.write_bytes(b"no database at all" * 500)

    assert seconds_until(lambda: refused(gateway, "wiki__echo", text="x") == "stops_unknown") < 8.0
    assert gateway.metric("narthex_stops_known") == 0
    assert gateway.said("What is stopped cannot be read")
    gateway.stop(signal.SIGTERM)
