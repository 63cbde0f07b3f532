"""Calls on the express way while the house changes around them: another configuration, a drain, an end at once."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from express_stage import (
    BACKS,
    LEGACY,
    TEXT,
    WAITING_SECONDS,
    Caller,
    Held,
    Stage,
    configured,
    event,
    good,
    notification,
    result_event,
    staged,
    wait_until,
    went_express,
)
from hostile_peer import Asked, Peer, Script
from real_gateway import SECONDS_MAX

CELLS = [(front, back) for front in ("modern", LEGACY) for back in BACKS]
WAYS = {"express": False, "general": True}
TRIES = 5


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path) as found:
        yield found
        assert found.gateway.faults() == []


def in_the_air(caller: Caller, then: Script = good, *, unusual: bool = False) -> Held:
    """A call that waits for its server. The express way needs an idle connection, and a request of the gateway's own
    may have it at that moment: then another call is made.
    """
    for _ in range(TRIES):
        held = caller.stage.on_call = Held(then)
        caller.say(5, unusual=unusual)
        held.until_arrived()
        if went_express(caller.stage.calls[-1]) is not unusual:
            return held
        held.go.set()
        caller.wire.answer()
        caller.warm()
    raise AssertionError("no call goes the way it should")


def reconfigure(stage: Stage, *without: str, **limits: Any) -> None:
    """Another configuration, and the gateway has taken it over."""
    said = len(stage.gateway.lines)
    path = stage.home / "narthex.json"
    other = path.with_suffix(".new")
    other.write_text(json.dumps({"state": str(stage.home / "state"), **configured(stage.far, *without, **limits)}))
    other.replace(path)
    os.kill(stage.gateway.child.pid, signal.SIGHUP)
    stage.gateway.until("Configuration taken over", said)


# ---- another configuration -----------------------------------------------------------------------------------------


def log_first(peer: Peer, asked: Asked) -> None:
    peer.events(notification("notifications/message", level="error", data="x"), result_event(asked))


def refuse(peer: Peer, asked: Asked) -> None:
    peer.events(event({"jsonrpc": "2.0", "id": asked.message["id"], "error": {"code": -32602, "message": "no such x"}}))


def busy(peer: Peer, _: Asked) -> None:
    peer.body(b"", b"HTTP/1.1 503 No\r\nretry-after: 3\r\n")


ANSWERS: dict[str, tuple[Script, str]] = {
    "usual": (good, json.dumps(TEXT["content"])),
    "log first": (log_first, json.dumps(TEXT["content"])),
    "an error": (refuse, "no such x"),
    "busy": (busy, "retry in 3 seconds"),
}


@pytest.mark.parametrize("unusual", WAYS.values(), ids=WAYS.keys())
@pytest.mark.parametrize("back", BACKS)
def test_a_call_ends_in_the_world_in_which_it_began(stage: Stage, back: str, unusual: bool) -> None:
    for front in ("modern", LEGACY):
        for then, words in ANSWERS.values():
            caller = stage.caller(front, back)
            held = in_the_air(caller, then, unusual=unusual)
            reconfigure(stage, back)  # without its server
            held.go.set()
            answer = caller.wire.answer()
            stage.until_quiet()
            reconfigure(stage)

            assert words in json.dumps(answer.message), (front, answer.message)


@pytest.mark.parametrize("back", BACKS)
def test_other_limits_change_nothing_for_a_call_in_the_air_but_the_size_of_its_answer(stage: Stage, back: str) -> None:
    for front in ("modern", LEGACY):
        caller = stage.caller(front, back)
        held = in_the_air(caller)
        reconfigure(stage, call_seconds_max=11.0)
        held.go.set()
        assert "result" in caller.wire.answer().message

        held = in_the_air(caller, lambda peer, asked: peer.result(asked, {"content": ["x" * 3_000]}))
        reconfigure(stage, result_bytes_max=2_000)
        held.go.set()
        assert caller.wire.answer().message["error"]["data"]["reason"] == "upstream_too_large"
        reconfigure(stage)


def test_nothing_of_a_call_stays_at_a_server_that_is_let_go(stage: Stage) -> None:
    """A server with calls in flight is left time. Whatever turn they took, at the end there are none."""
    callers = [stage.caller(front, "legacy") for front in ("modern", LEGACY)]
    for caller in callers:
        for then, _ in ANSWERS.values():
            caller.warm()
            held = in_the_air(caller, then)
            held.go.set()
            caller.wire.answer()
        caller.warm()
        held = in_the_air(caller)
        caller.leave()
        held.go.set()
        caller.again()
    stage.until_quiet()
    sessions = {asked.path for asked in stage.calls}
    reconfigure(stage, "legacy")

    assert sessions == {"/legacy"}
    wait_until(lambda: [asked.verb for asked in stage.far.asked].count("DELETE") >= 2, "its sessions are not ended")


# ---- the end -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("front", "back"), CELLS)
def test_a_call_in_the_air_may_end_while_the_house_is_drained(stage: Stage, front: str, back: str) -> None:
    caller = stage.caller(front, back)
    held = in_the_air(caller)
    stage.gateway.child.terminate()
    stage.gateway.until("Draining")
    held.go.set()
    answer = caller.wire.answer()

    assert answer.message["result"]["content"] == TEXT["content"]
    assert answer.headers["connection"] == "close"
    assert stage.gateway.child.wait(SECONDS_MAX) == 0


@pytest.mark.parametrize("then", [busy, log_first], ids=["busy", "log first"])
@pytest.mark.parametrize(("front", "back"), CELLS)
def test_a_call_may_take_a_turn_while_the_house_is_drained(stage: Stage, front: str, back: str, then: Script) -> None:
    caller = stage.caller(front, back)
    held = in_the_air(caller, then)
    stage.gateway.child.terminate()
    stage.gateway.until("Draining")
    held.go.set()

    assert caller.wire.answer().message["id"] == 5
    assert stage.gateway.child.wait(SECONDS_MAX) == 0


@pytest.mark.parametrize(("front", "back"), CELLS)
def test_a_second_signal_ends_at_once(stage: Stage, front: str, back: str) -> None:
    caller = stage.caller(front, back)
    held = in_the_air(caller)
    stage.gateway.child.terminate()
    stage.gateway.until("Draining")
    began = time.monotonic()
    stage.gateway.child.terminate()
    held.until_gone()
    with pytest.raises((AssertionError, ConnectionError)):
        caller.wire.answer()

    assert stage.gateway.child.wait(SECONDS_MAX) == 0
    assert time.monotonic() - began < WAITING_SECONDS
    assert '"outcome":"cancelled"' in stage.gateway.until('"outcome":"cancelled"')
    if back == "legacy":
        assert stage.heard("notifications/cancelled")
