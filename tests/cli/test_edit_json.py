"""One member changes, the rest of the file stays as its owner wrote it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narthex.cli.edit_json import EditError, read_member, remove_member, set_member
from narthex.control import jsonc
from narthex.control.document import flatten

KEYS = ("mcpServers", "narthex")
ENTRY = {"url": "http://127.0.0.1:8080/mcp"}


def plain(text: str) -> object:
    return flatten("", jsonc.parse("", text)).tree


def test_an_empty_file_becomes_one() -> None:
    assert json.loads(set_member("", KEYS, ENTRY)) == {"mcpServers": {"narthex": ENTRY}}


def test_the_rest_stays_to_the_letter() -> None:
    before = """\
// mine
{
    "theme" : "dark",   // at night
    "mcpServers": {
        "a": {"command":"x"}, // first
        /* second */
        "b": { "command": "y" } // last
    },
    "z": [1,2 , 3]
}
"""
    after = """\
// mine
{
    "theme" : "dark",   // at night
    "mcpServers": {
        "a": {"command":"x"}, // first
        /* second */
        "b": { "command": "y" }, // last
        "narthex": {
            "url": "http://127.0.0.1:8080/mcp"
        }
    },
    "z": [1,2 , 3]
}
"""

    assert set_member(before, KEYS, ENTRY) == after
    assert remove_member(after, KEYS) == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{}", '{\n  "mcpServers": {\n    "narthex": 1\n  }\n}'),
        ("{\n}\n", '{\n  "mcpServers": {\n    "narthex": 1\n  }\n}\n'),
        ('{\n\t"a": 1\n}', '{\n\t"a": 1,\n\t"mcpServers": {\n\t\t"narthex": 1\n\t}\n}'),
        ('{\n  "a": 1,\n}', '{\n  "a": 1,\n  "mcpServers": {\n    "narthex": 1\n  },\n}'),
        ('{"a": 1}', '{"a": 1, "mcpServers": {"narthex": 1}}'),
        ('{"mcpServers": {}}', '{"mcpServers": {\n  "narthex": 1\n}}'),
        ('{\r\n  "a": 1\r\n}\r\n', '{\r\n  "a": 1,\r\n  "mcpServers": {\r\n    "narthex": 1\r\n  }\r\n}\r\n'),
        ('{"mcpServers": {"narthex": {"old": true}}}', '{"mcpServers": {"narthex": 1}}'),
        ('{"mcpServers": {"narthex": 1}}', '{"mcpServers": {"narthex": 1}}'),
        (
            '{"mcpServers": {\n  // none yet\n}}',
            '{"mcpServers": {\n  // none yet\n  "narthex": 1\n}}',
        ),
    ],
)
def test_layouts(before: str, after: str) -> None:
    assert after == set_member(before, KEYS, 1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"mcpServers": {"narthex": 1}}', '{"mcpServers": {}}'),
        ('{"mcpServers": {\n  "narthex": 1\n}}', '{"mcpServers": {}}'),
        ('{"mcpServers": {"narthex": 1, "b": 2}}', '{"mcpServers": {"b": 2}}'),
        ('{"mcpServers": {"a": 0, "narthex": 1, "b": 2}}', '{"mcpServers": {"a": 0, "b": 2}}'),
        ('{"mcpServers": {"a": 0, "narthex": 1}}', '{"mcpServers": {"a": 0}}'),
        ('{"mcpServers": {\n  "a": 0,\n  "narthex": 1,\n}}', '{"mcpServers": {\n  "a": 0,\n}}'),
        ('{"mcpServers": {\n  "narthex": 1, // gw\n  // b\n  "b": 2\n}}', '{"mcpServers": {\n  // b\n  "b": 2\n}}'),
        ('{"mcpServers": {"b": 2}}', '{"mcpServers": {"b": 2}}'),
        ('{"other": 1}', '{"other": 1}'),
        ("", ""),
    ],
)
def test_removals(before: str, after: str) -> None:
    assert after == remove_member(before, KEYS)


names = st.text(alphabet='ab/"\\é ', max_size=3)
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(names, trees, max_size=4)


@given(objects, objects, names, trees, st.sampled_from([None, 2, "\t"]))
def test_set_and_remove_change_only_the_member(
    around: dict[str, object], beside: dict[str, object], name: str, value: object, indent: int | str | None
) -> None:
    beside.pop(name, None)
    around["mcpServers"] = beside
    text = json.dumps(around, indent=indent, ensure_ascii=False)
    changed = set_member(text, ("mcpServers", name), value)

    assert plain(changed) == {**around, "mcpServers": {**beside, name: value}}
    assert read_member(changed, ("mcpServers", name)) == value
    assert plain(remove_member(changed, ("mcpServers", name))) == around


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"mcpServers": 1}', "'mcpServers' is not an object there"),
        ("[]", "does not hold a JSON object"),
        ('{"a": 1', "line 1, column 8"),
    ],
)
def test_what_cannot_be_edited_is_left_alone(text: str, expected: str) -> None:
    with pytest.raises(EditError, match=expected):
        set_member(text, KEYS, 1)
