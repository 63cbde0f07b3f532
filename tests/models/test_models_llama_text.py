"""Calls in the bare text of Llama models, in each of the ways they write them; text that is none; hostile text."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narthex import limits
from narthex.models import Toolset

TOOLS = [{"name": "search", "inputSchema": {"type": "object"}}, {"name": "now", "inputSchema": {"type": "object"}}]
TOOLSET = Toolset(TOOLS, "llama")


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "search", "parameters": {"query": "kites", "limit": 5}}',
        '<|python_tag|>{"name": "search", "parameters": {"query": "kites", "limit": 5}}<|eom_id|>',
        '{"type": "function", "name": "search", "arguments": {"query": "kites", "limit": 5}}<|eot_id|>',
        '[{"name": "search", "parameters": {"query": "kites", "limit": 5}}]',
        '<function=search>{"query": "kites", "limit": 5}</function>',
        '[search(query="kites", limit=5)]',
        "<|python_start|>[search(query='kites', limit=5)]<|python_end|><|eot|>",
    ],
)
def test_a_call_is_understood(text: str) -> None:
    (call,) = TOOLSET.calls(text)

    assert call.params == {"name": "search", "arguments": {"query": "kites", "limit": 5}}
    assert call.id is None


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "search", "parameters": {}}; {"name": "now", "parameters": {}}',
        "[search(), now()]",
        "<function=search>{}</function><function=now>{}</function>",
    ],
)
def test_several_calls_are_several(text: str) -> None:
    assert [call.name for call in TOOLSET.calls(text)] == ["search", "now"]


@pytest.mark.parametrize(
    "text",
    [
        "Kites are flown with a line.",
        "",
        "[1, 2, 3]",
        '{"answer": 42}',
        "[see the list]",
        '{"name": 7}',
        '[search("by position")]',
        "[search(query=open('/etc/passwd'))]",
        "[search(query=__import__('os'))]",
        "[search(query=b'bytes')]",
        "[search(query={1, 2})]",
        "[search(**{})] and more",
        "{",
        "[",
    ],
)
def test_what_is_no_call_is_none(text: str) -> None:
    assert TOOLSET.calls(text) == []


def test_a_tool_that_is_not_there_is_refused() -> None:
    (call,) = TOOLSET.calls("[delete(all=True)]")

    assert call.refusal is not None


@pytest.mark.parametrize(
    "text",
    [
        "[" * 50_000,
        "[" + "-" * 50_000 + "1]",
        "[f(a=" + "1+" * 20_000 + "1)]",
        "[f" + "(a=1)" * 10_000 + "]",
        '{"name":"f","parameters":' + '{"a":' * 20_000,
        "<function=" * 20_000,
        "<function=a>" * 20_000,
        "<|python_tag|>" * 20_000,
    ],
)
def test_hostile_text_takes_no_time(text: str) -> None:
    began = time.process_time()

    try:
        assert all(call.refusal is not None for call in TOOLSET.calls(text))
    except ValueError as error:
        assert str(limits.model_calls_max) in str(error)  # noqa: PT017 - either is right
    assert time.process_time() - began < 1.0


@given(st.text(alphabet="[]{}()=<>/;,.\"'\\\n functiosearch01", max_size=120))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read(text: str) -> None:
    for call in TOOLSET.calls(text):
        assert isinstance(call.arguments, dict)
