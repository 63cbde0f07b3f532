"""A server in process behind its link: what every conversation with a server must do, it does."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from narthex.libraries.exchange import CannotAsk
from narthex.libraries.server import Answer, NotFound, Refusal, Server, takes, text
from narthex.limits import DEFAULTS, local_calls_max
from narthex.model.caller import Known
from narthex.model.deadline import Deadline
from narthex.model.identity import Principal
from narthex.model.outcome import Failure, Outcome, Result, UpstreamFault
from narthex.telemetry.owned import Owned
from narthex.upstream.era import EraRecord
from narthex.upstream.link.ask import Ask
from narthex.upstream.link.local import LocalLink
from narthex.upstream.listing import take_offer

Tree = dict[str, Any]


class Shelf:
    def list(self) -> Sequence[Tree]:
        return [{"uri": "a://1", "name": "one"}]

    def templates(self) -> Sequence[Tree]:
        return []

    def read(self, uri: str) -> Sequence[Tree]:
        if uri != "a://1":
            raise NotFound(uri)
        return [{"uri": uri, "text": "x"}]

    def complete(self, template: str, argument: str, start: str) -> Sequence[str]:
        return []


def server_of(version: str = "1") -> Server:
    server = Server("local", "Local", version, "Be kind.", resources=Shelf(), subscribable=True, logs=True)

    def offer(name: str, run: Any) -> None:
        server.tool(name, title=name, description=name, takes=takes())(run)

    async def waits(call: Any) -> Answer:
        await asyncio.sleep(60)
        return Answer([])

    async def stubborn(call: Any) -> Answer:
        for _ in range(40):
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue
        return Answer([])

    def refuses(call: Any) -> Answer:
        raise Refusal("not so")

    def fails(call: Any) -> Answer:
        raise RuntimeError("the cause")

    async def asks(call: Any) -> Answer:
        try:
            said = await call.ask("elicitation/create", {"message": "?"})
        except CannotAsk:
            return Answer([text("nobody")])
        return Answer([text(str(said["action"]))])

    def speaks(call: Any) -> Answer:
        call.progress(1, 2, "half")
        call.log("info", "said")
        return Answer([text(str(call.principal))])

    offer("version", lambda call: Answer([text(version)], {"version": version}))
    offer("object", lambda call: Answer([text("x")], {"a": object()}))
    for run in (waits, stubborn, refuses, fails, asks, speaks):
        offer(run.__name__, run)
    return server


class Heard:
    """Whoever stands behind a call."""

    def __init__(self, outcome: Outcome | None = None) -> None:
        self.told: list[tuple[str, Tree]] = []
        self._outcome = outcome or Failure(-1, "nobody is there")

    def notify(self, method: str, params: Tree) -> None:
        self.told.append((method, params))

    def parted(self) -> None:
        """Nothing follows."""

    async def ask(self, method: str, params: Tree) -> Outcome:
        return self._outcome


class Local:
    def __init__(self, link: LocalLink, notices: list[tuple[str, Tree]], said: list[str]) -> None:
        self.link, self.notices, self.said = link, notices, said

    async def call(self, tool: str, seconds: float = 10.0, **how: Any) -> Tree:
        deadline = Deadline(asyncio.get_running_loop().time() + seconds)
        outcome = await self.link.request(Ask("tools/call", {"name": tool, "arguments": {}}, deadline, **how))
        assert isinstance(outcome, Result), outcome
        return {name: msgspec.json.decode(value) for name, value in outcome.members.items()}


@asynccontextmanager
async def local() -> AsyncIterator[Local]:
    notices: list[tuple[str, Tree]] = []
    said: list[str] = []
    owned = Owned("test", lambda name, fault: said.append(f"{name} {fault!r}"))
    link = LocalLink("mine", lambda *one: notices.append(one), lambda level, sentence: said.append(sentence), owned)
    link.serve(server_of())

    async def sweeping() -> None:
        while True:
            link.sweep(asyncio.get_running_loop().time())
            await asyncio.sleep(0.02)

    sweeper = owned.start(sweeping(), "sweep")
    try:
        yield Local(link, notices, said)
    finally:
        sweeper.cancel()
        await link.aclose()
        await owned.aclose()


async def test_its_lists_are_taken_like_those_of_any_server() -> None:
    async with local() as there:
        clock = asyncio.get_running_loop().time
        era = EraRecord("modern", "local", "2026-07-28", 0.0)
        offer = await take_offer("mine", there.link, era, DEFAULTS, clock)

        assert len(offer.tools) == 8
        assert len(offer.resources) == 1
        assert (offer.instructions, offer.server_info["version"], offer.skipped) == ("Be kind.", "1", ())


async def test_an_answer_is_bytes_from_then_on() -> None:
    async with local() as there:
        ask = Ask("tools/call", {"name": "version", "arguments": {}}, Deadline(1e18))
        outcome = await there.link.request(ask)

        assert isinstance(outcome, Result)
        assert all(type(value) is msgspec.Raw for value in outcome.members.values())
        await asyncio.sleep(0.01)
        assert there.link.inflight == 0


async def test_refusals_and_faults_are_told_apart() -> None:
    async with local() as there:
        assert (await there.call("refuses"))["content"][0]["text"] == "not so"
        failed = (await there.call("fails"))["content"][0]["text"]
        unknown = await there.link.request(Ask("tools/call", {"name": "none"}, Deadline(1e18)))
        missing = await there.link.request(Ask("resources/read", {"uri": "a://2"}, Deadline(1e18)))
        nonsense = await there.link.request(Ask("nothing/here", {}, Deadline(1e18)))
        with pytest.raises(UpstreamFault, match="cannot be said in JSON"):
            await there.call("object")

        assert "the cause" not in failed
        assert any("the cause" in line for line in there.said)
        for outcome, code in ((unknown, -32602), (missing, -32602), (nonsense, -32601)):
            assert isinstance(outcome, Failure)
            assert outcome.code == code


async def test_what_is_said_on_the_way_reaches_the_client_of_the_call() -> None:
    async with local() as there:
        client = Heard()
        who = Known(Principal("ana", tenant="acme", how="jwt"))
        answer = await there.call("speaks", client=client, progress_token=9, log_level="info", caller=who)

        assert [method for method, _ in client.told] == ["notifications/progress", "notifications/message"]
        assert client.told[0][1]["progressToken"] == 9
        assert answer["content"][0]["text"] == "<Principal ana>"
        assert (await there.call("speaks", caller=Known(Principal("local"))))["content"][0]["text"] == "None"


async def test_a_question_goes_to_the_client_of_the_call() -> None:
    async with local() as there:
        yes = Heard(Result({"action": msgspec.Raw(b'"accept"')}))

        assert (await there.call("asks", client=yes))["content"][0]["text"] == "accept"
        assert (await there.call("asks", client=Heard()))["content"][0]["text"] == "nobody"


@pytest.mark.parametrize("tool", ["waits", "stubborn"])
async def test_the_deadline_holds_whatever_the_function_does(tool: str) -> None:
    async with local() as there:
        started = asyncio.get_running_loop().time()
        with pytest.raises(UpstreamFault) as fault:
            await there.call(tool, seconds=0.1)

        assert fault.value.reason == "upstream_timeout"
        assert asyncio.get_running_loop().time() - started < 1.0


async def test_cancelling_the_call_cancels_the_function() -> None:
    async with local() as there:
        calling = asyncio.create_task(there.call("waits"))
        while not there.link.inflight:
            await asyncio.sleep(0)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        await asyncio.sleep(0.01)

        assert there.link.inflight == 0


async def test_what_does_not_end_counts_and_there_is_a_bound() -> None:
    async with local() as there:
        calls = [asyncio.create_task(there.call("waits")) for _ in range(local_calls_max)]
        while there.link.inflight < local_calls_max:
            await asyncio.sleep(0)
        with pytest.raises(UpstreamFault) as busy:
            await there.call("version")
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await asyncio.sleep(0.01)

        assert busy.value.reason == "upstream_busy"
        assert (await there.call("version"))["structuredContent"] == {"version": "1"}


async def test_another_server_takes_its_place_and_calls_end_where_they_began() -> None:
    async with local() as there:
        closed: list[str] = []
        first, second = there.link.served, server_of("2")
        assert first is not None

        async def close() -> None:
            closed.append("1")

        first.on_close.append(close)
        calling = asyncio.create_task(there.call("waits"))
        while not there.link.inflight:
            await asyncio.sleep(0)
        there.link.serve(second)

        assert (await there.call("version"))["structuredContent"] == {"version": "2"}
        assert [method for method, _ in there.notices] == [
            "notifications/tools/list_changed",
            "notifications/prompts/list_changed",
            "notifications/resources/list_changed",
        ]
        assert closed == []
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
        await asyncio.sleep(0.05)
        assert closed == ["1"]


async def test_changes_are_heard_by_whoever_listens() -> None:
    async with local() as there:
        wanted = {"notifications": {"resourceSubscriptions": ["a://1"]}}
        listening = asyncio.create_task(there.link.request(Ask("subscriptions/listen", wanted, Deadline(float("inf")))))
        while not there.notices:
            await asyncio.sleep(0)
        assert there.link.served is not None
        there.link.served.resource_changed("a://1")

        assert [method for method, _ in there.notices] == [
            "notifications/subscriptions/acknowledged",
            "notifications/resources/updated",
        ]
        assert there.link.inflight == 0
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_the_end_ends_everything() -> None:
    async with local() as there:
        calls = [asyncio.create_task(there.call(tool)) for tool in ("waits", "waits")]
        while there.link.inflight < 2:
            await asyncio.sleep(0)
        await there.link.aclose()
        ended = await asyncio.gather(*calls, return_exceptions=True)
        with pytest.raises(UpstreamFault) as after:
            await there.call("version")

        assert [type(one) for one in ended] == [UpstreamFault] * 2
        assert after.value.reason == "upstream_closed"
