"""What a schema expects and what came, in words that a model can act on.

Knows: keywords and plain English. Refuses to know: where in the data it is.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from narthex.limits import error_names_max, error_value_chars_max

_NOUNS = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}


def of_types(types: Iterable[str]) -> str:
    found = list(dict.fromkeys(types))
    found.sort(key=lambda one: one == "null")
    return _or([_NOUNS.get(one, one) for one in found])


def one_of(options: list[Any]) -> str:
    if len(options) == 1:
        return text_of(options[0])
    shown = [text_of(option) for option in options[:error_names_max]]
    beyond = len(options) - len(shown)
    return f"one of {', '.join(shown)}{_beyond(beyond)}"


def names(known: Iterable[str]) -> str:
    found = list(known)
    shown = [text_of(name) for name in found[:error_names_max]]
    beyond = len(found) - len(shown)
    return ", ".join(shown) + _beyond(beyond)


def expected(kind: Any) -> str:
    """What one keyword asks for."""
    say = _SAID.get(kind.name)
    return say(kind) if say is not None else "a value that its schema allows"


def came(value: Any, *, hidden: bool) -> str:
    """What stands there. `hidden`: what it is, but not which."""
    if type(value) is dict:
        return f"an object with {_count(len(value), 'property', 'properties')}"
    if type(value) is list:
        return f"an array of {_count(len(value), 'item', 'items')}"
    if value is None:
        return "null"
    if hidden:
        return f"{'a string' if type(value) is str else 'a value'} that is not repeated here"
    kind = "the string " if type(value) is str else "" if type(value) is bool else "the number "
    return kind + text_of(value)


def text_of(value: Any) -> str:
    """A value as JSON, cut short."""
    if type(value) is str:
        cut = value if len(value) <= error_value_chars_max else value[:error_value_chars_max] + "…"
        return json.dumps(cut, ensure_ascii=not cut.isprintable())
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= error_value_chars_max else text[:error_value_chars_max] + "…"


def _beyond(number: int) -> str:
    return f" and {number} other{'s' * (number != 1)}" if number > 0 else ""


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _or(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _limit(before: str, *after: str) -> Callable[[Any], str]:
    return lambda kind: f"{before} {_count(kind.limit, *after)}" if after else f"{before} {text_of(kind.limit)}"


_SAID: dict[str, Callable[[Any], str]] = {
    "type": lambda kind: of_types(kind.types),
    "enum": lambda kind: one_of(kind.options),
    "const": lambda kind: text_of(kind.expected_value),
    "minimum": _limit("a number of at least"),
    "maximum": _limit("a number of at most"),
    "exclusiveMinimum": _limit("a number above"),
    "exclusiveMaximum": _limit("a number below"),
    "multipleOf": lambda kind: f"a multiple of {text_of(kind.multiple_of)}",
    "minLength": _limit("a string of at least", "character", "characters"),
    "maxLength": _limit("a string of at most", "character", "characters"),
    "pattern": lambda kind: f"a string that matches the pattern {text_of(kind.pattern)}",
    "format": lambda kind: f"a string in the format {text_of(kind.format)}",
    "minItems": _limit("at least", "item", "items"),
    "maxItems": _limit("at most", "item", "items"),
    "uniqueItems": lambda _kind: "items that all differ",
    "contains": lambda _kind: "an item of the kind that its schema requires",
    "minProperties": _limit("at least", "property", "properties"),
    "maxProperties": _limit("at most", "property", "properties"),
    "additionalItems": lambda kind: f"no more than {_count(kind.limit, 'item', 'items')}",
    "unevaluatedItems": lambda _kind: "no further items",
    "falseSchema": lambda _kind: "nothing here",
    "not": lambda kind: f"anything but what matches {text_of(kind.schema)}",
    "oneOf": lambda _kind: "exactly one of the alternatives, and this is more than one",
    "contentEncoding": lambda kind: f"a string in {text_of(kind.content_encoding)}",
    "contentMediaType": lambda kind: f"a string that holds {text_of(kind.content_media_type)}",
    "required": lambda _kind: "a value, which is required",
}
