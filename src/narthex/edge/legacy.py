"""Streamable HTTP of 2025-03-26 to 2025-11-25: sessions, POST streams, the GET stream, resumption.

Knows: `Mcp-Session-Id`, `Last-Event-ID`, and that a lost connection is no cancellation here.
Refuses to know: what the methods mean (`legacy_calls`).
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from narthex.edge.http1_exchange import Exchange
from narthex.edge.legacy_calls import LegacyCalls
from narthex.edge.resumption import Replay, Replays
from narthex.limits import Limits
from narthex.model.identity import Principal
from narthex.model.outcome import Outcome
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
from narthex.wire.faults import INVALID_REQUEST, PeerFault
from narthex.wire.revisions import LEGACY, LEGACY_NEWEST

_JSON = b"application/json"
_PRIMED_SINCE = LEGACY_NEWEST


class Posted:
    """The client of the calls of one POST: JSON while nothing was said, a resumable stream from the first word on."""

    __slots__ = ("exchange", "replay", "session", "started")

    def __init__(self, exchange: Exchange, session: Session, now: float) -> None:
        self.exchange, self.session, self.started = exchange, session, now
        self.replay: Replay | None = None

    def notify(self, method: str, params: dict[str, Any]) -> None:
        self.send(encode_notification(method, params))

    async def ask(self, method: str, params: dict[str, Any]) -> Outcome:
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


class LegacyFace:
    """Serves the sessions of Streamable HTTP. Calls are owned by the face: they outlive their connection."""

    def __init__(self, calls: LegacyCalls, owned: Owned) -> None:
        self.calls = calls
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
        task = asyncio.current_task()
        assert session.inflight is not None
        assert task is not None
        session.inflight[request.id] = task
        try:
            body = await self.calls.answer(session, request, client, limits, len(exchange.body))
        except asyncio.CancelledError:
            if not session.was_withdrawn(request.id):
                raise  # the gateway is closing
            task.uncancel()
            body = _cancelled(request)
        finally:
            self._end(session, client, (request,))
        client.finish(body, self._loop.time())

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
            self._end(session, client, requests)
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
        if _prefers_stream(exchange):
            client.commit()
        self.waiting.add(client)
        return client

    def _end(self, session: Session, client: Posted, requests: Sequence[Request]) -> None:
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
            await self.calls.bus.until_closing(closed)
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


def _prefers_stream(exchange: Exchange) -> bool:
    """The client names the event stream first: it wants answers that it can take up again."""
    accept = exchange.headers.get(b"accept") or b""
    return accept.lstrip().startswith(b"text/event-stream") and b"json" in accept


def replays_of(session: Session) -> Replays:
    if session.replays is None:
        session.replays = Replays()
    return session.replays  # type: ignore[no-any-return]


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


def _body(request: Request, answer: bytes | BaseException) -> bytes:
    if isinstance(answer, bytes):
        return answer
    if isinstance(answer, asyncio.CancelledError):
        return _cancelled(request)
    raise answer


def _cancelled(request: Request) -> bytes:
    return encode_error(request.id, INVALID_REQUEST, "The request was cancelled.", {"reason": "cancelled"})
