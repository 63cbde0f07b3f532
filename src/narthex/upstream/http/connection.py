"""One connection to a server: a request out, its answer in, and then the next.

Knows: the states of a connection and what each of them makes of bytes, ends and passing time.
Refuses to know: who gets it next (the pool), and how it came to be (dial).
"""

import asyncio
import select
from collections.abc import Callable
from enum import Enum, auto
from typing import TYPE_CHECKING, Literal, Protocol, cast

from narthex.limits import (
    upstream_idle_margin_seconds,
    upstream_linger_bytes_max,
    upstream_linger_seconds_max,
)
from narthex.model.client import Gate
from narthex.model.deadline import Deadline
from narthex.upstream.http.events import EventReader, StopStream
from narthex.upstream.http.fault import HttpFault, Lost, TimedOut, Truncated
from narthex.upstream.http.reply import HttpReply
from narthex.upstream.http.response import EVENT_STREAM, Response
from narthex.wire.sse import SseEvent

if TYPE_CHECKING:
    from narthex.upstream.http.pool import Pool
    from narthex.upstream.http.stream import HttpStream

OnEvent = Callable[[SseEvent], "bool | Gate | None"]  # true: enough. A gate: no more until it is ready


class Sink(Protocol):
    """Who gets the answer: a future, or whatever behaves like one and needs no turn of the event loop to be told."""

    def done(self) -> bool: ...
    def set_result(self, reply: HttpReply, /) -> None: ...
    def set_exception(self, fault: BaseException, /) -> None: ...


class State(Enum):
    """What a connection is for at the moment."""

    OPENING = auto()
    PROMISED = auto()  # given to somebody who has not taken it yet
    BUSY = auto()  # a request is out, its caller waits
    STREAM = auto()  # an open-ended stream with a reader
    LINGERING = auto()  # the caller has what it wanted; the end of the stream is awaited, to keep the connection
    IDLE = auto()
    CLOSED = auto()


_BUSY = State.BUSY
_CLOSED = State.CLOSED


class Connection(asyncio.Protocol):
    """The hot path is `begin`, `data_received`, `_finish`: one future per call, no task, no timer."""

    __slots__ = (
        "_answer",
        "_events",
        "_on_event",
        "_paused_since",
        "_reused",
        "_stream",
        "_transport",
        "deadline",
        "idle_since",
        "linger_bytes",
        "long",
        "pool",
        "response",
        "state",
    )

    def __init__(self, pool: "Pool") -> None:
        self.pool = pool
        self.state = State.OPENING
        self.long = False  # counted among the streams, not among the requests
        self.idle_since = 0.0
        self.deadline: Deadline | float = 0.0
        self.linger_bytes = 0
        self.response = Response(pool.limits, pool.known)
        self._transport: asyncio.Transport | None = None
        self._answer: Sink | None = None
        self._on_event: OnEvent | None = None
        self._stream: HttpStream | None = None
        self._events: EventReader | None = None
        self._paused_since: float | None = None
        self._reused = False

    def __repr__(self) -> str:
        return f"<Connection to {self.pool.origin} {self.state.name.lower()}>"

    # Requests.

    def begin(self, request: bytes, deadline: Deadline | float, on_event: OnEvent | None, answer: Sink) -> None:
        """Send a whole request (or the beginning of one). `answer` gets the answer or an HttpFault."""
        assert self._transport is not None
        self.response.begin()
        self.deadline = deadline
        self._on_event = on_event
        self._events = None
        self.state = _BUSY
        self._answer = answer
        self._transport.write(request)

    @property
    def closed(self) -> bool:
        return self.state is _CLOSED

    def more(self, piece: bytes) -> None:
        """The rest of a request that was too long to be joined."""
        assert self._transport is not None
        if self.state is _BUSY:
            self._transport.write(piece)

    def attach(self, stream: "HttpStream") -> None:
        """The answer is expected to be an open-ended stream: the future is done when its head is here."""
        self._stream = stream

    def serves(self, answer: Sink | None) -> bool:
        """Whether this request is still the present one."""
        return answer is not None and self._answer is answer

    def withdraw(self, answer: Sink) -> None:
        """The caller does not wait any longer: cancelling a request is closing its connection."""
        if self.serves(answer):
            self._answer = None
            self.close()

    def abandon(self, stream: "HttpStream") -> None:
        """The caller left in the moment in which the head of its stream came: nobody will read that stream."""
        if self._stream is stream:
            self.fail(Lost("nobody reads the stream", sent=True))

    # What the event loop tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.pool.arrived(self)
        if self.state is _CLOSED:  # its opening was given up, and the transport came all the same
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.state is not _BUSY and self.state is not State.STREAM:
            self._unasked(data)
            return
        response = self.response
        try:
            response.feed(data)
        except HttpFault as fault:
            self.fail(fault)
            return
        if self._on_event is not None and response.content_type == EVENT_STREAM:
            self._deliver()
        elif response.complete:
            self._finish()

    def eof_received(self) -> None:
        response = self.response
        if (self.state is _BUSY or self.state is State.STREAM) and response.until_close:
            response.complete = True
            if self._events is None:
                self._finish()
            else:
                self._end_of_events()
            return
        self._ended()

    def connection_lost(self, exc: Exception | None) -> None:
        self.pool.departed(self)
        self._ended()

    def tick(self, now: float) -> bool:
        """Once per sweep. True while this connection wants to be asked again."""
        state = self.state
        if state is _BUSY:
            deadline = self.deadline
            if isinstance(deadline, Deadline):
                deadline = deadline.at if self._paused_since is None else deadline.latest
            if deadline <= now:
                self.fail(TimedOut(f"{self.pool.origin}: no answer in time", sent=True))
            return True
        if state is State.LINGERING:
            if now - self.idle_since > upstream_linger_seconds_max:
                self.close()
            return True
        if self._paused_since is None:
            return False
        if now - self._paused_since > self.pool.limits.stream_stalled_seconds_max:
            self.fail(TimedOut(f"{self.pool.origin}: the reader of the stream stands still", sent=True))
        return True

    # Ends.

    def close(self) -> None:
        """At once, and without goodbye: what is not read yet is not wanted."""
        if self.state is _CLOSED:
            return
        before, self.state = self.state, _CLOSED
        if before is not State.OPENING:
            self.pool.forget(self, before)
        if self._transport is not None:
            self._transport.abort()

    def fail(self, fault: BaseException) -> None:
        answer, self._answer = self._answer, None
        stream, self._stream = self._stream, None
        self._on_event = None
        self.close()
        if answer is not None:
            if not answer.done():
                answer.set_exception(fault)
        elif stream is not None:
            stream.finish(fault)

    def gone_stale(self, now: float) -> bool:
        """After some idleness: has the server announced that it will have closed by now, or has it closed?

        The kernel may hold an end that the event loop has not seen yet.
        """
        assert self._transport is not None
        if now - self.idle_since > self.response.keep_alive_seconds - upstream_idle_margin_seconds:
            return True
        watcher = select.poll()
        watcher.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(watcher.poll(0))

    def pause(self) -> None:
        """Stop reading: the server is to wait for a slower reader."""
        if self._paused_since is None and self._transport is not None and self.state is not _CLOSED:
            self._paused_since = self.pool.awake()
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._paused_since is not None:
            self._paused_since = None
            if self._transport is not None and self.state is not _CLOSED:
                self._transport.resume_reading()

    def _heed(self, said: "Gate | Literal[True]") -> None:
        """What the reader of the events asks for: an end, or a pause. What was read already is still delivered."""
        if said is True:
            raise StopStream
        if self._paused_since is None:
            answer = self._answer
            self.pause()
            said.when_ready(lambda: self._go_on(answer))

    def _go_on(self, answer: Sink | None) -> None:
        if self._paused_since is None or not self.serves(answer):
            return
        if isinstance(self.deadline, Deadline):
            self.deadline.extend(self.pool.awake())  # it was we who kept the server silent
        self.resume()

    def _finish(self) -> None:
        """The whole answer is here."""
        response = self.response
        answer, self._answer = self._answer, None
        self._stream = None
        if response.keep_alive:
            self._give_back()
        else:
            self.close()
        if answer is not None and not answer.done():
            answer.set_result(response.reply(streamed=self._events is not None))

    def _give_back(self) -> None:
        self._reused = True
        self._on_event = None
        if self._paused_since is not None:
            self.resume()
        assert self._transport is not None
        if self._transport.get_write_buffer_size():
            self.close()  # answered before it had read the request: the rest would look like the next one
            return
        self.pool.release(self)

    def _deliver(self) -> None:
        """Hand the events that have arrived to their reader, one by one."""
        response = self.response
        if self._events is None:
            self._events = EventReader(self.pool.limits)
            if not response.complete and not self._begin_stream():
                return
        on_event = self._on_event
        assert on_event is not None
        try:
            for event in self._events.feed(response.take_body()):
                if said := on_event(event):
                    self._heed(said)
                if self.state is _CLOSED:  # by the reader itself
                    return
        except HttpFault as fault:
            self.fail(fault)
        except StopStream:
            self._enough()
        except StopIteration as error:  # which no future can carry
            self.fail(RuntimeError(f"the reader of events raised {error!r}"))
        except Exception as error:  # noqa: BLE001 - the reader's own exception goes back to whoever waits
            self.fail(error)
        else:
            if response.complete:
                self._end_of_events()

    def _begin_stream(self) -> bool:
        """The answer is a stream that will go on: count it as one, and tell who waits for its head."""
        if not self.long and not self.pool.promote(self):
            self.fail(self.pool.no_room_for_streams(sent=True))
            return False
        if self._stream is not None:
            self.state = State.STREAM
            answer, self._answer = self._answer, None
            if answer is not None and not answer.done():
                answer.set_result(self.response.reply(streamed=True))
        return True

    def _enough(self) -> None:
        """The reader wants no more. Servers end the stream just after the answer, so wait a moment for that."""
        response = self.response
        if response.complete or not response.keep_alive:
            self._finish()
            return
        answer, self._answer = self._answer, None
        self._on_event = None
        if self._paused_since is not None:
            self.resume()
        self.linger_bytes = upstream_linger_bytes_max
        self.pool.linger(self)
        if answer is not None and not answer.done():
            answer.set_result(response.reply(streamed=True))

    def _end_of_events(self) -> None:
        stream, self._stream = self._stream, None
        if stream is None:
            self._finish()
            return
        answer, self._answer = self._answer, None
        self._on_event = None
        self.close()
        stream.finish(None)
        if answer is not None and not answer.done():
            answer.set_result(self.response.reply(streamed=True))

    def _unasked(self, data: bytes) -> None:
        """Bytes while nobody waits: the end of a stream we linger for, or nothing we could believe."""
        if self.state is not State.LINGERING:
            self.close()
            return
        self.linger_bytes -= len(data)
        try:
            self.response.feed(data)
        except HttpFault:
            self.close()
            return
        self.response.take_body()
        if self.response.complete and self.response.keep_alive:
            self._give_back()
        elif self.response.complete or self.linger_bytes < 0:
            self.close()

    def _ended(self) -> None:
        """The peer ended the connection, or the network did."""
        if self.state is not _BUSY and self.state is not State.STREAM:
            self.close()
            return
        if self.response.started:
            self.fail(Truncated(f"{self.pool.origin}: the connection ended in mid-answer", sent=True))
        else:
            self.fail(Lost(f"{self.pool.origin}: the connection ended unanswered", sent=True, stale=self._reused))
