"""The texts in a definition that were not there before: what a model may come to read, wherever it stands.

Knows: every text in a JSON value. Refuses to know: what a text says. A description in a corner that no validator looks
into is still read by a model, so nothing is passed over but the few words that only machines use.
"""

from collections.abc import Iterator
from typing import Any

_TYPES = frozenset({"null", "boolean", "object", "array", "number", "string", "integer"})


def fresh_texts(before: Any, after: Any) -> list[str]:
    """In their order, each once."""
    known = set(_texts(before))
    return list(dict.fromkeys(text for text in _texts(after) if text not in known))


def _texts(value: Any) -> Iterator[str]:
    stack: list[tuple[str, Any]] = [("", value)]
    while stack:
        key, node = stack.pop()
        if type(node) is dict:
            stack += [(name, inner) for name, inner in reversed(node.items())]
        elif type(node) is list:
            stack += [(key, inner) for inner in reversed(node)]
        elif type(node) is str and not _for_machines(key, node):
            yield node


def _for_machines(key: str, text: str) -> bool:
    # Names of parameters are told as parameters that came.
    return (key == "type" and text in _TYPES) or (key == "$ref" and text.startswith("#")) or key == "required"
