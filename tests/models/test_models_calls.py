"""Calls out of what a model answered: whole answers, parts of them, objects and dicts; and what is wrong with some."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from models_answers import ANSWERS, anthropic_message, gemini_response, openai_completion, openai_response

from narthex import limits
from narthex.models import Toolset

Tree = dict[str, Any]
TOOLS = [
    {
        "name": "crm.search",
        "inputSchema": {
            "type": "object",
            "properties": {
                "query": {"type": "string"},
                "$top": {"type": "integer"},
                "where": {
                    "type": "object",
                    "properties": {"a b": {"type": ["string", "null"]}, "c": {"type": "integer"}},
                },
                "list": {"type": "array", "items": {"type": "object", "properties": {"n°": {"type": "number"}}}},
            },
            "required": ["query"],
        },
    },
    {"name": "now", "inputSchema": {"type": "object"}},
]
FORMS = list(ANSWERS)


def named(toolset: Toolset) -> list[str]:
    shown = [one for part in toolset.definitions for one in part.get("functionDeclarations", [part])]
    return [(one.get("function") or one)["name"] for one in shown]


@pytest.mark.parametrize("form", FORMS)
def test_calls_are_found_in_an_answer_of_the_sdk(form: Any) -> None:
    toolset = Toolset(TOOLS, form)
    search, now = named(toolset)

    calls = toolset.calls(ANSWERS[form]((search, {"query": "ana"}), (now, {})))

    assert [call.params for call in calls] == [
        {"name": "crm.search", "arguments": {"query": "ana"}},
        {"name": "now", "arguments": {}},
    ]
    assert [(call.id, call.as_called, call.refusal) for call in calls] == [("c0", search, None), ("c1", now, None)]


@pytest.mark.parametrize("form", FORMS)
def test_calls_are_found_in_the_same_answer_as_json(form: Any) -> None:
    toolset = Toolset(TOOLS, form)
    answer = ANSWERS[form]((named(toolset)[0], {"query": "ana"}))

    for by_alias in (True, False):
        tree = answer.model_dump(mode="json", by_alias=by_alias)
        assert [call.arguments for call in toolset.calls(tree)] == [{"query": "ana"}]


PARTS: list[tuple[str, Callable[[Any], Any]]] = [
    ("anthropic", lambda answer: answer.content),
    ("anthropic", lambda answer: answer.content[1]),
    ("anthropic", lambda answer: {"role": "assistant", "content": answer.content}),
    ("openai", lambda answer: answer.choices[0].message),
    ("openai", lambda answer: answer.choices[0].message.tool_calls),
    ("openai", lambda answer: answer.choices[0].message.tool_calls[0]),
    ("openai-responses", lambda answer: answer.output),
    ("openai-responses", lambda answer: answer.output[1]),
    ("gemini", lambda answer: answer.candidates[0].content),
    ("gemini", lambda answer: answer.candidates[0].content.parts),
    ("gemini", lambda answer: answer.function_calls),
    ("gemini", lambda answer: answer.function_calls[0]),
    ("llama", lambda answer: answer.completion_message),
    ("llama", lambda answer: answer.completion_message.tool_calls),
]


@pytest.mark.parametrize(("form", "part"), PARTS)
def test_a_part_of_an_answer_will_do(form: Any, part: Callable[[Any], Any]) -> None:
    toolset = Toolset(TOOLS, form)
    answer = ANSWERS[form]((named(toolset)[0], {"query": "ana"}))

    assert [call.arguments for call in toolset.calls(part(answer))] == [{"query": "ana"}]


@pytest.mark.parametrize("form", [*FORMS, "mcp"])
@pytest.mark.parametrize("answer", [None, {}, [], "", "Hello.", {"content": "Hello."}, {"choices": []}, [None], 7])
def test_an_answer_without_calls_has_none(form: Any, answer: Any) -> None:
    assert Toolset(TOOLS, form).calls(answer) == []


def test_the_protocol_itself() -> None:
    toolset = Toolset(TOOLS, "mcp")
    params = {"name": "crm.search", "arguments": {"$top": 1}}

    (whole,) = toolset.calls({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params})
    (bare,) = toolset.calls(params)

    assert (whole.params, whole.id) == (params, "7")
    assert (bare.params, bare.id) == (params, None)


def test_changed_names_of_arguments_go_back_at_every_depth() -> None:
    toolset = Toolset(TOOLS, "gemini")
    parameters = toolset.definitions[0]["functionDeclarations"][0]["parameters"]["properties"]
    top, where, listed = list(parameters)[1:]
    within = next(iter(parameters[where]["properties"]))
    item = next(iter(parameters[listed]["items"]["properties"]))

    written = {"query": "x", top: 5.0, where: {within: "y", "c": 2.0}, listed: [{item: 1.0}]}
    (call,) = toolset.calls(gemini_response(("crm.search", written)))

    assert call.arguments == {"query": "x", "$top": 5, "where": {"a b": "y", "c": 2}, "list": [{"n°": 1.0}]}
    assert json.dumps(call.arguments["$top"]) == "5", "whole numbers are whole again"
    assert json.dumps(call.arguments["list"]) == '[{"n\\u00b0": 1.0}]', "where a number is any, it stays"


def test_nulls_that_stand_for_nothing_go() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "string"},
            "b": {"type": ["string", "null"]},
            "c": {"type": "object", "properties": {"d": {"enum": ["x"]}}},
            "e": {"type": "array", "items": {"type": "object", "properties": {"f": {"anyOf": [{"type": "integer"}]}}}},
        },
        "required": ["c"],
    }
    toolset = Toolset([{"name": "t", "inputSchema": schema}], "openai", strict=True)
    assert toolset.definitions[0]["function"]["strict"] is True

    written = {"a": None, "b": None, "c": {"d": None}, "e": [{"f": None}, {"f": 1}]}
    (call,) = toolset.calls(openai_completion(("t", written)))

    assert call.arguments == {"b": None, "c": {}, "e": [{}, {"f": 1}]}


def test_a_null_that_one_branch_of_a_union_wants_stays() -> None:
    wants = {"type": "object", "properties": {"x": {"type": ["integer", "null"]}}, "required": ["x"]}
    leaves = {"type": "object", "properties": {"x": {"type": "string"}}}
    schema = {"properties": {"u": {"anyOf": [leaves, wants]}}, "required": ["u"]}

    toolset = Toolset([{"name": "t", "inputSchema": schema}], "openai", strict=True)
    assert toolset.definitions[0]["function"]["strict"] is True
    (call,) = toolset.calls(openai_completion(("t", {"u": {"x": None}})))

    assert call.arguments == {"u": {"x": None}}


def test_a_tool_that_is_not_there_is_refused_in_words_for_the_model() -> None:
    toolset = Toolset(TOOLS, "anthropic")

    (call,) = toolset.calls(anthropic_message(("crm_delete", {"id": 1})))

    assert call.refusal == {"content": [{"type": "text", "text": "There is no tool 'crm_delete'."}], "isError": True}
    assert toolset.results([(call, call.refusal)])[0]["content"][0]["is_error"] is True


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("{", "cannot be read"),
        ('{"query": "a", "query": "b"}', "cannot be read"),
        ("[1]", "no JSON object"),
        ('"x"', "no JSON object"),
        ('{"a": NaN}', "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ('{"a": "\ud800"}', "cannot be read"),
        ('{"n": ' + "9" * 5000 + "}", "cannot be read"),
    ],
)
def test_arguments_that_are_none_are_refused_in_words_for_the_model(written: str, why: str) -> None:
    for form, item in (
        ("openai", {"id": "1", "type": "function", "function": {"name": "now", "arguments": written}}),
        ("openai-responses", {"type": "function_call", "call_id": "1", "name": "now", "arguments": written}),
    ):
        toolset = Toolset(TOOLS, form)  # type: ignore[arg-type]
        (call,) = toolset.calls([item])

        if "\ud800" in written:
            assert call.refusal is None, "half a sign becomes a question mark"
        else:
            assert call.refusal is not None
            assert why in call.refusal["content"][0]["text"]


@pytest.mark.parametrize("written", [None, "", "{}", {}])
def test_no_arguments_are_no_arguments(written: Any) -> None:
    (call,) = Toolset(TOOLS, "openai").calls([{"id": "1", "function": {"name": "now", "arguments": written}}])

    assert (call.arguments, call.refusal) == ({}, None)


def test_calls_of_other_kinds_are_not_ours() -> None:
    items = [
        {"type": "custom", "id": "1", "custom": {"name": "now", "input": "x"}},
        {"type": "server_tool_use", "id": "1", "name": "now", "input": {}},
        {"type": "mcp_call", "id": "1", "name": "now", "arguments": "{}"},
        {"functionResponse": {"name": "now", "response": {}}},
    ]

    for form in ("anthropic", "openai", "openai-responses", "gemini"):
        assert Toolset(TOOLS, form).calls(items) == []  # type: ignore[arg-type]


def test_no_answer_holds_more_calls_than_anybody_means() -> None:
    many = [("now", {})] * limits.model_calls_max

    assert len(Toolset(TOOLS, "openai").calls(openai_completion(*many))) == limits.model_calls_max
    with pytest.raises(ValueError, match=f"more than {limits.model_calls_max} tool calls"):
        Toolset(TOOLS, "openai-responses").calls(openai_response(*many, ("now", {})))
