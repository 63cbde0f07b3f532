"""JSON as editors keep it: comments and trailing commas are fine, and every mistake has its place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narthex.control import jsonc
from narthex.control.document import Mark, flatten
from narthex.control.problem import ConfigError

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        jsonc.parse("f.json", text)
    return str(caught.value)


@given(plain, st.sampled_from([None, 2, "\t"]), st.booleans())
def test_it_reads_what_the_standard_library_writes(value: object, indent: int | str | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)

    assert flatten("f", jsonc.parse("f", text)).tree == value


def test_comments_and_trailing_commas_are_what_vs_code_writes() -> None:
    text = '\ufeff// servers\n{\n\t"a": [1, /* two */ 2,], // x\n\t"b": "https://x", /* *** */\n}\n'

    assert flatten("f", jsonc.parse("f", text)).tree == {"a": [1, 2], "b": "https://x"}


def test_places_count_tabs_as_one_column() -> None:
    document = flatten("f", jsonc.parse("f", '{\n\t"a": {\n\t\t"b": 1\n\t}\n}'))

    assert Mark(3, 8) == document.values["a", "b"]
    assert Mark(3, 3) == document.keys["a", "b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1, "a": 2}', "f.json:1:10: this is not valid JSON: the key 'a' is here twice"),
        ('{"a": 1 "b": 2}', "f.json:1:9: this is not valid JSON: a ',' or '}' is expected here"),
        ('{"a": 01}', "1:7"),
        ('{"a": NaN}', "Text needs double quotes"),
        ("{'a': 1}", "a key in double quotes"),
        ('{"a": "C:\\dir"}', "Write a backslash as"),
        ('{"a": "x\ny"}', "this string does not end"),
        ('{"a": "\\ud83d"}', "half of a surrogate pair"),
        ('{"a": 1,, }', "a key in double quotes"),
        ('{"a": 1', "a ',' or '}' is expected"),
        ("{", "Look for a missing '}'"),
        ('{"a":', "the file ends where a value is expected"),
        ("{} {}", "Remove what follows it"),
        ("/* open", "this is not a JSON value"),
        ("[" * 100_000, "nested more than 64 levels"),
        ("", "the file ends"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, expected: str) -> None:
    assert expected in refusal(text)
