"""What each keyword of a schema may hold (JSON Schema 2020-12, validation), and what 3.0 said in its place.

Knows: single keywords. Refuses to know: schemas inside of schemas.
"""

import re
from collections.abc import Callable
from typing import Any

from narthex.limits import pattern_chars_max

TYPES = frozenset(("string", "number", "integer", "boolean", "array", "object", "null"))


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _number(value: Any) -> bool:
    return type(value) in (int, float)


def _pattern(value: Any) -> bool:
    if type(value) is not str or len(value) > pattern_chars_max:
        return False
    try:
        re.compile(value)  # what is no pattern in any dialect would make the whole tool uncheckable
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _names(value: Any) -> bool:
    return type(value) is dict and all(
        type(names) is list and all(type(name) is str for name in names) and len(set(names)) == len(names)
        for names in value.values()
    )


_FITS: dict[str, Callable[[Any], bool]] = {
    "enum": lambda value: type(value) is list and bool(value),
    "const": lambda _value: True,
    "default": lambda _value: True,
    "format": lambda value: type(value) is str,
    "pattern": _pattern,
    "multipleOf": lambda value: _number(value) and value > 0,
    "uniqueItems": lambda value: type(value) is bool,
    "deprecated": lambda value: type(value) is bool,
    "contentEncoding": lambda value: type(value) is str,
    "contentMediaType": lambda value: type(value) is str,
    "dependentRequired": _names,
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains"), _count
    ),
    "maxContains": _count,
}
KEPT = frozenset(_FITS)


def fits(keyword: str, value: Any) -> bool:
    return _FITS[keyword](value)


def types_of(raw: dict[str, Any]) -> str | list[str] | None:
    """The types it says, those that there are. `file` was a type once."""
    said = raw.get("type")
    if said == "file":
        return "string"
    if type(said) is str:
        return said if said in TYPES else None
    if type(said) is list:
        known = list(dict.fromkeys(kind for kind in said if type(kind) is str and kind in TYPES))
        return known or None
    return None


def number_bounds(raw: dict[str, Any]) -> dict[str, Any]:
    """`minimum: 0, exclusiveMinimum: true` was one bound in 3.0; it is `exclusiveMinimum: 0` today."""
    out: dict[str, Any] = {}
    for keyword, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if _number(raw.get(keyword)):
            out[exclusive if raw.get(exclusive) is True else keyword] = raw[keyword]
        if _number(raw.get(exclusive)):
            out[exclusive] = raw[exclusive]
    return out
