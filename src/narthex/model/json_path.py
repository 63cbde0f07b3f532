"""Paths to members of a JSON value, as an operator writes them: a part of JSONPath (RFC 9535).

Knows: names, `*`, `..`, `[*]`. Refuses to know: single elements, slices, filters: a list counts as its elements.

    email                 every member of that name
    address.city          every `city` of an `address`, wherever that is
    $.contacts[*].email   that one alone
    $..owner.*            everything inside of every `owner`
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

_STEP = re.compile(
    r"""(?P<deep>\.\.)?\.?(?:(?P<name>[^\s.\[\]'"*$]+)|(?P<any>\*)|\['(?P<single>[^']+)'\]|\["(?P<double>[^"]+)"\]|(?P<list>\[\*\]))"""
)


class BadPath(ValueError):
    """The text says what is wrong."""


class Step(NamedTuple):
    name: str | None  # None: any
    deep: bool  # at this place, or anywhere below it


Path = tuple[Step, ...]
Places = frozenset[tuple[int, int]]  # (path, step that comes next)


def read(text: str) -> Path:
    """Raises `BadPath`."""
    rest = text
    anchored = rest.startswith("$")
    rest = rest[1:] if anchored else "." + rest
    steps: list[Step] = []
    deep = not anchored
    while rest:
        found = _STEP.match(rest)
        if found is None or (not found["deep"] and not rest.startswith((".", "["))):
            raise BadPath(f"cannot be read from {rest[:20]!r} on")
        rest = rest[found.end() :]
        deep = deep or bool(found["deep"])
        if found["list"]:
            continue  # a list counts as its elements
        steps.append(Step(found["name"] or found["single"] or found["double"], deep))
        deep = False
    if not steps:
        raise BadPath("names no member")
    return tuple(steps)


class Paths:
    """Several, followed at once while a value is walked down."""

    __slots__ = ("_anywhere", "_paths", "start")

    def __init__(self, texts: Iterable[str]) -> None:
        paths = [read(text) for text in texts]
        # Most name one member, wherever it is: those need no following.
        self._anywhere = frozenset(path[0].name for path in paths if len(path) == 1 and path[0].deep)
        self._paths = [path for path in paths if not (len(path) == 1 and path[0].deep)]
        self.start: Places = frozenset((number, 0) for number in range(len(self._paths)))

    def __bool__(self) -> bool:
        return bool(self._anywhere or self._paths)

    def down(self, places: Places, name: str) -> tuple[bool, Places]:
        """Whether the member of this name is meant, and where the paths are that lead further down."""
        if name in self._anywhere or None in self._anywhere:
            return True, places
        meant, further = False, []
        for number, at in places:
            path = self._paths[number]
            step = path[at]
            if step.deep:
                further.append((number, at))
            if step.name is None or step.name == name:
                if at + 1 == len(path):
                    meant = True
                else:
                    further.append((number, at + 1))
        return meant, frozenset(further)
