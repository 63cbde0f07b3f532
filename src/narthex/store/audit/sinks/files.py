"""Sinks that are files: standard output, and a copy elsewhere.

Knows: descriptors. Refuses to know: what lines say.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from narthex.store.audit.follow import Item
from narthex.store.audit.sinks.sink import SinkFault


class StdoutSink:
    """One line per record. A reader that does not read holds up this sink alone."""

    def __init__(self, fd: int = 1) -> None:
        self._fd = fd

    def send(self, items: Sequence[Item]) -> None:
        _write(self._fd, items, "standard output")

    def close(self) -> None:
        """It is the process's, and stays open."""


class FileSink:
    """A file, mode 600, that may be renamed by whoever rotates it: the next batch begins a new one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def send(self, items: Sequence[Item]) -> None:
        self._open()
        try:
            _write(self._fd, items, str(self._path))
        except SinkFault:
            self.close()
            raise

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        try:
            if self._fd >= 0 and _same(self._fd, self._path):
                return
            self.close()
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SinkFault(f"{self._path}: {error.strerror or error}") from None


def _same(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _write(fd: int, items: Sequence[Item], name: str) -> None:
    view = memoryview(b"".join(item.line + b"\n" for item in items))
    try:
        while view:
            view = view[os.write(fd, view) :]
    except OSError as error:
        raise SinkFault(f"{name}: {error.strerror or error}") from None
