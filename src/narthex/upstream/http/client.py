"""The HTTP/1.1 client for one server.

Knows: how a request is written and when it may be written again.
Refuses to know: JSON-RPC, sessions, and which requests are safe to repeat.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, NamedTuple

from narthex.limits import Limits, upstream_joined_bytes_max
from narthex.model.caller import Caller
from narthex.model.deadline import Deadline, moment_of
from narthex.upstream.http.connection import Connection, OnEvent
from narthex.upstream.http.fault import TimedOut
from narthex.upstream.http.head import header_lines, request_head
from narthex.upstream.http.origin import encode_target, parse
from narthex.upstream.http.passes import NO_PASS, Pass
from narthex.upstream.http.pool import Pool
from narthex.upstream.http.reply import HttpReply
from narthex.upstream.http.stream import HttpStream
from narthex.upstream.http.tls import Tls

POST_HEADERS = b"accept: application/json, text/event-stream\r\ncontent-type: application/json\r\n"
STREAM_HEADERS = b"accept: text/event-stream\r\n"


class PoolStats(NamedTuple):
    """`opened` counts since the start; the others are of this moment."""

    open: int
    idle: int
    requests: int
    streams: int
    waiting: int
    opened: int
    lingering: int

    @property
    def busy(self) -> int:
        """Requests and streams whose answer is still wanted."""
        return self.requests - self.idle - self.lingering + self.streams


class HttpClient:
    """One per configured server URL; owns its connections. No redirects, no cookies, no proxies, no retries.

    `deadline` is loop time, fixed or as a `Deadline` that somebody may move while the request is out; it is
    looked at once per tick (`limits.sweep_seconds`), so a request may end that much later.
    Cancelling the caller closes the connection at once.
    """

    def __init__(
        self,
        url: str,
        limits: Limits,
        *,
        allow_private: bool,
        tls: Tls | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        """`allow_private`: the operator wrote this URL (see address.py). Raises ValueError, fit to be shown."""
        self.origin = parse(url)
        self._limits = limits
        self._fixed = header_lines(headers)
        self._post_head = self._head("POST", None, POST_HEADERS)
        self._pool = Pool(self.origin, limits, tls or Tls(), allow_private=allow_private)

    def __repr__(self) -> str:
        return f"<HttpClient {self.origin}: {self.stats}>"

    @property
    def personal(self) -> bool:
        """Each caller shows the server something else."""
        return False

    @property
    def stats(self) -> PoolStats:
        pool = self._pool
        return PoolStats(
            open=len(pool.connections),
            idle=len(pool.idle),
            requests=pool.requests,
            streams=pool.streams,
            waiting=len(pool.waiters),
            opened=pool.opened,
            lingering=len(pool.lingering),
        )

    def adopt(self, limits: Limits) -> None:
        """Other limits from now on, also for the answers that arrive on open connections."""
        self._limits = limits
        self._pool.adopt(limits)

    def post(
        self,
        headers: bytes,
        body: bytes,
        *,
        deadline: Deadline | float,
        path: str | None = None,
        on_event: OnEvent | None = None,
        caller: Caller | None = None,
    ) -> Coroutine[Any, Any, HttpReply]:
        """POST a JSON document. `headers`: more header lines, each with its CRLF (see `header_lines`).

        An answer of `text/event-stream` goes to `on_event`, event by event as it arrives, and the call returns
        when the stream ends, or when `on_event` returns true or raises StopStream. Whatever else it raises
        is raised here. A gate that it returns holds the server back until it is ready. Raises HttpFault.
        `caller`: for whom it is, where the server is shown that (`upstream.credentials`); here it means nothing.
        """
        head = self._post_head if path is None else self._head("POST", path, POST_HEADERS)
        return self._exchange(head, headers, body, deadline, on_event, caller)

    def shows(self, caller: Caller | None) -> Pass | None:
        """What a request of this caller carries besides, for who sends it by `reserve`; None: it must be waited for."""
        return NO_PASS

    async def repeat(
        self,
        reply: HttpReply,
        shown: Pass,
        headers: bytes,
        body: bytes,
        *,
        deadline: Deadline | float,
        on_event: OnEvent | None = None,
        caller: Caller | None = None,
    ) -> HttpReply:
        """The answer to a POST that was sent by `reserve`, if need be after it was repeated with something better."""
        return reply

    def reserve(self) -> Connection | None:
        """An idle connection for a request that can be sent at once, or None. `release` it, or let it `begin`."""
        self._pool.awake()
        return self._pool.take()

    def release(self, connection: Connection) -> None:
        self._pool.release(connection)

    def encode_post(self, headers: bytes, body: bytes) -> bytes:
        """A whole POST as `post` would send it."""
        return _join(self._post_head, headers, body)

    def request(
        self,
        method: str,
        headers: bytes = b"",
        body: bytes = b"",
        *,
        deadline: Deadline | float,
        path: str | None = None,
        caller: Caller | None = None,
    ) -> Coroutine[Any, Any, HttpReply]:
        """Any other request; content type and accept are the caller's. Raises HttpFault."""
        return self._exchange(self._head(method, path, b""), headers, body, deadline, None, caller)

    def delete(
        self,
        headers: bytes = b"",
        *,
        deadline: Deadline | float,
        path: str | None = None,
        caller: Caller | None = None,
    ) -> Coroutine[Any, Any, HttpReply]:
        """Raises HttpFault."""
        return self.request("DELETE", headers, deadline=deadline, path=path, caller=caller)

    async def open_stream(
        self,
        method: str,
        headers: bytes = b"",
        body: bytes = b"",
        *,
        deadline: Deadline | float,
        path: str | None = None,
        caller: Caller | None = None,
    ) -> HttpStream:
        """Open a long stream of events (GET, or POST with a body). `deadline` is for the head of the answer.

        Returns when the head is here, or the whole answer if it is no event stream; `reply` tells which.
        Raises HttpFault. The caller owns the stream and closes it.
        """
        head = self._head(method, path, POST_HEADERS if method == "POST" else STREAM_HEADERS)
        pool = self._pool
        pool.awake()
        connection = await pool.acquire_stream(deadline)
        pool.awake()
        stream = HttpStream(connection, self._limits)
        connection.attach(stream)
        answer: asyncio.Future[HttpReply] = pool.loop.create_future()
        connection.begin(_join(head, headers, body), deadline, stream.push, answer)
        try:
            stream.reply = await answer
        except BaseException:
            connection.withdraw(answer)
            connection.abandon(stream)
            raise
        if not stream.reply.streamed:
            stream.finish(None)
        return stream

    async def aclose(self) -> None:
        """Close every connection; requests that are out end with a fault."""
        await self._pool.aclose()

    async def _exchange(
        self,
        head: bytes,
        headers: bytes,
        body: bytes,
        deadline: Deadline | float,
        on_event: OnEvent | None,
        caller: Caller | None = None,
    ) -> HttpReply:
        pool = self._pool
        now = pool.awake()
        if moment_of(deadline) <= now:
            raise TimedOut(f"{self.origin}: no time was left for the request")
        connection = pool.take()
        if connection is None:
            connection = await pool.acquire(deadline)
            pool.awake()  # it may have fallen asleep while nothing but the opening went on
        answer: asyncio.Future[HttpReply] = pool.loop.create_future()
        if len(body) <= upstream_joined_bytes_max:
            connection.begin(_join(head, headers, body), deadline, on_event, answer)
        else:
            connection.begin(_join(head, headers, b"", length=len(body)), deadline, on_event, answer)
            connection.more(body)
        try:
            return await answer
        except BaseException:
            connection.withdraw(answer)
            raise

    def _head(self, method: str, path: str | None, headers: bytes) -> bytes:
        target = self.origin.target if path is None else encode_target(path)
        return request_head(method, self.origin, target, headers + self._fixed)


def _join(head: bytes, headers: bytes, body: bytes, length: int | None = None) -> bytes:
    """One request, one piece of memory, one write. A length of 0 is said only where a body is usual."""
    assert not headers or headers.endswith(b"\r\n"), "header lines end with CRLF"
    if not body and length is None and not head.startswith((b"POST", b"PUT", b"PATCH")):
        return b"%b%b\r\n" % (head, headers)
    return b"%b%bcontent-length: %d\r\n\r\n%b" % (head, headers, length or len(body), body)
