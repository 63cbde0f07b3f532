"""Small kindnesses between what was written and what the schema asks, before anything is judged.

Knows: scalars, and which types a place accepts. Refuses to know: what a key is for.

Three rules: a key set to nothing is absent · where text alone is wanted, a number or a truth value is taken as written
(`PORT: 8080` in `env`, `1.10` stays `1.10`) · where a number is wanted, text that came out of `${…}` is read as one.
"""

from typing import Any

from narthex.control.document import Document
from narthex.control.problem import Path
from narthex.control.schema import Schema, config_schema, resolve
from narthex.wire.plain_scalars import meant


def coerce(document: Document, substituted: set[Path]) -> None:
    """Apply the rules to `document.tree`, in place."""
    document.tree = _fit(document, substituted, config_schema(), document.tree, ())


def _fit(document: Document, substituted: set[Path], schema: Schema, value: Any, path: Path) -> Any:
    schema = resolve(schema)
    if isinstance(value, dict):
        fixed: Schema = schema.get("properties", {})
        others = schema.get("additionalProperties")
        for key in list(value):
            inner = fixed.get(key, others)
            if not isinstance(inner, dict):
                continue
            if value[key] is None and key in fixed:
                del value[key]
            elif value[key] is None and resolve(inner).get("type") == "object":
                value[key] = {}  # `support:` under `endpoints` is an endpoint with nothing but defaults
            else:
                value[key] = _fit(document, substituted, inner, value[key], (*path, key))
        return value
    if isinstance(value, list):
        items = next((part["items"] for part in _options(schema) if isinstance(part.get("items"), dict)), None)
        if items is not None:
            return [_fit(document, substituted, items, item, (*path, index)) for index, item in enumerate(value)]
        return value
    return _scalar(document, substituted, schema, value, path)


def _scalar(document: Document, substituted: set[Path], schema: Schema, value: Any, path: Path) -> Any:
    types = {part.get("type") for part in _options(schema)}
    if isinstance(value, str):
        if path in substituted and "string" not in types and types & {"integer", "number", "boolean"}:
            return meant(value)
        return value
    if value is not None and "string" in types and not types & _kinds_of(value) and path in document.raw:
        return document.raw[path]
    return value


def _kinds_of(value: Any) -> set[str]:
    """The types of the schema that a scalar other than text already has."""
    if isinstance(value, bool):
        return {"boolean"}
    return {int: {"integer", "number"}, float: {"number"}}.get(type(value), set())


def _options(schema: Schema) -> list[Schema]:
    return [resolve(option) for option in schema.get("anyOf", [schema])]
