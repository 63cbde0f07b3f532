"""Bytes from a pipe to lines.

Knows: line ends, and the longest line it will hold. Refuses to know: where the bytes come from and what a line says.
"""

from collections.abc import Callable

from narthex import limits


class LineFramer:
    """Feed it what was read; it gives back the lines that are whole, without their ends.

    A line over `line_bytes_max` is skipped, never held; `on_oversize` hears its first and last bytes, and its size.
    """

    __slots__ = ("_held", "_held_bytes", "_on_oversize", "_oversize", "_tail", "line_bytes_max")

    def __init__(self, line_bytes_max: int, on_oversize: Callable[[bytes, int], None]) -> None:
        self.line_bytes_max = line_bytes_max
        self._on_oversize = on_oversize
        self._held: list[bytes] = []  # the line so far, joined once at its end
        self._held_bytes = 0
        self._oversize = False
        self._tail = b""

    def feed(self, data: bytes) -> list[bytes]:
        end = data.find(b"\n")
        if end < 0:
            self._hold(data)
            return []
        if end == len(data) - 1 and not self._held_bytes and end <= self.line_bytes_max:
            return [data[:end]]  # one read, one message: the case that counts
        first, *lines = data.split(b"\n")
        rest = lines.pop()
        self._hold(first)
        whole = self._release()
        if whole is not None:
            lines.insert(0, whole)
        if rest:
            self._hold(rest)
        if max(map(len, lines), default=0) > self.line_bytes_max:
            return [line for line in lines if self._fits(line)]
        return lines

    def rest(self) -> bytes | None:
        """What came after the last line end, when nothing more will come."""
        return self._release() if self._held_bytes else None

    def _hold(self, data: bytes) -> None:
        self._held_bytes += len(data)
        if self._oversize:
            self._tail = (self._tail + data)[-limits.garbage_sample_bytes_max :]
            return
        self._held.append(data)
        if self._held_bytes > self.line_bytes_max:
            self._oversize = True
            line = b"".join(self._held)
            self._held, self._tail = [line[: limits.garbage_sample_bytes_max]], line[-limits.garbage_sample_bytes_max :]

    def _release(self) -> bytes | None:
        line = b"".join(self._held) if len(self._held) != 1 else self._held[0]
        size, oversize = self._held_bytes, self._oversize
        self._held, self._held_bytes, self._oversize = [], 0, False
        if oversize:
            self._on_oversize(line + _GAP + self._tail, size)
            return None
        return line

    def _fits(self, line: bytes) -> bool:
        if len(line) <= self.line_bytes_max:
            return True
        sample_bytes = limits.garbage_sample_bytes_max
        self._on_oversize(line[:sample_bytes] + _GAP + line[-sample_bytes:], len(line))
        return False


_GAP = b" ... "


def looks_like_message(line: bytes) -> bool:
    """A JSON object, or an array of objects (a batch of revision 2025-03-26); `[INFO] started` is neither."""
    line = line.strip()
    if line[:1] == b"{":
        return line[-1:] == b"}"
    return line[:1] == b"[" and line[-1:] == b"]" and line[1:].lstrip()[:1] == b"{"
