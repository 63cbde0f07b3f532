"""Servers that are slow, fail and come back, behind a running gateway: deadlines, breaker, places, retries, hedging."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from failing_remote import Failing, failing
from operation_kit import (
    Gateway,
    connect,
    exchange,
    http_server,
    in_background,
    journal,
    modern_body,
    serving,
    stdio,
    until,
)

Tree = dict[str, Any]
REFUSAL = "dev.narthex/refusal"


def far(server: Failing, **more: Any) -> Tree:
    return {"name": "far", "upstream": server.url, **more}


def listed(gateway: Gateway, tool: str = "echo") -> None:
    until(lambda: any(name.endswith(tool) for name in gateway.tools()), "listed")


def fault(answer: Tree) -> str:
    return str(answer.get("error", {}).get("data", {}).get("reason", ""))


def counted(gateway: Gateway, what: str) -> float:
    return gateway.metric(f"narthex_upstream_{what}", server="far")


# ---- deadlines -------------------------------------------------------------------------------------------------------


def test_each_tool_has_its_own_deadline_and_the_server_is_told(tmp_path: Path) -> None:
    rules = {"timeout_seconds": 30, "rules": {"slee*": {"timeout_seconds": 0.5}}}
    with serving(tmp_path, stdio("notes", tmp_path, entry=rules)) as gateway:
        listed(gateway)
        started = time.monotonic()
        answer = gateway.call("sleep", seconds=5)

        assert 0.4 < time.monotonic() - started < 3.0
        assert answer["error"]["data"] == {"reason": "upstream_timeout", "server": "notes", "outcome": "unknown"}
        until(lambda: journal(tmp_path, "cancelled", "notes"), "the server was told")


def test_on_the_express_way_too(tmp_path: Path) -> None:
    with failing() as server, serving(tmp_path, far(server, rules={"echo": {"timeout_seconds": 0.5}})) as gateway:
        listed(gateway)
        assert "result" in gateway.call("echo")
        server.mode, server.late_seconds = "late", 3.0
        started = time.monotonic()

        assert fault(gateway.call("echo")) == "upstream_timeout"
        assert time.monotonic() - started < 2.0


# ---- the breaker -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["drop", "error"])
def test_a_server_that_fails_is_left_alone_tried_once_and_believed_again(tmp_path: Path, mode: str) -> None:
    rule = {"breaker": {"failures": 3, "open_seconds": 2.0}, "retries": 0}
    with failing() as server, serving(tmp_path, far(server, **rule)) as gateway:
        listed(gateway)
        server.mode = mode
        reasons = [fault(gateway.call("sleep")) for _ in range(3)]
        opened = time.monotonic()
        assert set(reasons) == {"upstream_lost" if mode == "drop" else "upstream_status"}
        before = len(server.calls)
        error = gateway.call("sleep")["error"]

        assert error["data"]["reason"] == "upstream_unavailable"
        assert 0 < error["data"]["retryAfterMs"] <= 2_000
        assert "it is left alone after 3 failures" in error["message"]
        assert "retry in" in error["message"]
        assert len(server.calls) == before  # nothing was sent
        assert (counted(gateway, "breaker_open"), counted(gateway, "breaker_opened_total")) == (1, 1)
        assert gateway.status("far")["breaker"] == "open"
        until(lambda: gateway.said("far is left alone for 2 s after 3 failures"), "said")

        until(lambda: gateway.status("far")["breaker"] == "half_open", "somebody may try")
        assert time.monotonic() - opened > 1.5
        assert fault(gateway.call("sleep")) in ("upstream_lost", "upstream_status")  # the one that tried
        assert len(server.calls) == before + 1
        assert fault(gateway.call("sleep")) == "upstream_unavailable"
        server.mode = "well"
        until(lambda: "result" in gateway.call("sleep"), "it is believed again")
        until(lambda: gateway.said("far is up again"), "said")
        assert gateway.status("far")["breaker"] == "closed"
        assert counted(gateway, "breaker_open") == 0


def test_the_command_line_says_how_servers_are(tmp_path: Path) -> None:
    rule = {"breaker": {"failures": 1, "open_seconds": 60}, "retries": 0}
    with failing() as server, serving(tmp_path, far(server, **rule), stdio("good", tmp_path)) as gateway:
        listed(gateway, "far__echo")
        assert narthex("servers", "--admin", gateway.admin)[0] == 0
        server.mode = "drop"
        gateway.call("far__sleep")
        code, printed = narthex("servers", "--admin", gateway.admin)

        assert code == 1
        assert re.search(r"^far +up +open \([0-9.]+ s\) +2 ", printed, re.MULTILINE)
        assert re.search(r"^good +\w+ +closed ", printed, re.MULTILINE)
        listing = json.loads(narthex("servers", "--admin", gateway.admin, "--json")[1])
        assert [one["breaker"] for one in listing] == ["open", "closed"]
    assert narthex("servers", "--admin", gateway.admin)[0] == 1  # nobody answers


def narthex(*arguments: str) -> tuple[int, str]:
    ran = subprocess.run([sys.executable, "-m", "narthex", *arguments], capture_output=True, text=True, timeout=60)
    return ran.returncode, ran.stdout


def test_half_open_one_call_tries_and_the_others_are_refused_at_once(tmp_path: Path) -> None:
    rule = {"breaker": {"failures": 1, "open_seconds": 0.5}, "retries": 0}
    with failing() as server, serving(tmp_path, far(server, **rule)) as gateway:
        listed(gateway)
        server.mode = "drop"
        assert fault(gateway.call("sleep")) == "upstream_lost"
        server.mode, server.most = "held", 0
        until(lambda: gateway.status("far")["breaker"] == "half_open", "somebody may try")
        probe = in_background(lambda: gateway.call("sleep"))
        until(lambda: server.under_way == 1, "the one that tries is there")
        others = [fault(gateway.call("sleep")) for _ in range(5)]

        assert set(others) == {"upstream_unavailable"}
        server.answering.release(100)
        assert "result" in probe()
        assert server.most == 1
        assert "result" in gateway.call("sleep")


def test_what_a_tool_says_is_wrong_opens_nothing(tmp_path: Path) -> None:
    with failing() as server, serving(tmp_path, far(server, breaker={"failures": 1})) as gateway:
        listed(gateway)
        server.tools = ["echo", "sleep", "gone"]
        for _ in range(3):
            assert "error" in gateway.call("nothing_of_the_kind")
        assert gateway.status("far")["breaker"] == "closed"


def test_a_stopped_process_is_noticed_refused_at_once_and_found_again(tmp_path: Path) -> None:
    """SIGSTOP: it accepts connections, and never says a word."""
    with http_server() as (url, process):
        rule = {"timeout_seconds": 0.5, "breaker": {"failures": 2, "open_seconds": 1.0}}
        server = {"name": "crm", "upstream": url, **rule}
        with serving(tmp_path, server, stdio("good", tmp_path), limits={"call_seconds_max": 2.0}) as gateway:
            until(lambda: "crm__search_contacts" in gateway.tools(), "listed")
            process.send_signal(signal.SIGSTOP)
            try:
                assert [searched(gateway) for _ in range(2)] == ["upstream_timeout"] * 2
                until(lambda: searched(gateway) == "upstream_unavailable", "refused at once")
                started = time.monotonic()
                assert gateway.text("good__echo", text="x") == "x"
                assert time.monotonic() - started < 1.0
            finally:
                process.send_signal(signal.SIGCONT)
            until(lambda: not searched(gateway), "found again", 40)


def searched(gateway: Gateway) -> str:
    return fault(gateway.call("crm__search_contacts", query="x"))


# ---- places ----------------------------------------------------------------------------------------------------------


def test_one_slow_server_takes_so_many_places_and_others_are_not_held_up(tmp_path: Path) -> None:
    rule = {"bulkhead": {"concurrent": 2, "waiting": 1, "wait_seconds": 30}}
    with failing() as server, serving(tmp_path, far(server, **rule), stdio("good", tmp_path)) as gateway:
        listed(gateway, "far__echo")
        server.mode = "held"
        calls = [in_background(lambda: gateway.call("far__echo")) for _ in range(2)]
        until(lambda: server.under_way == 2, "both are there")
        calls.append(in_background(lambda: gateway.call("far__echo")))
        until(lambda: counted(gateway, "calls_waiting") == 1, "one waits")
        started = time.monotonic()
        refused = gateway.call("far__echo")["result"]

        assert time.monotonic() - started < 1.0
        assert refused["isError"] is True
        assert refused["content"][0]["text"] == (
            "The server 'far' is busy: 2 calls are under way, as many as may be at one time, and 1 wait for a place. "
            "Nothing was done. Retry in 30 seconds."
        )
        assert refused["_meta"][REFUSAL]["reason"] == "server_busy"
        assert gateway.text("good__echo", text="x") == "x"
        assert (counted(gateway, "calls_held"), counted(gateway, "calls_refused_total")) == (2, 1)
        assert gateway.metric("narthex_denials_total", filter="bulkhead") == 1
        server.answering.release(100)
        assert all("result" in call() and not call()["result"].get("isError") for call in calls)
        assert server.most == 2
        until(lambda: counted(gateway, "calls_held") == 0, "all places are free again")


def test_places_on_the_express_way_are_given_back_however_calls_end(tmp_path: Path) -> None:
    rule = {"bulkhead": {"concurrent": 3, "waiting": 0}, "breaker": {"failures": 1_000}, "retries": 0}
    with failing() as server, serving(tmp_path, far(server, **rule)) as gateway:
        listed(gateway)
        connection = connect(gateway.url)
        for mode in ("well", "drop", "error", "well") * 5:
            server.mode = mode
            answer = exchange(connection, gateway.url, "tools/call", {"name": "sleep", "arguments": {}})
            assert answer.get("result", {}).get("isError") is not True
        server.mode = "held"
        for _ in range(4):  # clients that leave
            body, headers = modern_body("tools/call", {"name": "sleep", "arguments": {}})
            leaving = connect(gateway.url)
            leaving.request("POST", urlsplit(gateway.url).path, body, headers)
            leaving.close()
        connection.close()
        server.answering.release(1_000)

        until(lambda: counted(gateway, "calls_held") == 0, "all places are free again")


def test_explain_says_where_the_places_come_from(tmp_path: Path) -> None:
    with failing() as server, serving(tmp_path, far(server), bulkhead={"concurrent": 5}) as gateway:
        listed(gateway)
        connection = connect(gateway.admin)
        question = json.dumps({"scopes": [], "tool": "echo"}).encode()
        connection.request("POST", "/api/explain", question, {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        connection.close()

        assert answer["rules"]["bulkhead"] == "bulkhead"


# ---- once more, and twice at one time --------------------------------------------------------------------------------


def test_a_lost_call_is_sent_anew_only_where_that_is_safe(tmp_path: Path) -> None:
    with failing() as server, serving(tmp_path, far(server, trusted=True)) as gateway:
        listed(gateway)
        server.mode, server.failures = "drop", 1
        assert "result" in gateway.call("echo")  # declared read-only and idempotent
        assert server.calls == ["drop", "echo"]
        assert counted(gateway, "retries_total") == 1
        server.calls.clear()
        server.failures = 1
        answer = gateway.call("sleep")

        assert fault(answer) == "upstream_lost"
        assert answer["error"]["data"]["outcome"] == "unknown"
        assert server.calls == ["drop"]  # once, and never again


def test_the_word_of_a_server_that_is_not_trusted_counts_for_nothing(tmp_path: Path) -> None:
    with failing() as server, serving(tmp_path, far(server)) as gateway:
        listed(gateway)
        server.mode, server.failures = "drop", 1

        assert fault(gateway.call("echo")) == "upstream_lost"
        assert server.calls == ["drop"]


def test_the_word_of_the_operator_does(tmp_path: Path) -> None:
    rules = {"sleep": {"repeatable": True}, "echo": {"repeatable": False}}
    with failing() as server, serving(tmp_path, far(server, trusted=True, rules=rules)) as gateway:
        listed(gateway)
        server.mode, server.failures = "drop", 1
        assert "result" in gateway.call("sleep")
        server.failures = 1

        assert fault(gateway.call("echo")) == "upstream_lost"


def test_repetitions_are_a_tenth_of_all_calls_and_a_few_ahead(tmp_path: Path) -> None:
    rules = {"repeatable": True, "breaker": {"failures": 1_000}}
    with failing() as server, serving(tmp_path, far(server, **rules)) as gateway:
        listed(gateway)
        server.mode = "drop"
        connection = connect(gateway.url)
        for _ in range(60):
            exchange(connection, gateway.url, "tools/call", {"name": "echo", "arguments": {}})
        connection.close()

        assert counted(gateway, "retries_total") <= 10 + 0.1 * 60
        assert len(server.calls) == 60 + counted(gateway, "retries_total")
        assert counted(gateway, "repeats_refused_total") > 0


def test_a_slow_answer_of_a_tool_that_only_reads_is_asked_for_twice(tmp_path: Path) -> None:
    with failing() as server, serving(tmp_path, far(server, trusted=True, hedge_after_seconds=0.2)) as gateway:
        listed(gateway)
        server.mode, server.late_seconds, server.failures = "late", 4.0, 1
        started = time.monotonic()
        assert "result" in gateway.call("echo")

        assert time.monotonic() - started < 2.0
        assert (counted(gateway, "hedges_total"), counted(gateway, "hedges_won_total")) == (1, 1)
        server.failures = 1
        server.late_seconds = 0.6
        server.calls.clear()
        assert "result" in gateway.call("sleep")  # it does not say that it only reads
        assert server.calls == ["sleep"]
        assert counted(gateway, "hedges_total") == 1
