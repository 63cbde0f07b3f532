"""What is harmlessly wrong is put right, and only that: what could be read in two ways stays as it came."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from validation_makers import Tree, directly

from narthex.policy.validation.mending import Mending


def of(rule: Any, **more: Any) -> Tree:
    return {"type": "object", "properties": {"a": rule}, **more}


def mended(rule: Any, value: Any, **more: Any) -> tuple[Any, list[str]]:
    """The value under `a`, put right, and what was done; the value is "(gone)" where it was left out."""
    mending = Mending(of(rule, **more))
    given = {"a": value}
    before = copy.deepcopy(given)
    found = mending.mend(given)
    assert given == before, "what came is never written to"
    return found.get("a", "(gone)"), [f"{change.pointer} {change.what}" for change in mending.changes]


@pytest.mark.parametrize(
    ("rule", "value", "right", "done"),
    [
        ({"type": "integer"}, "10", 10, "/a string to integer"),
        ({"type": "integer"}, "-7", -7, "/a string to integer"),
        ({"type": "integer"}, 3.0, 3, "/a number to integer"),
        ({"type": "number"}, "2.5", 2.5, "/a string to number"),
        ({"type": "number"}, "10", 10, "/a string to number"),
        ({"type": "boolean"}, "true", True, "/a string to boolean"),
        ({"type": "boolean"}, "False", False, "/a string to boolean"),
        ({"type": ["integer", "null"]}, "10", 10, "/a string to integer"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "10", 10, "/a string to integer"),
        ({"type": "array"}, '["x", 1]', ["x", 1], "/a string to array"),
        ({"type": "array", "items": {"type": "string"}}, "x", ["x"], "/a string to array"),
        ({"type": "array", "items": {"type": "integer"}}, 7, [7], "/a integer to array"),
        ({"type": "object"}, '{"b": [1]}', {"b": [1]}, "/a string to object"),
        ({"type": "string"}, None, "(gone)", "/a null left out"),
        ({"type": "array", "items": {"type": "integer"}}, ["1", 2], [1, 2], "/a/0 string to integer"),
        (of({"type": "integer"}), {"a": "1"}, {"a": 1}, "/a/a string to integer"),
        ({"$ref": "#/$defs/n"}, "10", 10, "/a string to integer"),
    ],
)
def test_what_leaves_no_doubt_is_put_right(rule: Tree, value: Any, right: Any, done: str) -> None:
    found, changes = mended(rule, value, **{"$defs": {"n": {"type": "integer"}}})

    assert (found, type(found)) == (right, type(right))
    assert changes == [done]


def test_one_thing_may_need_two_steps() -> None:
    assert mended({"type": "array", "items": {"type": "integer"}}, "7") == (
        [7],
        ["/a string to array", "/a/0 string to integer"],
    )
    assert mended(of({"type": "boolean"}), '{"a": "true"}') == (
        {"a": True},
        ["/a string to object", "/a/a string to boolean"],
    )


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ({"type": "integer"}, "ten"),
        ({"type": "integer"}, "10.0"),
        ({"type": "integer"}, " 10"),
        ({"type": "integer"}, "010"),
        ({"type": "integer"}, "1_0"),
        ({"type": "integer"}, "١٠"),
        ({"type": "integer"}, "1" * 5_000),
        ({"type": "integer"}, 3.5),
        ({"type": "integer"}, True),
        ({"type": "integer"}, float(2**60)),
        ({"type": "number"}, "NaN"),
        ({"type": "number"}, "1e999"),
        ({"type": "number"}, 3.0),
        ({"type": "boolean"}, "yes"),
        ({"type": "boolean"}, 1),
        ({"type": "string"}, 10),
        ({"type": ["integer", "boolean"]}, "true"),
        ({"type": ["integer", "string"]}, "10"),
        ({"anyOf": [{"type": "integer"}, {"type": "boolean"}]}, "10"),
        ({"oneOf": [{"type": "integer"}]}, "10"),
        ({"type": "array"}, "[1, 2"),
        ({"type": "array", "items": {"type": "integer"}}, "x"),
        ({"type": "array"}, {"b": 1}),
        ({"type": "array"}, '{"b": 1}'),
        ({"type": "object"}, "[1]"),
        ({"type": "object"}, '{"b": 1, "b": 2}'),
        ({"type": "object"}, "[" * 100_000),
        ({"type": "object"}, "b=1"),
        ({"type": ["string", "null"]}, None),
        ({}, "10"),
        ({}, None),
        (True, "10"),
        ({"$ref": "http://x/"}, "10"),
        ({"type": "integer", "not": {"const": 10}}, "10"),
    ],
)
def test_whatever_leaves_a_doubt_stays(rule: Any, value: Any) -> None:
    assert mended(rule, value) == (value, [])


def test_what_is_required_is_not_left_out() -> None:
    assert mended({"type": "string"}, None, required=["a"]) == (None, [])


def test_a_schema_that_leads_to_itself_is_left_alone() -> None:
    mending = Mending({"$ref": "#"})

    assert mending.mend({"a": "1"}) == {"a": "1"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.floats(-9, 9) | st.sampled_from(["10", "true", "x", "[1]"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=8,
)
TYPES = st.sampled_from(["string", "integer", "number", "boolean", "array", "object", "null"])
RULES = st.recursive(
    TYPES.map(lambda one: {"type": one})
    | st.lists(TYPES, min_size=1, max_size=2, unique=True).map(lambda s: {"type": s}),
    lambda inner: st.one_of(
        inner.map(lambda one: {"type": "array", "items": one}),
        inner.map(lambda one: {"type": "object", "properties": {"a": one}, "required": ["b"]}),
        inner.map(lambda one: {"anyOf": [one, {"type": "null"}]}),
    ),
    max_leaves=4,
)


@settings(max_examples=400, deadline=None)
@given(RULES, JSON)
def test_what_was_right_stays_right(rule: Tree, value: Any) -> None:
    """Only an integer that was written as a fraction may change then."""
    mending = Mending(rule)
    found = mending.mend(value)

    if directly(rule, value):
        assert directly(rule, found)
        assert found == value
        assert all(change.what == "number to integer" for change in mending.changes)
