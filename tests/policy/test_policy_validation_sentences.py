"""What is wrong with arguments, said so that a model can mend it: each keyword, each kind of mistake."""

from typing import Any

import pytest
from validation_makers import SEARCH, Tree, ready, said

from narthex.limits import error_pointer_chars_max, errors_said_max
from narthex.policy.validation.flaws import flaws_of
from narthex.policy.validation.saying import data, listed

SHAPES: Tree = {
    "properties": {
        "shape": {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {"kind": {"const": "circle"}, "radius": {"type": "number"}},
                    "required": ["kind", "radius"],
                },
                {
                    "type": "object",
                    "properties": {"kind": {"const": "square"}, "side": {"type": "number"}},
                    "required": ["kind", "side"],
                },
                {"type": "null"},
            ]
        }
    }
}
REFERRED: Tree = {
    "$defs": {"Person": {"type": "object", "properties": {"age": {"type": "integer"}}, "additionalProperties": False}},
    "properties": {"owner": {"$ref": "#/$defs/Person"}},
}


def of(rule: Tree, **more: Any) -> Tree:
    return {"type": "object", "properties": {"a": rule}, **more}


A: list[tuple[Tree, Any, str]] = [
    (SEARCH, {"query": "x", "limit": "10"}, '/limit: expected an integer; got the string "10".'),
    (SEARCH, {"query": "x", "limit": 0}, "/limit: expected a number of at least 1; got the number 0."),
    (SEARCH, {"query": "x", "limit": 101}, "/limit: expected a number of at most 100; got the number 101."),
    (SEARCH, {"query": ""}, '/query: expected a string of at least 1 character; got the string "".'),
    (SEARCH, {"query": None}, "/query: expected a string; got null."),
    (SEARCH, {}, "/query: expected a string, which is required; got nothing."),
    (
        SEARCH,
        {"query": "x", "status": "opne"},
        '/status: expected one of "open", "closed", "pending"; got the string "opne". Did you mean "open"?',
    ),
    (
        SEARCH,
        {"query": "x", "status": "lost"},
        '/status: expected one of "open", "closed", "pending"; got the string "lost".',
    ),
    (
        SEARCH,
        {"qurey": "x"},
        (
            '/qurey: expected the property "query", which is required; got a property that is not known. '
            'Did you mean "query"?'
        ),
    ),
    (
        SEARCH,
        {"query": "x", "filters": {"compny": "ACME"}},
        '/filters/compny: expected only "company", "size"; got a property that is not known. Did you mean "company"?',
    ),
    (SEARCH, {"query": "x", "tags": "a"}, '/tags: expected an array; got the string "a".'),
    (SEARCH, {"query": "x", "tags": list("abcd")}, "/tags: expected at most 3 items; got an array of 4 items."),
    (SEARCH, {"query": "x", "tags": ["a", 7]}, "/tags/1: expected a string; got the number 7."),
    (SEARCH, {"query": "x", "since": 5}, "/since: expected a string or null; got the number 5."),
    (SEARCH, {"query": "x", "deep": "yes"}, '/deep: expected true or false; got the string "yes".'),
    (SEARCH, {"query": "x", "filters": []}, "/filters: expected an object; got an array of 0 items."),
    (SEARCH, [], "the arguments: expected an object; got an array of 0 items."),
    (of({"exclusiveMinimum": 3}), {"a": 3}, "/a: expected a number above 3; got the number 3."),
    (of({"exclusiveMaximum": 3}), {"a": 3}, "/a: expected a number below 3; got the number 3."),
    (of({"multipleOf": 5}), {"a": 7}, "/a: expected a multiple of 5; got the number 7."),
    (of({"maxLength": 2}), {"a": "abc"}, '/a: expected a string of at most 2 characters; got the string "abc".'),
    (of({"pattern": "^x"}), {"a": "y"}, '/a: expected a string that matches the pattern "^x"; got the string "y".'),
    (of({"minItems": 2}), {"a": [1]}, "/a: expected at least 2 items; got an array of 1 item."),
    (of({"uniqueItems": True}), {"a": [1, 1]}, "/a: expected items that all differ; got an array of 2 items."),
    (of({"minProperties": 1}), {"a": {}}, "/a: expected at least 1 property; got an object with 0 properties."),
    (of({"maxProperties": 0}), {"a": {"b": 1}}, "/a: expected at most 0 properties; got an object with 1 property."),
    (of({"const": "now"}), {"a": "then"}, '/a: expected "now"; got the string "then".'),
    (of({"not": {"type": "null"}}), {"a": None}, '/a: expected anything but what matches {"type": "null"}; got null.'),
    ({"properties": {"a": False}}, {"a": 1}, "/a: expected nothing here; got the number 1."),
    (
        of({"contains": {"const": 1}}),
        {"a": [2]},
        "/a: expected an item of the kind that its schema requires; got an array of 1 item.",
    ),
    (
        of({"prefixItems": [{}], "items": False}),
        {"a": [1, 2]},
        "/a/1: expected nothing here; got the number 2.",
    ),
    (
        of({}, dependentRequired={"a": ["b"]}),
        {"a": 1},
        "/b: expected a value, which is required; got nothing.",
    ),
    (
        {"propertyNames": {"maxLength": 2}},
        {"abc": 1},
        '/abc: expected names of properties to be a string of at most 2 characters; got the name "abc".',
    ),
    (
        {"properties": {"a": {}}, "unevaluatedProperties": False},
        {"a": 1, "zz": 2},
        '/zz: expected only "a"; got a property that is not known.',
    ),
    (
        of({"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        {"a": "x"},
        '/a: expected an integer or null; got the string "x".',
    ),
    (
        of({"oneOf": [{"minimum": 1}, {"minimum": 2}]}),
        {"a": 3},
        "/a: expected exactly one of the alternatives, and this is more than one; got the number 3.",
    ),
    (
        SHAPES,
        {"shape": {"kind": "circel"}},
        '/shape/kind: expected one of "circle", "square"; got the string "circel". Did you mean "circle"?',
    ),
    (SHAPES, {"shape": {"kind": "square", "side": "x"}}, '/shape/side: expected a number; got the string "x".'),
    (SHAPES, {"shape": {"kind": "square"}}, "/shape/side: expected a number, which is required; got nothing."),
    (SHAPES, {"shape": 7}, "/shape: expected an object or null; got the number 7."),
    (REFERRED, {"owner": {"age": "7"}}, '/owner/age: expected an integer; got the string "7".'),
    (
        REFERRED,
        {"owner": {"aeg": 7}},
        '/owner/aeg: expected only "age"; got a property that is not known. Did you mean "age"?',
    ),
]


@pytest.mark.parametrize(("schema", "arguments", "sentence"), A, ids=[row[2].partition(";")[0][:60] for row in A])
def test_a_mistake_is_said_so_that_it_can_be_mended(schema: Tree, arguments: Any, sentence: str) -> None:
    assert said(schema, arguments) == sentence


def test_all_mistakes_are_listed_at_once() -> None:
    found = flaws_of(ready(SEARCH), {"limit": "10", "status": "opne", "filters": {"compny": 1}})

    assert [flaw.pointer for flaw in found.told] == ["/limit", "/status", "/filters/compny", "/query"]
    assert (found.more, found.whole) == (0, True)


def test_beyond_a_few_they_are_counted() -> None:
    found = flaws_of(ready(SEARCH), {"query": "x", "tags": list(range(errors_said_max + 5))})

    assert len(found.told) == errors_said_max
    assert found.more == 6  # the length is wrong too
    assert listed(found, "", values=True).endswith("6 more.")
    assert data(found, values=True)["more"] == 6


def test_the_same_for_a_machine() -> None:
    found = flaws_of(ready(SEARCH), {"query": "x", "status": "opne"})

    assert data(found, values=True) == {
        "errors": [
            {
                "pointer": "/status",
                "expected": 'one of "open", "closed", "pending"',
                "got": 'the string "opne"',
                "suggestion": "open",
            }
        ]
    }


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        ({"properties": {"password": {"minLength": 40}}}, {"password": "hunter2"}),
        ({"properties": {"user_password": {"type": "integer"}}}, {"user_password": "hunter2"}),
        ({"properties": {"accessToken": {"maxLength": 1}}}, {"accessToken": "hunter2"}),
        ({"properties": {"credentials": {"properties": {"u": {"maxLength": 1}}}}}, {"credentials": {"u": "hunter2"}}),
        (of({"maxLength": 2, "writeOnly": True}), {"a": "hunter2"}),
        (of({"maxLength": 2, "format": "password"}), {"a": "hunter2"}),
    ],
)
def test_a_secret_is_not_repeated(schema: Tree, arguments: Tree) -> None:
    assert "not repeated here" in said(schema, arguments)
    assert "hunter2" not in said(schema, arguments)


def test_without_values_nothing_is_repeated() -> None:
    assert "hunter2" in said(of({"type": "integer"}), {"a": "hunter2"})
    assert "hunter2" not in said(of({"type": "integer"}), {"a": "hunter2"}, values=False)


def test_what_a_stranger_wrote_is_cut_short() -> None:
    name, value = "n" * 100_000, "v" * 100_000
    shown = said({"additionalProperties": {"type": "integer"}}, {name: value})

    assert len(shown) < error_pointer_chars_max + 200


def test_a_sign_that_nobody_sees_is_written_out() -> None:
    assert "\\u202e" in said(of({"type": "integer"}), {"a": "\u202eabc"})


def test_a_pointer_is_escaped() -> None:
    found = flaws_of(ready({"additionalProperties": {"type": "integer"}}), {"a/b~c": "x"})

    assert found.told[0].pointer == "/a~1b~0c"


ROWS: Tree = {
    "properties": {
        "rows": {"anyOf": [{"type": "array", "items": {"properties": {"id": {"type": "integer"}}}}, {"type": "null"}]},
        "ids": {"type": "array", "items": {"type": "integer"}},
        "x": {"type": "integer"},
    }
}


@pytest.mark.parametrize(("key", "bad"), [("rows", {"id": "z"}), ("ids", "z")])
@pytest.mark.parametrize("place", [0, 4_321, 4_999])
def test_in_a_long_list_the_first_wrong_item_is_found(key: str, bad: Any, place: int) -> None:
    value: Tree = {"rows": [{"id": 1}] * 5_000, "ids": [1] * 5_000}
    value[key] = [*value[key]]
    value[key][place] = bad

    where = f"/{key}/{place}/id" if key == "rows" else f"/{key}/{place}"
    assert said(ROWS, value) == (
        f'{where}: expected an integer; got the string "z". There may be more: only the first was looked for.'
    )


def test_beside_a_long_list_the_mistake_is_found_too() -> None:
    assert said(ROWS, {"rows": [{"id": 1}] * 5_000, "x": "z"}).startswith('/x: expected an integer; got the string "z"')


def test_what_would_take_too_long_to_list_is_not_listed() -> None:
    shown = said(ROWS, {"rows": [{"id": 1}] * 90_000, "x": "z"})

    assert shown == "Where, is not said: the arguments are too many to list what is wrong with them."
