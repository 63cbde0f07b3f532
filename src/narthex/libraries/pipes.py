"""stdin as lines and stdout as a queue, without ever holding up the loop.

Knows: pipes, sockets, and that a terminal or a file needs a thread. Refuses to know: what is in a line.
"""

import asyncio
import os
import stat
import sys
import threading
from collections.abc import AsyncIterator, Callable
from typing import IO, Any, Protocol

line_bytes_max = 16 * 1024 * 1024
lines_waiting_max = 256


class Lines:
    """The lines of `source`. One over `line_bytes_max` ends the reading, with a word on stderr."""

    def __init__(self, source: IO[str]) -> None:
        self._source = source
        self._reader = asyncio.StreamReader(limit=line_bytes_max)
        self._transport: asyncio.ReadTransport | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        if _is_pipe(self._source):
            protocol = asyncio.StreamReaderProtocol(self._reader)
            self._transport, _ = await loop.connect_read_pipe(lambda: protocol, self._source)
        else:
            # Making a terminal non-blocking would do so for the shell, too, and a file cannot be waited for.
            threading.Thread(target=self._pump, args=(loop,), name="stdin", daemon=True).start()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while line := await self._reader.readline():
                yield line
        except ValueError:
            print(f"A line over {line_bytes_max} bytes arrived; ending.", file=sys.stderr, flush=True)

    def _pump(self, loop: asyncio.AbstractEventLoop) -> None:
        room = threading.Semaphore(lines_waiting_max)

        def feed(line: bytes) -> None:
            room.release()
            self._reader.feed_data(line) if line else self._reader.feed_eof()

        while True:
            room.acquire()
            line = self._source.buffer.readline(line_bytes_max)  # type: ignore[attr-defined]
            try:
                loop.call_soon_threadsafe(feed, line)
            except RuntimeError:  # the loop has ended meanwhile
                return
            if not line:
                return


class Output(Protocol):
    def write(self, line: bytes) -> None: ...

    async def drained(self) -> None:
        """Wait until the reader has caught up."""
        ...

    async def aclose(self, seconds: float) -> None: ...


async def open_output(target: IO[str], lost: Callable[[], None]) -> Output:
    """Lines written to it go to `target`; `lost` is called when nobody reads them any more."""
    if not _is_pipe(target):
        return _Direct(target, lost)
    loop = asyncio.get_running_loop()
    _, output = await loop.connect_write_pipe(lambda: _Queued(lost), target)
    return output


class _Queued(asyncio.Protocol):
    """A pipe. The transport queues; `drained()` is what keeps the queue short."""

    def __init__(self, lost: Callable[[], None]) -> None:
        self._lost = lost
        self._room = asyncio.Event()
        self._room.set()
        self._gone = asyncio.Event()
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set()
        self._room.set()
        self._lost()

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def write(self, line: bytes) -> None:
        if self._transport is not None and not self._gone.is_set():
            self._transport.write(line)

    async def drained(self) -> None:
        await self._room.wait()

    async def aclose(self, seconds: float) -> None:
        if self._transport is None:
            return
        self._transport.close()  # writes what is queued first
        try:
            await asyncio.wait_for(self._gone.wait(), seconds)
        except TimeoutError:
            self._transport.abort()


class _Direct:
    """A terminal or a file: it takes what it is given."""

    def __init__(self, target: IO[Any], lost: Callable[[], None]) -> None:
        self._target, self._lost = target.buffer, lost  # type: ignore[attr-defined]

    def write(self, line: bytes) -> None:
        try:
            self._target.write(line)
            self._target.flush()
        except OSError:
            self._lost()

    async def drained(self) -> None:
        return

    async def aclose(self, seconds: float) -> None:
        return


def _is_pipe(file: IO[str]) -> bool:
    mode = os.fstat(file.fileno()).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
