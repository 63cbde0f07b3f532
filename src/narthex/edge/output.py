"""Our own stdout: one message per line, at the pace of whoever reads them.

Knows: how much waits for a reader who does not keep up. Refuses to know: what the lines mean (that is `stdio`).
"""

import asyncio
import os
import stat
from collections import deque
from typing import BinaryIO, Literal, Protocol, cast

import uvloop

from narthex.limits import stdout_queued_bytes_max


class Out(Protocol):
    """Where the messages of one channel go. Nothing here waits."""

    def write(self, message: bytes) -> bool:
        """False: nobody is there to read it, or too much waits for him already."""
        ...

    def say(self, message: bytes) -> bool:
        """The same for what need not be told twice: whoever does not keep up is told once."""
        ...

    def hint(self, message: bytes) -> bool:
        """The same for what may be missed: only told to one who keeps up."""
        ...

    def insist(self, message: bytes) -> bool:
        """The same for a few words in place of what was refused: they are always taken."""
        ...


def always_ready(fd: int) -> bool:
    """A file, or /dev/null: the system cannot wait for it, and nobody has to. (libuv aborts when it is asked to.)"""
    mode = os.fstat(fd).st_mode
    return stat.S_ISREG(mode) or (stat.S_ISCHR(mode) and not os.isatty(fd))


def for_transport(fd: int, mode: Literal["rb", "wb"]) -> BinaryIO:
    """The same pipe under a number of its own, for the running loop to close.

    libuv closes the number itself, and uvloop closes the file after it: by then the number may stand for what another
    thread has just opened.
    """
    closes = not isinstance(asyncio.get_running_loop(), uvloop.Loop)
    return cast("BinaryIO", os.fdopen(os.dup(fd), mode, buffering=0, closefd=closes))


class _Direct(asyncio.WriteTransport):
    """To what is always ready."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    def write(self, data: bytes | bytearray | memoryview) -> None:
        left = memoryview(data)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError:
            self.close()  # a full disk, mostly: nobody will read the rest

    def is_closing(self) -> bool:
        return self._file.closed

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        self._file.close()


class Output(asyncio.BaseProtocol):
    """`drained` is where whoever makes more messages waits for the reader.

    What was asked before is answered meanwhile. Those answers wait here, up to `stdout_queued_bytes_max` beside one of
    any size; what does not fit is refused, and its maker says so in a few words.
    """

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._said: set[bytes] = set()  # of the queue, what need not be said twice

    @classmethod
    async def open(cls, fd: int) -> "Output":
        """On a descriptor of its own: whatever closes `fd` does not close this."""
        output = cls()
        if always_ready(fd):
            output._transport = _Direct(os.fdopen(os.dup(fd), "wb", buffering=0))
            return output
        pipe = for_transport(fd, "wb")
        output._transport, _ = await asyncio.get_running_loop().connect_write_pipe(lambda: output, pipe)
        return output

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()
        while self._queue and self._writable.is_set() and self._transport is not None:
            message = self._queue.popleft()
            self._queued_bytes -= len(message)
            self._said.discard(message)
            self._transport.write(message + b"\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._queue.clear()
        self._said.clear()
        self._queued_bytes = 0
        self._writable.set()

    def write(self, message: bytes) -> bool:
        if self._transport is None or self._transport.is_closing():
            return False
        if self._writable.is_set():
            self._transport.write(message + b"\n")
            return True
        if self._queue and self._queued_bytes + len(message) > stdout_queued_bytes_max:
            return False
        self._keep(message)
        return True

    def say(self, message: bytes) -> bool:
        if message in self._said:
            return True
        taken = self.write(message)
        if taken and self._queue:
            self._said.add(message)
        return taken

    def hint(self, message: bytes) -> bool:
        return self._writable.is_set() and self.write(message)

    def insist(self, message: bytes) -> bool:
        if not self.write(message) and self._transport is not None and not self._transport.is_closing():
            self._keep(message)
        return self._transport is not None

    def _keep(self, message: bytes) -> None:
        self._queue.append(message)
        self._queued_bytes += len(message)

    async def drained(self) -> None:
        await self._writable.wait()

    async def sent(self, patience: float) -> None:
        """Until everything has left, or nobody has read anything for so many seconds."""
        if self._transport is not None:
            self._transport.set_write_buffer_limits(high=0)  # from now on, drained means empty
        left = self._unsent()
        while left:
            try:
                async with asyncio.timeout(patience):
                    await self._writable.wait()
            except TimeoutError:
                if self._unsent() >= left:
                    return
            left = self._unsent()

    def _unsent(self) -> int:
        return self._queued_bytes + self._transport.get_write_buffer_size() if self._transport is not None else 0

    def close(self) -> None:
        """What was written still leaves, as long as somebody reads."""
        if self._transport is not None:
            self._transport.close()
