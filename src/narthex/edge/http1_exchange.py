"""One HTTP request, and the right to answer it once.

Knows: what was asked, and whether it was answered. Refuses to know: bytes on the wire, other requests.
"""

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from narthex.edge.http1_head import Head
from narthex.edge.response import JSON, Extra
from narthex.identity.certificate import Presented

if TYPE_CHECKING:
    from narthex.edge.stream import Stream


class Answerer(Protocol):
    """The connection, as far as an exchange may use it."""

    peer: str
    certificate: Presented | None

    def answer(self, exchange: "Exchange", status: int, body: bytes, content_type: bytes, headers: Extra) -> None: ...

    def open_stream(self, exchange: "Exchange", headers: Extra) -> "Stream": ...
    def break_off(self, exchange: "Exchange") -> None: ...


class Owner(Protocol):
    """The listener, as far as one that serves an exchange without a task may use it."""

    def landed(self, exchange: "Exchange") -> None:
        """It is answered, or its client is gone: nothing more comes."""

    def adopt(self, exchange: "Exchange", work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """It needs a task after all."""
        ...

    def failed(self, exchange: "Exchange", fault: BaseException) -> None:
        """A fault of ours."""


class Exchange:
    """Given to the handler. The handler answers with `respond` or `stream`, once.

    When the client leaves before the answer is complete, the handler's task is cancelled;
    unless it set `on_disconnect`, which is then called instead, once.
    After the answer (the end of the stream) a leaving client disturbs the handler no more.
    """

    __slots__ = (
        "_answerer",
        "_request_id",
        "answered",
        "body",
        "gone",
        "head",
        "headers",
        "keep_alive",
        "on_disconnect",
        "owner",
    )

    owner: Owner

    def __init__(self, answerer: Answerer, head: Head, body: bytes) -> None:
        self._answerer = answerer
        self._request_id: str | None = None
        self.head = head
        self.headers = head.headers
        self.keep_alive = head.keep_alive  # whether the connection serves another request after this one
        self.body = body
        self.answered = False
        self.gone = False  # the client left before the answer was complete
        self.on_disconnect: Callable[[], None] | None = None

    @property
    def method(self) -> bytes:
        return self.head.method

    @property
    def path(self) -> str:
        """Decoded."""
        return self.head.path

    @property
    def query(self) -> str:
        """As it was sent."""
        return self.head.query

    @property
    def peer(self) -> str:
        """The address of the other end of the connection: the client, or the proxy in front of us."""
        return self._answerer.peer

    @property
    def certificate(self) -> Presented | None:
        """The client certificate of the connection, which TLS has checked. It belongs to no request of another one."""
        return self._answerer.certificate

    @property
    def request_id(self) -> str:
        """Ours, made on first use; every error answer carries it as X-Request-Id."""
        if self._request_id is None:
            self._request_id = new_request_id()
        return self._request_id

    def respond(self, status: int, body: bytes = b"", content_type: bytes = JSON, headers: Extra = ()) -> None:
        """Send one whole answer. To a client that has left, it is dropped. RuntimeError: answered before."""
        self._check_unanswered()
        if status >= 400:
            headers = (*headers, (b"X-Request-Id", self.request_id.encode("ascii")))
        if not self.gone:
            self._answerer.answer(self, status, body, content_type, headers)
        self.answered = True

    def stream(self, headers: Extra = ()) -> "Stream":
        """Send the head of a text/event-stream answer (200). RuntimeError: answered before."""
        self._check_unanswered()
        stream = self._answerer.open_stream(self, headers)
        self.answered = True
        return stream

    def break_off(self) -> None:
        """End an answer that cannot be completed: the client sees a broken connection, not a short answer."""
        self._answerer.break_off(self)

    def _check_unanswered(self) -> None:
        if self.answered:
            raise RuntimeError("an exchange is answered once")

    def __repr__(self) -> str:
        state = "answered" if self.answered else "open"
        return f"<Exchange {self.method.decode('ascii')} {self.path} from {self.peer}: {state}>"


def new_request_id() -> str:
    return secrets.token_hex(8)
