"""Our own stdout: one message per line, at the pace of whoever reads them.

Knows: when the reader does not keep up. Refuses to know: what the lines mean (that is `stdio`).
"""

import asyncio
import os


class Output(asyncio.BaseProtocol):
    """`drained` is where whoever makes more messages waits for the reader; the pipe's own buffer is the only queue."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    @classmethod
    async def open(cls, fd: int) -> "Output":
        """On a descriptor of its own: whatever closes `fd` does not close this."""
        output = cls()
        pipe = os.fdopen(os.dup(fd), "wb", buffering=0)
        output._transport, _ = await asyncio.get_running_loop().connect_write_pipe(lambda: output, pipe)
        return output

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._writable.set()

    def write(self, message: bytes) -> bool:
        """False: nobody is there to read it."""
        if self._transport is None or self._transport.is_closing():
            return False
        self._transport.write(message + b"\n")
        return True

    async def drained(self) -> None:
        await self._writable.wait()

    def close(self) -> None:
        """What was written still leaves, as long as somebody reads."""
        if self._transport is not None:
            self._transport.close()
