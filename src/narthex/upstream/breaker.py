"""When to stop trying a server that does not answer, and when to try again.

Knows: the last failures. Refuses to read a clock: the time is given.
"""

from narthex.limits import breaker_failures_max, breaker_open_seconds


class Breaker:
    """Opens after failures in a row, lets one request through after a pause, closes on the first success."""

    __slots__ = ("failures", "open_until", "trying")

    def __init__(self) -> None:
        self.failures = 0
        self.open_until = 0.0
        self.trying = False

    def wait(self, now: float) -> float:
        """Seconds until a request may be tried; 0.0 means now."""
        if self.failures < breaker_failures_max:
            return 0.0
        if now < self.open_until:
            return self.open_until - now
        if self.trying:
            return 1.0
        self.trying = True
        return 0.0

    def succeeded(self) -> None:
        self.failures = 0
        self.trying = False

    def failed(self, now: float) -> None:
        self.failures += 1
        self.trying = False
        if self.failures >= breaker_failures_max:
            self.open_until = now + breaker_open_seconds
