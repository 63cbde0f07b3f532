"""Segments read again: line by line, and from their ends.

Knows: lines, compressed files, torn ends. Refuses to know: what a line says.
"""

import gzip
import os
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from narthex.limits import audit_line_bytes_max, audit_read_bytes, audit_unbroken_bytes_max
from narthex.store.audit.names import Segment

_TAIL_BYTES = 4 * audit_line_bytes_max


class Reading:
    """Iterate once: whole lines, without their ends. Afterwards `torn` holds what stood behind the last one.

    `broken` says what kept it from being read to the end, if something did.
    """

    __slots__ = ("_segment", "broken", "torn")

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self.torn = b""
        self.broken = ""

    def __iter__(self) -> Iterator[bytes]:
        """Raises OSError where the file cannot be opened."""
        with opened(self._segment) as file:
            rest = b""
            while block := self._block(file):
                lines = (rest + block).split(b"\n")
                rest = lines.pop()
                yield from lines
                if len(rest) > audit_unbroken_bytes_max:
                    yield rest
                    rest = b""
        self.torn = rest

    def _block(self, file: BinaryIO) -> bytes:
        try:
            return file.read(audit_read_bytes)
        except (OSError, EOFError, zlib.error) as error:
            self.broken = str(error)
            return b""


def opened(segment: Segment) -> BinaryIO:
    """The file, also where it was compressed since the folder was listed. Raises OSError."""
    if not segment.compressed:
        try:
            return segment.path.open("rb")
        except FileNotFoundError:
            return _unpacked(segment.path.with_name(segment.path.name + ".gz"))
    return _unpacked(segment.path)


def _unpacked(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path, "rb"))


def has_begun(segment: Segment) -> bool:
    """Whether anything is in it: nothing is added any more to the segments before it then, and not earlier."""
    try:
        return segment.path.stat().st_size > 0
    except FileNotFoundError:  # compressed meanwhile, so it has
        return True


def complete(segments: list[Segment]) -> list[Segment]:
    """Those of a chain to which nothing is added any more."""
    begun = next((place for place in range(len(segments) - 1, 0, -1) if has_begun(segments[place])), 0)
    return segments[:begun]


def first_line(segment: Segment) -> bytes | None:
    """The first whole line; None: there is none, or the file cannot be read. Raises OSError."""
    return next(iter(Reading(segment)), None)


def last_line(segment: Segment) -> tuple[bytes | None, bytes]:
    """The last whole line (None: there is none) and the torn bytes behind it. Raises OSError.

    Of a plain segment only the end is read; one whose end is no line at all is read whole.
    """
    if not segment.compressed and segment.path.exists():
        with segment.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read().split(b"\n")
        if len(lines) > 2 or (len(lines) == 2 and size <= _TAIL_BYTES):
            return lines[-2], lines[-1]
        if len(lines) == 1 and size <= _TAIL_BYTES:
            return None, lines[0]
    reading = Reading(segment)
    last = deque(reading, maxlen=1)
    return (last[0] if last else None), reading.torn
