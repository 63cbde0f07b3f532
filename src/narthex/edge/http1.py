"""One client connection, HTTP/1.1: reads requests under limits, hands each to the handler, writes its answer.

Knows: the phases of a connection, framing, order, backpressure, what each limit answers.
Refuses to know: what a request means. The grammar of heads is `http1_head`, of bodies `http1_body`.

One request at a time: what a client sends ahead waits as raw bytes, unparsed, until its turn.
No timer belongs to a connection: the listener's sweep compares `deadline` with the clock.
"""

import asyncio
from collections.abc import Callable, Coroutine
from enum import Enum, auto
from math import inf
from typing import TYPE_CHECKING, Any, Final, cast

from narthex.edge import response
from narthex.edge.http1_body import ChunkedBody, LengthBody, judge_pace
from narthex.edge.http1_exchange import Exchange, new_request_id
from narthex.edge.http1_head import CHUNKED, HEAD_END, Head, Headers, Refused
from narthex.edge.http1_partial import PartialHead
from narthex.edge.http1_sending import SendingHalf
from narthex.edge.stream import Stream
from narthex.identity.certificate import Presented, presented
from narthex.limits import pipelined_bytes_max, retry_after_seconds

if TYPE_CHECKING:
    from narthex.edge.listener import Listener

__all__ = ["Connection", "Exchange", "Handler", "Headers", "Stream"]

Handler = Callable[[Exchange], Coroutine[Any, Any, None]]

_RETRY: Final = ((b"Retry-After", b"%d" % retry_after_seconds),)


class Phase(Enum):
    FRESH = auto()  # connected, nothing asked yet
    IDLE = auto()  # between requests
    HEAD = auto()  # part of a head is here
    BODY = auto()  # part of a body is here
    BUSY = auto()  # the handler has the request, or what was sent ahead waits its turn
    STREAM = auto()  # the answer is an open stream
    LINGER = auto()  # all is answered; what the client still sends is read and dropped
    CLOSED = auto()  # gone


FRESH, IDLE, HEAD, BODY, BUSY, STREAM, LINGER, CLOSED = Phase


class Connection(SendingHalf):
    __slots__ = (
        "_body",
        "_body_started_at",
        "_buffer",
        "_exchange",
        "_head",
        "_partial",
        "_read_paused",
        "_stream",
        "address",
        "certificate",
        "deadline",
        "peer",
        "phase",
    )

    def __init__(self, listener: "Listener") -> None:
        super().__init__(listener)
        self._buffer = bytearray()  # what was sent ahead
        self._partial: PartialHead | None = None
        self._body: LengthBody | ChunkedBody | None = None
        self._body_started_at = 0.0
        self._head: Head | None = None
        self._exchange: Exchange | None = None
        self._stream: Stream | None = None
        self._read_paused = False
        self.peer = ""
        self.address = ""  # what counts as one client
        self.certificate: Presented | None = None  # the client's, if TLS has asked for it and found it good
        self.phase = FRESH
        self.deadline = inf

    # The life of the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        self.peer = name[0] if name else ""
        self.certificate = presented(transport.get_extra_info("ssl_object"))
        # A client that connects and says nothing gets the time of a head, not of an idle keep-alive.
        self.deadline = self._listener.now + self._listener.limits.header_seconds_max
        refusal = self._listener.admit(self)
        if self._listener.closed or self._listener.overrun(self):
            self.abort()
        elif refusal is not None:
            self._refuse(refusal)

    def connection_lost(self, exc: Exception | None) -> None:
        self.phase = CLOSED
        self._buffer.clear()
        self._listener.forget(self)
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        if self._exchange is not None:
            exchange, self._exchange = self._exchange, None
            self._listener.client_left(exchange)

    def eof_received(self) -> None:
        """A closing client and a half-closing one look alike: both have left (S-CAN-01). The transport closes."""

    # Reading

    def data_received(self, data: bytes) -> None:
        phase = self.phase
        if phase is IDLE:
            self._start(data)
        elif phase is BUSY or phase is STREAM:
            self._keep_for_later(data)
        elif phase is FRESH:
            self._start(data)
        elif phase is HEAD:
            self._more_head(data)
        elif phase is BODY:
            self._more_body(data)

    def _start(self, data: bytes) -> None:
        """The first bytes of a request; nearly always all of it."""
        stop = data.find(HEAD_END) + len(HEAD_END)
        if len(HEAD_END) < stop <= self._listener.limits.header_bytes_max and data[0] >= 0x41:
            self._take_head(data, stop)
            return
        self.phase = HEAD
        self.deadline = self._listener.now + self._listener.limits.header_seconds_max
        self._partial = PartialHead()
        self._more_head(data)

    def _more_head(self, data: bytes) -> None:
        assert self._partial is not None
        try:
            whole = self._partial.feed(data, self._listener.limits)
        except Refused as refusal:
            self._refuse(refusal)
            return
        if whole is not None:
            self._partial = None
            self._take_head(*whole)

    def _take_head(self, data: bytes, stop: int) -> None:
        """A whole head is at the start of `data`, and ends at `stop`."""
        listener = self._listener
        try:
            head = listener.heads.read(data[:stop], listener.limits, listener.doors.check)
            length = head.length
            if length > len(data) - stop or length == CHUNKED:
                self._begin_body(head, data[stop:])
                return
        except Refused as refusal:
            self._refuse(refusal)
            return
        end = stop + length
        if len(data) > end:
            self._buffer += data[end:]
        self._dispatch(head, data[stop:end])

    def _begin_body(self, head: Head, data: bytes) -> None:
        listener = self._listener
        if not data and head.http_1_1 and b"expect" in head.headers:
            self._invite_body()
        self._head = head
        self._body = ChunkedBody() if head.length == CHUNKED else LengthBody(head.length)
        self._body_started_at = listener.now
        self.phase = BODY
        self.deadline = listener.now + listener.pace.body_grace_seconds
        if data:
            self._more_body(data)

    def _invite_body(self) -> None:
        """The client asks before it sends (RFC 9110 10.1.1). Every limit a head can break was judged before this."""
        if self._listener.full:
            raise Refused(503, "inflight", "The gateway is at its limit of requests. Retry in a moment.")
        self._transport.write(response.CONTINUE)

    def _more_body(self, data: bytes) -> None:
        head, body = self._head, self._body
        assert head is not None
        assert body is not None
        try:
            rest = body.feed(data, self._listener.limits)
        except Refused as refusal:
            self._refuse(refusal)
            return
        if not body.complete:
            return
        self._head = self._body = None
        self._buffer += rest
        self._dispatch(head, bytes(body.body), exact=body.exact)

    def _keep_for_later(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > pipelined_bytes_max and not self._read_paused:
            self._read_paused = True
            self._transport.pause_reading()

    # Handing over

    def _dispatch(self, head: Head, body: bytes, *, exact: bool = True) -> None:
        """`exact` False: the body was told of in a way in which the next request could begin elsewhere."""
        self.phase = BUSY
        self.deadline = inf  # the handler has a deadline of its own
        exchange = self._exchange = Exchange(self, head, body)
        if not exact:
            exchange.keep_alive = False
        self._listener.serve(exchange)

    # Answering (http1_exchange.Answerer)

    def answer(
        self, exchange: Exchange, status: int, body: bytes, content_type: bytes, headers: response.Extra
    ) -> None:
        assert exchange is self._exchange, "answers go out in the order of their requests"
        head = exchange.head
        lines = self._lines(exchange, headers)
        self._transport.write(response.whole(status, lines, content_type, body, bodiless=head.method == b"HEAD"))
        self._exchange = None
        self._next(keep_alive=exchange.keep_alive)

    def open_stream(self, exchange: Exchange, headers: response.Extra) -> Stream:
        head = exchange.head
        stream = Stream(
            self,
            chunked=head.http_1_1,
            queue_bytes_max=self._listener.limits.stream_queue_bytes_max,
        )
        if exchange.gone:
            stream.close()
            return stream
        exchange.keep_alive &= head.http_1_1
        lines = self._lines(exchange, headers)
        self._transport.write(response.stream_head(lines, chunked=head.http_1_1))
        self._stream = stream
        self.phase = STREAM
        self.deadline = self._listener.now + self._listener.pace.comment_seconds
        if head.method == b"HEAD":
            stream.close()
            self.stream_ended()
        return stream

    def _lines(self, exchange: Exchange, headers: response.Extra) -> bytes:
        if self._listener.draining:
            exchange.keep_alive = False
        lines = self._listener.date_line
        if not exchange.keep_alive:
            lines += response.CLOSE
        elif not exchange.head.http_1_1:
            lines += response.KEEP_ALIVE
        return lines + response.extra_lines(headers) if headers else lines

    def _next(self, *, keep_alive: bool) -> None:
        """The answer is written: what comes next on this connection?"""
        if self.phase is CLOSED:
            return
        if not keep_alive:
            self._close()
            return
        if self._buffer or self.write_paused:
            # Not from here: each answer would begin the next request one call deeper.
            self.phase = BUSY
            asyncio.get_running_loop().call_soon(self._go_on)
            return
        self._rest()

    def _rest(self) -> None:
        self.phase = IDLE
        self.deadline = self._listener.now + self._listener.limits.keepalive_seconds_max

    def _go_on(self) -> None:
        """Take up what was sent ahead; but not while earlier answers are not even taken."""
        if self.phase is not BUSY or self._exchange is not None or self.write_paused:
            return
        if self._read_paused:
            self._read_paused = False
            self._transport.resume_reading()
        if self._buffer:
            data = bytes(self._buffer)
            self._buffer.clear()
            self._start(data)
        elif self._listener.closed:
            self._close()
        else:
            self._rest()

    def _refuse(self, refusal: Refused) -> None:
        """Answer a request that broke the rules, and end the connection: where the next one begins is in doubt."""
        listener = self._listener
        listener.note_refusal(refusal)
        body = listener.refuse(refusal.status, refusal.reason, refusal.message)
        headers: response.Extra = ((b"X-Request-Id", new_request_id().encode("ascii")),)
        if refusal.status == 503:
            headers += _RETRY
        lines = listener.date_line + response.CLOSE + response.extra_lines(headers)
        self._transport.write(response.whole(refusal.status, lines, response.JSON, body, bodiless=False))
        self._close()

    def _close(self) -> None:
        """Nothing more is answered here. But a socket closed with unread input is reset, and a reset can overtake
        the answer: so say that we are done, and read on until the client is done too, or `linger_seconds`.
        """
        self.phase = LINGER
        self._buffer.clear()
        self._partial = self._body = None
        self.deadline = self._listener.now + self._listener.pace.linger_seconds
        self.mark_drain()
        if not self._transport.can_write_eof():  # TLS: its own goodbye is part of closing
            self._transport.close()
            return
        self._transport.write_eof()
        if self._read_paused:
            self._read_paused = False
            self._transport.resume_reading()

    # Streams (stream.Pipe; the rest of it is in SendingHalf)

    def stream_ended(self) -> None:
        exchange, self._exchange = self._exchange, None
        self._stream = None
        assert exchange is not None
        self._next(keep_alive=exchange.keep_alive and not self._listener.draining)

    def stream_overflowed(self) -> None:
        self.abort()

    def room_again(self) -> None:
        if self._stream is not None:
            self._stream.flush()
        else:
            self._go_on()

    # Deadlines, told by the sweep

    def expire(self, now: float) -> None:
        """`deadline` has passed."""
        limits = self._listener.limits
        if self.phase is HEAD:
            self._refuse(Refused(408, "header_timeout", f"The header took over {limits.header_seconds_max:g} s."))
        elif self.phase is BODY:
            self._judge_body_time(now)
        elif self.phase is STREAM:
            self._break_silence(now)
        elif self.phase is IDLE or self.phase is FRESH:
            self._close()
        elif self.unsent_bytes:  # LINGER, and the answer is still being taken
            self.deadline = now + self._listener.pace.linger_seconds
            if self.drain_deadline == inf:
                self.mark_drain()
        else:
            self.abort()

    def _judge_body_time(self, now: float) -> None:
        assert self._body is not None
        try:
            self.deadline = judge_pace(len(self._body.body), now - self._body_started_at, now, self._listener.limits)
        except Refused as refusal:
            self._refuse(refusal)

    def _break_silence(self, now: float) -> None:
        assert self._stream is not None
        if self._stream.sent_at + self._listener.pace.comment_seconds <= now:
            self._stream.comment()
            self.deadline = now + self._listener.pace.comment_seconds
        else:
            self.deadline = self._stream.sent_at + self._listener.pace.comment_seconds

    # Ending, told by the listener

    def break_off(self, exchange: Exchange) -> None:
        """End an answer that cannot be completed, so that the client sees that it is not complete."""
        if exchange is self._exchange:
            self.abort()

    def close_if_idle(self, fresh_until: float) -> None:
        """Who has just connected is about to ask; who was answered before may never ask again."""
        if self.phase is IDLE:
            self._close()
        elif self.phase is FRESH:
            self.deadline = min(self.deadline, fresh_until)

    def __repr__(self) -> str:
        return f"<Connection from {self.peer}: {self.phase.name.lower()}>"
