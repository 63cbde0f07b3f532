"""What is kept for clients that may come back, over all sessions: bounded in bytes and time.

Knows: how much each stream keeps, and since when nothing was added. Refuses to know: what it keeps.
When there is too much, the stream that was silent for longest loses what it keeps, whosever it is: each is bounded by
itself already, so no client can push another's out but by opening many sessions, and those are bounded too.
"""

from collections.abc import Callable
from itertools import takewhile
from typing import Protocol

from narthex.limits import resumption_all_bytes_max, resumption_seconds_max


class Kept(Protocol):
    def drop(self) -> None:
        """Keep nothing of what there was; do not call back."""
        ...


class Shelf:
    """One for the gateway. `clock` tells seconds, as the loop does."""

    def __init__(self, clock: Callable[[], float], bytes_max: int = resumption_all_bytes_max) -> None:
        self.bytes = 0
        self.dropped = 0  # streams that had to make room for others
        self._clock, self._bytes_max = clock, bytes_max
        self._held: dict[Kept, tuple[int, float]] = {}  # in the order in which they grew

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, kept: Kept, size: int) -> None:
        """`kept` grew, and holds `size` bytes now. The stream that grew longest ago may have to go for it."""
        self.release(kept)
        self._held[kept] = size, self._clock()
        self.bytes += size
        while self.bytes > self._bytes_max and len(self._held) > 1:
            self._drop(next(iter(self._held)))
            self.dropped += 1

    def release(self, kept: Kept) -> None:
        """Nobody will ask for it any more."""
        size, _ = self._held.pop(kept, (0, 0.0))
        self.bytes -= size

    def expire(self) -> None:
        """Nobody comes back so late."""
        oldest = self._clock() - resumption_seconds_max
        for kept in list(takewhile(lambda one: self._held[one][1] < oldest, self._held)):
            self._drop(kept)

    def _drop(self, kept: Kept) -> None:
        self.release(kept)
        kept.drop()
