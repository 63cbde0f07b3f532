"""One JSON Schema without its mistakes: every keyword has the kind of value that JSON Schema 2020-12 gives it.

Knows: the keywords, their kinds, and the spellings of older drafts and of OpenAPI. Refuses to know: what is inside.
A provider refuses a whole request over one wrong keyword in one tool, and servers write what they like.
"""

import math
from collections.abc import Callable
from typing import Any

Tree = dict[str, Any]

TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")
# Not `unevaluatedItems` and `unevaluatedProperties`: what they forbid depends on keywords beside them, which move.
ONE = ("items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else", "contentSchema")
LISTED = ("allOf", "anyOf", "oneOf", "prefixItems")
NAMED = ("properties", "patternProperties", "dependentSchemas")


def is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return (type(value) is int or (type(value) is float and value.is_integer())) and value >= 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool)


def _is_schema(value: Any) -> bool:
    return isinstance(value, (dict, bool))


def _are_schemas(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_schema(one) for one in value)


def _are_named_schemas(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_schema(one) for one in value.values())


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _are_types(value: Any) -> bool:
    return value in TYPES if isinstance(value, str) else _are_texts(value) and bool(value) and set(value) <= set(TYPES)


KINDS: dict[str, Callable[[Any], bool]] = {
    "$ref": _is_text,
    "$dynamicRef": _is_text,
    "type": _are_types,
    "title": _is_text,
    "description": _is_text,
    "enum": lambda value: isinstance(value, list) and bool(value),
    "const": lambda value: True,
    "default": lambda value: True,
    "examples": lambda value: isinstance(value, list),
    "deprecated": _is_truth,
    "readOnly": _is_truth,
    "writeOnly": _is_truth,
    "format": _is_text,
    "pattern": _is_text,
    "contentEncoding": _is_text,
    "contentMediaType": _is_text,
    "uniqueItems": _is_truth,
    "required": _are_texts,
    "multipleOf": lambda value: is_number(value) and value > 0,
    "dependentRequired": lambda value: isinstance(value, dict) and all(_are_texts(one) for one in value.values()),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), is_number),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minContains", "maxContains"), _is_count),
    **dict.fromkeys(("minProperties", "maxProperties"), _is_count),
    **dict.fromkeys(ONE, _is_schema),
    **dict.fromkeys(LISTED, _are_schemas),
    **dict.fromkeys(NAMED, _are_named_schemas),
}
# Of other drafts, and where a schema keeps what it refers to: gone once all is written out.
_KNOWN_BESIDE = {"$schema", "$id", "$anchor", "$dynamicAnchor", "$comment", "$defs", "definitions", "id", "nullable",
                 "example", "additionalItems", "dependencies", "$vocabulary"}  # fmt: skip


def tidied(schema: Tree) -> tuple[Tree, list[str]]:
    """The same schema with what can be meant, and the names of the keywords that could not be."""
    schema = _modern(schema)
    kept: Tree = {}
    wrong: list[str] = []
    for keyword, value in schema.items():
        kind = KINDS.get(keyword)
        if kind is not None and kind(value):
            kept[keyword] = value
        elif kind is not None:
            wrong.append(keyword)
    return kept, wrong


def _modern(schema: Tree) -> Tree:
    """What older drafts and OpenAPI 3.0 spell otherwise. Keywords that nobody standardised are annotations, and go."""
    if not _KNOWN_BESIDE.isdisjoint(schema) or isinstance(schema.get("items"), list):
        schema = dict(schema)
        if isinstance(schema.get("items"), list):
            schema["prefixItems"] = schema.pop("items")
            if "additionalItems" in schema:
                schema["items"] = schema["additionalItems"]
        if schema.get("nullable") is True and isinstance(schema.get("type"), str):
            schema["type"] = [schema["type"], "null"]
            if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
                schema["enum"] = [*schema["enum"], None]
        if "example" in schema:
            schema.setdefault("examples", [schema["example"]])
    for limit, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(schema.get(exclusive), bool):  # draft 4
            schema = dict(schema)
            if schema.pop(exclusive) and limit in schema:
                schema[exclusive] = schema.pop(limit)
    return schema
