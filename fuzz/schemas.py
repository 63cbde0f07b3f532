"""Schemas of strangers: any of them is judged soon, and none that is taken unfolds without end."""

import json
from typing import Any

from hypothesis import strategies as st

from fuzz.target import Target
from narthex.catalog.schemas import too_much
from narthex.limits import DEFAULTS
from narthex.wire.mirror import mirrors_of, strip_annotations
from narthex.wire.subschemas import children

REFS = st.sampled_from(
    ["#", "#/$defs/a", "#/$defs/b", "#/properties/a", "#b", "http://x/y", "a", "#/unknown/a", "#/default", "#/%"]
)
LEAVES = st.booleans() | st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "integer", "object", "number"]) | st.just(["object"]),
        "$ref": REFS,
        "$dynamicRef": REFS,
        "$id": st.sampled_from(["http://x/y", "a"]),
        "$anchor": st.sampled_from(["a", "b"]),
        "x-mcp-header": st.sampled_from(["A", "a", "B", "", "a b", 5]),
        "default": st.just({"$ref": "http://x"}),
    },
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.dictionaries(
        st.sampled_from(
            ["items", "not", "if", "allOf", "anyOf", "properties", "$defs", "additionalProperties", "unknown"]
        ),
        inner | st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
        max_size=3,
    ),
    max_leaves=25,
)


def check(data: bytes) -> None:
    schema = json.loads(data)
    if type(schema) is not dict:
        return
    reason = too_much(schema, DEFAULTS)
    assert reason is None or reason
    if reason is None and '"$id": "http://x/y"' not in json.dumps(schema):
        assert "http://x/y" not in applied(schema)
    mirrors, problems = mirrors_of(schema)
    assert len({mirror.header.lower() for mirror in mirrors}) == len(mirrors)
    stripped = strip_annotations(schema)
    assert mirrors_of(stripped) == ((), [])
    assert not problems or stripped != schema


def applied(schema: dict[str, Any]) -> set[str]:
    """Every reference that a validator could come across: in schemas, and in whatever a pointer leads to."""
    found, seen, stack = set(), set(), [schema]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        stack += [inner for _, _, inner in children(node)]
        for name in ("$ref", "$dynamicRef"):
            reference = node.get(name)
            if isinstance(reference, str):
                found.add(reference)
                target = pointed(schema, reference)
                stack += [target] if isinstance(target, dict) else []
    return found


def pointed(schema: dict[str, Any], reference: str) -> object:
    node: Any = schema if reference.startswith("#/") else None
    for step in reference.split("/")[1:]:
        node = node.get(step) if isinstance(node, dict) else None
    return node


TARGET = Target("schemas", SCHEMAS.map(lambda schema: json.dumps(schema).encode()), check, seconds_max=0.5)
