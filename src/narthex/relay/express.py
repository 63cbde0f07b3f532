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
from narthex.policy import chain
from narthex.relay.relay import Answer, Relay
from narthex.upstream.http.connection import Connection
from narthex.upstream.http.passes import NO_PASS, Pass
from narthex.upstream.http.reply import HttpReply
from narthex.upstream.link.ask import Begun
from narthex.upstream.link.legacy_http import LegacyHttp
from narthex.upstream.link.modern_http import ModernHttp
from narthex.upstream.server import Server
from narthex.wire.sse import SseEvent
from narthex.wire.usual import Meta, UsualCall, legacy_answer, modern_answer, read_result


class Ground(Protocol):
    """Where a flight started from, and where its answer goes."""

    def landed(self, answer: bytes) -> None:
        """The call is over: this is the encoded response."""

    def diverted(self, rest: Coroutine[Any, Any, Answer]) -> "asyncio.Task[None]":
        """Something unusual came, and a task has to do the rest: this one."""
        ...

    def failed(self, fault: BaseException) -> None:
        """A fault of ours."""


class Express:
    def __init__(self, relay: Relay) -> None:
        self.relay = relay

    def launch(self, call: Call, request: UsualCall, meta: Meta, ground: Ground) -> "Flight | None":
        """Send the call, if it can be sent at once. None: nothing has happened, and the general way is open."""
        tool = call.endpoint.tools.get(request.name)
        if tool is None or tool.mirrors:
            return None
        server = self.relay.fleet.servers.get(tool.server)
        link = server.ready_link(call.sitting, call.principal) if server is not None else None
        if server is None or link is None or not link.takes_at_once(call.level_said and call.log_level):
            return None
        shown = link.http.shows(call)
        connection = link.http.reserve() if shown is not None else None
        if shown is None or connection is None:
            return None
        call.tool, call.server, call.exposed = tool, tool.server, tool.public
        call.private = call.params if tool.private == request.name else {**call.params, "name": tool.private}
        permit = chain.request(call)
        if type(permit) is not Permit:
            link.http.release(connection)
            return None
        call.started = perf_counter()
        server.allow(call.deadline)
        flight = Flight(self, permit, server, link, connection, ground, shown)
        message = link.usual_request(flight, tool.private, request.encoded, meta, call.log_level)
        connection.begin(message, call.deadline, flight.event, flight)
        return flight

    def answer(self, call: Call, body: bytes, request_id: int) -> bytes | None:
        """The response for the client, if the server's is a usual one."""
        if b'"uri"' in body and call.server in call.endpoint.prefixes:
            return None
        result = read_result(body, request_id, self.relay.slot.current.config.limits.result_bytes_max)
        if result is None:
            return None
        if call.modern:
            answer = modern_answer(call.id, result, call.endpoint.server_info_encoded)
        else:
            answer = legacy_answer(call.id, result, call.revision)
        if answer is not None:
            call.bytes_out = len(answer)
            self.relay.note(call, "tool_error" if result.is_error is True else "ok", None)
        return answer


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
        self.request_id = link.next_id()

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
        self.divert()
        assert self._task is not None
        asyncio.get_running_loop().call_soon(self._task.cancel)  # after its first step: it has to clean up

    def divert(self) -> Begun:
        """From here on a task does what is to be done, with the request that is out already."""
        if self._begun is None:
            ask = self._express.relay.ask_of(self._permit)
            self._begun = self._link.begun(ask, self.request_id, self._withdraw)
            self._begun.shown = self.shown
            self._task = self._ground.diverted(self._express.relay.finish(self._permit, ask, self._server))
        return self._begun

    def _land(self, body: bytes) -> bool:
        try:
            answer = self._express.answer(self._permit.call, body, self.request_id)
            if answer is None:
                return False
            self._landed = True
            self._ground.landed(answer)
        except Exception as fault:  # noqa: BLE001 - whatever happens in here must not break the server's connection
            self._landed = True
            self._ground.failed(fault)
        self._link.landed(self.request_id)
        return True

    def _withdraw(self) -> None:
        self._landed = True
        self._connection.withdraw(self)
