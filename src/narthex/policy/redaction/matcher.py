"""Where in a text things stand that may not leave the house.

Knows: that one pass over all patterns says which of them occur, and that only those are searched for: a text with
nothing in it costs one pass. Refuses to know: what happens with what is found.
"""

import re

from narthex.limits import KIB, redaction_findings_free, redaction_findings_per_kb, redaction_passes_free
from narthex.policy.redaction.automaton import ANYWHERE, BadPattern, Search, Several
from narthex.policy.redaction.kind import Kind

Finding = tuple[int, int, int]  # start, end, the place of its kind in the matcher's

_SEARCHES: dict[bytes, Search] = {}  # of the kinds of this package: one for each, for the life of the process


class TooMuch(Exception):
    """More than can be looked through in a time worth waiting for. Nothing of it passes."""


class TooMany(TooMuch):
    """More places to look at closely than `findings_per_kb` allows."""


class Budget:
    """How much may still be looked at closely: so many places for each kilobyte, and some more."""

    __slots__ = ("left",)

    def __init__(self, size: int, per_kilobyte: int = redaction_findings_per_kb) -> None:
        self.left = redaction_findings_free + size * per_kilobyte // KIB

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise TooMany


def compiled(pattern: str, *, ignore_case: bool) -> Search:
    """A pattern of the operator's, ready. Raises `BadPattern`."""
    found = Search(f"(?m:{pattern})".encode(), utf8=True, ignore_case=ignore_case)
    if found.occurs(b""):
        raise BadPattern("it matches where there is nothing")
    return found


def _search_of(kind: Kind) -> Search:
    found = _SEARCHES.get(kind.pattern)
    if found is None:
        found = _SEARCHES[kind.pattern] = Search(kind.pattern)
    return found


class Matcher:
    """Some kinds, compiled together."""

    __slots__ = ("_groups", "_searches", "_several", "kinds", "own")

    def __init__(self, kinds: tuple[Kind, ...], own: tuple[Search, ...] = ()) -> None:
        """`own`: the operator's patterns; they come after the kinds."""
        self.kinds, self.own = kinds, own
        self._searches = tuple(_search_of(kind) for kind in kinds)
        self._groups = tuple(re.compile(kind.pattern, re.DOTALL) if kind.inner else None for kind in kinds)
        self._several = Several([kind.gate for kind in kinds])

    def occurs(self, view: bytes) -> list[int]:
        """The places of the kinds that occur, perhaps."""
        return self._several.occur(view) if self.kinds else []

    def find(self, view: bytes, places: list[int], budget: Budget) -> list[Finding]:
        """Everything that is what it seems, in order. Raises `TooMuch`."""
        found: list[Finding] = []
        if len(places) > redaction_passes_free:  # each is one more pass over the text
            budget.spend((len(places) - redaction_passes_free) * len(view) // KIB)
        for place in places:
            self._find(view, place, found, budget)
        if self.own:
            self._find_own(view, found, budget)
        return apart(found) if len(found) > 1 else found

    def _find(self, view: bytes, place: int, found: list[Finding], budget: Budget) -> None:
        kind, match, group = self.kinds[place], self._searches[place].match, self._groups[place]
        check, again, weight = kind.check, kind.again, kind.weight
        position, size, left = 0, len(view), budget.left
        while True:
            start, end = match(ANYWHERE, view, position, size)[0]
            if start < 0:
                break
            left -= weight
            if left < 0:
                raise TooMany
            behind = start + 1 if again else end
            if group is not None:
                inner = group.match(view, start, end)
                if inner is None:
                    position = behind
                    continue
                start, end = inner.span(1)
            if check is not None:
                end = check(view, start, end)
                if not end:
                    position = behind
                    continue
            found.append((start, end, place))
            position = end
        budget.left = left

    def _find_own(self, view: bytes, found: list[Finding], budget: Budget) -> None:
        """They see the ends of strings as the ends of lines: `^` and `$` are the ends of a value."""
        lines = view.replace(b'"', b"\n")
        for place, search in enumerate(self.own, len(self.kinds)):
            position, size = 0, len(lines)
            while position <= size:
                start, end = search.next(lines, position)
                if start < 0:
                    break
                budget.spend(1)
                position = end if end > start else end + 1
                edge = view.find(b'"', start, end)
                while edge >= 0:  # it reached over the end of a string: each string's part is a finding
                    if edge > start:
                        found.append((start, edge, place))
                    start = edge + 1
                    edge = view.find(b'"', start, end)
                if end > start:
                    found.append((start, end, place))


def apart(found: list[Finding]) -> list[Finding]:
    """In order. What is inside of another is part of it; of two that cross each other the first kind names both."""
    found.sort()
    kept: list[Finding] = []
    last_start, last_end, last = found[0]
    for start, end, place in found:
        if start >= last_end:
            kept.append((last_start, last_end, last))
            last_start, last_end, last = start, end, place
        elif end > last_end:
            last, last_end = min(last, place) if start > last_start else place, end
    kept.append((last_start, last_end, last))
    return kept
