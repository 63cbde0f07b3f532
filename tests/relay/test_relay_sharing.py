"""Flights that several wait for: what the others get when something happens that is not for them."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from narthex.catalog.compile import compile_endpoints
from narthex.model.call import Call
from narthex.model.config import Config, ServerConfig
from narthex.model.identity import Principal
from narthex.model.offer import Offer
from narthex.model.outcome import Failure, Outcome, Result, UpstreamFault
from narthex.model.rules.cache import Caching
from narthex.relay.resolve import resolve
from narthex.relay.sharing import Sharing
from narthex.relay.trial import trial
from narthex.telemetry.owned import Owned
from narthex.upstream.link.ask import Ask

CRM = ServerConfig(name="crm", upstream="https://crm.example.com/mcp", cache=Caching())
TOOLS = (
    {"name": "look", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}},
    {"name": "change", "inputSchema": {"type": "object"}},
)
OFFER = Offer(
    server="crm",
    era="modern",
    revision="2026-07-28",
    transport="http",
    capabilities={"tools": {}},
    tools=tuple(msgspec.Raw(msgspec.json.encode(one)) for one in TOOLS),
)
HOUSE = compile_endpoints(Config(servers=(CRM,)), {"crm": OFFER})
ANA = Principal("ana")
WAIT_SECONDS = 10.0


class Far:
    """A server whose answers the test writes: `answers` in turn, each a function of what was asked."""

    name, config = "crm", CRM
    opener = SimpleNamespace(personal=False)
    lanes = SimpleNamespace(key=lambda _sitting, _who: "")

    def __init__(self, *answers: Callable[[Ask], Awaitable[Outcome]]) -> None:
        self.answers, self.asked, self.cancelled = list(answers), asyncio.Semaphore(0), asyncio.Event()
        self.count = 0

    async def request(self, ask: Ask, _sitting: Any = None) -> Outcome:
        answer = self.answers[min(self.count, len(self.answers) - 1)]
        self.count += 1
        self.asked.release()
        try:
            return await answer(ask)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


class Person:
    """A client that is told things, and answers."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def notify(self, method: str, params: dict[str, Any]) -> None:
        self.told.append(method)

    def parted(self) -> None:
        """Nothing follows from it here."""

    async def ask(self, method: str, params: dict[str, Any]) -> Outcome:
        return Result({"action": "accept"})


def said(**more: Any) -> Result:
    members = {"content": [{"type": "text", "text": "x"}], **more}
    return Result({name: msgspec.Raw(msgspec.json.encode(value)) for name, value in members.items()})


@pytest.fixture
async def sharing() -> Any:
    faults: list[BaseException] = []
    owned = Owned("test", lambda _, fault: faults.append(fault))
    yield Sharing(owned, Config(servers=(CRM,)))
    await owned.aclose()
    assert faults == []


def call_of(who: Principal = ANA, name: str = "look", **arguments: Any) -> Call:
    made = trial(HOUSE.endpoints[""], who, "tools/call", {"name": name, "arguments": arguments})
    resolve(made)
    return made


class Caller:
    """One call under way."""

    def __init__(self, sharing: Sharing, far: Far, call: Call | None = None, meta: Any = None) -> None:
        self.call, self.client = call or call_of(), Person()
        ask = Ask("tools/call", self.call.private, self.call.deadline, self.client, meta=meta or {}, caller=self.call)
        self.task = asyncio.ensure_future(sharing.send(self.call, ask, far))  # type: ignore[arg-type]

    async def outcome(self) -> Outcome:
        return await asyncio.wait_for(self.task, WAIT_SECONDS)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def after(gate: asyncio.Event, outcome: Outcome | UpstreamFault) -> Callable[[Ask], Awaitable[Outcome]]:
    async def answer(ask: Ask) -> Outcome:
        await gate.wait()
        if isinstance(outcome, UpstreamFault):
            raise outcome
        return outcome

    return answer


async def test_only_whoever_began_hears_of_progress(sharing: Sharing) -> None:
    gate = asyncio.Event()

    async def progressing(ask: Ask) -> Outcome:
        await gate.wait()
        ask.client.notify("notifications/progress", {})
        return said()

    far = Far(progressing)
    callers = [Caller(sharing, far) for _ in range(3)]
    await settle()
    gate.set()
    outcomes = [await one.outcome() for one in callers]

    assert far.count == 1
    assert [one.client.told for one in callers] == [["notifications/progress"], [], []]
    assert [one.call.cached for one in callers] == ["", "shared", "shared"]
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert len({id(one.members) for one in outcomes if isinstance(one, Result)}) == 3


async def test_an_answer_that_followed_from_a_question_is_nobody_elses(sharing: Sharing) -> None:
    gate = asyncio.Event()

    async def asking(ask: Ask) -> Outcome:
        await gate.wait()
        await ask.client.ask("elicitation/create", {})
        return said()

    far = Far(asking)
    callers = [Caller(sharing, far) for _ in range(3)]
    await settle()
    gate.set()
    for one in callers:
        await one.outcome()

    assert far.count == 3
    assert [one.call.cached for one in callers] == ["", "", ""]
    assert len(sharing.kept) == 0


@pytest.mark.parametrize(
    "outcome",
    [UpstreamFault("crm", "upstream_lost", "it is gone"), said(resultType="input_required", requestState="s")],
    ids=["lost", "asks back"],
)
async def test_what_broke_off_or_asks_back_is_no_answer_for_others(sharing: Sharing, outcome: Any) -> None:
    gate = asyncio.Event()
    far = Far(after(gate, outcome), after(gate, said()))
    callers = [Caller(sharing, far) for _ in range(3)]
    await settle()
    gate.set()
    found = await asyncio.gather(*(one.outcome() for one in callers), return_exceptions=True)

    assert far.count == 3
    assert found[0] == outcome
    assert found[1:] == [said(), said()]


async def test_errors_are_shared_while_they_are_under_way_and_never_kept(sharing: Sharing) -> None:
    for outcome in (Failure(-32603, "no"), said(isError=True)):
        gate = asyncio.Event()
        far = Far(after(gate, outcome))
        callers = [Caller(sharing, far) for _ in range(3)]
        await settle()
        gate.set()
        assert [await one.outcome() for one in callers] == [outcome] * 3
        assert far.count == 1
        await Caller(sharing, far).outcome()
        assert far.count == 2
        assert len(sharing.kept) == 0


async def test_the_last_who_leaves_ends_it_and_not_the_first(sharing: Sharing) -> None:
    gate = asyncio.Event()
    far = Far(after(gate, said()))
    first, second = Caller(sharing, far), Caller(sharing, far)
    await settle()
    first.task.cancel()
    await settle()
    assert not far.cancelled.is_set()
    third = Caller(sharing, far)
    await settle()
    second.task.cancel()
    third.task.cancel()
    await asyncio.wait_for(far.cancelled.wait(), WAIT_SECONDS)

    gate.set()
    fresh = Caller(sharing, far)
    assert await fresh.outcome() == said()
    assert far.count == 2
    assert first.client.told == []


async def test_two_credentials_of_one_caller_share_nothing(sharing: Sharing) -> None:
    far = Far(after(_open(), said()))
    for who in (Principal("ana"), Principal("ana"), Principal("ana", tenant="acme")):
        await Caller(sharing, far, call_of(who)).outcome()

    assert far.count == 3


def _open() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate


async def test_traces_differ_and_the_call_is_the_same(sharing: Sharing) -> None:
    far = Far(after(_open(), said()))
    for meta in ({"traceparent": "a"}, {"traceparent": "b", "baggage": "c"}, {}, {"acme/mode": 1}, {"acme/mode": 2}):
        await Caller(sharing, far, meta=meta).outcome()

    assert far.count == 3


async def test_one_and_one_point_nought_are_not_the_same_and_the_order_of_keys_is(sharing: Sharing) -> None:
    far = Far(after(_open(), said()))
    for arguments in ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1.0, "b": 2}, {"a": True, "b": 2}, {"a": "1", "b": 2}):
        await Caller(sharing, far, call_of(**arguments)).outcome()

    assert far.count == 4


async def test_a_write_voids_and_another_configuration_too(sharing: Sharing) -> None:
    far = Far(after(_open(), said()))
    await Caller(sharing, far).outcome()
    await Caller(sharing, far, call_of(name="change")).outcome()
    await Caller(sharing, far).outcome()
    sharing.adopt(Config(servers=(CRM,)))
    await Caller(sharing, far).outcome()
    again = Caller(sharing, far)
    await again.outcome()

    assert far.count == 4
    assert again.call.cached == "kept"


async def test_a_fault_of_ours_reaches_whoever_waits(sharing: Sharing) -> None:
    async def broken(_: Ask) -> Outcome:
        raise UpstreamFault("crm", "upstream_timeout", "too late", sent=True)

    far = Far(broken)
    with pytest.raises(UpstreamFault):
        await Caller(sharing, far).outcome()
    assert len(sharing.kept) == 0
