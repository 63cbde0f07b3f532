"""Words on a command line to the arguments of a tool.

Knows: `key=value`, `key:=json`, `-`, and what the tool's schema says of a key. Refuses to know: whether the tool
will accept them; that is for it, or the gateway, to say.
"""

import json
from typing import Any, TextIO

from narthex.limits import DEFAULTS

Tree = dict[str, Any]


class ArgumentError(Exception):
    """A word that cannot be understood; the text is for whoever wrote it."""


def read_arguments(words: tuple[str, ...], schema: Any, stdin: TextIO) -> Tree:
    """The arguments, as a JSON object."""
    if words == ("-",):
        return _object(stdin.read(DEFAULTS.body_bytes_max))
    properties = schema.get("properties") if isinstance(schema, dict) else None
    known: Tree = properties if isinstance(properties, dict) else {}
    values: Tree = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key.rstrip(":"):
            raise ArgumentError(f"'{word}' is not KEY=VALUE. For a JSON object from standard input write a single '-'.")
        if key.endswith(":"):
            values[key[:-1]] = _json(key[:-1], text)
        else:
            values[key] = _value(text, known.get(key))
    return values


def _value(text: str, schema: Any) -> Any:
    types = _types(schema)
    if types == {"string"}:
        return text
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text
    return text if "string" in types and not isinstance(value, str) and not _is_of(value, types) else value


def _types(schema: Any) -> set[str]:
    if not isinstance(schema, dict):
        return set()
    kind = schema.get("type")
    if isinstance(kind, list):
        return {str(each) for each in kind}
    if isinstance(kind, str):
        return {kind}
    options = [option for key in ("anyOf", "oneOf") if isinstance(schema.get(key), list) for option in schema[key]]
    return set().union(*(_types(option) for option in options))


def _is_of(value: Any, types: set[str]) -> bool:
    names = {
        bool: {"boolean"},
        int: {"integer", "number"},
        float: {"number"},
        list: {"array"},
        dict: {"object"},
        type(None): {"null"},
    }
    return bool(names.get(type(value), set()) & types)


def _json(key: str, text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"The value of '{key}' is not JSON: {error}.") from None


def _object(text: str) -> Tree:
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"Standard input is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise ArgumentError("Standard input must hold one JSON object: the arguments.")
    return value


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")
