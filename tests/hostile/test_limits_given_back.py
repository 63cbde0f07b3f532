"""However a call ends, its place among those under way at one time is free again, and only once: on either way.

One place for everybody: if a call kept it, the next would be refused; if it gave two back, two could be under way.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from express_stage import BACKS, LEGACY, Caller, Held, Stage, good, staged, went_express
from hostile_client import outcome_of
from real_gateway import Answer, request
from test_express_turns import CELLS, TURNS, withdraw

RULES = {"rate_limit": {"concurrent": 1, "requests_per_minute": 1_000_000}}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("places"), RULES) as found:
        yield found
        assert found.gateway.faults() == []


@pytest.fixture
def stage(running: Stage) -> Iterator[Stage]:
    yield running
    running.close()
    running.until_quiet()


def refused(answer: Answer) -> bool:
    return outcome_of(answer.message) == "too_many_at_once" or "Too many calls at one time" in str(answer.message)


def one_place(caller: Caller) -> None:
    """Exactly one call can be under way."""
    stage = caller.stage
    stage.until_quiet()
    held = stage.on_call = Held()
    caller.say(7)
    held.until_arrived()
    second = stage.twin(caller)
    for unusual in (False, True):
        assert refused(second.call(8, unusual=unusual))
    held.go.set()
    assert not refused(caller.wire.answer())
    stage.until_quiet()
    stage.on_call = good
    assert not refused(second.call(9))
    second.leave()


@pytest.mark.parametrize("unusual", [False, True], ids=["express", "general"])
@pytest.mark.parametrize(("front", "back"), CELLS)
def test_whatever_a_server_answers(stage: Stage, front: str, back: str, unusual: bool) -> None:
    caller = stage.caller(front, back)
    for script, _ in TURNS.values():
        caller.warm()
        stage.on_call = script
        assert not refused(caller.call(5, unusual=unusual))
        stage.until_quiet()
    caller.warm()
    one_place(caller)


@pytest.mark.parametrize(("front", "back"), CELLS)
def test_a_server_that_says_nothing(stage: Stage, front: str, back: str) -> None:
    caller = stage.caller(front, f"hurried-{back}")
    for unusual in (True, False):
        caller.warm()
        stage.on_call = Held()
        assert outcome_of(caller.call(5, unusual=unusual).message) == "upstream_timeout"
        stage.until_quiet()
    caller.warm()


def leave(caller: Caller) -> None:
    caller.leave()
    caller.wire = caller.stage.gateway.connect()


def take_back(caller: Caller) -> None:
    assert withdraw(caller, 5).status == 202
    caller.wire.answer()


def end_session(caller: Caller) -> None:
    with caller.stage.gateway.connect() as other:
        assert other.ask(request("DELETE", caller.path, list(caller.headers.items()))).status == 200
    caller.wire.answer()


ENDS: dict[str, tuple[str, Callable[[Caller], Any]]] = {
    "a modern client leaves": ("modern", leave),
    "an older client takes it back": (LEGACY, take_back),
    "an older client ends its session": (LEGACY, end_session),
}


@pytest.mark.parametrize("unusual", [False, True], ids=["express", "general"])
@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("end", ENDS)
def test_a_client_that_wants_no_answer(stage: Stage, end: str, back: str, unusual: bool) -> None:
    front, how = ENDS[end]
    caller = stage.caller(front, back)
    held = stage.on_call = Held()
    caller.say(5, unusual=unusual)
    held.until_arrived()
    assert went_express(stage.calls[-1]) is not unusual
    how(caller)
    held.until_gone()
    stage.until_quiet()

    one_place(stage.caller(front, back))


def test_a_call_that_never_finds_its_tool_takes_no_place(stage: Stage) -> None:
    caller = stage.caller("modern", "modern")
    caller.tool = "nothing-like-it"
    caller.headers["Mcp-Name"] = caller.tool
    for _ in range(3):
        assert outcome_of(caller.call(5).message) != "ok"

    one_place(stage.caller("modern", "modern"))
