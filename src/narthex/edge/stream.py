"""One text/event-stream answer: events out, never blocking, never unbounded.

Knows: chunk framing, the queue for a reader slower than its events, silence.
Refuses to know: what an event says (it comes framed), clocks (the listener's sweep tells the time), sockets.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from narthex.limits import stream_gulp_bytes_max

KEEP_ALIVE = b": keep-alive\n\n"
_LAST_CHUNK = b"0\r\n\r\n"


class Pipe(Protocol):
    """The connection, as far as a stream may use it."""

    write_paused: bool

    def write(self, data: bytes) -> None: ...
    def stream_ended(self) -> None: ...
    def stream_overflowed(self) -> None: ...
    def now(self) -> float: ...


class Stream:
    """Owned by whoever asked for it; may outlive the handler. After `closed`, everything sent is dropped.

    `send` never blocks. While the reader is slower than its events they queue, until `queue_bytes_max` is reached:
    then the stream is `stalled`. One that is not takes the next event, whatever its size. A producer that can wait
    does so from `slow` on, by `ready()` or `when_ready()`; one that sends to a stalled stream loses it, since losing
    only some of its events would tell the reader an untruth.
    """

    __slots__ = (
        "_chunked",
        "_pipe",
        "_queue",
        "_ready",
        "_waiting",
        "closed",
        "ending",
        "queue_bytes_max",
        "queued_bytes",
        "sent_at",
    )

    def __init__(self, pipe: Pipe, *, chunked: bool, queue_bytes_max: int) -> None:
        self._pipe = pipe
        self._chunked = chunked  # False: to HTTP/1.0, which reads until the connection closes
        self._queue: deque[bytes] = deque()
        self._ready: asyncio.Future[None] | None = None
        self._waiting: list[Callable[[], None]] = []
        self.queue_bytes_max = queue_bytes_max
        self.queued_bytes = 0
        self.sent_at = pipe.now()
        self.closed = False
        self.ending = False

    @property
    def stalled(self) -> bool:
        # Who waits has stopped reading, but what was read with the same gulp still comes.
        return self.queued_bytes >= self.queue_bytes_max + (stream_gulp_bytes_max if self._waiting else 0)

    @property
    def slow(self) -> "Stream | None":
        """Itself, as a gate, when whoever can wait should begin to."""
        return self if self.queued_bytes >= self.queue_bytes_max // 2 else None

    def send(self, event: bytes) -> None:
        """Send framed events (`data: ...\\n\\n`) as one chunk."""
        if self.closed or self.ending or not event:
            return
        self._put(self._chunk(event))

    def end(self, event: bytes = b"") -> None:
        """Send a last event, if any, and end the answer. A second end is nothing."""
        if self.closed or self.ending:
            return
        self.ending = True
        last = self._chunk(event) if event else b""
        if self._chunked:
            last += _LAST_CHUNK
        if last:
            self._put(last)
        self._end_when_sent()

    async def ready(self) -> None:
        """Return when the stream takes events again, or is closed."""
        while self.queued_bytes and not self.closed:
            if self._ready is None:
                self._ready = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._ready)

    def when_ready(self, told: Callable[[], None]) -> None:
        """Call `told` once, as soon as `ready()` would return."""
        if self.queued_bytes and not self.closed:
            self._waiting.append(told)
        else:
            told()

    def comment(self) -> None:
        """Break a long silence, so that proxies keep the connection and a lost client is noticed."""
        if not self._pipe.write_paused and not self.closed and not self.ending:
            self._put(self._chunk(KEEP_ALIVE))

    def flush(self) -> None:
        """The reader takes bytes again."""
        while self._queue and not self._pipe.write_paused:
            data = self._queue.popleft()
            self.queued_bytes -= len(data)
            self._pipe.write(data)
        if not self._queue:
            self._wake()
            self._end_when_sent()

    def close(self) -> None:
        """The reader is gone, or the answer is complete."""
        self.closed = True
        self._queue.clear()
        self.queued_bytes = 0
        self._wake()

    def _chunk(self, event: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(event), event) if self._chunked else event

    def _put(self, data: bytes) -> None:
        if not self._pipe.write_paused:
            self._pipe.write(data)
        elif self.stalled and not self.ending:
            self.close()
            self._pipe.stream_overflowed()
            return
        else:
            self._queue.append(data)
            self.queued_bytes += len(data)
        self.sent_at = self._pipe.now()

    def _end_when_sent(self) -> None:
        if self.ending and not self._queue and not self.closed:
            self.close()
            self._pipe.stream_ended()

    def _wake(self) -> None:
        if self._ready is not None:
            if not self._ready.done():
                self._ready.set_result(None)
            self._ready = None
        waiting, self._waiting = self._waiting, []
        for told in waiting:
            told()

    def __repr__(self) -> str:
        state = "closed" if self.closed else "ending" if self.ending else "stalled" if self.stalled else "open"
        return f"<Stream {state}: {self.queued_bytes} of {self.queue_bytes_max} bytes queued>"
