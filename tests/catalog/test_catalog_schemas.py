"""Schemas that may not be taken: too large, too deep, exploding, endless, or leading out of the document."""

import socket
import time
from typing import Any

import pytest
from catalog_makers import built, main, offer, tool
from hypothesis import given
from hypothesis import strategies as st

from narthex.catalog.schemas import certainly_small, too_much
from narthex.limits import Limits
from narthex.wire.strict import encode

LIMITS = Limits()


def doubling(levels: int, keyword: str = "allOf") -> dict[str, Any]:
    """A small text that a validator unfolds to 2 ** levels schemas."""
    steps = {f"s{n}": {keyword: [{"$ref": f"#/$defs/s{n + 1}"}] * 2} for n in range(levels)}
    return {"type": "object", "$defs": {**steps, f"s{levels}": {}}, "$ref": "#/$defs/s0"}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(levels - 1):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"description": "x" * LIMITS.schema_bytes_max}, "bytes"),
        (nested(33), "deeper than 32"),
        ({"properties": {f"p{n}": {} for n in range(2_000)}}, "more than 2000 schemas"),
        (doubling(17), "unfold"),
        (doubling(400), "unfold"),
        (doubling(30, "anyOf"), "unfold"),
        ({"$ref": "#"}, "without a step"),
        ({"allOf": [{"$ref": "#"}]}, "without a step"),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"not": {"$ref": "#/$defs/a"}}}}, "without a step"),
        ({"$anchor": "x", "if": {"$dynamicRef": "#x"}}, "without a step"),
        ({"$recursiveRef": "#"}, "without a step"),
        ({"$ref": "http://evil.example/schema"}, "'http://evil.example/schema'; references are never fetched"),
        ({"properties": {"a": {"items": {"$ref": "file:///etc/passwd"}}}}, "'file:///etc/passwd'"),
        ({"$defs": {"a": {"$dynamicRef": "other.json#/x"}}}, "'other.json#/x'"),
        ({"$ref": "//evil.example/x"}, "'//evil.example/x'"),
        ({"$id": "https://a.example/one", "$ref": "https://a.example/two"}, "two"),
    ],
)
def test_a_schema_over_a_limit_is_refused_with_the_reason(schema: dict[str, Any], told: str) -> None:
    reason = too_much(schema, LIMITS)

    assert reason is not None
    assert told in reason
    assert not certainly_small(encode(schema), LIMITS)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        nested(32),
        {"properties": {f"p{n}": {} for n in range(1_999)}},
        doubling(14),
        {"$defs": {"node": {"properties": {"next": {"$ref": "#/$defs/node"}}}}, "$ref": "#/$defs/node"},
        {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}, "items": [{"$ref": "#"}]},
        {"anyOf": [{"type": "string"}, {"items": {"$ref": "#"}}, {"additionalProperties": {"$ref": "#"}}]},
        {"$id": "https://a.example/one", "properties": {"a": {"$ref": "https://a.example/one#/$defs/b"}}, "$defs": {}},
        {"$defs": {"a": {"$id": "inner", "$defs": {"x": {}}}}, "properties": {"a": {"$ref": "inner#/$defs/x"}}},
        {"$defs": {"a": {"$anchor": "here"}}, "properties": {"a": {"$ref": "#here"}, "b": {"$ref": "#nowhere"}}},
        {"properties": {"a": {"$ref": "https://json-schema.org/draft/2020-12/schema"}}},
        {"properties": {"a": {"$ref": "#/$defs/not/there"}, "b": {"$ref": "#/properties/a/0"}}},
        {"allOf": [{"title": "x"}], "properties": {"a": {"$ref": "#/allOf/0"}, "b": {"$ref": "#/allOf/9"}}},
        {"$defs": {"a/b~c d": {}}, "properties": {"x": {"$ref": "#/$defs/a~1b~0c%20d"}, "y": {"$ref": "#/title/0"}}},
        {"default": {"$ref": "http://evil.example"}, "enum": [{"$ref": "http://evil.example"}]},
        {"properties": {"$ref": {"type": "string"}, "a": {"$ref": 5}}},
    ],
)
def test_a_schema_within_the_limits_is_taken(schema: dict[str, Any]) -> None:
    assert too_much(schema, LIMITS) is None


def test_the_worst_allowed_schema_is_judged_quickly() -> None:
    worst = {"$defs": {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(1_990)}, "$ref": "#/$defs/d0"}
    started = time.process_time()

    assert too_much(worst, LIMITS) is None
    assert time.process_time() - started < 1.0


names = st.sampled_from(["properties", "items", "allOf", "$defs", "not", "$ref", "enum", "a"])
anything = st.recursive(
    st.booleans() | st.sampled_from(["#", "#/$defs/a", "http://x", "#a", "string"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=25,
)


@given(st.dictionaries(names, anything, max_size=5))
def test_any_json_is_judged_and_the_quick_look_never_lets_more_pass(schema: dict[str, Any]) -> None:
    tight = Limits(schema_bytes_max=120, schema_depth_max=3, schema_nodes_max=4)

    reason = too_much(schema, tight)

    if certainly_small(encode(schema), tight):
        assert reason is None


def test_no_schema_makes_us_connect_anywhere() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/schema"
        built(offer("crm", tool("a", inputSchema={"type": "object", "$schema": address, "$ref": address})))

        try:
            listener.accept()
        except TimeoutError:
            return
    raise AssertionError("a $ref was fetched")


def test_one_exploding_schema_costs_one_tool() -> None:
    compiled = built(
        offer("crm", "a", tool("boom", inputSchema=doubling(20)), tool("out", outputSchema=nested(40)), "b")
    )

    assert list(compiled.endpoints[""].tools) == ["a", "b"]
    assert len(compiled.problems) == 2
    assert "server 'crm': tool 'boom' is left out: inputSchema: its references unfold" in compiled.problems[0]
    assert "tool 'out' is left out: outputSchema: it nests deeper" in compiled.problems[1]


def test_the_operator_may_allow_more() -> None:
    deep = offer("crm", tool("deep", inputSchema=nested(40)))

    assert list(main(deep, limits=Limits(schema_depth_max=64)).tools) == ["deep"]
