"""Progress lets itself be heard, but not for ever: only rising values, and only so many a second.

Knows: the rule of basic/patterns/progress. Refuses to read a clock: the time is given.
"""

from typing import Any

from narthex.limits import progress_per_second_max


class ProgressGate:
    """Drops what does not rise; holds back the newest value of a flood, so that the last one is never lost."""

    __slots__ = ("held", "last", "passed", "window")

    def __init__(self) -> None:
        self.last: float | None = None
        self.held: dict[str, Any] | None = None
        self.window = 0.0
        self.passed = 0

    def passes(self, params: dict[str, Any], now: float) -> bool:
        value = params.get("progress")
        if not isinstance(value, int | float) or (self.last is not None and value <= self.last):
            return False
        self.last = value
        if now - self.window >= 1.0:
            self.window, self.passed = now, 0
        if self.passed >= progress_per_second_max:
            self.held = params
            return False
        self.passed += 1
        self.held = None
        return True
