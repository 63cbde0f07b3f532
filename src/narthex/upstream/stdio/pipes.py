"""The gateway's ends of a server's pipes.

Knows: reading when there is something, writing when there is room, under plain asyncio and uvloop alike. Refuses to
know: lines, and what an end of file means. Bare descriptors and `add_reader`: a transport with its protocol and
stream reader on top would cost as much again as the read itself.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable

from narthex import limits
from narthex.upstream.stdio.faults import ChildBusy, ChildGone


class InPipe:
    """What a server writes. `on_end` is called once, when every writer has closed it."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        descriptor: int,
        on_data: Callable[[bytes], None],
        on_end: Callable[[], None],
    ) -> None:
        os.set_blocking(descriptor, False)
        self._loop = loop
        self._descriptor = descriptor
        self._on_data = on_data
        self._on_end = on_end
        self._ended = False
        self._reading = False
        self.resume()

    def pause(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._descriptor)

    def resume(self) -> None:
        if not self._reading and not self._ended:
            self._reading = True
            self._loop.add_reader(self._descriptor, self._read)

    def drain(self) -> None:
        """Take what is still in the pipe, now that its writers are gone."""
        for _ in range(limits.pipe_reads_at_end_max):
            if self._ended or not self._read():
                return

    def close(self) -> None:
        self.pause()
        self._ended = True
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _read(self) -> bool:
        try:
            data = os.read(self._descriptor, limits.pipe_read_bytes)
        except BlockingIOError:
            return False
        if data:
            self._on_data(data)
            return True
        self.pause()
        self._ended = True
        self._on_end()
        return False


class OutPipe:
    """What a server reads. `on_broken` is called once, when it has closed its end."""

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int, on_broken: Callable[[], None]) -> None:
        os.set_blocking(descriptor, False)
        self._loop = loop
        self._descriptor = descriptor
        self._on_broken = on_broken
        self._queue: deque[memoryview] = deque()
        self._queued_bytes = 0
        self._drained: asyncio.Future[None] | None = None

    def write(self, data: bytes) -> None:
        """At once if there is room, else queued. An empty queue takes a message of any size."""
        if self._descriptor < 0:
            raise ChildGone("its input is closed")
        if self._queue:
            if self._queued_bytes + len(data) > limits.stdin_queued_bytes_max:
                raise ChildBusy(f"it does not read: {self._queued_bytes} bytes are waiting for it")
            self._push(memoryview(data))
            return
        written = self._try(data)
        if written is None:
            raise ChildGone("it closed its input")
        if written < len(data):
            self._push(memoryview(data)[written:])
            self._loop.add_writer(self._descriptor, self._flush)

    async def drain(self) -> None:
        """Until everything queued is written; at once if nothing is."""
        if self._queue:
            if self._drained is None:
                self._drained = self._loop.create_future()
            await asyncio.shield(self._drained)

    def close(self) -> None:
        """What is still queued was never read, and never will be."""
        if self._descriptor < 0:
            return
        if self._queue:
            self._loop.remove_writer(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1
        self._queue.clear()
        self._queued_bytes = 0
        self._wake()

    def _push(self, data: memoryview) -> None:
        self._queue.append(data)
        self._queued_bytes += len(data)

    def _flush(self) -> None:
        while self._queue:
            data = self._queue[0]
            written = self._try(data)
            if written is None:
                return
            self._queued_bytes -= written
            if written < len(data):
                self._queue[0] = data[written:]
                return
            self._queue.popleft()
        self._loop.remove_writer(self._descriptor)
        self._wake()

    def _try(self, data: bytes | memoryview) -> int | None:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            self.close()
            self._on_broken()
            return None

    def _wake(self) -> None:
        if self._drained is not None:
            self._drained.set_result(None)
            self._drained = None
