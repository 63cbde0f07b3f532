"""One difference between two definitions.

Knows: where it is, what was there, and what is there now. Refuses to know: how it was found.
"""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

Class = Literal["breaking", "text", "compatible"]
CLASSES: tuple[Class, ...] = ("breaking", "text", "compatible")  # the worst first


class Absent:
    """The member is not there: another thing than `null`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "absent"


ABSENT = Absent()


class Change(NamedTuple):
    kind: Class
    where: str  # "inputSchema.properties.limit"; "" is the whole
    what: str  # goes on where `where` ends: "is new, and required"
    before: Any
    after: Any


def classes(found: Iterable[Change]) -> tuple[Class, ...]:
    """Those that are among them, the worst first."""
    there = {one.kind for one in found}
    return tuple(kind for kind in CLASSES if kind in there)


def said(what: str, before: Any, after: Any) -> str:
    """The words for a member that came, went, or became another."""
    if before is ABSENT:
        return "is new"
    return "is gone" if after is ABSENT else what
