"""Results of tools as the messages each API takes: text, images, files, errors, structured content."""

import base64
import json
from typing import Any

import pytest
from models_answers import ANSWERS
from models_judges import judge_messages

from narthex.models import Call, Toolset, failure

Tree = dict[str, Any]
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()
PDF = base64.b64encode(b"%PDF-1.7 and so on").decode()
FORMS = list(ANSWERS)
TOOLS = [{"name": "t", "inputSchema": {"type": "object"}}]
CALL = Call("t", {}, "c0", "t")


def text(said: str) -> Tree:
    return {"type": "text", "text": said}


def sent(form: Any, *results: Any) -> list[Tree]:
    """The messages for calls c0, c1, …, judged by the API's own types."""
    calls = [Call("t", {}, f"c{at}", "t") for at in range(len(results))]
    messages = Toolset(TOOLS, form).results(list(zip(calls, results, strict=True)))
    judge_messages(form, messages)
    json.dumps(messages, allow_nan=False).encode()
    return messages


def test_anthropic() -> None:
    (message,) = sent("anthropic", {"content": [text("a")]}, {"content": [text("no")], "isError": True})

    assert message == {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "c0", "content": [text("a")]},
            {"type": "tool_result", "tool_use_id": "c1", "content": [text("no")], "is_error": True},
        ],
    }


def test_openai_and_llama() -> None:
    for form in ("openai", "llama"):
        assert sent(form, {"content": [text("a"), text("b")]}, failure("no")) == [
            {"role": "tool", "tool_call_id": "c0", "content": "a\nb"},
            {"role": "tool", "tool_call_id": "c1", "content": "Error: no"},
        ]


def test_openai_responses() -> None:
    assert sent("openai-responses", {"content": [text("a")]}, failure("Error: no")) == [
        {"type": "function_call_output", "call_id": "c0", "output": "a"},
        {"type": "function_call_output", "call_id": "c1", "output": "Error: no"},
    ]


def test_gemini() -> None:
    (content,) = sent("gemini", {"content": [text("a")]}, failure("no"))

    assert content["parts"] == [
        {"functionResponse": {"name": "t", "response": {"output": "a"}, "id": "c0"}},
        {"functionResponse": {"name": "t", "response": {"error": "no"}, "id": "c1"}},
    ]


def test_a_llama_without_a_server_has_results_in_its_own_role() -> None:
    (message,) = Toolset(TOOLS, "llama").results([(Call("t", {}, None, "t"), {"content": [text("a")]})])

    assert message == {"role": "ipython", "content": "a"}


def test_mcp_is_what_it_was() -> None:
    result = {"content": [text("a")], "structuredContent": {"a": 1}, "_meta": {"x": 1}}

    assert Toolset(TOOLS, "mcp").results([(CALL, result), (CALL, ValueError("no"))]) == [result, failure("no")]


@pytest.mark.parametrize("form", FORMS)
def test_structured_content_is_said_once(form: str) -> None:
    structured = {"found": 2, "of": "grüße"}
    only = sent(form, {"content": [], "structuredContent": structured})
    copied = sent(form, {"content": [text(json.dumps(structured))], "structuredContent": structured})
    beside = sent(form, {"content": [text("Two.")], "structuredContent": structured})

    assert [json.dumps(one, ensure_ascii=False).count("grüße") for one in (only, beside)] == [1, 1]
    assert json.dumps(copied).count("found") == 1
    assert "Two." in json.dumps(beside)


def test_gemini_has_structured_content_as_it_is() -> None:
    (content,) = sent("gemini", {"content": [], "structuredContent": {"n": 1}})

    assert content["parts"][0]["functionResponse"]["response"] == {"output": {"n": 1}}


def test_images_reach_the_model() -> None:
    result = {"content": [text("Look."), {"type": "image", "data": PNG, "mimeType": "image/png"}]}
    url = f"data:image/png;base64,{PNG}"

    (anthropic,) = sent("anthropic", result)
    assert anthropic["content"][0]["content"][1]["source"] == {"type": "base64", "media_type": "image/png", "data": PNG}
    tool, user = sent("openai", result)
    assert tool["content"] == "Look.\n[image 1 of this call follows]"
    assert user["content"][1] == {"type": "image_url", "image_url": {"url": url}}
    (output,) = sent("openai-responses", result)
    assert output["output"][1] == {"type": "input_image", "detail": "auto", "image_url": url}
    (content,) = sent("gemini", result)
    assert content["parts"][0]["functionResponse"]["parts"] == [{"inlineData": {"mimeType": "image/png", "data": PNG}}]


def test_images_of_several_calls_follow_the_last_tool_message() -> None:
    result = {"content": [{"type": "image", "data": PNG, "mimeType": "image/png"}]}

    assert [one["role"] for one in sent("openai", result, result)] == ["tool", "tool", "user"]


@pytest.mark.parametrize("form", FORMS)
def test_documents_reach_the_model_or_are_named(form: str) -> None:
    resource = {"uri": "file:///a.pdf", "mimeType": "application/pdf", "blob": PDF}

    said = json.dumps(sent(form, {"content": [{"type": "resource", "resource": resource}]}))

    assert (PDF in said) == (form in ("anthropic", "openai-responses", "gemini"))
    assert PDF in said or "file:///a.pdf" in said


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"type": "audio", "data": PNG, "mimeType": "audio/wav"}, "audio/wav"),
        ({"type": "image", "data": PNG, "mimeType": "image/tiff"}, "image/tiff"),
        ({"type": "image", "data": "%%%", "mimeType": "image/png"}, "cannot be read"),
        ({"type": "image", "data": "", "mimeType": "image/png"}, "cannot be read"),
        ({"type": "image"}, "cannot be read"),
        ({"type": "resource", "resource": {"uri": "a://b", "text": "words"}}, "words"),
        ({"type": "resource_link", "uri": "a://b", "name": "B", "description": "of b"}, "a://b"),
        ({"type": "hologram", "data": "x"}, "hologram"),
        ({"type": "text", "text": "half a sign: \ud83d"}, "half a sign: ?"),
        ({"no": "type"}, "cannot be shown"),
        ("words", "cannot be shown"),
    ],
)
def test_what_an_api_cannot_show_is_named(form: str, block: Any, said: str) -> None:
    assert said in json.dumps(sent(form, {"content": [block]}))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "result", [{"content": []}, {"content": [text("")]}, {"content": [text(" \n")]}, {}, None, {"content": None}]
)
def test_an_empty_result_is_no_empty_message(form: str, result: Any) -> None:
    assert "without content" in json.dumps(sent(form, result))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "broken",
    [
        {"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "no such tool"}},
        {"code": -32602, "message": "no such tool"},
        RuntimeError("no such tool"),
        failure("no such tool"),
        {"content": [text("no such tool"), {"type": "image", "data": PNG, "mimeType": "image/png"}], "isError": True},
    ],
)
def test_an_error_of_any_kind_is_an_error_to_the_model(form: str, broken: Any) -> None:
    said = json.dumps(sent(form, broken))

    assert "no such tool" in said
    assert "is_error" in said or "Error: " in said or '"error"' in said


def test_a_question_in_mid_call_is_answered_in_words() -> None:
    (message,) = sent("openai", {"resultType": "input_required", "inputRequests": {}})

    assert "asks something back" in message["content"]


def test_objects_of_an_sdk_are_results_too() -> None:
    from pydantic import BaseModel, ConfigDict, Field

    class Block(BaseModel):
        type: str = "text"
        text: str = "a"

    class Result(BaseModel):
        model_config = ConfigDict(populate_by_name=True)
        content: list[Block] = Field(default_factory=lambda: [Block()])
        is_error: bool = Field(default=False, alias="isError")
        structured_content: dict[str, int] | None = Field(default=None, alias="structuredContent")

    assert sent("openai", Result())[0]["content"] == "a"
    assert sent("openai", Result(is_error=True))[0]["content"] == "Error: a"
    assert sent("gemini", Result(content=[], structured_content={"n": 1}))[0]["parts"][0]["functionResponse"][
        "response"
    ] == {"output": {"n": 1}}


@pytest.mark.parametrize("form", [*FORMS, "mcp"])
def test_no_results_are_no_message(form: Any) -> None:
    assert Toolset(TOOLS, form).results([]) == []
