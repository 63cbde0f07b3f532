"""One bad or slow server never delays or breaks the others; calls to it are refused quickly, with reason and retry."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from operation_kit import Gateway, connect, exchange, http_server, journal, serving, stdio, until

QUICK_SECONDS = 0.25  # a call to a healthy server; generous, for a busy machine
BAD: dict[str, dict[str, Any]] = {
    "never_greets": {"hang": "initialize"},
    "never_lists": {"hang": "lists"},
    "never_answers": {"hang": "calls"},
    "dies_at_start": {"die": "start"},
    "dies_when_greeted": {"die": "greeting"},
    "floods": {"flood": 2000},
    "offers_much": {"many": 4000},
}


@contextlib.contextmanager
def black_hole() -> Iterator[str]:
    """Accepts connections, reads, and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        held: list[socket.socket] = []
        closing = threading.Event()

        def accept() -> None:
            while not closing.is_set():
                with contextlib.suppress(OSError):
                    held.append(listener.accept()[0])

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        finally:
            closing.set()
            with contextlib.suppress(OSError):
                socket.create_connection(listener.getsockname(), 1).close()
            thread.join(5)
            for one in held:
                one.close()


def slowest(gateway: Gateway, calls: int = 60) -> float:
    """The longest of some calls to the healthy server, on one connection, in seconds."""
    connection = connect(gateway.url)
    took = []
    for number in range(calls):
        started = time.monotonic()
        answer = exchange(
            connection, gateway.url, "tools/call", {"name": "good__echo", "arguments": {"text": str(number)}}
        )
        took.append(time.monotonic() - started)
        assert answer["result"]["content"][0]["text"] == str(number)
        time.sleep(0.02)
    connection.close()
    return sorted(took)[-2]  # one outlier is the machine's


def test_calls_to_a_healthy_server_stay_quick_while_all_others_misbehave(tmp_path: Path) -> None:
    bad = [stdio(name, tmp_path, **options) for name, options in BAD.items()]
    with black_hole() as hole:
        holes = [{"name": f"hole{number}", "upstream": hole} for number in range(10)]
        good = stdio("good", tmp_path)
        with serving(tmp_path, *holes, *bad, good) as gateway:
            started = time.monotonic()
            assert gateway.text("good__echo", text="first") == "first"
            first_seconds = time.monotonic() - started

            assert first_seconds < 8.0  # at worst it waited once for its place among those starting
            assert slowest(gateway) < QUICK_SECONDS
            assert "offers_much__tool_3999" in until(lambda: _with(gateway, "offers_much__"), "the huge list is there")
            assert slowest(gateway) < QUICK_SECONDS
            assert gateway.text("floods__echo", text="x") == "x"
            assert gateway.metric("narthex_upstream_up", server="good") == 1
            assert gateway.metric("narthex_upstream_up", server="dies_at_start") == 0
            # Nobody holds up the loop: whoever floods us is read at our pace.
            looks = gateway.metric("narthex_event_loop_delay_seconds_count")  # first: a later scrape counts more
            assert gateway.metric("narthex_event_loop_delay_seconds_bucket", le="0.5") >= 0.99 * looks


def _with(gateway: Gateway, prefix: str) -> list[str]:
    return [name for name in all_tools(gateway) if name.startswith(prefix)]


def all_tools(gateway: Gateway) -> list[str]:
    names, cursor = [], None
    while True:
        result = gateway.request("tools/list", {"cursor": cursor} if cursor else {})["result"]
        names += [tool["name"] for tool in result["tools"]]
        cursor = result.get("nextCursor")
        if cursor is None:
            return names


def test_four_servers_that_hang_at_their_start_do_not_keep_a_fifth_from_starting(tmp_path: Path) -> None:
    hanging = [stdio(f"hang{number}", tmp_path, hang="initialize") for number in range(4)]
    with serving(tmp_path, *hanging, stdio("good", tmp_path)) as gateway:
        started = time.monotonic()

        assert gateway.text("good__echo", text="x") == "x"
        assert time.monotonic() - started < 8.0


def test_a_remote_server_that_went_away_is_refused_at_once_and_found_again(tmp_path: Path) -> None:
    with http_server() as (url, process):
        with serving(tmp_path, {"name": "crm", "upstream": url}, stdio("good", tmp_path)) as gateway:
            call = {"query": "museum"}
            assert "result" in gateway.call("crm__search_contacts", **call)
            process.kill()
            process.wait()
            error = gateway.call("crm__search_contacts", **call)["error"]

            assert error["data"]["reason"] in ("upstream_unavailable", "upstream_lost")
            until(lambda: gateway.status("crm")["state"] == "down", "known to be down")
            started = time.monotonic()
            error = gateway.call("crm__search_contacts", **call)["error"]
            assert time.monotonic() - started < 0.1
            assert error["data"]["reason"] == "upstream_unavailable"
            assert "crm__search_contacts" in gateway.tools()
            until(lambda: gateway.degraded() == ["crm"], "shown as degraded")
            with http_server(urlsplit(url).port or 0):
                until(lambda: gateway.degraded() == [], "found again", 40)
                assert "result" in gateway.call("crm__search_contacts", **call)
                until(lambda: gateway.said("crm is up again"), "said")


def test_a_breaker_opens_after_failures_in_a_row_and_closes_when_the_server_is_back(tmp_path: Path) -> None:
    program = tmp_path / "server.py"
    server = stdio("a", tmp_path)
    whole = Path(server["command"][3]).read_text()
    program.write_text(whole)
    server["command"][3] = str(program)
    with serving(tmp_path, server, stdio("good", tmp_path)) as gateway:
        assert gateway.text("a__echo", text="x") == "x"
        program.write_text("import sys; sys.exit('out of order, key=canary-in-stderr')")
        assert "error" in gateway.call("a__die")
        refusals = [gateway.call("a__echo")["error"] for _ in range(8)]

        assert all(one["data"]["server"] == "a" for one in refusals)
        assert all("canary" not in json.dumps(one) for one in refusals)
        started = time.monotonic()
        last = gateway.call("a__echo")["error"]
        assert time.monotonic() - started < 0.1
        assert last["data"]["reason"] == "upstream_unavailable"
        assert 0 < last["data"]["retryAfterMs"] <= 61_000
        assert "retry in" in last["message"]
        assert "a__echo" in gateway.tools()
        assert gateway.degraded() == ["a"]
        assert slowest(gateway, 20) < QUICK_SECONDS

        program.write_text(whole)
        until(lambda: gateway.degraded() == [], "it is found to be back", 40)
        assert gateway.text("a__echo", text="again") == "again"


def test_a_call_that_hangs_ends_at_its_deadline_and_the_server_is_told(tmp_path: Path) -> None:
    slow = stdio("slow", tmp_path, hang="calls", entry={"timeout_seconds": 1})
    with serving(tmp_path, slow, stdio("good", tmp_path)) as gateway:
        until(lambda: "slow__echo" in gateway.tools(), "listed")
        started = time.monotonic()
        error = gateway.call("slow__echo")["error"]

        assert 0.9 < time.monotonic() - started < 3.0
        assert error["data"] == {"reason": "upstream_timeout", "server": "slow", "outcome": "unknown"}
        until(lambda: journal(tmp_path, "cancelled", "slow"), "the server was told")
        assert "slow__echo" in gateway.tools()
        assert gateway.degraded() == []  # its lists answer: it is one call that hangs, not the server
