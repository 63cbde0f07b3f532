"""Calls in a crowd, whose records are written together: each is on record once, whatever comes in the same moment."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from express_stage import BACKS, Caller, Held, Stage, good, staged, wait_until
from hostile_client import outcome_of
from hostile_peer import Asked, Peer
from test_express_turns import at_once

from narthex.limits import audit_together_calls_min

CROWD = 2 * audit_together_calls_min
ROUNDS = 5  # which of both comes first is the system's choice


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path) as found:
        yield found
        assert found.gateway.faults() == []


class Crowd:
    """Callers, each with a connection to the server that is idle by now. What came there, and was answered: by id."""

    def __init__(self, stage: Stage, back: str) -> None:
        self.stage = stage
        self.callers = [stage.caller("modern", back) for _ in range(CROWD)]
        self.arrived: list[bytes] = []
        self.answered: list[bytes] = []
        self.fly(self.callers).go.set()
        self.land(self.callers)
        stage.until_quiet()

    def fly(self, callers: list[Caller]) -> Held:
        """Their calls are with the server, which does not answer them yet."""
        self.arrived, self.answered = [], []
        self.stage.on_call = held = Held(self.answer, first=lambda _, asked: self.arrived.append(asked.id))
        for caller in callers:
            caller.say(5)
        wait_until(lambda: len(self.arrived) == len(callers), "not all calls reach the server")
        return held

    def answer(self, peer: Peer, asked: Asked) -> None:
        good(peer, asked)
        self.answered.append(asked.id)

    def land(self, callers: list[Caller]) -> None:
        for caller in callers:
            assert outcome_of(caller.wire.answer().message) == "ok"


def ends(stage: Stage) -> Counter[int]:
    """How often each call has ended, by the log."""
    lines = [line for path in stage.home.rglob("*.jsonl") for line in path.read_text().splitlines()]
    return Counter(one["call"] for one in map(json.loads, lines) if one.get("kind") == "end")


@pytest.mark.parametrize("back", BACKS)
def test_who_leaves_in_the_moment_of_the_answer_has_called_once(stage: Stage, back: str) -> None:
    crowd = Crowd(stage, back)
    before = stage.metric("narthex_calls_total")
    for _ in range(ROUNDS):
        held = crowd.fly(crowd.callers)
        with at_once(stage):
            for caller in crowd.callers[::2]:
                caller.leave()
            held.go.set()
            wait_until(lambda: len(crowd.answered) == CROWD, "not all are answered")
        crowd.land(crowd.callers[1::2])
        stage.until_quiet()
        for caller in crowd.callers[::2]:
            caller.again()

    assert set(ends(stage).values()) == {1}
    assert stage.metric("narthex_calls_total") == before + ROUNDS * CROWD
