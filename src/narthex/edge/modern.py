"""The modern face: one POST, one answer, nothing kept (2026-07-28, basic/transports/streamable-http).

Knows: how a modern request becomes a call and its outcome an HTTP answer. Refuses to know: sessions; there are none.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

from narthex.edge.carried import carried
from narthex.edge.gate import Challenge
from narthex.edge.http1_exchange import Exchange
from narthex.edge.listening import listen
from narthex.edge.stream import Stream
from narthex.limits import Limits
from narthex.model.call import Call
from narthex.model.client import Gate
from narthex.model.deadline import Deadline
from narthex.model.endpoint import Endpoint
from narthex.model.identity import Principal
from narthex.model.outcome import Failure, Outcome, Result
from narthex.relay.answer import Answer
from narthex.relay.bus import Bus
from narthex.relay.express import Express, Flight
from narthex.relay.express_inside import InsideFlight
from narthex.relay.relay import Relay
from narthex.wire.envelope import Request, encode_error, encode_notification
from narthex.wire.faults import METHOD_NOT_FOUND, PeerFault
from narthex.wire.ladder import ModernRequest, Routing, climb
from narthex.wire.revisions import MODERN
from narthex.wire.usual import modern_meta, read_call


class Waiting:
    """The client of one modern call. Nothing is sent until the outcome, the first notification, or the timer."""

    __slots__ = ("challenge", "exchange", "started", "stream", "waiting")

    def __init__(self, exchange: Exchange, now: float, waiting: "set[Waiting]", challenge: Challenge) -> None:
        self.exchange = exchange
        self.challenge = challenge
        self.stream: Stream | None = None
        self.started = now
        self.waiting = waiting

    def notify(self, method: str, params: dict[str, Any]) -> Gate | None:
        stream = self.commit()
        stream.send(b"data: " + encode_notification(method, params) + b"\n\n")
        return stream.slow

    def parted(self) -> None:
        """Nothing follows from it here."""

    async def ask(self, method: str, params: dict[str, Any]) -> Outcome:
        # A question needs the answer in another request of the client; that bridge is not built (H1).
        if method == "elicitation/create":
            return Result({"action": "cancel"})
        return Failure(-1, "User rejected the request: this client can only be asked between requests.")

    def commit(self) -> Stream:
        """From here on the answer is a stream of events."""
        if self.stream is None:
            self.stream = self.exchange.stream()
        return self.stream

    def finish(self, answer: Answer) -> None:
        if self.stream is not None:
            self.stream.end(b"data: " + answer.body + b"\n\n")
        else:
            headers = self.challenge(self.exchange, answer.scopes) if answer.scopes else ()
            self.exchange.respond(answer.status, answer.body, headers=headers)

    # On the express way (relay.express.Ground).

    def landed(self, answer: bytes) -> None:
        self.waiting.discard(self)
        if self.stream is None:
            self.exchange.respond(200, answer)
        else:
            self.stream.end(b"data: " + answer + b"\n\n")
        self.exchange.owner.landed(self.exchange)

    def diverted(self, rest: Coroutine[Any, Any, Answer]) -> asyncio.Task[None]:
        return self.exchange.owner.adopt(self.exchange, self._finish(rest))

    def failed(self, fault: BaseException) -> None:
        self.waiting.discard(self)
        self.exchange.owner.failed(self.exchange, fault)

    async def _finish(self, rest: Coroutine[Any, Any, Answer]) -> None:
        try:
            answer = await rest
        finally:
            self.waiting.discard(self)
        self.finish(answer)


class ModernFace:
    """Serves modern POSTs of all endpoints."""

    def __init__(self, relay: Relay, bus: Bus, express: Express, challenge: Challenge) -> None:
        self._relay, self._bus, self._express, self._challenge = relay, bus, express, challenge
        self._loop = asyncio.get_running_loop()
        self.waiting: set[Waiting] = set()  # calls whose answer may still become a stream by the timer
        self.listens: dict[str, int] = {}  # open subscriptions by principal

    async def serve(
        self,
        exchange: Exchange,
        request: Request,
        routing: Routing,
        endpoint: Endpoint,
        who: Principal,
        limits: Limits,
    ) -> None:
        try:
            modern = climb(routing, request)
            _advertised(modern, endpoint)
        except PeerFault as fault:
            body = encode_error(request.id, fault.code, str(fault), fault.data)
            exchange.respond(fault.status, body)
            return
        now = self._loop.time()
        if modern.method == "subscriptions/listen":
            endpoint = await self._relay.settled(endpoint)
            await listen(exchange, modern, endpoint, who, self._bus, self._relay.fleet, limits, self.listens)
            return
        client = Waiting(exchange, now, self.waiting, self._challenge)
        self.waiting.add(client)
        call = _call(exchange, modern, routing, endpoint, who, client, now, limits)
        call.carried = carried(exchange.headers, self._relay.slot.current.carried)
        try:
            answer = await self._relay.handle(call)
        finally:
            self.waiting.discard(client)
        client.finish(answer)

    def express(
        self, exchange: Exchange, routing: Routing, endpoint: Endpoint, who: Principal, limits: Limits
    ) -> Flight | InsideFlight | asyncio.Task[None] | None:
        """The same for a usual `tools/call`, without a task. `routing` names a tool and nothing unusual.

        None: this one is not usual, and nothing has happened.
        """
        request = read_call(exchange.body, limits)
        if request is None or request.name != routing.name:
            return None
        meta = modern_meta(request.meta)
        if meta is None:
            return None
        now = self._loop.time()
        client = Waiting(exchange, now, self.waiting, self._challenge)
        call = Call(
            id=request.id,
            method="tools/call",
            params={"name": request.name, "arguments": request.arguments, "_meta": meta.members},
            endpoint=endpoint,
            principal=who,
            revision=MODERN,
            capabilities=meta.capabilities,
            client=client,
            deadline=_deadline(now, limits),
            log_level=meta.log_level,
            mirrored=routing.mirrored,
            challenged=True,
            carried=carried(exchange.headers, self._relay.slot.current.carried),
            bytes_in=len(exchange.body),
        )
        flight = self._express.launch(call, request, meta, client)
        if isinstance(flight, Answer):
            return exchange.owner.adopt(exchange, _tell(client, flight))
        if flight is not None:
            self.waiting.add(client)
        return flight

    def sweep(self, now: float, lazy_seconds: float) -> None:
        """Calls that take long answer as a stream, so that header timeouts on the way do not end them."""
        for client in list(self.waiting):
            if client.stream is None and now - client.started >= lazy_seconds and not client.exchange.gone:
                client.commit()


async def _tell(client: Waiting, answer: Answer) -> None:
    client.finish(answer)


def _call(
    exchange: Exchange,
    modern: ModernRequest,
    routing: Routing,
    endpoint: Endpoint,
    who: Principal,
    client: Waiting,
    now: float,
    limits: Limits,
) -> Call:
    return Call(
        id=modern.id,
        method=modern.method,
        params=modern.params,
        endpoint=endpoint,
        principal=who,
        revision=MODERN,
        capabilities=modern.capabilities,
        client=client,
        deadline=_deadline(now, limits),
        progress_token=modern.progress_token,
        log_level=modern.log_level,
        mirrored=routing.mirrored,
        challenged=True,
        trace=routing.trace,
        bytes_in=len(exchange.body),
    )


def _deadline(now: float, limits: Limits) -> Deadline:
    return Deadline(now + limits.call_seconds_max, limits.call_seconds_max, now + limits.call_seconds_absolute_max)


def _advertised(modern: ModernRequest, endpoint: Endpoint) -> None:
    """A method whose capability this endpoint does not declare is not there (S-HTTP-07)."""
    needed = _CAPABILITY.get(modern.method)
    if needed is not None and needed not in endpoint.capabilities:
        raise PeerFault(METHOD_NOT_FOUND, f"This endpoint offers no {needed}.", status=404)


_CAPABILITY = {
    "tools/list": "tools",
    "tools/call": "tools",
    "prompts/list": "prompts",
    "prompts/get": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resources",
    "resources/read": "resources",
    "completion/complete": "completions",
}
