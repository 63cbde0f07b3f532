"""Members by path: what is kept, what is dropped, and how a path is read."""

import json
from typing import Any

import pytest

from narthex.model.json_path import BadPath, Paths, read
from narthex.policy.redaction.fields import Fields

ROW = {"id": 1, "name": "Anna", "email": "a@x.example", "company": {"name": "Acme", "vat": "DE1"}, "tags": ["a", "b"]}
FOUND = {"contacts": [ROW, {**ROW, "id": 2}], "total": 2, "next": None}


def chosen(value: Any, keep: list[str] | None = None, drop: list[str] | None = None) -> Any:
    return json.loads(Fields(keep, drop or []).chosen(json.dumps(value).encode()))


@pytest.mark.parametrize(
    ("keep", "left"),
    [
        (["id"], {"contacts": [{"id": 1}, {"id": 2}]}),
        (["name"], {"contacts": [{"name": "Anna", "company": {"name": "Acme"}}] * 2}),
        (["company"], {"contacts": [{"company": ROW["company"]}] * 2}),
        (["$.total"], {"total": 2}),
        (["$.contacts[*].id", "total"], {"contacts": [{"id": 1}, {"id": 2}], "total": 2}),
        (["$.contacts.id"], {"contacts": [{"id": 1}, {"id": 2}]}),
        (["$.id"], {}),
        (["company.name"], {"contacts": [{"company": {"name": "Acme"}}] * 2}),
        (["$..company.*"], {"contacts": [{"company": ROW["company"]}] * 2}),
        (["tags"], {"contacts": [{"tags": ["a", "b"]}] * 2}),
        (["$['total']", '$["next"]'], {"total": 2, "next": None}),
        ([], {}),
        (["*"], FOUND),
    ],
)
def test_only_what_is_kept_is_left(keep: list[str], left: Any) -> None:
    assert chosen(FOUND, keep) == left


@pytest.mark.parametrize(
    ("drop", "gone"),
    [
        (["email"], "a@x.example"),
        (["$.contacts[*].company.vat"], "DE1"),
        (["company.vat"], "DE1"),
        (["$.contacts"], "Anna"),
        (["$..tags"], "tags"),
    ],
)
def test_what_is_dropped_is_gone_and_the_rest_is_there(drop: list[str], gone: str) -> None:
    left = chosen(FOUND, drop=drop)

    assert gone not in json.dumps(left)
    assert left["total"] == 2


def test_dropping_wins_over_keeping() -> None:
    assert chosen(FOUND, ["company"], ["vat"]) == {"contacts": [{"company": {"name": "Acme"}}] * 2}


def test_what_is_kept_keeps_its_very_digits_and_of_two_equal_names_the_last() -> None:
    raw = b'{"n":1.10,"x":1,"b":123456789012345678901234567890,"n":2.20}'

    assert Fields(["n", "b"], []).chosen(raw) == b'{"n":2.20,"b":123456789012345678901234567890}'


@pytest.mark.parametrize("value", [1, "text", None, True, [], [1, "a"]])
def test_what_has_no_members_has_nothing_that_could_be_kept(value: Any) -> None:
    assert chosen(value, ["id"]) in (None, [])
    assert chosen(value, drop=["id"]) == value


def test_what_was_empty_before_stays() -> None:
    assert chosen({"contacts": [], "more": {}, "total": 0}, ["id"]) == {"contacts": [], "more": {}}


@pytest.mark.parametrize(
    "text", ["", "$", "a..", "$.[0]", "$.a[0]", "$.a[1:2]", "$.a[?(@.b)]", "$.", "a b", "$x", "['a'", "$.a."]
)
def test_a_path_that_cannot_be_followed_is_refused(text: str) -> None:
    with pytest.raises(BadPath):
        read(text)


def test_many_paths_are_followed_at_once() -> None:
    paths = Paths([f"$.a{number}.b.c" for number in range(200)])
    meant, places = paths.down(paths.start, "a7")

    assert not meant
    assert len(places) == 1
    assert paths.down(paths.down(places, "b")[1], "c")[0] is True
