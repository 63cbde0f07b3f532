"""The express way: a usual `tools/call` to a server that is up, from request to answer without a task.

Knows: when nothing has to be waited for but the answer, and how to give a call back to the general way (`relay`) when
its turn is not the usual one. Refuses to decide: the same filters say yes or no, the same rules shape the answer.

A task costs, and so does every function that may wait. Here the connection calls `Flight` as it would a future.
"""

import asyncio
from collections.abc import Coroutine
from time import perf_counter
from typing import Any, Protocol

from narthex.model.call import Call, Permit
from narthex.model.client import Gate
from narthex.model.outcome import Denial
from narthex.model.settled import Sending, Settled
from narthex.policy import chain, poisoned, rate, redact, reveal
from narthex.policy.validation.checked import Checked
from narthex.relay.answer import Answer
from narthex.relay.express_inside import InsideFlight, launch_inside
from narthex.relay.record import how_of
from narthex.relay.relay import Relay
from narthex.relay.turn import Field, Turn
from narthex.telemetry.event import How
from narthex.upstream.http.connection import Connection
from narthex.upstream.http.passes import NO_PASS, Pass
from narthex.upstream.http.reply import HttpReply
from narthex.upstream.link.ask import Begun
from narthex.upstream.link.legacy_http import LegacyHttp
from narthex.upstream.link.local import LocalLink
from narthex.upstream.link.modern_http import ModernHttp
from narthex.upstream.server import Server
from narthex.wire.sse import SseEvent
from narthex.wire.usual import Meta, UsualCall, UsualResult, legacy_answer, made_result, modern_answer, read_result

Shaped = tuple[bytes, How]  # the encoded response, and what became of the call


class Ground(Field, Protocol):
    """Where a flight started from, and where its answer goes."""

    def diverted(self, rest: Coroutine[Any, Any, Answer]) -> "asyncio.Task[None]":
        """Something unusual came, and a task has to do the rest: this one."""
        ...


class Express:
    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self._ready, self._checking = relay.facts.ready, relay.facts.checking
        self._sharing = relay.facts.sharing
        self.turn, self._waits = Turn(relay.recorder), relay.recorder.ledger.waits

    def launch(
        self, call: Call, request: UsualCall, meta: Meta, ground: Ground
    ) -> "Flight | InsideFlight | Answer | None":
        """Send the call, if it can be sent at once. None: nothing has happened, and the general way is open.

        An answer: it is denied. The general way would ask the filters again, and one of them may count.
        """
        tool = call.endpoint.tools.get(request.name)
        if tool is None or tool.mirrors or self._waits or self.relay.traces.takes():
            return None
        call.started, call.world = perf_counter(), self.relay.slot.current.serial
        settled = call.settled = tool.governed.by(call.principal.tenant)
        if tool.server in self._sharing.servers and (settled.rules.cache is not None or not tool.read_only):
            return None  # another call may have its answer, or the answers of others be void with it
        server = self.relay.fleet.servers.get(tool.server)
        if server is not None and isinstance(inside := server.lanes.shared, LocalLink):
            return launch_inside(self, call, request, meta, ground, server, inside)
        link = server.ready_link(call.sitting, call.principal) if server is not None else None
        if server is None or link is None or not link.takes_at_once(call.level_said and call.log_level):
            return None
        call.tool, call.server, call.exposed = tool, tool.server, tool.public
        if not self.knows(call, request, settled):
            return None
        shown = link.http.shows(call)
        connection = link.http.reserve() if shown is not None else None
        if shown is None or connection is None:
            return None
        sending = settled.sending
        if sending is not None and not enters(call, server, sending):
            link.http.release(connection)
            return None
        call.private = call.params if tool.private == request.name else {**call.params, "name": tool.private}
        permit = chain.request(call)
        if isinstance(permit, Denial):
            link.http.release(connection)
            return self.relay.deny(call, permit)
        if call.private.get("arguments") is not request.arguments:
            rate.undo(call)  # the general way asks again
            self.relay.facts.ended(call)
            link.http.release(connection)
            return None
        begun = self.turn.begin(call)
        if isinstance(begun, Denial):
            link.http.release(connection)
            return self.relay.deny(call, begun)
        try:
            server.allow(call.deadline, sending)
            flight = Flight(self, permit, server, link, connection, ground, shown)
            flight.message = link.usual_request(flight, tool.private, request.encoded, meta, call.log_level)
            self.turn.depart(flight, begun)
        except BaseException:
            self.relay.facts.ended(call)
            self.relay.recorder.note(call, *how_of(None))
            raise
        return flight

    def knows(self, call: Call, request: UsualCall, settled: Settled) -> bool:
        """Whether all that must be known before deciding is here already."""
        if settled.approval is not None or settled.tariff.row or not self._checking.ready(call):
            return False
        if settled.rules.redaction is not None:
            if reveal.carries(call, request.encoded):
                return False
            call.pseudonyms = self.relay.facts.strongroom.pseudonyms
        return not settled.limits or self._ready(call, call.started)

    def answer(self, call: Call, body: bytes, request_id: int) -> Shaped | None:
        """The response for the client, if the server's is a usual one."""
        if not self._passes(call, body):
            return None
        result = read_result(body, request_id, self.relay.slot.current.config.limits.result_bytes_max)
        return None if result is None else self._shaped(call, result)

    def answer_of(self, call: Call, content: bytes, structured: bytes | None, *, is_error: bool) -> Shaped | None:
        """The same of a result that was made inside."""
        body = content if structured is None else content + structured
        if len(body) > self.relay.slot.current.config.limits.result_bytes_max or not self._passes(call, body):
            return None
        result = made_result(content, structured, is_error=is_error)
        return None if result is None else self._shaped(call, result)

    def _passes(self, call: Call, body: bytes) -> bool:
        if type(call.output_schema) is Checked or (b'"uri"' in body and call.server in call.endpoint.prefixes):
            return False
        if call.settled.rules.redaction is not None and not redact.passes(call, body):
            return False
        if call.settled.rules.definitions is not None and poisoned.looks(call):
            return False
        size = call.settled.rules.result
        return size is None or len(body) <= size.most

    def _shaped(self, call: Call, result: UsualResult) -> Shaped | None:
        if call.modern:
            answer = modern_answer(call.id, result, call.endpoint.server_info_encoded)
        else:
            answer = legacy_answer(call.id, result, call.revision)
        return None if answer is None else (answer, "tool_error" if result.is_error is True else "ok")

    async def refused(self, call: Call) -> Answer:
        """It could not be written down that it is sent."""
        return self.relay.deny(call, self.relay.recorder.unsent(call))

    def lost(self, call: Call, ground: Ground, fault: BaseException) -> None:
        """A fault of ours, before the call was over."""
        try:
            self.relay.recorder.note(call, *how_of(None))
        finally:
            ground.failed(fault)


def enters(call: Call, server: Server, sending: Sending) -> bool:
    """Whether it may be sent at once, by what is laid down about its sending. It has its place then."""
    if sending.hedge_after_seconds is not None:
        return False
    if sending.bulkhead is not None:
        room = server.manner.rooms.of(sending)
        if not room.enter_at_once():
            return False
        call.room = room
    return True


class Flight:
    """One call in the air. To the connection that carries it it is what a future would be."""

    __slots__ = (
        "_begun",
        "_connection",
        "_express",
        "_ground",
        "_landed",
        "_link",
        "_permit",
        "_server",
        "_task",
        "message",
        "request_id",
        "shown",
    )

    def __init__(
        self,
        express: Express,
        permit: Permit,
        server: Server,
        link: ModernHttp | LegacyHttp,
        connection: Connection,
        ground: Ground,
        shown: Pass = NO_PASS,
    ) -> None:
        self._express, self._permit, self._ground = express, permit, ground
        self.shown = shown  # what it carries of whom it is from
        self._server, self._link, self._connection = server, link, connection
        self._landed = False
        self._begun: Begun | None = None  # once it is diverted
        self._task: asyncio.Task[None] | None = None
        self.message: bytes | None = None  # as long as it is not sent
        self.request_id = link.next_id()

    # How it begins (relay.turn.Departing).

    def depart(self) -> None:
        """Send it."""
        message, self.message = self.message, None
        assert message is not None
        if self._connection.closed:  # a moment ago, while it was written down
            self._link.landed(self.request_id)
            self._landed, relay = True, self._express.relay
            relay.facts.leave(self._permit.call)  # the general way takes a place of its own
            self._task = self._ground.diverted(relay.finish(self._permit, relay.ask_of(self._permit), self._server))
        else:
            self._connection.begin(message, self._permit.call.deadline, self.event, self)

    def stay(self) -> None:
        """It could not be written down, so it must not be sent."""
        self.message, self._landed = None, True
        self._link.landed(self.request_id)
        if not self._connection.closed:  # a moment ago: its place is free already
            self._link.http.release(self._connection)
        self._task = self._ground.diverted(self._express.refused(self._permit.call))

    def broke(self, fault: BaseException) -> None:
        """A fault of ours, in the moment of sending."""
        self._landed = True
        self._express.lost(self._permit.call, self._ground, fault)

    # What the connection says (upstream.http.connection.Sink).

    def done(self) -> bool:
        # Once it is diverted, its task may have been cancelled a moment ago, and not yet have withdrawn.
        return self._landed or (self._begun is not None and self._begun.reply.done())

    def set_result(self, reply: HttpReply) -> None:
        if self._begun is None and reply.status == 200 and not reply.streamed and self._land(reply.body):
            return
        if not self._landed:
            self.divert().reply.set_result(reply)

    def set_exception(self, fault: BaseException) -> None:
        self.divert().reply.set_exception(fault)

    def event(self, event: SseEvent) -> bool | Gate | None:
        """The answer comes as a stream of events: many older servers say even one message so."""
        if self._begun is None and event.event == "message" and self._land(event.data):
            return True
        heard: bool | Gate | None = self.divert().reader.event(event)
        return heard

    # What happens to it.

    def cancel(self) -> None:
        """Nobody waits for the answer any more. How a server is told that, the general way knows."""
        if self.message is not None:
            self._express.turn.over()
        if self._landed and self._task is None:
            return  # it is being written down
        if self._task is None:
            self.divert()
        assert self._task is not None
        asyncio.get_running_loop().call_soon(self._task.cancel)  # after its first step: it has to clean up

    def divert(self) -> Begun:
        """It is in the air: from here on a task does what is to be done, with the request that is out already."""
        if self._begun is None:
            ask = self._express.relay.ask_of(self._permit)
            self._begun = self._link.begun(ask, self.request_id, self._withdraw)
            self._begun.shown = self.shown
            self._task = self._ground.diverted(self._express.relay.finish(self._permit, ask, self._server))
        return self._begun

    def _land(self, body: bytes) -> bool:
        express, call = self._express, self._permit.call
        try:
            shaped = express.answer(call, body, self.request_id)
            if shaped is None:
                return False
        except Exception as fault:  # noqa: BLE001 - whatever happens in here must not break the server's connection
            self._landed = True
            express.lost(call, self._ground, fault)
        else:
            self._landed = True
            express.turn.land(call, *shaped, self._ground)
        self._link.landed(self.request_id)
        return True

    def _withdraw(self) -> None:
        self._landed = True
        self._connection.withdraw(self)
