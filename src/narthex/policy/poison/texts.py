"""Every text of a definition that a model may come to read, with its place.

Knows: where MCP and JSON Schema put words. Refuses to read them.
A schema is walked as the JSON it is: keywords that nobody has thought of yet hide texts as well as the known ones.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

from narthex.limits import poison_texts_max


class Place(Enum):
    NAME = "name"  # of the tool or of a parameter: a word, never a sentence
    TITLE = "title"
    PROSE = "description"
    TERM = "term"  # of JSON Schema: types, formats, patterns
    VALUE = "value"  # enum, default, const, examples, annotations: data, where orders do not belong


class Text(NamedTuple):
    where: str  # JSON Pointer, RFC 6901
    place: Place
    text: str


_NAMED_WITHIN = frozenset(("properties", "$defs", "definitions", "patternProperties", "dependentSchemas"))
_DATA = frozenset(("enum", "default", "const", "examples", "example"))
_TERMS = frozenset(("type", "$ref", "$schema", "$id", "format", "pattern", "required"))


def texts(definition: Mapping[str, Any]) -> Iterator[Text]:
    """In the order of the definition. Stops after so many: the caller sees that by `poison_texts_max` of them."""
    found = 0
    stack: list[tuple[str, Any, Place]] = [
        (f"/{escaped(key)}", value, _of_tool(key)) for key, value in reversed(list(definition.items()))
    ]
    while stack and found < poison_texts_max:
        where, value, place = stack.pop()
        if isinstance(value, str):
            found += 1
            yield Text(where, place, value)
        elif isinstance(value, Mapping):
            stack.extend(_members(where, value, place))
        elif isinstance(value, list | tuple):
            stack.extend((f"{where}/{index}", part, place) for index, part in reversed(list(enumerate(value))))


def _members(where: str, value: Mapping[str, Any], place: Place) -> list[tuple[str, Any, Place]]:
    named = where.rpartition("/")[2] in _NAMED_WITHIN
    members: list[tuple[str, Any, Place]] = []
    for key, part in reversed(list(value.items())):
        below = f"{where}/{escaped(str(key))}"
        seat = place if place is Place.VALUE or named else _of_schema(str(key))
        if below == "/annotations/title" and isinstance(part, str):  # the tool's, where older revisions have it
            seat = Place.TITLE
        members.append((below, part, seat))
        if named or place is Place.VALUE:  # elsewhere a key is a keyword
            members.append((below, str(key), Place.NAME))
    return members


def _of_tool(key: str) -> Place:
    if key in ("name", "title", "description"):
        return Place(key)
    return Place.VALUE if key in ("annotations", "_meta", "icons") else Place.PROSE


def _of_schema(key: str) -> Place:
    if key == "title":
        return Place.TITLE
    if key in _DATA:
        return Place.VALUE
    return Place.TERM if key in _TERMS else Place.PROSE


def escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
