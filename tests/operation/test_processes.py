"""stdio servers under supervision: started a few at a time, stopped when idle, restarted with backoff, left never."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from operation_kit import alive, in_background, journal, serving, stdio, until

FORTY = 40


def most_at_once(entries: list[dict[str, Any]]) -> int:
    moments = sorted((one["at"], 1 if one["event"] == "start" else -1) for one in entries)
    now = most = 0
    for _, step in moments:
        now += step
        most = max(most, now)
    return most


def test_of_forty_servers_only_a_few_start_at_once_and_all_arrive(tmp_path: Path) -> None:
    servers = [stdio(f"s{number}", tmp_path, start_seconds=0.2) for number in range(FORTY)]
    with serving(tmp_path, *servers, limits={"spawns_concurrent_max": 3}) as gateway:
        until(lambda: len(journal(tmp_path, "ready")) == FORTY, "all forty are ready", 50)
        until(lambda: gateway.degraded() == [], "all forty are listed")

        begun = [one for one in journal(tmp_path) if one["event"] in ("start", "ready")]
        assert most_at_once(begun) <= 3
        assert len(gateway.tools()) == FORTY * 9
        assert gateway.metric("narthex_processes") == FORTY
        assert gateway.metric("narthex_process_resident_bytes") > FORTY * 1_000_000
        assert gateway.text("s39__echo", text="x") == "x"

        started = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - started < 15
    assert not any(alive(one["pid"]) for one in journal(tmp_path, "start"))


def test_an_idle_server_is_stopped_and_started_again_by_the_next_call(tmp_path: Path) -> None:
    server = stdio("a", tmp_path, entry={"idle_stop_seconds": 0.5})
    with serving(tmp_path, server) as gateway:
        first = int(gateway.text("pid"))
        until(lambda: not alive(first), "the idle process is gone")

        assert gateway.status("a")["state"] == "idle"
        assert gateway.metric("narthex_upstream_up", server="a") == 1
        assert gateway.metric("narthex_upstream_restarts_total", server="a") == 0
        assert "echo" in gateway.tools()
        assert gateway.degraded() == []
        assert int(gateway.text("pid")) != first


def test_a_modern_server_that_is_listened_to_is_idle_all_the_same(tmp_path: Path) -> None:
    server = stdio("a", tmp_path, modern=True, entry={"idle_stop_seconds": 0.5})
    with serving(tmp_path, server) as gateway:
        first = int(gateway.text("pid"))
        assert journal(tmp_path, "listen")
        until(lambda: not alive(first), "the idle process is gone")

        assert int(gateway.text("pid")) != first


def test_a_call_keeps_its_server_from_being_idle(tmp_path: Path) -> None:
    server = stdio("a", tmp_path, entry={"idle_stop_seconds": 0.4})
    with serving(tmp_path, server) as gateway:
        assert gateway.text("sleep", seconds=1.5) == "slept"


def test_a_crash_in_mid_call_is_told_within_a_second_with_an_unknown_outcome(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path)) as gateway:
        assert gateway.text("echo", text="x") == "x"
        others = [in_background(lambda: gateway.call("sleep", seconds=30)) for _ in range(3)]
        until(lambda: len(journal(tmp_path, "call")) == 4, "the others are in work")
        started = time.monotonic()
        errors = [gateway.call("die")["error"], *(other()["error"] for other in others)]

        assert time.monotonic() - started < 1.0
        for error in errors:
            assert error["data"] == {"reason": "upstream_lost", "server": "a", "outcome": "unknown"}
            assert "exited with code 7" in error["message"]
            assert "unknown" in error["message"]
        assert gateway.text("echo", text="back") == "back"  # the first restart comes at once


def test_a_server_that_crashes_again_and_again_is_restarted_ever_more_slowly(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path), stdio("good", tmp_path)) as gateway:
        assert gateway.text("a__echo", text="x") == "x"
        deadline = time.monotonic() + 6
        while time.monotonic() < deadline:
            gateway.call("a__die")
            time.sleep(0.02)
        starts = [one["at"] for one in journal(tmp_path, "start", "a")]

        # At once, then after about 1, 2 and 4 seconds (each shortened by up to a half).
        assert 3 <= len(starts) <= 6
        refused = until(lambda: gateway.call("a__echo").get("error"), "refused while it waits", 1)
        assert refused["data"]["reason"] in ("upstream_unavailable", "upstream_lost")
        assert gateway.text("good__echo", text="x") == "x"
        assert gateway.metric("narthex_upstream_restarts_total", server="a") >= 3


def test_a_server_that_ends_after_every_greeting_does_not_spin(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path, die="greeting"), stdio("good", tmp_path)) as gateway:
        until(lambda: len(journal(tmp_path, "start", "a")) >= 2, "it was tried again")
        end = time.monotonic() + 4
        while time.monotonic() < end:
            gateway.call("a__echo", wait=10)
            time.sleep(0.05)

        assert len(journal(tmp_path, "start", "a")) <= 9


def test_a_server_sees_the_allow_list_of_the_environment_and_what_is_configured(tmp_path: Path) -> None:
    env = {"COMPANY_SECRET": "canary-1", "NARTHEX_TEST_SHARED": "yes", "AWS_REGION": "eu-1", "LANG": "C.UTF-8"}
    entry = {"env": {"OWN": "configured ${COMPANY_SECRET}"}, "inherit_env": ["AWS_*"]}
    with serving(tmp_path, stdio("a", tmp_path, entry=entry), env=env) as gateway:
        seen = json.loads(gateway.text("env"))

        assert seen["OWN"] == "configured canary-1"
        assert seen["AWS_REGION"] == "eu-1"
        assert seen["LANG"] == "C.UTF-8"
        assert "COMPANY_SECRET" not in seen
        assert "NARTHEX_TEST_SHARED" not in seen
        assert set(seen) <= {"OWN", "AWS_REGION", "LANG", "HOME", "PATH", "LC_CTYPE", "PWD"}


def test_limits_of_the_system_hold_for_a_server(tmp_path: Path) -> None:
    entry = {"resources": {"memory_mb": 256, "open_files": 64}}
    with serving(tmp_path, stdio("a", tmp_path, entry=entry)) as gateway:
        pid = int(gateway.text("pid"))
        limits = Path(f"/proc/{pid}/limits").read_text()
        answer = gateway.call("eat", wait=10)

        assert f"Max address space         {256 * 1024 * 1024}" in limits
        assert "Max open files            64" in limits
        # Whatever the server makes of it, it did not get the memory, and we go on.
        assert answer["result"]["content"][0]["text"] == "no memory"
        until(lambda: "result" in gateway.call("echo", text="x"), "it answers again")


def test_nothing_is_left_after_sigterm(tmp_path: Path) -> None:
    stubborn = stdio("stubborn", tmp_path, ignore_signals=True)
    with serving(tmp_path, stdio("a", tmp_path), stubborn) as gateway:
        pids = [int(gateway.text("a__pid")), int(gateway.text("a__fork")), int(gateway.text("stubborn__fork"))]
        started = time.monotonic()
        assert gateway.stop(signal.SIGTERM) == 0

        assert time.monotonic() - started < 15
        assert [pid for pid in pids if alive(pid)] == []
        assert not any(alive(one["pid"]) for one in journal(tmp_path, "start"))


def test_a_second_signal_does_not_wait_for_stubborn_servers(tmp_path: Path) -> None:
    with serving(tmp_path, stdio("a", tmp_path, ignore_signals=True)) as gateway:
        left = int(gateway.text("fork"))
        gateway.process.send_signal(signal.SIGTERM)
        until(lambda: gateway.said("Draining"), "it drains")
        started = time.monotonic()
        assert gateway.stop(signal.SIGINT) == 0

        assert time.monotonic() - started < 2.5
        until(lambda: not alive(left) and not any(alive(one["pid"]) for one in journal(tmp_path, "start")), "gone", 5)


def test_nothing_is_left_after_the_gateway_was_killed(tmp_path: Path) -> None:
    stubborn = stdio("stubborn", tmp_path, ignore_signals=True)
    with serving(tmp_path, stdio("a", tmp_path), stubborn) as gateway:
        left = [int(gateway.text("a__fork")), int(gateway.text("stubborn__fork"))]
        os.kill(gateway.process.pid, signal.SIGKILL)
        gateway.process.wait(10)

        pids = [*left, *(one["pid"] for one in journal(tmp_path, "start"))]
        until(lambda: not any(map(alive, pids)), "everything is gone", 10)


def test_a_call_to_a_server_that_is_still_starting_waits_for_it(tmp_path: Path) -> None:
    slow = stdio("slow", tmp_path, start_seconds=2.5)
    with serving(tmp_path, slow, stdio("good", tmp_path)) as gateway:
        answers = [in_background(lambda: gateway.text("slow__echo", text="patience")) for _ in range(3)]

        assert gateway.text("good__echo", text="quick") == "quick"
        assert [answer() for answer in answers] == ["patience"] * 3
        assert len(journal(tmp_path, "start", "slow")) == 1


def test_the_very_first_list_waits_a_bounded_moment_and_only_once(tmp_path: Path) -> None:
    never = stdio("never", tmp_path, hang="initialize")
    with serving(tmp_path, never, stdio("good", tmp_path, start_seconds=0.5)) as gateway:
        started = time.monotonic()
        tools = gateway.tools()
        first_seconds = time.monotonic() - started
        started = time.monotonic()
        again = gateway.tools()

        assert "good__echo" in tools
        assert first_seconds < 6.0
        assert again == tools
        assert time.monotonic() - started < 0.5
        assert gateway.degraded() == ["never"]
        started = time.monotonic()
        assert "Unknown tool" in gateway.call("good__nothing")["error"]["message"]
        assert time.monotonic() - started < 0.5
