"""One segment while it is written: a descriptor, and what reached it.

Knows: write(2), short writes, errors. Refuses to know: records. A file that failed once is never written to again:
after an error nobody knows what of it the system still has (that of fsync is told once, and then forgotten).
"""

import fcntl
import os
import time
from collections.abc import Callable
from errno import ENOSPC
from pathlib import Path

from narthex.store.folder import give

Opener = Callable[[Path], int]
_ATTEMPTS = 3
_PAUSE_SECONDS = 0.01


class Torn(Exception):
    """The file took only a part of what was to be written."""

    def __init__(self, error: OSError, taken: int) -> None:
        super().__init__(str(error))
        self.error = error
        self.taken = taken  # bytes


def open_new(path: Path) -> int:
    """A file that was not there, for this user alone. Raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    give(fd, path.parent)
    return fd


class SegmentFile:
    """`number`: of the segment. `size`: bytes so far. `lost`: the disk refused to keep what it had been given."""

    __slots__ = ("fd", "lost", "number", "path", "size")

    def __init__(self, path: Path, number: int, opener: Opener = open_new) -> None:
        """Raises OSError."""
        self.path = path
        self.number = number
        self.size = 0
        self.lost = False
        self.fd = opener(path)

    def write(self, data: bytes) -> None:
        """All of it is in the operating system when this returns. Raises Torn."""
        try:
            taken = os.write(self.fd, data)
        except OSError as error:
            raise Torn(error, 0) from None
        self.size += taken
        if taken < len(data):  # a full disk, or a limit of the process: what is left would meet the error itself
            raise Torn(OSError(ENOSPC, "only a part was written"), taken)

    def sync(self) -> str:
        """Have it on the disk; the error where that went wrong. Never asked a second time of the same file."""
        if self.lost:
            return ""
        try:
            os.fdatasync(self.fd)
        except OSError as error:
            self.lost = True
            return error.strerror or str(error)
        return ""

    def close(self) -> None:
        """The last moment at which an error could be told has passed with the last write, or the last sync."""
        try:
            os.close(self.fd)
        except OSError:
            pass  # the bytes are in the operating system; what it still finds wrong with them concerns power alone


class Lock:
    """Held by the process that writes a chain, for as long as it lives: the system lets go of it when it dies."""

    __slots__ = ("_fd", "path")

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd = fd

    @classmethod
    def take(cls, path: Path, attempts: int = _ATTEMPTS) -> "Lock | None":
        """None where another process holds it, or has just removed it. Raises OSError.

        More than one attempt, because `held` holds it for a moment.
        """
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            give(fd, path.parent)
            taken = any(_locked(fd, attempt) for attempt in range(attempts))
        except OSError:
            os.close(fd)
            raise
        if not taken:
            os.close(fd)
            return None
        if os.fstat(fd).st_nlink == 0:  # who held it before us removed it
            os.close(fd)
            return None
        return cls(path, fd)

    def remove(self) -> None:
        """Let go of it, and of its file."""
        self.path.unlink(missing_ok=True)
        os.close(self._fd)

    def release(self) -> None:
        os.close(self._fd)


def _locked(fd: int, attempt: int) -> bool:
    if attempt:
        time.sleep(_PAUSE_SECONDS)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def held(path: Path) -> bool:
    """Whether a process writes the chain now. Raises OSError."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
