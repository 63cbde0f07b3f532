"""From types to JSON Schema 2020-12, and values to and from JSON by the same types.

Knows: everything msgspec does (dataclasses, TypedDict, enums, dates …), and pydantic's models where it is installed.
Refuses to know: functions and calls.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from narthex.libraries.hints import normal

Schema = dict[str, Any]


class NoSchema(TypeError):
    """A type that cannot be described. The text is for whoever wrote it."""


def schema_of(hint: Any, *, said: bool = False) -> Schema:
    """What a value of this type looks like, with the parts it refers to under `$defs`.

    `said`: by us, as `builtins` writes it; pydantic's models may have other names then, and members that are computed.
    """
    models = _Models(frozenset(), said=said)
    schema, components = _components(hint, models)
    if models.parts.keys() & components.keys():  # two types of one name; which these are is known only now
        models = _Models(frozenset(components), said=said)
        schema, components = _components(hint, models)
    definitions = {**models.parts, **components}
    name = schema.get("$ref", "").rpartition("/")[2]
    if name in definitions and not _refers(definitions.values(), f"#/$defs/{name}"):
        schema = {**definitions.pop(name), **{key: value for key, value in schema.items() if key != "$ref"}}
    return {**schema, "$defs": definitions} if definitions else schema


class _Models:
    """Pydantic's models. `parts`: what they refer to, each under a name that means this alone."""

    def __init__(self, taken: frozenset[str], *, said: bool) -> None:
        self._taken, self._mode = taken, "serialization" if said else "validation"
        self.parts: Schema = {}

    def schema(self, kind: Any) -> Schema:
        """Raises NoSchema."""
        if not is_model(kind):
            name = getattr(kind, "__name__", str(kind))
            remedy = "Use a dataclass, a TypedDict, a msgspec.Struct or a pydantic model."
            raise NoSchema(f"the type {name} cannot be described in a schema. {remedy}")
        number, suffix = 1, ""
        while True:
            schema: Schema = kind.model_json_schema(mode=self._mode, ref_template=f"#/$defs/{{model}}{suffix}")
            parts = {name + suffix: part for name, part in schema.pop("$defs", {}).items()}
            if all(name not in self._taken and self.parts.get(name, part) == part for name, part in parts.items()):
                self.parts.update(parts)
                return schema
            number += 1
            suffix = f"_{number}"


def _components(hint: Any, models: _Models) -> tuple[Schema, Schema]:
    """A schema, and the parts it refers to that are not pydantic's. Raises NoSchema."""
    try:
        (schema,), components = msgspec.json.schema_components(
            [normal(hint)], schema_hook=models.schema, ref_template="#/$defs/{name}"
        )
    except NoSchema:
        raise
    except (TypeError, ValueError, RuntimeError) as fault:  # RuntimeError: pydantic's of a model's members
        raise NoSchema(f"{hint!r} cannot be described in a schema: {fault}") from fault
    return schema, components


def is_model(kind: Any) -> bool:
    return hasattr(kind, "model_validate") and hasattr(kind, "model_json_schema")


def convert(value: Any, kind: Any, *, strict: bool = True) -> Any:
    """A value out of JSON as `kind`. Raises msgspec.ValidationError, whose text shows no value."""
    try:
        return msgspec.convert(value, kind, strict=strict, str_keys=True, dec_hook=_decode)
    except msgspec.ValidationError:
        other = _whole(value)
        if other is None:
            raise
        return msgspec.convert(other[0], kind, strict=strict, str_keys=True, dec_hook=_decode)


def builtins(value: Any) -> Any:
    """A value as JSON has it. Raises TypeError."""
    return msgspec.to_builtins(value, str_keys=True, enc_hook=_encode)


def encode(value: Any) -> bytes:
    """Raises TypeError for what JSON cannot say."""
    return _encoder.encode(value)


def _decode(kind: Any, value: Any) -> Any:
    if is_model(kind):
        try:
            return kind.model_validate(value)
        except ValueError as fault:
            raise ValueError(_flaws(fault)) from None
    raise NotImplementedError


def _flaws(fault: Any) -> str:
    """What pydantic found, without the values it found it in."""
    if not hasattr(fault, "errors"):
        return str(fault)
    said = [(".".join(map(str, one["loc"])), one["msg"]) for one in fault.errors(include_input=False)[:5]]
    return "; ".join(f"{place}: {what}" if place else what for place, what in said)


def _encode(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True)
    if hasattr(value, "__fspath__"):
        return value.__fspath__()
    raise TypeError(f"{type(value).__name__} cannot be said in JSON")


_encoder = msgspec.json.Encoder(enc_hook=_encode)


def _whole(value: Any) -> list[Any] | None:
    """The same with 3.0 as 3, which JSON does not tell apart; None: there is no such number in it."""
    changed = False

    def walk(one: Any) -> Any:
        nonlocal changed
        if type(one) is float and one.is_integer():
            changed = True
            return int(one)
        if type(one) is dict:
            return {key: walk(inner) for key, inner in one.items()}
        return [walk(inner) for inner in one] if type(one) is list else one

    walked = walk(value)
    return [walked] if changed else None


def _refers(schemas: Iterable[Any], target: str) -> bool:
    def inside(one: Any) -> bool:
        if isinstance(one, dict):
            return one.get("$ref") == target or any(map(inside, one.values()))
        return isinstance(one, list) and any(map(inside, one))

    return any(map(inside, schemas))
