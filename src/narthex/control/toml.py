"""TOML to nodes, with places as near as they can be had.

Knows: the standard library's reader, and lines that begin a table or a key. Refuses to know: what the keys mean.
The reader keeps no positions; a line that looks like a table's head or a key gives the place, and where two lines
look alike (inside a multi-line string) the first is taken: a place helps the eye, nothing depends on it.
"""

import re
import tomllib
from typing import Any

from narthex.control.document import Mark, Node
from narthex.control.problem import ConfigError, Path, Problem

_HEAD = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^(\s*)((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
_ERROR_PLACE = re.compile(r" \(at line (\d+), column (\d+)\)$")


def parse(file: str, text: str) -> Node:
    """The table of `text`, or ConfigError with the place of the mistake."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _ERROR_PLACE.search(str(error))
        line, column = (int(found.group(1)), int(found.group(2))) if found else (0, 0)
        what = _ERROR_PLACE.sub("", str(error))
        raise ConfigError([Problem(file, line, column, "", f"this is not valid TOML: {what}", "")]) from None
    except RecursionError:
        raise ConfigError([Problem(file, 0, 0, "", "this is not valid TOML: nested too deeply", "")]) from None
    return _node(tree, (), _places(text), Mark(1, 1))


def key_parts(dotted: str) -> Path:
    """`a."b c".d` as `("a", "b c", "d")`."""
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _places(text: str) -> dict[Path, Mark]:
    places: dict[Path, Mark] = {}
    table: Path = ()
    for number, line in enumerate(text.splitlines(), 1):
        head, key = _HEAD.match(line), _KEY.match(line)
        if head:
            table = key_parts(head.group(1))
            places.setdefault(table, Mark(number, line.index("[") + 1))
        elif key:
            places.setdefault(table + key_parts(key.group(2)), Mark(number, len(key.group(1)) + 1))
    return places


def _node(value: Any, path: Path, places: dict[Path, Mark], around: Mark) -> Node:
    mark = places.get(path, around)
    if isinstance(value, dict):
        pairs = []
        for name, inner in value.items():
            place = places.get((*path, name), mark)
            pairs.append((Node("scalar", name, place), _node(inner, (*path, name), places, mark)))
        return Node("map", pairs, mark)
    if isinstance(value, list):
        return Node("list", [_node(item, (*path, index), places, mark) for index, item in enumerate(value)], mark)
    if isinstance(value, bool):
        return Node("scalar", value, mark, raw=str(value).lower())
    if isinstance(value, (str, int, float)):
        return Node("scalar", value, mark, raw=str(value))
    return Node("scalar", value.isoformat(), mark)  # dates and times, which no key of ours or theirs takes
