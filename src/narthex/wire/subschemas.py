"""Where in a JSON Schema further schemas stand (JSON Schema 2020-12, core section 10, and the draft-07 spellings).

Knows: the keywords whose values are schemas. Refuses to know: data. What stands under `default`, `const`, `enum`,
`examples` is never mistaken for a schema, and no `$ref` is followed.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

ONE = frozenset(
    {
        "items",
        "contains",
        "additionalItems",
        "unevaluatedItems",
        "additionalProperties",
        "unevaluatedProperties",
        "propertyNames",
        "not",
        "if",
        "then",
        "else",
        "contentSchema",
    }
)
LISTED = frozenset({"allOf", "anyOf", "oneOf", "prefixItems", "items"})  # draft-07 had a list under `items`
NAMED = frozenset({"properties", "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions"})
_ANY = ONE | LISTED | NAMED


def children(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every schema directly inside this one: the keyword, the name under it (or ""), the schema. Booleans are none."""
    for keyword, value in schema.items():
        if keyword not in _ANY:
            continue
        if type(value) is dict:
            if keyword in NAMED:
                for name, inner in value.items():
                    if type(inner) is dict:
                        yield keyword, name, inner
            elif keyword in ONE:
                yield keyword, "", value
        elif type(value) is list and keyword in LISTED:
            for inner in value:
                if type(inner) is dict:
                    yield keyword, "", inner


def pointed(base: dict[str, Any], fragment: str) -> dict[str, Any] | None:
    """What the fragment of a reference names by a JSON Pointer (RFC 6901), if it is a schema."""
    node: Any = base
    for step in unquote(fragment).split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        if type(node) is dict:
            node = node.get(step)
        elif type(node) is list and step.isdecimal() and int(step) < len(node):
            node = node[int(step)]
        else:
            return None
    return node if type(node) is dict else None
