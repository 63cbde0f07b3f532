"""JSON and texts that are made smaller stay what they were: valid, whole signs, never over the bound."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from narthex.policy.guarding.shorten import shortened
from narthex.policy.guarding.text import cut, fitting, pages, written

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=9), inner, max_size=6),
    max_leaves=40,
)


def same_but_shorter(short: Any, whole: Any) -> bool:
    """Objects keep every key, lists their first entries, texts their start; all else is equal."""
    if type(whole) is dict:
        return short.keys() == whole.keys() and all(same_but_shorter(short[name], whole[name]) for name in whole)
    if type(whole) is list:
        return len(short) <= len(whole) and all(map(same_but_shorter, short, whole))
    if type(whole) is str and short != whole:
        return short.endswith("…") and whole.startswith(short[:-1])
    return bool(short == whole)


@given(VALUES, st.integers(0, 2_000), st.booleans())
def test_what_is_shortened_is_json_within_its_bound(value: Any, room: int, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    found = shortened(text, room)

    if len(text) <= room:
        assert found is not None
        assert found.text == text.strip()
        assert found.cuts == ()
    elif found is not None:
        assert len(found.text) <= room
        assert same_but_shorter(json.loads(found.text.decode()), value)


@given(st.lists(VALUES, max_size=30), st.integers(2, 500))
def test_a_list_can_always_be_made_smaller(value: list[Any], room: int) -> None:
    found = shortened(msgspec.json.encode(value), room)

    assert found is not None
    assert len(found.text) <= room


@given(TEXTS, st.integers(-3, 400))
def test_a_text_is_cut_between_signs(text: str, room: int) -> None:
    piece = fitting(text, room)

    assert text.startswith(piece)
    assert written(piece) <= max(room, 0)
    assert piece == text or written(text[: len(piece) + 1]) > room
    assert text.startswith(cut(text, room))


@given(TEXTS, st.integers(12, 400))
def test_pages_put_together_are_the_text(text: str, room: int) -> None:
    found = list(pages(text, room))

    assert "".join(found) == text
    assert all(0 < written(piece) <= room for piece in found)


def test_a_list_keeps_its_first_entries_byte_for_byte() -> None:
    text = b'{"rows": [{"a": 1.10}, {"a": 12345678901234567890123}, {"a": 2}, {"a": 3}], "total": 4}'
    found = shortened(text, 65)

    assert found is not None
    assert found.text == b'{"rows":[{"a": 1.10},{"a": 12345678901234567890123}],"total":4}'
    assert [tuple(one) for one in found.cuts] == [("/rows", "entries", 2, 4)]


def test_one_large_entry_does_not_cost_the_list() -> None:
    value = [{"id": 1, "text": "x" * 5_000}, {"id": 2, "text": "y"}]
    found = shortened(json.dumps(value).encode(), 1_000)

    assert found is not None
    assert [one["id"] for one in json.loads(found.text)] == [1]
    assert [tuple(one)[:2] for one in found.cuts] == [("", "entries"), ("/0/text", "bytes")]


def test_members_that_need_little_leave_the_rest_to_the_others() -> None:
    value = {"small": "s" * 100, "rows": list(range(10_000)), "more": list(range(10_000)), "n": 1}
    found = shortened(json.dumps(value).encode(), 4_000)

    assert found is not None
    kept = json.loads(found.text)
    assert kept["small"] == "s" * 100
    assert len(found.text) > 3_900
    assert abs(len(kept["rows"]) - len(kept["more"])) < 3


def test_what_cannot_be_made_smaller_is_said() -> None:
    assert shortened(b'{"a": 123456, "b": true}', 10) is None
    assert shortened(b"123456789", 5) is None
    assert shortened(b'{"a": ', 3) is None


def test_a_text_ends_with_a_line_where_it_can() -> None:
    text = "\n".join(f"line {number}" for number in range(100))

    assert cut(text, 100).splitlines() == [f"line {number}" for number in range(12)]
    assert cut("word " * 100, 100) == ("word " * 20).rstrip()[: len(cut("word " * 100, 100))]
    assert not cut("word " * 100, 98).endswith("wor")


def test_shortening_is_bounded_in_effort() -> None:
    deep: Any = {"x": 1}
    for level in range(60):
        deep = {f"{level}": deep, "pad": ["p" * 30] * 20, "more": {"y": "z" * 63}}
    text = json.dumps(deep).encode()

    for room in (100, 1_000, len(text) // 2):
        found = shortened(text, room)
        assert found is None or len(found.text) <= room
