"""Values selected, kept, made flat and renamed."""

from typing import Any

import pytest

from narthex.upstream.openapi.operation import Shape
from narthex.upstream.openapi.selecting import Shaping

VALUE = {
    "data": [
        {"id": 1, "owner": {"login": "ana", "plan": {"name": "pro"}}, "tags": [{"name": "a"}, {"name": "b"}]},
        {"id": 2, "owner": {"login": "bo", "plan": None}, "tags": []},
    ],
    "meta": {"total": 2},
}

SELECTED: list[tuple[str, Any]] = [
    ("$.meta.total", 2),
    ("$.meta", {"total": 2}),
    ("$.data", VALUE["data"]),
    ("$.data[*].id", [1, 2]),
    ("$.data.id", [1, 2]),
    ("$.data[*].tags", [{"name": "a"}, {"name": "b"}]),
    ("$.data[*].tags[*].name", ["a", "b"]),
    ("$..name", ["pro", "a", "b"]),
    ("login", ["ana", "bo"]),
    ("$.meta.*", [2]),
    ("$.nothing.there", None),
    ("$.data[*].nothing", []),
]


@pytest.mark.parametrize(("path", "expected"), SELECTED)
def test_selected(path: str, expected: Any) -> None:
    assert Shaping(Shape(select=path)).of(VALUE) == expected


def test_kept() -> None:
    shape = Shape(select="$.data", keep=("id", "owner.plan", "tags[*].name"))

    assert Shaping(shape).of(VALUE) == [
        {"id": 1, "owner": {"plan": {"name": "pro"}}, "tags": [{"name": "a"}, {"name": "b"}]},
        {"id": 2, "owner": {"plan": None}, "tags": []},
    ]


def test_a_member_that_is_kept_whole_and_in_part_is_kept_in_part() -> None:
    assert Shaping(Shape(keep=("a.b", "c"))).of({"a": {"b": 1, "x": 2}, "c": {"d": 3}, "e": 4}) == {
        "a": {"b": 1},
        "c": {"d": 3},
    }


def test_flat_and_renamed() -> None:
    names = (("owner.login", "login"), ("tags.name", "tag"))
    shape = Shape(select="$.data", flatten=True, rename=names)

    assert Shaping(shape).of(VALUE)[0] == {
        "id": 1,
        "login": "ana",
        "owner.plan.name": "pro",
        "tags": [{"tag": "a"}, {"tag": "b"}],
    }


def test_renamed_in_place() -> None:
    assert Shaping(Shape(rename=(("a.b", "c"),))).of({"a": {"b": 1}, "b": 2}) == {"a": {"c": 1}, "b": 2}


@pytest.mark.parametrize("value", [None, 1, "text", [], {}, [[1, [2]]]])
def test_what_has_no_members_stays_as_it_is(value: Any) -> None:
    shape = Shape(keep=("a",), flatten=True, rename=(("a", "b"),))

    assert Shaping(shape).of(value) == value
