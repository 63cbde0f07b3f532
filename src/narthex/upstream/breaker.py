"""When to stop trying a server that does not answer, and when to try again.

Knows: the last failures. Refuses to read a clock: the time is given.
"""

from narthex.limits import breaker_failures_max, breaker_open_seconds


class Breaker:
    """Opens after failures in a row, lets one request through after a pause, closes on the first success."""

    __slots__ = ("failures", "open_until")

    def __init__(self) -> None:
        self.failures = 0
        self.open_until = 0.0

    @property
    def tripped(self) -> bool:
        return self.failures >= breaker_failures_max

    def wait(self, now: float) -> float:
        """Seconds until a request may be tried; 0.0 means now, and that whoever asked is the one to try."""
        if not self.tripped:
            return 0.0
        if now < self.open_until:
            return self.open_until - now
        # The one who tries may be cancelled and never tell: the next may try when this pause is over, whatever happens.
        self.open_until = now + breaker_open_seconds
        return 0.0

    def succeeded(self) -> None:
        self.failures = 0

    def failed(self, now: float) -> None:
        self.failures += 1
        if self.tripped:
            self.open_until = now + breaker_open_seconds
