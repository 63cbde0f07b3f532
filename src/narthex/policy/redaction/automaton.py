"""RE2, the one engine behind every search here: time in proportion to the text, whatever the pattern and the text are.

Knows: how patterns are compiled, and how the library says that it could not. Refuses to know: what is searched for.

The library's own wrapper makes an object for each match; what is underneath it returns places, in a third of the time.
"""

from collections.abc import Callable, Sequence
from typing import Any

from re2 import _re2  # pyright: ignore[reportAttributeAccessIssue] - compiled, and without stubs

from narthex.limits import redaction_memory_bytes_max, redaction_pattern_memory_bytes_max

ANYWHERE = _re2.RE2.Anchor.UNANCHORED


class BadPattern(ValueError):
    """A pattern that RE2 does not take. The text says why."""


def _options(*, utf8: bool, ignore_case: bool = False, memory: int = redaction_pattern_memory_bytes_max) -> Any:
    options = _re2.RE2.Options()
    encodings = _re2.RE2.Options.Encoding
    options.encoding = encodings.UTF8 if utf8 else encodings.LATIN1
    options.never_capture = True  # where a group is needed, the stretch is short enough for any engine
    options.log_errors = False  # it would write to standard error
    options.case_sensitive = not ignore_case
    options.max_mem = memory
    return options


class Search:
    """One pattern. `utf8`: it means signs of Unicode, not bytes.

    `match(ANYWHERE, text, start, end)` is a list of one pair: where the next match is, (-1, -1) for none. What stands
    before `start` is seen. It is the library's own, because one more call for each match would cost as much again.
    """

    __slots__ = ("match",)

    def __init__(self, pattern: bytes, *, utf8: bool = False, ignore_case: bool = False) -> None:
        found = _re2.RE2(pattern, _options(utf8=utf8, ignore_case=ignore_case))
        if not found.ok():
            raise BadPattern(found.error().decode("utf-8", "replace"))
        self.match: Callable[[Any, bytes, int, int], Sequence[tuple[int, int]]] = found.Match

    def next(self, text: bytes, start: int = 0) -> tuple[int, int]:
        return self.match(ANYWHERE, text, start, len(text))[0]

    def occurs(self, text: bytes) -> bool:
        return self.next(text)[0] >= 0


class Several:
    """Which of several patterns occur in a text: one pass for all of them."""

    __slots__ = ("_always", "_set")

    def __init__(self, patterns: Sequence[bytes]) -> None:
        self._set = _re2.Set(ANYWHERE, _options(utf8=False, memory=redaction_memory_bytes_max))
        places = [self._set.Add(pattern) for pattern in patterns]
        # What is always found is how we know that a search worked: without memory it finds nothing, and says nothing.
        self._always: int = self._set.Add(b"")
        # A set that was not compiled must not be asked: the library would end the process.
        if [*places, self._always] != list(range(len(patterns) + 1)) or not self._set.Compile():
            raise BadPattern("the patterns together take too much memory")

    def occur(self, text: bytes) -> list[int]:
        """The places of those that do. All, if that cannot be said."""
        found: list[int] = self._set.Match(text)
        if self._always not in found:
            return list(range(self._always))
        found.remove(self._always)
        return found


def literal(text: str) -> str:
    """The pattern that means this text."""
    return str(_re2.RE2.QuoteMeta(text.encode()).decode())
