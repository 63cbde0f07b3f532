"""A client on one channel of messages: HTTP+SSE of 2024-11-05, and stdio. Everything goes over the same way.

Knows: dispatch of messages, one session. Refuses to know: what carries the messages.
"""

import asyncio
from typing import Any

from narthex.edge.legacy_calls import LegacyCalls
from narthex.edge.output import Out
from narthex.edge.stream import Stream
from narthex.limits import Limits, session_requests_max
from narthex.model.client import Gate
from narthex.model.outcome import Outcome
from narthex.relay.session import Session
from narthex.telemetry.owned import Owned
from narthex.wire.envelope import (
    Message,
    Notification,
    Reply,
    Request,
    RequestId,
    encode_error,
    encode_notification,
)
from narthex.wire.faults import INTERNAL_ERROR, INVALID_REQUEST


class Channel:
    """The client of every call of its session, and the session's outlet."""

    def __init__(self, calls: LegacyCalls, owned: Owned, out: Out) -> None:
        self._calls, self._owned, self._out = calls, owned, out
        self.session: Session | None = None
        self.stream: Stream | None = None  # of HTTP+SSE, whose reader may be slow

    def attach(self, session: Session) -> None:
        self.session = session
        session.outlet = self
        self._calls.listener(session)

    def send(self, message: bytes) -> bool:
        return self._out.say(message)

    def notify(self, method: str, params: dict[str, Any]) -> Gate | None:
        self._out.hint(encode_notification(method, params))
        return self.stream.slow if self.stream is not None else None

    def parted(self) -> None:
        """Nothing follows from it here."""

    async def ask(self, method: str, params: dict[str, Any]) -> Outcome:
        assert self.session is not None, "calls come after initialize"
        return await self.session.ask(self, method, params)

    def take(self, message: Message, limits: Limits, size: int) -> None:
        """One message of an initialized session."""
        session = self.session
        assert session is not None, "the channel has a session"
        if type(message) is Notification:
            self._calls.heard(session, message)
        elif type(message) is Reply:
            session.answered(message)
        else:
            assert type(message) is Request
            self._start(session, message, limits, size)

    def working(self) -> list[asyncio.Task[Any]]:
        """The calls on their way."""
        inflight = (self.session.inflight or {}) if self.session is not None else {}
        return [one for one in inflight.values() if isinstance(one, asyncio.Task)]

    def _start(self, session: Session, request: Request, limits: Limits, size: int) -> None:
        if session.inflight is None:
            session.inflight = {}
        if request.id in session.inflight:
            text = "A request with this id is in flight in this session."
            self._out.write(encode_error(request.id, INVALID_REQUEST, text, {"reason": "id"}))
            return
        if len(session.inflight) >= session_requests_max:
            text = f"{session_requests_max} requests of this session are in flight, the most allowed."
            self._out.write(encode_error(request.id, INTERNAL_ERROR, text, {"reason": "inflight"}))
            return
        task = self._owned.start(self._serve(session, request, limits, size), "call")
        session.inflight[request.id] = task
        task.add_done_callback(lambda _: session.landed(request.id))

    async def _serve(self, session: Session, request: Request, limits: Limits, size: int) -> None:
        try:
            answer(self._out, request.id, (await self._calls.answer(session, request, self, limits, size)).body)
        except asyncio.CancelledError:
            return  # cancelled by the client: by rule it gets no answer
        except Exception:
            self._out.write(encode_error(request.id, INTERNAL_ERROR, "The gateway failed to answer this request."))
            raise


def answer(out: Out, request_id: RequestId, body: bytes) -> None:
    """Every request gets an answer. Where the true one does not fit, because the client does not read, it says so."""
    if not out.write(body):
        text = f"The answer of {len(body)} bytes was dropped: too many others wait to be read by this client."
        out.insist(encode_error(request_id, INTERNAL_ERROR, text, {"reason": "unread"}))
