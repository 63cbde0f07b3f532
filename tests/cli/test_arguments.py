"""Words on a command line become the arguments a tool wants."""

import io
from typing import Any

import pytest

from narthex.cli.arguments import ArgumentError, read_arguments

SCHEMA = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "count": {"type": "integer"},
        "maybe": {"type": ["string", "null"]},
        "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        "list": {"type": "array"},
    },
}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("text=7",), {"text": "7"}),
        (("text=true", "count=7"), {"text": "true", "count": 7}),
        (("count=many",), {"count": "many"}),
        (("maybe=null",), {"maybe": None}),
        (("maybe=7",), {"maybe": "7"}),
        (("either=7",), {"either": 7}),
        (("either=[1]",), {"either": "[1]"}),
        (("list=[1, 2]",), {"list": [1, 2]}),
        (("list=[1, 2",), {"list": "[1, 2"}),
        (("unknown=7", "other=a b"), {"unknown": 7, "other": "a b"}),
        (("text:=7",), {"text": 7}),
        (('x:={"a": "b=c"}',), {"x": {"a": "b=c"}}),
        (("text=a=b:=c",), {"text": "a=b:=c"}),
        (("text=",), {"text": ""}),
        (("unknown=NaN",), {"unknown": "NaN"}),
        ((), {}),
    ],
)
def test_words(words: tuple[str, ...], expected: dict[str, Any]) -> None:
    assert expected == read_arguments(words, SCHEMA, io.StringIO())


def test_a_single_dash_reads_standard_input() -> None:
    assert read_arguments(("-",), SCHEMA, io.StringIO('{"a": 1}')) == {"a": 1}


@pytest.mark.parametrize(
    ("words", "stdin", "expected"),
    [
        (("text",), "", "'text' is not KEY=VALUE"),
        (("=x",), "", "is not KEY=VALUE"),
        ((":=1",), "", "is not KEY=VALUE"),
        (("a:=x",), "", "The value of 'a' is not JSON"),
        (("a:=NaN",), "", "The value of 'a' is not JSON"),
        (("-",), "x", "Standard input is not JSON"),
        (("-",), "[1]", "one JSON object"),
    ],
)
def test_what_cannot_be_understood_is_said(words: tuple[str, ...], stdin: str, expected: str) -> None:
    with pytest.raises(ArgumentError, match=expected):
        read_arguments(words, SCHEMA, io.StringIO(stdin))


@pytest.mark.parametrize("schema", [None, True, [], {"properties": 1}, {"properties": {"a": True}}])
def test_an_odd_schema_does_no_harm(schema: Any) -> None:
    assert read_arguments(("a=1",), schema, io.StringIO()) == {"a": 1}
