"""Once more, twice at one time, or never: what may be repeated, how much of it, and which answer counts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from narthex.limits import retries_ahead_max
from narthex.model.client import Sitting
from narthex.model.deadline import Deadline
from narthex.model.outcome import Denial, Outcome, Result, UpstreamFault
from narthex.model.rules.resilience import Bulkhead
from narthex.model.settled import Sending
from narthex.telemetry.owned import Owned
from narthex.upstream.link.ask import NOBODY, Ask
from narthex.upstream.manner import Budget, Manner
from narthex.upstream.rooms import Withheld

GOOD = Result({"content": []})


def lost(*, sent: bool = True, reason: str = "upstream_lost") -> UpstreamFault:
    return UpstreamFault("crm", reason, "the connection was lost", sent=sent)


class Stage:
    """A manner over a server that does what the test says, attempt by attempt."""

    def __init__(self) -> None:
        self.owned = Owned("test", lambda _where, _fault: None)
        self.manner = Manner("crm", self.owned, self.once)
        self.acts: list[Any] = []
        self.asks: list[Ask] = []
        self.cancelled = 0

    async def once(self, ask: Ask, sitting: Sitting | None) -> Outcome:
        act = self.acts[len(self.asks)]
        self.asks.append(ask)
        try:
            found = await act() if callable(act) else act
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if isinstance(found, BaseException):
            raise found
        assert isinstance(found, Result)
        return found


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    found = Stage()
    yield found
    await found.owned.aclose()


def ask(method: str = "tools/call", seconds: float = 60.0, **more: Any) -> Ask:
    return Ask(method, {}, Deadline(asyncio.get_running_loop().time() + seconds), **more)


async def again(stage: Stage, one: Ask, fault: UpstreamFault, *acts: Any, was_well: bool = True) -> Outcome | None:
    stage.acts = list(acts)
    return await stage.manner.again(one, None, fault, stage.once, was_well=was_well)


@pytest.mark.parametrize(
    ("one", "fault", "was_well"),
    [
        ({"method": "resources/read"}, lost(), True),
        ({"repeatable": True}, lost(), True),
        ({"repeatable": True}, lost(reason="upstream_stream_truncated"), True),
        ({}, lost(sent=False), True),
        ({}, lost(sent=False), False),
        ({}, lost(sent=False, reason="upstream_unavailable"), True),
    ],
)
async def test_what_is_safe_is_sent_once_more(stage: Stage, one: Any, fault: UpstreamFault, was_well: bool) -> None:
    assert await again(stage, ask(**one), fault, GOOD, was_well=was_well) is GOOD
    assert stage.manner.retries == 1


@pytest.mark.parametrize(
    ("one", "fault", "was_well"),
    [
        ({}, lost(), True),
        ({}, lost(reason="upstream_stream_truncated"), True),
        ({"repeatable": True}, lost(reason="upstream_timeout"), True),
        ({"repeatable": True}, lost(reason="upstream_malformed"), True),
        ({}, lost(sent=False, reason="upstream_unavailable"), False),
        ({"repeatable": True, "sending": Sending(retries=0)}, lost(), True),
        ({"repeatable": True, "seconds": 0.01}, lost(), True),
    ],
)
async def test_nothing_else_is(stage: Stage, one: Any, fault: UpstreamFault, was_well: bool) -> None:
    assert await again(stage, ask(**one), fault, was_well=was_well) is None
    assert (stage.asks, stage.manner.retries) == ([], 0)


async def test_as_often_as_the_rule_says_and_the_last_fault_is_told(stage: Stage) -> None:
    faults = [lost(), lost(), lost()]
    with pytest.raises(UpstreamFault) as told:
        await again(stage, ask(repeatable=True, sending=Sending(retries=3)), lost(), *faults)

    assert told.value is faults[2]
    assert len(stage.asks) == 3


async def test_what_went_wrong_otherwise_the_second_time_is_not_tried_a_third_time(stage: Stage) -> None:
    with pytest.raises(UpstreamFault, match="lost"):
        await again(stage, ask(repeatable=True, sending=Sending(retries=3)), lost(), lost(reason="upstream_timeout"))

    assert len(stage.asks) == 1


def test_a_tenth_of_all_calls_may_be_repeated_and_a_few_ahead() -> None:
    budget = Budget()

    assert [budget.take(0) for _ in range(retries_ahead_max + 2)] == [True] * retries_ahead_max + [False, False]
    assert [budget.take(20) for _ in range(3)] == [True, True, False]
    assert budget.refused == 3
    assert sum(budget.take(1_000_000) for _ in range(100)) == retries_ahead_max  # nothing is saved up


async def test_a_slow_answer_is_asked_for_a_second_time_and_the_slow_one_taken_back(stage: Stage) -> None:
    never = asyncio.Event()
    stage.acts = [never.wait, GOOD]
    found = await stage.manner.send(ask(reads=True, progress_token=7, sending=Sending(hedge_after_seconds=0.02)), None)
    await _settled(lambda: stage.cancelled == 1)

    assert found is GOOD
    assert (stage.manner.hedges, stage.manner.hedges_won) == (1, 1)
    assert (stage.asks[0].progress_token, stage.asks[1].progress_token) == (7, None)
    assert stage.asks[1].client is NOBODY


async def test_a_quick_answer_is_asked_for_once(stage: Stage) -> None:
    stage.acts = [GOOD]

    assert await stage.manner.send(ask(reads=True, sending=Sending(hedge_after_seconds=5.0)), None) is GOOD
    assert (stage.manner.hedges, len(stage.asks)) == (0, 1)


async def test_what_does_more_than_read_is_asked_for_once(stage: Stage) -> None:
    async def slow() -> Result:
        await asyncio.sleep(0.05)
        return GOOD

    stage.acts = [slow]
    assert await stage.manner.send(ask(sending=Sending(hedge_after_seconds=0.01)), None) is GOOD
    assert stage.manner.hedges == 0


@pytest.mark.parametrize("second", [lost(), Result({"content": [], "isError": True})])
async def test_a_second_attempt_that_failed_is_no_answer(stage: Stage, second: Any) -> None:
    hedged = asyncio.Event()

    async def slow() -> Result:
        await hedged.wait()
        await asyncio.sleep(0.02)
        return GOOD

    async def failing() -> Any:
        hedged.set()
        return second

    stage.acts = [slow, failing]
    assert await stage.manner.send(ask(reads=True, sending=Sending(hedge_after_seconds=0.01)), None) is GOOD
    assert (stage.manner.hedges, stage.manner.hedges_won) == (1, 0)


async def test_if_both_fail_the_first_fault_is_told(stage: Stage) -> None:
    hedged = asyncio.Event()
    first = lost(reason="upstream_timeout")

    async def slow() -> Any:
        await hedged.wait()
        return first

    async def failing() -> Any:
        hedged.set()
        return lost()

    stage.acts = [slow, failing]
    with pytest.raises(UpstreamFault) as told:
        await stage.manner.send(ask(reads=True, sending=Sending(hedge_after_seconds=0.01)), None)
    assert told.value is first


async def test_who_leaves_takes_both_attempts_along(stage: Stage) -> None:
    never = asyncio.Event()
    stage.acts = [never.wait, never.wait]
    call = asyncio.ensure_future(stage.manner.send(ask(reads=True, sending=Sending(hedge_after_seconds=0.01)), None))
    await _settled(lambda: len(stage.asks) == 2)
    call.cancel()
    await asyncio.wait({call})
    await _settled(lambda: stage.cancelled == 2)


async def test_what_was_stopped_while_it_waited_for_its_place_is_not_sent(stage: Stage) -> None:
    sending = Sending(bulkhead=Bulkhead(concurrent=1, waiting=1, wait_seconds=30), place="here")
    denial = Denial("stopped", "stopped", "Stopped by the operator.")
    room = stage.manner.rooms.of(sending)
    await room.enter(Deadline(asyncio.get_running_loop().time() + 60))
    call = asyncio.ensure_future(stage.manner.send(ask(sending=sending, still=lambda: denial), None))
    await _settled(lambda: room.waiting == 1)
    room.leave()

    with pytest.raises(Withheld) as withheld:
        await call
    assert withheld.value.denial is denial
    assert (stage.asks, room.inside) == ([], 0)


async def _settled(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.002)
