"""Streamable HTTP of 2025-03-26 to 2025-11-25: sessions, POST streams, the GET stream, resumption.

Knows: `Mcp-Session-Id`, `Last-Event-ID`, and that a lost connection is no cancellation here.
Refuses to know: what the methods mean (`legacy_calls`).
"""

import asyncio
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
    read,
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

    async def post(self, exchange: Exchange, value: Any, endpoint: str, who: Principal, limits: Limits) -> None:
        """One POST of a client of an older revision. Raises `PeerFault`."""
        if type(value) is not list:
            message = read(value)
            if type(message) is Request and message.method == "initialize":
                self._initialize(exchange, message, endpoint, who)
                return
        session = self.session(exchange, endpoint, who)
        if session is None:
            return
        messages = [message] if type(value) is not list else _batch(value, session)
        for each in messages:
            if type(each) is Notification:
                self.calls.heard(session, each)
            elif type(each) is Reply:
                session.answered(each)
        requests = [each for each in messages if type(each) is Request]
        if not requests:
            exchange.respond(202)
            return
        await self._serve(exchange, session, requests, limits, batch=type(value) is list)

    def _initialize(self, exchange: Exchange, request: Request, endpoint: str, who: Principal) -> None:
        session, body = self.calls.initialize(request, endpoint, who)
        exchange.respond(200, body, _JSON, ((b"Mcp-Session-Id", session.token.encode()),))

    def session(self, exchange: Exchange, endpoint: str, who: Principal) -> Session | None:
        """The session a request names, or None after an answer that says what is wrong."""
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

    async def _serve(
        self, exchange: Exchange, session: Session, requests: list[Request], limits: Limits, *, batch: bool
    ) -> None:
        """Run the requests in a task of the session's own: leaving is not cancelling (L-HTTP-06)."""
        now = self._loop.time()
        client = Posted(exchange, session, now)
        exchange.on_disconnect = _ignore
        if session.inflight is None:
            session.inflight = {}
        if any(request.id in session.inflight for request in requests):
            raise PeerFault(
                INVALID_REQUEST, "A request with this id is in flight in this session.", data={"reason": "id"}
            )
        if _prefers_stream(exchange):
            client.commit()
        self.waiting.add(client)
        tasks = []
        for request in requests:
            work = self.calls.answer(session, request, client, limits, len(exchange.body))
            task = self._owned.start(work, "call")
            session.inflight[request.id] = task
            tasks.append(task)
        try:
            answers = await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self.waiting.discard(client)
            for request in requests:
                session.inflight.pop(request.id, None)
            session.last_used = self._loop.time()
        bodies = [_body(request, answer) for request, answer in zip(requests, answers, strict=True)]
        if not batch or client.replay is not None:
            for body in bodies[:-1]:
                client.send(body)
            client.finish(bodies[-1], self._loop.time())
        else:
            client.finish(b"[" + b",".join(bodies) + b"]", self._loop.time())

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
        return encode_error(request.id, INVALID_REQUEST, "The request was cancelled.", {"reason": "cancelled"})
    raise answer
