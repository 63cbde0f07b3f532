"""A long stream of events, as something to iterate over.

Knows: how much may wait for a slow reader. Refuses to know: why the stream was opened.
"""

import asyncio
from collections import deque
from types import TracebackType
from typing import Self

from narthex.limits import Limits
from narthex.upstream.http.connection import Connection
from narthex.upstream.http.fault import Lost
from narthex.upstream.http.reply import HttpReply
from narthex.wire.sse import SseEvent

EVENT_COST_BYTES = 128  # what an event costs us beside its data, so that a flood of empty ones is bounded too


class HttpStream:
    """The answer to `HttpClient.open_stream`: look at `reply` first, then iterate.

    When `reply.streamed` is false the server answered something else than an event stream (405, a JSON
    document): it is complete in `reply.body`, and the iteration is empty.
    The iteration ends when the server ends the stream properly, and raises an HttpFault when it does not.
    One reader at a time. While more than `stream_queue_bytes_max` waits, the server is not read from.
    """

    __slots__ = ("_bytes", "_bytes_max", "_connection", "_events", "_fault", "_finished", "_wake", "reply")

    def __init__(self, connection: Connection, limits: Limits) -> None:
        self.reply = HttpReply(0, {}, b"", b"")
        self._connection: Connection | None = connection  # None once it is somebody else's or closed
        self._bytes_max = limits.stream_queue_bytes_max
        self._events: deque[SseEvent] = deque()
        self._bytes = 0
        self._finished = False
        self._fault: BaseException | None = None
        self._wake: asyncio.Future[None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SseEvent:
        while not self._events:
            if self._finished:
                if self._fault is not None:
                    raise self._fault
                raise StopAsyncIteration
            assert self._wake is None, "one reader at a time"
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await self._wake
            finally:
                self._wake = None
        event = self._events.popleft()
        self._bytes -= len(event.data) + EVENT_COST_BYTES
        if self._connection is not None and self._bytes <= self._bytes_max // 2:
            self._connection.resume()
        return event

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection, if the stream is not over; what was not read is dropped."""
        self._events.clear()
        self._bytes = 0
        connection = self._connection
        self.finish(None)
        if connection is not None:
            connection.fail(Lost("the stream was closed", sent=True))

    # The connection's side.

    def push(self, event: SseEvent) -> None:
        self._events.append(event)
        self._bytes += len(event.data) + EVENT_COST_BYTES
        if self._connection is not None and self._bytes > self._bytes_max:
            self._connection.pause()
        self._notify()

    def finish(self, fault: BaseException | None) -> None:
        if not self._finished:
            self._finished = True
            self._fault = fault
            self._connection = None
            self._notify()

    def _notify(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
