"""What the operator was told a moment ago, and need not be told again at once.

Knows: sentences and when they were last said. Refuses to know: what time it is.
"""

from narthex.limits import sentences_told_max


class Told:
    __slots__ = ("_at", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at: dict[str, float] = {}  # the oldest first

    def anew(self, what: str, now: float) -> bool:
        """Whether to say it: it was not said, or long ago."""
        before = self._at.pop(what, None)
        again = before is None or now - before >= self._seconds
        if len(self._at) >= sentences_told_max:
            del self._at[next(iter(self._at))]
        self._at[what] = now if again or before is None else before
        return again
