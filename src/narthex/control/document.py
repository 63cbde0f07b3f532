"""A configuration file as read: plain values, and for each the place where it was written.

Knows: trees, paths, lines and columns. Refuses to know: which syntax the file had, and what its keys mean.
"""

from dataclasses import dataclass, field
from typing import Any

from narthex.control.problem import ConfigError, Path, Problem, spell
from narthex.limits import config_depth_max, config_values_max

_SECRET_CHARS_MIN = 4  # shorter ones are no secrets, and would be found in any sentence


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file; both numbers count from 1."""

    line: int
    column: int


@dataclass(slots=True, eq=False)
class Node:
    """One value as the syntax gives it.

    `value` is a scalar, a list of nodes, or a list of (key, node) pairs with unique keys (`kind` says which).
    `raw` is the text of a scalar as it was written. `start` and `end` are offsets, for those who edit the text.
    """

    kind: str  # "scalar", "list", "map"
    value: Any
    mark: Mark
    raw: str = ""
    start: int = 0
    end: int = 0

    def member(self, name: str) -> "Node | None":
        if self.kind != "map":
            return None
        return next((node for key, node in self.value if key.value == name), None)


@dataclass(slots=True)
class Document:
    """A tree of plain values (`dict`, `list`, scalars) and what is known of each path in it."""

    file: str
    tree: Any = None
    values: dict[Path, Mark] = field(default_factory=dict)  # where the value begins
    keys: dict[Path, Mark] = field(default_factory=dict)  # where its key begins
    raw: dict[Path, str] = field(default_factory=dict)  # as written, for scalars that are no strings
    written: dict[Path, str] = field(default_factory=dict)  # text before `${…}` was filled, which may be shown
    given: dict[str, str] = field(default_factory=dict)  # what `${…}` stood for -> the form; never to be shown
    origin: dict[Path, Path] = field(default_factory=dict)  # paths of a translated tree -> paths in the file
    notes: list[Problem] = field(default_factory=list)  # what was passed over while reading
    unready: list[Problem] = field(default_factory=list)  # what cannot be passed over when serving

    def problem(self, path: Path, what: str, remedy: str = "", *, at_key: bool = False) -> Problem:
        """A problem at `path`, placed as near to it as is known."""
        mark = (self.keys.get(path) if at_key else None) or self.nearest(path)
        return Problem(
            self.file,
            mark.line,
            mark.column,
            self.spelled(path),
            self._without_given(what),
            self._without_given(remedy),
        )

    def _without_given(self, text: str) -> str:
        """Checks speak of what was written; this is for the part of a value they may have taken out of it."""
        for value in sorted(self.given, key=len, reverse=True):
            if len(value) >= _SECRET_CHARS_MIN:
                text = text.replace(value, self.given[value])
        return text

    def nearest(self, path: Path) -> Mark:
        for length in range(len(path), -1, -1):
            mark = self.values.get(path[:length]) or self.keys.get(path[:length])
            if mark is not None:
                return mark
        return Mark(1, 1)

    def spelled(self, path: Path) -> str:
        """The path as it stands in the file, although the tree may have been translated."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.origin:
                return spell(self.origin[path[:length]] + path[length:])
        return spell(path)


def flatten(file: str, root: Node) -> Document:
    """The plain tree of `root`. Aliases are expanded, which is where a small file can become a large tree."""
    document = Document(file)
    room = [config_values_max]
    document.tree = _plain(document, root, (), room)
    return document


def _plain(document: Document, node: Node, path: Path, room: list[int]) -> Any:
    document.values[path] = node.mark
    room[0] -= 1
    if room[0] < 0:
        raise ConfigError([document.problem((), f"more than {config_values_max} values, counting what aliases repeat")])
    if len(path) > config_depth_max:
        remedy = "An alias may stand inside what it names." if node.kind != "scalar" else ""
        raise ConfigError([document.problem((), f"nested more than {config_depth_max} levels deep", remedy)])
    if node.kind == "map":
        tree = {}
        for key, value in node.value:
            inner = (*path, key.value)
            document.keys[inner] = key.mark
            tree[key.value] = _plain(document, value, inner, room)
        return tree
    if node.kind == "list":
        return [_plain(document, value, (*path, index), room) for index, value in enumerate(node.value)]
    if not isinstance(node.value, str):
        document.raw[path] = node.raw
    return node.value
