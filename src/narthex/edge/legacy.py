"""Streamable HTTP of 2025-03-26 to 2025-11-25: sessions, POST streams, the GET stream, resumption.

Knows: `Mcp-Session-Id`, `Last-Event-ID`, and that a lost connection is no cancellation here.
Refuses to know: what the methods mean (`legacy_calls`).
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from narthex.edge.gate import Challenge
from narthex.edge.http1_exchange import Exchange
from narthex.edge.http1_head import Headers
from narthex.edge.legacy_calls import LegacyCalls
from narthex.edge.resumption import Replay, Replays
from narthex.limits import Limits
from narthex.model.client import Gate
from narthex.model.identity import Principal
from narthex.model.outcome import Failure, Outcome
from narthex.relay.answer import Answer
from narthex.relay.bus import Audience
from narthex.relay.express import Express, Flight
from narthex.relay.express_inside import InsideFlight
from narthex.relay.session import Session
from narthex.telemetry.owned import Owned
from narthex.wire.envelope import (
    Message,
    Notification,
    Reply,
    Request,
    encode_error,
    encode_notification,
    read_batch,
)
from narthex.wire.faults import INTERNAL_ERROR, INVALID_REQUEST, PeerFault
from narthex.wire.revisions import LEGACY, LEGACY_NEWEST
from narthex.wire.usual import legacy_meta, read_call

_JSON = b"application/json"
_PRIMED_SINCE = LEGACY_NEWEST


class Posted:
    """The client of the calls of one POST: JSON while nothing was said, a resumable stream from the first word on."""

    __slots__ = ("exchange", "replay", "session", "started")

    def __init__(self, exchange: Exchange, session: Session, now: float) -> None:
        self.exchange, self.session, self.started = exchange, session, now
        self.replay: Replay | None = None

    def notify(self, method: str, params: dict[str, Any]) -> Gate | None:
        stream = self.commit().send(encode_notification(method, params))
        return stream.slow if stream is not None else None

    async def ask(self, method: str, params: dict[str, Any]) -> Outcome:
        if self.replay is None and not _takes_stream(self.exchange.headers):
            return Failure(INTERNAL_ERROR, "This client takes no stream of events as the answer to its request.")
        return await self.session.ask(self, method, params)

    def parted(self) -> None:
        """What the server does to us we do to the client: it frees the connection, and the client comes back."""
        if self.replay is not None and self.replay.primed:
            self.replay.part()

    def send(self, message: bytes) -> bool:
        self.commit().send(message)
        return True

    def commit(self) -> Replay:
        if self.replay is None:
            self.replay = replays_of(self.session).new()
            if not self.exchange.gone:
                self.replay.stream = self.exchange.stream()
                if self.session.revision >= _PRIMED_SINCE:
                    self.replay.stream.send(self.replay.prime())
        return self.replay

    def finish(self, body: bytes, now: float) -> None:
        if self.replay is not None:
            self.replay.send(body, last=True)
            self.replay.ended_at = now
        elif not self.exchange.gone:
            self.exchange.respond(200, body)


class Ground:
    """Where a call on the express way started from (relay.express.Ground)."""

    __slots__ = ("client", "face", "request")

    def __init__(self, face: "LegacyFace", client: Posted, request: Request) -> None:
        self.face, self.client, self.request = face, client, request

    def landed(self, answer: bytes) -> None:
        client = self.client
        self.face.ended(client.session, client, (self.request,))
        client.finish(answer, client.session.last_used)
        client.exchange.owner.landed(client.exchange)

    def diverted(self, rest: Coroutine[Any, Any, Answer]) -> asyncio.Task[None]:
        exchange = self.client.exchange
        return exchange.owner.adopt(exchange, self.face.finish(self.client, self.request, rest))

    def failed(self, fault: BaseException) -> None:
        self.face.ended(self.client.session, self.client, (self.request,))
        self.client.exchange.owner.failed(self.client.exchange, fault)


class LegacyFace:
    """Serves the sessions of Streamable HTTP. Calls are owned by the face: they outlive their connection."""

    def __init__(self, calls: LegacyCalls, owned: Owned, express: Express, challenge: Challenge) -> None:
        self.calls, self._express, self._challenge = calls, express, challenge
        self._owned = owned
        self._loop = asyncio.get_running_loop()
        self.waiting: set[Posted] = set()

    async def post(self, exchange: Exchange, message: Message, endpoint: str, who: Principal, limits: Limits) -> None:
        """One POST of a client of an older revision. Raises `PeerFault`."""
        if type(message) is Request:
            if message.method == "initialize":
                self._initialize(exchange, message, endpoint, who)
            else:
                await self._serve(exchange, self.session(exchange, endpoint, who), message, limits)
        else:
            self._hear(self.session(exchange, endpoint, who), message)
            exchange.respond(202)

    async def post_batch(
        self, exchange: Exchange, values: list[Any], endpoint: str, who: Principal, limits: Limits
    ) -> None:
        """A batch of revision 2025-03-26. Raises `PeerFault`."""
        session = self.session(exchange, endpoint, who)
        messages = _batch(values, session)
        for message in messages:
            self._hear(session, message)
        requests = [message for message in messages if type(message) is Request]
        if requests:
            await self._serve_batch(exchange, session, requests, limits)
        else:
            exchange.respond(202)

    def _hear(self, session: Session, message: Message) -> None:
        if type(message) is Notification:
            self.calls.heard(session, message)
        elif type(message) is Reply:
            session.answered(message)

    def _initialize(self, exchange: Exchange, request: Request, endpoint: str, who: Principal) -> None:
        session, body = self.calls.initialize(request, endpoint, who)
        exchange.respond(200, body, _JSON, ((b"Mcp-Session-Id", session.token.encode()),))

    def session(self, exchange: Exchange, endpoint: str, who: Principal) -> Session:
        """The session a request names. Raises `PeerFault`."""
        token = exchange.headers.get(b"mcp-session-id")
        if token is None:
            raise PeerFault(
                INVALID_REQUEST, "Send initialize first, then its Mcp-Session-Id.", data={"reason": "no_session"}
            )
        version = exchange.headers.get(b"mcp-protocol-version")
        if version is not None and version.decode("latin-1") not in LEGACY:
            raise PeerFault(
                INVALID_REQUEST, "MCP-Protocol-Version names no revision of a session.", data={"reason": "version"}
            )
        session = self.calls.sessions.find(token.decode("latin-1"), endpoint, who)
        if session is None:
            raise PeerFault(
                INVALID_REQUEST, "No such session. Send initialize again, without an Mcp-Session-Id.", status=404
            )
        return session

    # ---- requests ----------------------------------------------------------------------------------------------

    async def _serve(self, exchange: Exchange, session: Session, request: Request, limits: Limits) -> None:
        """One request, in the task of its connection, which leaving does not cancel (L-HTTP-06)."""
        client = self._begin(exchange, session, (request,))
        size, challenged = len(exchange.body), client.replay is None
        work = self.calls.answer(session, request, client, limits, size, challenged=challenged)
        await self.finish(client, request, work)

    def express(
        self, exchange: Exchange, token: str, endpoint: str, who: Principal, limits: Limits
    ) -> Flight | InsideFlight | asyncio.Task[None] | None:
        """The same for a usual `tools/call`, without a task. None: this one is not usual, and nothing has happened."""
        usual = read_call(exchange.body, limits)
        meta = legacy_meta(usual.meta) if usual is not None else None
        if usual is None or meta is None:
            return None
        session = self.calls.sessions.find(token, endpoint, who)
        if session is None or (session.inflight and usual.id in session.inflight):
            return None
        params = {"name": usual.name, "arguments": usual.arguments}
        if usual.meta:
            params["_meta"] = meta.members
        request = Request(usual.id, "tools/call", params)
        client = Posted(exchange, session, self._loop.time())
        call = self.calls.call(session, request, client, limits, len(exchange.body))
        call.challenged = True
        flight = self._express.launch(call, usual, meta, Ground(self, client, request))
        if isinstance(flight, Answer):
            return exchange.owner.adopt(exchange, self._tell(client, flight))
        if flight is not None:
            if session.inflight is None:
                session.inflight = {}
            session.inflight[usual.id] = flight
            exchange.on_disconnect = _ignore
            self.waiting.add(client)
        return flight

    async def finish(self, client: Posted, request: Request, work: Coroutine[Any, Any, Answer]) -> None:
        """Wait for the answer and send it, in the task that serves the exchange."""
        session, task = client.session, asyncio.current_task()
        assert session.inflight is not None
        assert task is not None
        session.inflight[request.id] = task
        try:
            answer = await work
        except asyncio.CancelledError:
            if not session.was_withdrawn(request.id):
                raise  # the gateway is closing
            task.uncancel()
            answer = Answer(_cancelled(request), 200)
        finally:
            self.ended(session, client, (request,))
        await self._tell(client, answer)

    async def _tell(self, client: Posted, answer: Answer) -> None:
        if answer.scopes and client.replay is None and not client.exchange.gone:
            client.exchange.respond(403, answer.body, headers=self._challenge(client.exchange, answer.scopes))
        else:
            client.finish(answer.body, self._loop.time())

    async def _serve_batch(self, exchange: Exchange, session: Session, requests: list[Request], limits: Limits) -> None:
        """Many requests at once, each in a task that the face owns; one answer for all."""
        client = self._begin(exchange, session, requests)
        assert session.inflight is not None
        tasks = []
        for request in requests:
            work = self.calls.answer(session, request, client, limits, len(exchange.body))
            task = session.inflight[request.id] = self._owned.start(work, "call")
            tasks.append(task)
        try:
            answers = await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self.ended(session, client, requests)
        bodies = [_body(request, answer) for request, answer in zip(requests, answers, strict=True)]
        if client.replay is None:
            client.finish(b"[" + b",".join(bodies) + b"]", self._loop.time())
            return
        for body in bodies[:-1]:
            client.send(body)
        client.finish(bodies[-1], self._loop.time())

    def _begin(self, exchange: Exchange, session: Session, requests: Sequence[Request]) -> Posted:
        if session.inflight is None:
            session.inflight = {}
        wanted = {request.id for request in requests}
        if len(wanted) < len(requests) or not wanted.isdisjoint(session.inflight):
            raise PeerFault(
                INVALID_REQUEST, "A request with this id is in flight in this session.", data={"reason": "id"}
            )
        client = Posted(exchange, session, self._loop.time())
        exchange.on_disconnect = _ignore
        if prefers_stream(exchange.headers):
            client.commit()
        self.waiting.add(client)
        return client

    def ended(self, session: Session, client: Posted, requests: Sequence[Request]) -> None:
        self.waiting.discard(client)
        for request in requests:
            session.landed(request.id)
        session.last_used = self._loop.time()

    def sweep(self, now: float, lazy_seconds: float) -> None:
        for client in list(self.waiting):
            if client.replay is None and now - client.started >= lazy_seconds and not client.exchange.gone:
                client.commit()

    # ---- the other methods of HTTP -----------------------------------------------------------------------------

    async def get(self, exchange: Exchange, session: Session) -> None:
        """The stream of the session, or the rest of one that broke (`Last-Event-ID`)."""
        last = exchange.headers.get(b"last-event-id")
        found = replays_of(session).find(last.decode("latin-1"), self._loop.time()) if last is not None else None
        closed: asyncio.Future[None] = self._loop.create_future()
        exchange.on_disconnect = lambda: None if closed.done() else closed.set_result(None)
        stream = exchange.stream()
        if found is not None:
            replay, position = found
            replay.resume(position, stream)
            return
        replay = replays_of(session).new()
        replay.stream = stream
        if session.revision >= _PRIMED_SINCE:
            stream.send(replay.prime())
        outlet = Standing(replay)
        session.outlet = outlet
        self.calls.listener(session)
        try:
            await self.calls.bus.until_over(closed, Audience(session.endpoint, lambda: session.principal))
        finally:
            stream.end()
            if session.outlet is outlet:
                session.outlet = None

    async def delete(self, exchange: Exchange, session: Session) -> None:
        exchange.respond(200)
        await self.calls.leave(session)


class Standing:
    """The GET stream of a session as an outlet."""

    __slots__ = ("_replay",)

    def __init__(self, replay: Replay) -> None:
        self._replay = replay

    def send(self, message: bytes) -> bool:
        self._replay.send(message)
        return self._replay.listening


def prefers_stream(headers: Headers) -> bool:
    """The client names the event stream first: it wants answers that it can take up again."""
    accept = headers.get(b"accept") or b""
    return accept.lstrip().startswith(b"text/event-stream") and b"json" in accept


def _takes_stream(headers: Headers) -> bool:
    """Lenient: a client that names nothing, or anything, takes what the revision says it must."""
    accept = headers.get(b"accept")
    return accept is None or b"event-stream" in accept or b"*/*" in accept


def replays_of(session: Session) -> Replays:
    if session.replays is None:
        session.replays = Replays(session.shelf)
    assert isinstance(session.replays, Replays)
    return session.replays


def _ignore() -> None:
    """Leaving is not cancelling: the call goes on, and its answer waits for `Last-Event-ID`."""


def _batch(value: list[Any], session: Session) -> list[Message]:
    if session.revision != "2025-03-26":
        raise PeerFault(
            INVALID_REQUEST, "Batches ended with revision 2025-06-18. Send one message.", data={"reason": "batch"}
        )
    messages = read_batch(value)
    if any(type(one) is Request and one.method == "initialize" for one in messages):
        raise PeerFault(INVALID_REQUEST, "initialize may not be part of a batch.", data={"reason": "batch"})
    return messages


def _body(request: Request, answer: Answer | BaseException) -> bytes:
    if isinstance(answer, Answer):
        return answer.body
    if isinstance(answer, asyncio.CancelledError):
        return _cancelled(request)
    raise answer


def _cancelled(request: Request) -> bytes:
    return encode_error(request.id, INVALID_REQUEST, "The request was cancelled.", {"reason": "cancelled"})
