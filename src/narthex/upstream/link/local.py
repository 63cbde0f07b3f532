"""A conversation with a server that runs inside the gateway: its functions are called, nothing travels.

Knows: deadlines, cancellation, who hears progress and answers questions. Refuses to know: what kind of server it is.

Each request is a task of its own, so that a function which ignores its cancellation keeps nobody waiting. It counts as
at work until it has really ended: a library full of such functions says that it is busy.
"""

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

import msgspec

from narthex.libraries.conversation import Conversation
from narthex.libraries.exchange import CannotAsk, Exchange, Fault, failure
from narthex.libraries.server import Principal, Server, Tree
from narthex.limits import Limits, local_calls_max, local_stop_seconds_max
from narthex.model import identity
from narthex.model.caller import Caller
from narthex.model.client import Client
from narthex.model.deadline import Deadline
from narthex.model.outcome import Failure, Outcome, Result, UpstreamFault
from narthex.telemetry.owned import Owned
from narthex.upstream.link.ask import Ask, Notice, modern_params
from narthex.upstream.link.peer import STANDING
from narthex.wire.revisions import MODERN
from narthex.wire.translate import opened

Say = Callable[[str, str], None]  # (level, sentence): a line for the operator
encoded = msgspec.json.Encoder().encode


class LocalLink:
    """One server in process. Everybody shares it: it is told with each request who asks."""

    modern = True

    def __init__(self, name: str, notice: Notice, say: Say, owned: Owned) -> None:
        self.server = name
        self.alive = True
        self.revision = MODERN
        self.capabilities: dict[str, Any] = {}
        self.server_info: dict[str, Any] = {}
        self.instructions: str | None = None
        self.away: str | None = None  # why what the server stands for cannot be used
        self._notice, self._say, self._owned = notice, say, owned
        self.loop = asyncio.get_running_loop()
        self.next_id = itertools.count(1).__next__
        self._working: dict[int, Work] = {}
        self._served: Server | None = None
        self._retired: list[tuple[Server, set[int]]] = []  # and the requests that began in each
        self._conversation: Conversation | None = None

    def serve(self, served: Server) -> None:
        """This one from now on. Requests at work end in the one in which they began."""
        before, self._served = self._served, served
        if served.closing.is_set():
            served.closing = asyncio.Event()  # it was served before, and let go
        self._conversation = Conversation(served, _nothing)
        self.capabilities, self.server_info, self.instructions = served.capabilities(), served.info(), None
        if served.instructions:
            self.instructions = served.instructions
        if before is not None:
            before.closing.set()  # whoever listens to it asks anew
            self._retired.append((before, {*self._working}))
            self._let_go()
            for kind in ("tools", "prompts", "resources"):
                self._notice(f"notifications/{kind}/list_changed", {})

    def goes_away(self, why: str | None) -> None:
        """What the server stands for cannot be used, or can again: for whoever looks how the servers are."""
        self.away = why

    @property
    def served(self) -> Server | None:
        return self._served

    @property
    def inflight(self) -> int:
        return sum(work.method != STANDING for work in self._working.values())

    def belong_to(self, client: Client) -> None:
        """Nothing here is said or asked outside of a request."""

    def adopt(self, limits: Limits) -> None:
        """None of them are kept here."""

    def sweep(self, now: float) -> None:
        """Give up what is past its deadline."""
        for work in list(self._working.values()):
            if work.deadline.at <= now and not work.outcome.done():
                work.give_up(UpstreamFault(self.server, "upstream_timeout", "it did not answer in time", sent=True))

    def takes_at_once(self, tool: str, *, able: bool) -> bool:
        """Whether a call may be made on the express way. `able`: its client can be asked something."""
        if self._served is None or len(self._working) >= local_calls_max:
            return False
        found = self._served.tools.get(tool)
        return found is not None and not (able and found.asks)

    def fly(
        self, aloft: "Aloft", params: Mapping[str, Any], level: str | None, who: identity.Principal, deadline: Deadline
    ) -> "Work":
        """A `tools/call` on the express way: `aloft` hears what comes of it."""
        assert self._conversation is not None, "it takes calls at once"
        work = Work(self, deadline, who, aloft)
        work.fly(self._conversation, {"name": params["name"], "arguments": params.get("arguments")}, level)
        return work

    async def request(self, ask: Ask) -> Outcome:
        begun, ask.begun = ask.begun, None
        work: Work
        if begun is not None:
            work = begun.reader
            work.asked = ask
        else:
            if self._conversation is None or not self.alive:
                raise UpstreamFault(self.server, "upstream_closed", "it is no longer configured")
            if len(self._working) >= local_calls_max:
                text = f"it works on {local_calls_max} calls already"
                raise UpstreamFault(self.server, "upstream_busy", text, retry_after_ms=1_000)
            work = Work(self, ask.deadline, ask.who)
            work.asked = ask
            work.begin(self._conversation)
        try:
            return await work.outcome
        finally:
            work.task.cancel()
            ask.settle()

    async def aclose(self) -> None:
        self.alive = False
        served = self._served
        if served is not None:
            served.closing.set()
        tasks = [work.task for work in self._working.values()]
        for work in list(self._working.values()):
            work.give_up(UpstreamFault(self.server, "upstream_closed", "it was ended", sent=True))
        if tasks:
            await asyncio.wait(tasks, timeout=local_stop_seconds_max)
        for one in (*(retired for retired, _ in self._retired), *([served] if served is not None else [])):
            await one.aclose()

    # What requests need of it.

    def said(self, method: str, params: Tree) -> None:
        self._notice(method, params)

    def report(self, sentence: str) -> None:
        self._say("error", f"{self.server}: {sentence}")

    def ended(self, request_id: int) -> None:
        self._working.pop(request_id, None)
        if self._retired:
            self._let_go()

    def _let_go(self) -> None:
        for one in [pair for pair in self._retired if pair[1].isdisjoint(self._working)]:
            self._retired.remove(one)
            self._owned.start(one[0].aclose(), f"{self.server}.retired")

    def began(self, request_id: int, work: "Work") -> None:
        self._working[request_id] = work


class Aloft(Protocol):
    """A call on the express way (`relay.express_inside`)."""

    def land(self, result: Tree) -> bool:
        """False: it goes on on the general way."""
        ...

    def divert(self) -> Ask:
        """It is an ordinary request from now on: this one."""
        ...


class Work:
    """One request at work. To the library it is the host (`libraries.exchange.Host`)."""

    __slots__ = ("_aloft", "_id", "_link", "_loop", "_outcome", "_who", "asked", "deadline", "method", "task")

    def __init__(
        self, link: LocalLink, deadline: Deadline, who: identity.Principal | None, aloft: Aloft | None = None
    ) -> None:
        self.deadline, self._link, self._who, self._aloft = deadline, link, who, aloft
        self._id, self._loop = link.next_id(), link.loop
        self._outcome: asyncio.Future[Outcome] | None = None
        self.asked: Ask | None = None  # not yet, on the express way
        self.method = "tools/call"
        self.task: asyncio.Task[None]

    @property
    def outcome(self) -> "asyncio.Future[Outcome]":
        if self._outcome is None:
            self._outcome = self._loop.create_future()
        return self._outcome

    def begin(self, conversation: Conversation) -> None:
        assert self.asked is not None
        self.method = self.asked.method
        self._start(self._work(conversation, self.asked))

    def fly(self, conversation: Conversation, params: Tree, level: str | None) -> None:
        message = {"id": self._id, "method": self.method, "params": params}
        self._start(self._fly(conversation, conversation.exchange_of(message, level, self._hear, self)))

    def give_up(self, fault: UpstreamFault) -> None:
        """Nobody waits for the function any longer."""
        if self._aloft is not None and self.asked is None:
            self._aloft.divert()
        if not self.outcome.done():
            self.outcome.set_exception(fault)
        self.task.cancel()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self.task = asyncio.Task(work, loop=self._loop, name="local.call")
        self._link.began(self._id, self)
        self.task.add_done_callback(self._over)  # not at the end of the work: cancelled at once, it never begins

    async def _work(self, conversation: Conversation, ask: Ask) -> None:
        message = {"id": self._id, "method": ask.method, "params": modern_params(ask, self._id)}
        response, _ = await conversation.answer(message, self._hear, self)
        self._settle(response)

    async def _fly(self, conversation: Conversation, exchange: Exchange) -> None:
        try:
            result = await conversation.call_tool(exchange)
        except Fault as fault:
            self._settle(failure(self._id, fault))
            return
        assert self._aloft is not None
        if self.asked is not None or not self._aloft.land(result):
            self._settle({"result": result})

    def _settle(self, response: Tree) -> None:
        """The general way goes on with this."""
        if self._aloft is not None and self.asked is None:
            self._aloft.divert()
        if self.outcome.done():
            return
        try:
            self.outcome.set_result(_outcome_of(response))
        except (TypeError, ValueError, OverflowError, RecursionError) as fault:
            self._link.report(f"{self.method}: its answer cannot be said in JSON: {fault!r:.300}")
            self._lose("upstream_malformed", "its answer cannot be said in JSON")

    def _over(self, task: "asyncio.Task[None]") -> None:
        self._link.ended(self._id)
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            self._link.report(f"{self.method} failed: {fault!r:.1000}")
            self._lose("upstream_malformed", "its answer is not one")
        elif task.cancelled():
            self._lose("upstream_lost", "its function was cancelled")

    def _lose(self, reason: str, text: str) -> None:
        fault = UpstreamFault(self._link.server, reason, text, sent=True)
        if self._aloft is not None and self.asked is None:
            self._aloft.divert()
        if not self.outcome.done():
            self.outcome.set_exception(fault)

    def _hear(self, message: Tree) -> None:
        if self.method == STANDING:
            self._link.said(message["method"], message["params"])
        elif self._outcome is None or not self._outcome.done():
            self._request().hear(message["method"], message["params"], self._loop.time())

    def _request(self) -> Ask:
        if self.asked is not None:
            return self.asked
        assert self._aloft is not None
        return self._aloft.divert()

    # The host.

    @property
    def principal(self) -> Principal | None:
        who = self._who
        if who is None or who.how == "loopback":
            return None
        return principal_of(who)

    @property
    def caller(self) -> Caller | None:
        """The same with what of their request goes on to servers. It takes the call off the express way."""
        return self._request().caller

    def report(self, sentence: str) -> None:
        self._link.report(sentence)

    async def ask(self, method: str, params: Tree) -> Tree:
        request = self._request()
        request.deadline.at = request.deadline.latest  # a human may be slow; the absolute limit holds
        outcome = await request.client.ask(method, params)
        if isinstance(outcome, Failure):
            raise CannotAsk(outcome.message)
        return {name: opened(value) for name, value in outcome.members.items()}


def _outcome_of(response: Tree) -> Outcome:
    error = response.get("error")
    if error is not None:
        return Failure(error["code"], error["message"], error.get("data"), has_data="data" in error)
    # Encoded once, here: from now on it is what a server's answer is everywhere, bytes that nobody need read.
    return Result({name: msgspec.Raw(encoded(value)) for name, value in response["result"].items()})


def principal_of(who: identity.Principal) -> Principal:
    """What a library may know of a caller: nothing that would let it act as them elsewhere."""
    return Principal(who.subject, who.tenant, who.scopes, who.claims)


def _nothing(_: Tree) -> None:
    """Nothing is said here outside of requests."""
