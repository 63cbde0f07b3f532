"""Which schemas values are held against: every dialect, nothing from the network, nothing beyond the bounds."""

import socket
from typing import Any

import pytest
from validation_makers import SEARCH, Tree, directly, ready, refused, said

from narthex.limits import pattern_chars_max, patterns_large_max, patterns_max


def test_a_schema_is_of_2020_12_unless_it_says_otherwise() -> None:
    schema = {"prefixItems": [{"type": "integer"}], "items": False}

    assert not ready(schema).accepts([1, 2])
    assert ready({"$schema": "http://json-schema.org/draft-07/schema#", **schema, "items": True}).accepts(["x"])


@pytest.mark.parametrize("dialect", ["draft-04", "draft-06", "draft-07"])
@pytest.mark.parametrize("sign", ["#", ""])
def test_an_older_dialect_is_spoken_where_it_is_declared(dialect: str, sign: str) -> None:
    declared = {"$schema": f"http://json-schema.org/{dialect}/schema{sign}"}
    found = ready({**declared, "items": [{"type": "integer"}], "additionalItems": False})

    assert found.accepts([1])
    assert not found.accepts([1, 2])


def test_2019_09_is_spoken_too() -> None:
    found = ready(
        {"$schema": "https://json-schema.org/draft/2019-09/schema", "$recursiveAnchor": True, "type": "array"}
    )

    assert not found.accepts({})


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"items": [{"type": "integer"}]}, [1], ["x"]),
        ({"properties": {"a": {"minimum": 1, "exclusiveMinimum": True}}}, {"a": 2}, {"a": 1}),
    ],
)
def test_an_older_schema_that_does_not_say_so_is_understood(schema: Tree, good: Any, bad: Any) -> None:
    found = ready(schema)

    assert found.accepts(good)
    assert not found.accepts(bad)


def test_a_format_is_a_remark_unless_the_operator_makes_it_a_rule() -> None:
    schema: Tree = {"properties": {"to": {"format": "email"}}}

    assert said(schema, {"to": "nobody"}) == ""
    assert said(schema, {"to": "nobody"}, formats=True) == (
        '/to: expected a string in the format "email"; got the string "nobody".'
    )


def test_a_pattern_of_a_caller_is_never_compiled() -> None:
    assert ready({"format": "regex"}, formats=True).accepts("(?:a{0,1000}){0,1000}(")


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"$schema": "http://evil.example/schema"}, "a dialect that is not known"),
        ({"type": "strin"}, "no valid JSON Schema, at '/type'"),
        ({"properties": []}, "no valid JSON Schema, at '/properties'"),
        ({"$ref": "#/$defs/nobody"}, "where the $ref '#/$defs/nobody' leads cannot be told"),
        ({"properties": {"a": {"$ref": 7}}}, "a $ref is not a text"),
        ({"$ref": "#"}, "leads back to itself without a step into the data"),
        ({"allOf": [{"anyOf": [{"$ref": "#"}]}]}, "leads back to itself without a step into the data"),
        ({"pattern": "("}, "the pattern '(' is too large, or not one that can be read"),
        ({"pattern": "^([a-z]{0,90}){0,90}x"}, "is too large"),
        ({"pattern": "a" * (pattern_chars_max + 1)}, f"more than {pattern_chars_max} characters"),
        (
            {"properties": {f"p{n}": {"pattern": f"^a{n}$"} for n in range(patterns_max + 1)}},
            f"more than {patterns_max} patterns",
        ),
        (
            {"properties": {f"p{n}": {"pattern": f"^[a-z]{{{900 + n}}}$"} for n in range(patterns_large_max + 1)}},
            f"more than {patterns_large_max} patterns that are large",
        ),
        ({"$defs": {"a": {"$id": "x"}, "b": {"$id": "x"}}, "$ref": "x"}, "leads cannot be told"),
        ({"$defs": {"a": {"$id": "x", "properties": {"b": {"$ref": "#/c"}}}}, "$ref": "x"}, "leads cannot be told"),
    ],
)
def test_what_cannot_be_used_says_why(schema: Tree, why: str) -> None:
    assert why in refused(schema)


@pytest.mark.parametrize("reference", ["http://127.0.0.1:{port}/s", "file:///etc/passwd", "other.json", "//host/x"])
@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef", "$schema", "$id"])
def test_nothing_is_ever_fetched(reference: str, keyword: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        schema = {"properties": {"a": {keyword: reference.format(port=listener.getsockname()[1])}}, "type": "object"}
        schema = {**schema, **schema["properties"]["a"]} if keyword in ("$schema", "$id") else schema  # type: ignore[dict-item]
        if keyword == "$id":
            assert ready(schema).accepts({})
        else:
            assert refused(schema)
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize(
    "schema",
    [
        {"$defs": {"n": {"properties": {"next": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"},
        {"$id": "tree", "properties": {"next": {"$ref": "tree"}}},
        {"$anchor": "here", "properties": {"next": {"$ref": "#here"}}},
        {"$dynamicAnchor": "here", "properties": {"next": {"$dynamicRef": "#here"}}},
        {"definitions": {"n~/": {"type": "integer"}}, "properties": {"next": {"$ref": "#/definitions/n~0~1"}}},
    ],
)
def test_a_reference_inside_is_followed(schema: Tree) -> None:
    assert ready(schema).accepts({}) is directly(schema, {})


def test_a_pattern_may_look_around() -> None:
    found = ready({"properties": {"a": {"pattern": "^(?=.*[0-9])(?!x).{3,}$"}}})

    assert [found.accepts({"a": word}) for word in ("ab1", "abc", "xb1")] == [True, False, False]


def test_a_usual_schema_takes_little_memory() -> None:
    assert ready(SEARCH).weight < 24_000
