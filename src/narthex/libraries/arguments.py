"""Arguments against the flat schemas that these libraries write: the answer is a sentence that a model can act on.

Knows: objects of strings, numbers, booleans and enums. Refuses to know: the rest of JSON Schema, which no library uses.
"""

from collections.abc import Mapping
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,)}


def problem(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> str | None:
    """What is wrong with `arguments`, or None."""
    properties: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
    missing = [name for name in schema.get("required", ()) if name not in arguments]
    if missing:
        return f"Missing: {', '.join(missing)}."
    unknown = [name for name in arguments if name not in properties]
    if unknown:
        return f"Unknown: {', '.join(unknown)}. This tool takes: {', '.join(properties) or 'nothing'}."
    problems = (_value_problem(name, properties[name], value) for name, value in arguments.items())
    return next((found for found in problems if found), None)


def _value_problem(name: str, schema: Mapping[str, Any], value: Any) -> str | None:
    kind = schema["type"]
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return f"'{name}' must be of type {kind}."
    if "enum" in schema and value not in schema["enum"]:
        return f"'{name}' must be one of: {', '.join(schema['enum'])}."
    if isinstance(value, str):
        return _outside(
            f"'{name}' must have", len(value), schema.get("minLength"), schema.get("maxLength"), " characters"
        )
    return _outside(f"'{name}' must be", value, schema.get("minimum"), schema.get("maximum"), "")


def _outside(must: str, number: Any, least: float | None, most: float | None, unit: str) -> str | None:
    if least is not None and not number >= least:  # "not >=", because NaN is neither above nor below anything
        return f"{must} at least {least}{unit}."
    if most is not None and not number <= most:
        return f"{must} at most {most}{unit}."
    return None
