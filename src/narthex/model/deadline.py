"""The moment at which a call is given up.

Knows: two numbers. Refuses to know: what time it is, and who moves it.
"""

import math


class Deadline:
    """A deadline that may move while somebody waits under it: progress of a server extends it.

    `at` is in the time of the event loop (`loop.time()`), in seconds. Whoever waits reads `at` anew at each
    tick, so moving it costs an attribute write and no timer. `latest` never moves.
    """

    __slots__ = ("at", "latest", "silence")

    def __init__(self, at: float, silence: float = 0.0, latest: float = math.inf) -> None:
        self.at = min(latest, at)
        self.silence = silence
        self.latest = latest

    @classmethod
    def starting(cls, now: float, silence: float, absolute: float) -> "Deadline":
        """`silence` seconds from now, moved by every sign of life, never beyond `absolute` seconds from now."""
        return cls(now + silence, silence=silence, latest=now + absolute)

    def allow(self, now: float, silence: float) -> None:
        """From `now` on, another length of silence: some servers are known to be slow, or expected to be quick."""
        self.silence = silence
        self.at = min(now + silence, self.latest)

    def extend(self, now: float) -> None:
        """A sign of life at `now`."""
        if self.silence:
            self.at = min(now + self.silence, self.latest)

    def __repr__(self) -> str:
        return f"<Deadline at {self.at:.3f}>"


def moment_of(deadline: Deadline | float) -> float:
    """When it is over, as it stands now."""
    return deadline.at if isinstance(deadline, Deadline) else deadline
