"""Schemas of OpenAPI as JSON Schema 2020-12, each with the definitions that it names.

Knows: what 3.0 says otherwise (`nullable`, `exclusiveMinimum: true`, `example`), and which keywords may hold what: so
what comes out is always valid, whatever went in. A `$ref` stays one, to `$defs`; where all that it leads to would be
too much for a tool, the farthest are left open. Refuses to know: tools.
"""

from collections.abc import Callable
from typing import Any

from narthex.catalog.schemas import too_much
from narthex.limits import (
    DEFAULTS,
    openapi_example_bytes_max,
    openapi_hint_chars_max,
    openapi_property_chars_max,
    openapi_schema_bytes_max,
    openapi_schema_levels_max,
)
from narthex.upstream.openapi.document import BadDocument, Document
from narthex.upstream.openapi.keywords import KEPT, fits, number_bounds, types_of
from narthex.upstream.openapi.prose import clipped, plain
from narthex.upstream.openapi.words import legal
from narthex.wire.strict import encode

Schema = dict[str, Any]
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
_SINGLE_TOO = ("unevaluatedItems", "unevaluatedProperties")
_MAPS = ("properties", "patternProperties", "dependentSchemas")
_BUDGETS = (openapi_schema_bytes_max, openapi_schema_bytes_max // 4, openapi_schema_bytes_max // 20, 0)


class Schemas:
    """Those of one document. What they were made of is remembered: tools share it, and nobody changes it."""

    def __init__(self, document: Document, complain: Callable[[str], None] = lambda _text: None) -> None:
        self._document, self._complain = document, complain
        self._names: dict[str, str] = {}  # of a reference -> of its definition
        self._references: dict[str, str] = {}  # the other way round
        self._made: dict[str, tuple[Schema, int, tuple[str, ...]]] = {}

    def bundle(self, schema: Schema) -> Schema:
        """The schema of a tool, whose parts `converted` has made, with its `$defs`."""
        whole = schema
        for budget in _BUDGETS:
            whole = self._with_definitions(schema, budget)
            if too_much(whole, DEFAULTS) is None:
                return whole
        properties = {name: _hint(inner) for name, inner in schema.get("properties", {}).items()}
        return {**{name: schema[name] for name in ("type", "required") if name in schema}, "properties": properties}

    def converted(self, raw: Any) -> Schema:
        """The schema, naming `$defs` that `bundle` will add."""
        made = self._convert(raw, 0)
        return made if type(made) is dict else {}

    def target(self, raw: Any) -> Schema:
        """What a schema is, or what it refers to; one that leads nowhere is open."""
        try:
            return self._document.follow(raw)
        except BadDocument as fault:
            self._complain(str(fault))
            return {}

    def _with_definitions(self, schema: Schema, budget: int) -> Schema:
        size = len(encode(schema))
        definitions: Schema = {}
        waiting = _named_in(schema)
        while waiting:
            further: list[str] = []
            for name in waiting:
                if name in definitions:
                    continue
                made, bytes_more, named = self._definition(name)
                if size + bytes_more > budget:
                    definitions[name] = _hint(made, openapi_hint_chars_max)
                else:
                    size += bytes_more
                    definitions[name] = made
                    further += named
            waiting = further
        return {**schema, "$defs": definitions} if definitions else schema

    def _definition(self, name: str) -> tuple[Schema, int, tuple[str, ...]]:
        if name not in self._made:
            try:
                raw: Any = self._document.find(self._references[name])
            except BadDocument as fault:
                self._complain(str(fault))
                raw = {}
            made = self.converted(raw)
            self._made[name] = (made, len(encode(made)), tuple(dict.fromkeys(_named_in(made))))
        return self._made[name]

    def _name(self, reference: str) -> str:
        found = self._names.get(reference)
        if found is None:
            found = wanted = legal(reference.rpartition("/")[2].replace("~1", "_").replace("~0", "_"), 48) or "schema"
            number = 1
            while found in self._references:
                number += 1
                found = f"{wanted}_{number}"
            self._names[reference] = found
            self._references[found] = reference
        return found

    def _convert(self, raw: Any, level: int) -> Schema | bool:
        if type(raw) is bool:
            return raw
        if type(raw) is not dict or level > openapi_schema_levels_max:
            return _hint(raw) if type(raw) is dict else {}
        out: Schema = {}
        reference = raw.get("$ref")
        if type(reference) is str:
            if not reference.startswith("#/"):
                self._complain(f"a $ref leads out of the document, to {reference.partition('?')[0][:100]!r}")
                return _hint(raw)
            out["$ref"] = f"#/$defs/{self._name(reference)}"
            if self._document.version == "3.0":  # what stands beside a `$ref` there means nothing, but may explain
                return {**out, **_hint({"description": raw.get("description")})}
        kinds = types_of(raw)
        if kinds is not None:
            out["type"] = kinds
        self._plain_keywords(raw, out)
        self._inner(raw, out, level)
        return _nullable(raw, out)

    def _plain_keywords(self, raw: Schema, out: Schema) -> None:
        for keyword in KEPT & raw.keys():
            if fits(keyword, raw[keyword]):
                out[keyword] = raw[keyword]
        out |= number_bounds(raw)
        for keyword in ("title", "description"):
            if type(raw.get(keyword)) is str and raw[keyword].strip():
                out[keyword] = clipped(plain(raw[keyword]), openapi_property_chars_max)
        if raw.get("type") == "file" or raw.get("format") == "binary":
            out["contentEncoding"] = "base64"
        example = raw.get("example", raw.get("examples", [None])[:1] if type(raw.get("examples")) is list else None)
        if example is not None and "enum" not in out and "default" not in out:
            examples = example if "example" not in raw else [example]
            if len(encode(examples)) <= openapi_example_bytes_max:
                out["examples"] = examples

    def _inner(self, raw: Schema, out: Schema, level: int) -> None:
        for keyword in _LISTS:
            if type(raw.get(keyword)) is list and raw[keyword]:
                out[keyword] = [self._convert(inner, level + 1) for inner in raw[keyword]]
        for keyword in (*_SINGLE, *_SINGLE_TOO):
            if type(raw.get(keyword)) in (dict, bool):
                out[keyword] = self._convert(raw[keyword], level + 1)
        for keyword in _MAPS:
            if type(raw.get(keyword)) is dict:
                out[keyword] = {
                    name: self._convert(inner, level + 1)
                    for name, inner in raw[keyword].items()
                    if keyword != "properties" or not self._only_read(inner)
                }
        required = raw.get("required")
        if type(required) is list:
            known: Any = raw.get("properties")
            dropped = () if type(known) is not dict else known.keys() - out.get("properties", {}).keys()
            names = [name for name in dict.fromkeys(_texts(required)) if name not in dropped]
            if names:
                out["required"] = names

    def _only_read(self, raw: Any) -> bool:
        """The server alone says it (3.1.1, Schema Object): a request does not hold it."""
        return type(raw) is dict and raw.get("readOnly") is True


def _nullable(raw: Schema, out: Schema) -> Schema:
    if raw.get("nullable") is not True:
        return out
    if type(out.get("type")) is str:
        out["type"] = [out["type"], "null"]
    if "enum" in out and None not in out["enum"]:
        out["enum"] = [*out["enum"], None]
    if any(keyword in out for keyword in ("$ref", "allOf", "anyOf", "oneOf")):
        said: Schema = {
            name: out.pop(name) for name in ("title", "description", "default", "deprecated") if name in out
        }
        return {"anyOf": [out, {"type": "null"}], **said}
    return out


def _hint(raw: Any, most: int = openapi_property_chars_max) -> Schema:
    """What can be said of a schema without its parts."""
    if type(raw) is not dict:
        return {}
    kinds = types_of(raw)
    out: Schema = {"type": kinds} if kinds is not None else {}
    said = raw.get("description") or raw.get("title")
    if type(said) is str and said.strip():
        out["description"] = clipped(plain(said), most)
    return out


def _named_in(schema: Any) -> list[str]:
    """The names of the definitions in it, as far as they stand where a schema can stand."""
    found: list[str] = []
    stack = [schema]
    while stack:
        node = stack.pop()
        if type(node) is dict:
            if type(node.get("$ref")) is str:
                found.append(node["$ref"].removeprefix("#/$defs/"))
            stack.extend(node.get(keyword) for keyword in (*_SINGLE, *_SINGLE_TOO))
            for keyword in _LISTS:
                stack.extend(node.get(keyword, ()))
            for keyword in _MAPS:
                stack.extend(node.get(keyword, {}).values())
    return found


def _texts(values: list[Any]) -> list[str]:
    return [value for value in values if type(value) is str]
