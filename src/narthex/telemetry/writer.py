"""Writes blocks to a file descriptor that may be slow, full or gone, without anyone waiting for it.

Knows: one descriptor and one thread. Refuses to know: what a line is.

A thread, and not a non-blocking descriptor: O_NONBLOCK belongs to the open file, which we share with our parent's
shell; setting it there breaks other people's programs. The thread is a daemon, so a reader that stopped reading
cannot keep the process from ending.
"""

import os
import select
import threading
from queue import SimpleQueue


class Writer:
    """At most one block is on its way; `idle` says that the next may come."""

    def __init__(self, fd: int) -> None:
        self.lines_lost = 0
        self._idle = threading.Event()
        self._idle.set()
        self._inbox: SimpleQueue[tuple[bytes, int] | None] = SimpleQueue()
        # A descriptor of our own: should someone close number 2, its next owner might be a client's socket.
        try:
            self._fd = os.dup(fd)
        except OSError:
            self._fd = -1
        self._thread = threading.Thread(target=self._run, name="narthex-log", daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        return self._idle.is_set()

    def write(self, block: bytes, lines: int) -> None:
        """Hand over `block`, which holds `lines` lines. Returns at once; only to be called while `idle`."""
        assert self.idle, "one block at a time"
        self._idle.clear()
        self._inbox.put((block, lines))

    def wait_idle(self, seconds: float) -> bool:
        return self._idle.wait(seconds)

    def close(self, seconds: float) -> None:
        """End the thread; give up after `seconds` when a write does not return."""
        self._inbox.put(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        while (item := self._inbox.get()) is not None:
            block, lines = item
            if not self._written(block):
                self.lines_lost += lines
            self._idle.set()
        if self._fd >= 0:
            os.close(self._fd)

    def _written(self, block: bytes) -> bool:
        view = memoryview(block)
        try:
            while view:
                try:
                    view = view[os.write(self._fd, view) :]
                except BlockingIOError:  # somebody else made the shared open file non-blocking
                    poll = select.poll()
                    poll.register(self._fd, select.POLLOUT)
                    poll.poll()
        except OSError:  # the reader is gone: there is nobody left to tell
            return False
        return True
