"""What a model of each provider answers when it calls tools: objects of the providers' own SDKs, built here."""

import json
from typing import Any

from anthropic.types import Message, TextBlock, ToolUseBlock, Usage
from google.genai import types as gemini
from llama_api_client.types import CreateChatCompletionResponse
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

Asked = tuple[str, dict[str, Any]]  # name, arguments


def anthropic_message(*asked: Asked) -> Message:
    calls = [
        ToolUseBlock(id=f"c{at}", name=name, input=dict(one), type="tool_use") for at, (name, one) in enumerate(asked)
    ]
    return Message(
        id="msg_1",
        content=[TextBlock(type="text", text="Let me look.", citations=None), *calls],
        model="claude",
        role="assistant",
        stop_reason="tool_use",
        type="message",
        usage=Usage(input_tokens=1, output_tokens=1),
    )


def openai_completion(*asked: Asked) -> ChatCompletion:
    calls = [
        {"id": f"c{at}", "type": "function", "function": {"name": name, "arguments": json.dumps(one)}}
        for at, (name, one) in enumerate(asked)
    ]
    message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": calls}
    return ChatCompletion.model_validate(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt",
            "choices": [{"index": 0, "finish_reason": "tool_calls", "logprobs": None, "message": message}],
        }
    )


def openai_response(*asked: Asked) -> Response:
    output = [
        {"type": "function_call", "id": f"fc_{at}", "call_id": f"c{at}", "name": name, "arguments": json.dumps(one)}
        for at, (name, one) in enumerate(asked)
    ]
    return Response.model_validate(
        {
            "id": "resp_1",
            "object": "response",
            "created_at": 1,
            "model": "gpt",
            "output": [{"type": "reasoning", "id": "rs_1", "summary": []}, *output],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        }
    )


def gemini_response(*asked: Asked) -> gemini.GenerateContentResponse:
    calls = [gemini.FunctionCall(id=f"c{at}", name=name, args=one) for at, (name, one) in enumerate(asked)]
    parts = [gemini.Part(text="Let me look."), *(gemini.Part(function_call=call) for call in calls)]
    content = gemini.Content(role="model", parts=parts)
    return gemini.GenerateContentResponse(candidates=[gemini.Candidate(content=content)])


def llama_response(*asked: Asked) -> CreateChatCompletionResponse:
    calls = [
        {"id": f"c{at}", "function": {"name": name, "arguments": json.dumps(one)}}
        for at, (name, one) in enumerate(asked)
    ]
    message = {"role": "assistant", "stop_reason": "tool_calls", "tool_calls": calls}
    return CreateChatCompletionResponse.model_validate({"completion_message": message})


ANSWERS = {
    "anthropic": anthropic_message,
    "openai": openai_completion,
    "openai-responses": openai_response,
    "gemini": gemini_response,
    "llama": llama_response,
}
