"""OpenAPI documents: whatever is in one, it is refused with a reason, or becomes tools with valid names and schemas."""

import json
from typing import Any

import jsonschema_rs
from hypothesis import strategies as st

from fuzz.target import Target
from narthex.catalog.names import PUBLIC
from narthex.catalog.schemas import too_much
from narthex.limits import DEFAULTS
from narthex.upstream.openapi.document import BadDocument
from narthex.upstream.openapi.importing import imported

DIALECT = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
KEYWORDS = [
    "type",
    "properties",
    "items",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "required",
    "enum",
    "const",
    "default",
    "nullable",
    "example",
    "format",
    "pattern",
    "$ref",
    "$defs",
    "additionalProperties",
    "minimum",
    "exclusiveMinimum",
    "minLength",
    "readOnly",
    "title",
    "description",
    "prefixItems",
]
REFERENCES = [
    "#",
    "#/components/schemas/A",
    "#/components/schemas/B",
    "#/paths/~1x/get",
    "other.json",
    "#/x/0/~1",
    "#/info",
]


def check(data: bytes) -> None:
    try:
        found = imported(data)
    except BadDocument as reason:
        str(reason)
        return
    names = [tool.name for tool in found.tools]

    assert len(set(names)) == len(names)
    for tool in found.tools:
        assert PUBLIC.fullmatch(tool.name)
        jsonschema_rs.meta.validate({**DIALECT, **tool.schema})
        assert too_much(tool.schema, DEFAULTS) is None


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 9)
    | st.sampled_from(["string", "object", "null", "(", "", *REFERENCES]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=4),
    max_leaves=12,
)
PARAMETER = st.dictionaries(st.sampled_from(["name", "in", "schema", "content", "style", "explode", "required"]), ANY)
USUAL = st.builds(lambda schema: {"name": "a", "in": "query", "schema": schema}, ANY)
OPERATION = st.fixed_dictionaries(
    {},
    optional={
        "operationId": ANY | st.text(max_size=80),
        "parameters": st.lists(USUAL | PARAMETER | ANY, max_size=3),
        "requestBody": ANY | st.builds(lambda schema: {"content": {"application/json": {"schema": schema}}}, ANY),
        "tags": ANY,
        "summary": ANY,
    },
)
PATHS = st.dictionaries(
    st.sampled_from(["/x", "/x/{a}", "//y", "/{", "/ü/..", "z"]),
    st.dictionaries(st.sampled_from(["get", "post"]), OPERATION),
)


def document(paths: Any, schemas: Any) -> bytes:
    return json.dumps({"openapi": "3.0.3", "paths": paths, "components": {"schemas": schemas}}).encode()


DOCUMENTS = st.builds(document, PATHS, st.dictionaries(st.sampled_from(["A", "B"]), ANY))
TARGET = Target("documents", DOCUMENTS | st.binary(max_size=60) | st.text(max_size=60).map(str.encode), check)
