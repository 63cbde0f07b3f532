"""What a server says on stderr: all of it is taken, little of it is kept, less is shown.

Knows: how much to remember and how often to speak. Refuses to know: clocks (the time is handed in), log files,
and which texts are secrets (the mask knows).
"""

from collections.abc import Callable

from narthex import limits
from narthex.upstream.mask import Mask

_CONTROL = dict.fromkeys((*range(32), *range(127, 160)), "�")
_CONTROL[ord("\t")] = " "  # a terminal obeys the others when somebody reads the log


class StderrLog:
    """The last `stderr_ring_bytes_max` bytes, and at most `stderr_lines_per_second_max` lines a second to `show`."""

    def __init__(self, show: Callable[[str], None], mask: Mask = Mask()) -> None:
        self._show, self._mask = show, mask
        self._ring = bytearray()
        self._partial = b""
        self._skipping = False  # the rest of a line that was too long to wait for
        self._second = float("-inf")
        self._shown = 0
        self._suppressed = 0

    def feed(self, data: bytes, now: float) -> None:
        self._ring += data[-limits.stderr_ring_bytes_max :]
        del self._ring[: -limits.stderr_ring_bytes_max]
        self._turn(now)
        if self._shown >= limits.stderr_lines_per_second_max:
            self._count(data)
            return
        *lines, rest = data.split(b"\n")
        for line in lines:
            line, self._partial = self._partial + line, b""
            if self._skipping:
                self._skipping = False
            else:
                self._offer(line)
        if not self._skipping:
            self._partial += rest
        if len(self._partial) > limits.stderr_line_bytes_max:
            self._offer(self._partial)
            self._partial, self._skipping = b"", True

    def say(self, line: bytes, now: float) -> None:
        """A line that did not come over stderr, under the same limit."""
        self._turn(now)
        self._offer(line)

    def flush(self, now: float) -> None:
        """Own up to what was left out, once its second is over."""
        self._turn(now)

    def close(self) -> None:
        if self._partial:
            self._offer(self._partial)
            self._partial = b""
        self._own_up()

    def tail(self) -> tuple[str, ...]:
        lines = [line for line in self._ring.split(b"\n") if line.strip()]
        return tuple(self._readable(bytes(line)) for line in lines[-limits.stderr_tail_lines_max :])

    @property
    def has_suppressed(self) -> bool:
        return self._suppressed > 0

    def _turn(self, now: float) -> None:
        if now - self._second >= 1.0:
            self._own_up()
            self._second, self._shown = now, 0

    def _own_up(self) -> None:
        if self._suppressed:
            self._show(f"… {self._suppressed} lines suppressed")
            self._suppressed = 0

    def _offer(self, line: bytes) -> None:
        if not line.strip():
            return
        if self._shown >= limits.stderr_lines_per_second_max:
            self._suppressed += 1
            return
        self._shown += 1
        self._show(self._readable(line))

    def _count(self, data: bytes) -> None:
        """The flood: nothing is cut into lines that nobody will see."""
        last = data.rfind(b"\n")
        self._suppressed += data.count(b"\n")
        if last >= 0:
            self._skipping, self._partial = False, data[last + 1 :][: limits.stderr_line_bytes_max]
        else:
            self._partial = (self._partial + data)[: limits.stderr_line_bytes_max]

    def _readable(self, line: bytes) -> str:
        # Masked as a whole and then cut: a secret that was cut in two would not be known for one.
        text = self._mask(line.decode("utf-8", "replace")).rstrip("\r")
        shown = text.encode("utf-8", "replace")[: limits.stderr_line_bytes_max].decode("utf-8", "ignore")
        if len(shown) < len(text) or len(line) > limits.stderr_line_bytes_max:
            shown = self._mask(shown, cut=True) + "…"
        return shown.translate(_CONTROL)
