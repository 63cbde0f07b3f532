"""What a tool's definition promises, where something of its results is hidden: no more than will be kept.

Knows: which keywords of JSON Schema still hold when a text becomes another one, a number a text, and members are
missing. Refuses to know: what is hidden, and how (`policy/redaction`).

Clients hold results against `outputSchema`, and refuse what does not match. A mask is no date and no e-mail address,
so the schema that clients see asks for neither (docs/redaction.md).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from narthex.catalog.faces import Face, made
from narthex.catalog.stock import decode
from narthex.model.json_path import Paths, Places
from narthex.model.rules.redaction import Redaction
from narthex.model.settled import Governed

Schema = dict[str, Any]

# What holds whatever a text says. All else is left out: a keyword nobody knows might be about what is hidden.
_KEPT = frozenset(
    {"$schema", "$id", "$ref", "$anchor", "$comment", "title", "description", "type", "deprecated"}
    | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
)
_OF_SCHEMAS = ("$defs", "definitions", "properties")
_OF_ONE = ("items", "additionalProperties")
_OF_SEVERAL = ("anyOf", "allOf", "prefixItems")
_NAMES_ITSELF = ("patternProperties", "propertyNames", "unevaluatedProperties")
_TOKENS = "Where a value is wanted, a token that another tool here returned, like ‹email:…›, may be given instead."


def relaxed(face: Face, governed: Governed) -> Face:
    """The tool as it is with these rules. The very same object where they change nothing of it."""
    rules = [
        rule for settled in (governed.others, *governed.tenants.values()) for rule in _several(settled.rules.redaction)
    ]
    hiding = [rule for rule in rules if rule.direction != "arguments"]
    opening = any(rule.opens for rule in rules)
    definition = decode(face.encoded) if hiding or opening else {}
    schema = definition.get("outputSchema")
    changed: dict[str, Any] = {}
    if hiding and type(schema) is dict:
        # What every caller finds left out is not even named; callers of some tenants may find more.
        same = hiding[0] if not governed.tenants and len(hiding) == 1 else None
        changed["outputSchema"] = _Relaxing(hiding, same).schema(schema)
    if opening:
        description = definition.get("description")
        changed["description"] = f"{description}\n\n{_TOKENS}" if type(description) is str and description else _TOKENS
    return made("tools/list", face.public, face.server, face.piece, {**definition, **changed}) if changed else face


def _several(rule: Redaction | tuple[Redaction, ...] | None) -> Iterable[Redaction]:
    return (rule,) if isinstance(rule, Redaction) else rule or ()


class _Relaxing:
    """One schema under some rules."""

    def __init__(self, rules: Iterable[Redaction], same: Redaction | None) -> None:
        rules = list(rules)
        self._chooses = any(rule.keep is not None or rule.drop for rule in rules)
        self._numbers = any(rule.numbers for rule in rules)
        self._keep = Paths(same.keep) if same is not None and same.keep is not None else None
        self._drop = Paths(same.drop if same is not None else ())

    def schema(self, schema: Schema) -> Schema:
        found = self._schema(schema, None if self._keep is None else self._keep.start, self._drop.start)
        return {"type": "object", **found} if "type" not in found and "$ref" not in found else found

    def _schema(self, schema: Any, keeping: Places | None, dropping: Places) -> Any:
        if type(schema) is not dict:
            return schema
        kept = {key: value for key, value in schema.items() if key in _KEPT}
        if self._numbers and "type" in kept:
            kept["type"] = _or_text(kept["type"])
        self._inner(schema, kept, keeping, dropping)
        if any(key in schema for key in _NAMES_ITSELF) and kept.get("additionalProperties") is False:
            del kept["additionalProperties"]
        if not self._chooses and type(schema.get("required")) is list:
            kept["required"] = schema["required"]
        choices = schema["enum"] if "enum" in schema else [schema["const"]] if "const" in schema else None
        if choices is not None:
            kept["allOf"] = [*kept.get("allOf", []), {"anyOf": [{"enum": choices}, {"type": ["string", "null"]}]}]
            if "type" in kept:
                kept["type"] = _or_text(kept["type"], always=True)
        return kept

    def _inner(self, schema: Schema, kept: Schema, keeping: Places | None, dropping: Places) -> None:
        """The schemas inside of one."""
        for key in _OF_SCHEMAS:
            if type(schema.get(key)) is dict:
                kept[key] = self._named(key, schema[key], keeping, dropping)
        for key in _OF_ONE:
            if key in schema:
                kept[key] = self._schema(schema[key], keeping, dropping)
        for key in _OF_SEVERAL:
            if type(schema.get(key)) is list:
                kept[key] = [self._schema(one, keeping, dropping) for one in schema[key]]
        if type(schema.get("oneOf")) is list:  # two that differed may be alike now
            several = [self._schema(one, keeping, dropping) for one in schema["oneOf"]]
            kept["allOf"] = [*kept.get("allOf", []), {"anyOf": several}]

    def _named(self, key: str, schemas: Mapping[str, Any], keeping: Places | None, dropping: Places) -> Schema:
        if key != "properties":
            # Where these are referred to from, and so what of them passes, is not known here.
            return {name: self._schema(one, None, frozenset()) for name, one in schemas.items()}
        left: Schema = {}
        for name, one in schemas.items():
            dropped, below = self._drop.down(dropping, name)
            kept, further = (True, None) if keeping is None or self._keep is None else self._keep.down(keeping, name)
            if dropped or not (kept or _holds_members(one)):
                continue
            left[name] = self._schema(one, None if kept else further, below)
        return left


def _or_text(kind: Any, *, always: bool = False) -> Any:
    """A number may have become a text, or nothing."""
    kinds = kind if type(kind) is list else [kind]
    if not always and not {"number", "integer"} & {one for one in kinds if type(one) is str}:
        return kind
    return [*kinds, *(one for one in ("string", "null") if one not in kinds)]


def _holds_members(schema: Any) -> bool:
    """Whether there may be members inside, of which some pass."""
    if type(schema) is not dict:
        return True
    kinds = schema.get("type")
    plain = {"string", "number", "integer", "boolean", "null"}
    kinds = kinds if type(kinds) is list else [kinds]
    return not all(type(one) is str and one in plain for one in kinds)
