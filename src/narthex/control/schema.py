"""The JSON Schema of the configuration: what an editor checks while typing, and what `load` checks.

Knows: how the nouns of `model.config` become a schema, and the shorthands the file may use besides. Refuses to know:
any particular file.
"""

from functools import cache
from typing import Any

import msgspec

from narthex.control.problem import Path
from narthex.control.words import WORDS
from narthex.model.config import Config, ServerConfig

Schema = dict[str, Any]

_TLS: Schema = {
    "properties": {
        "certificate": {"type": "string", "description": "The certificate, and the chain up to its issuer."},
        "key": {"type": "string", "description": "The private key."},
    },
    "required": ["certificate", "key"],
    "additionalProperties": False,
}


@cache
def config_schema() -> Schema:
    """The published schema, 2020-12. Callers share it and leave it as it is."""
    _, components = msgspec.json.schema_components([Config], ref_template="#/$defs/{name}")
    for name, component in components.items():
        _tidy(name, component)
    _shorthands(components[ServerConfig.__name__])
    root = components.pop(Config.__name__)
    root["properties"]["tls"] |= _TLS
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **root,
        "title": "Narthex configuration",
        # As in Docker Compose: a place for anchors and notes.
        "patternProperties": {"^x-": {}},
        "$defs": components,
    }


def schema_at(path: Path) -> Schema:
    """The part of the schema that speaks of `path`; empty where nothing is said."""
    schema = config_schema()
    for part in path:
        schema = _of_kind(schema, part)
        if isinstance(part, int):
            inner = schema.get("items")
        else:
            inner = schema.get("properties", {}).get(part, schema.get("additionalProperties"))
        if not isinstance(inner, dict):
            return {}
        schema = resolve(inner)
    return schema


def alternative(schema: Schema, value: object) -> Schema:
    """Of several forms a key may have, the one this value was meant to have; empty: none, or no single one."""
    kind = "array" if isinstance(value, list) else "object" if isinstance(value, dict) else ""
    found = [option for option in map(resolve, schema.get("anyOf", ())) if option.get("type") == kind]
    return found[0] if len(found) == 1 else {}


def _of_kind(schema: Schema, part: str | int) -> Schema:
    """The form of a key below which there can be such a part."""
    return alternative(schema, [] if isinstance(part, int) else {}) if "anyOf" in schema else schema


def resolve(schema: Schema) -> Schema:
    """`schema` with its reference followed, if it is one."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Schema = config_schema()["$defs"][reference.rpartition("/")[2]]
    return found


def _tidy(name: str, component: Schema) -> None:
    if not component.get("required"):
        component.pop("required", None)
    for key, schema in component.get("properties", {}).items():
        _without_null(schema)
        if "$ref" in schema:
            schema.pop("default", None)  # the defaults stand beside the keys it refers to
        words = WORDS.get(name, {}).get(key)
        if words:
            schema["description"] = words.text
        if name == "Limits":  # a limit of zero or less would be a lock-out or no limit, depending on who reads it
            schema["exclusiveMinimum"] = 0


def _without_null(schema: Schema) -> None:
    """A key set to nothing counts as absent (`load` removes it), so null is no alternative to speak of."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) == 1:
        del schema["anyOf"]
        schema.update(options[0])
    elif options:
        schema["anyOf"] = options
    if schema.get("default", ...) is None:
        del schema["default"]


def _shorthands(server: Schema) -> None:
    properties: Schema = server["properties"]
    description = properties["command"].pop("description")
    properties["command"] = {
        "description": description,
        "anyOf": [{"type": "array", "items": {"type": "string"}, "minItems": 1}, {"type": "string", "minLength": 1}],
    }
    properties["args"] = {
        "description": "Arguments of a `command` that is a single string.",
        "type": "array",
        "items": {"type": "string"},
    }
