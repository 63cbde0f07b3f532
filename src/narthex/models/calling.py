"""Where the tool calls are in what a model answered, for each API.

Knows: the forms of the answers, whole or in part, as objects or as dicts. Refuses to know: which tools there are.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from narthex.limits import model_calls_max
from narthex.models.llama_text import calls_in
from narthex.models.shapes import listed, member, plain


class Raw(NamedTuple):
    """A call as the model wrote it: `arguments` a JSON text, or a value."""

    id: str | None
    name: str
    arguments: Any


def calls_of(form: str, answer: Any) -> list[Raw]:
    """Every call in `answer`, in order. Raises ValueError where there are more than anybody means."""
    found: list[Raw] = []
    for raw in _READERS[form](answer):
        if len(found) == model_calls_max:
            raise ValueError(f"more than {model_calls_max} tool calls in one answer")
        found.append(raw)
    return found


def _raw(call_id: Any, name: Any, arguments: Any) -> Raw:
    return Raw(call_id if isinstance(call_id, str) else None, name if isinstance(name, str) else "", arguments)


def _anthropic(answer: Any) -> Iterator[Raw]:
    """A Message, its content, or blocks of it."""
    content = member(answer, "content") if member(answer, "type") != "tool_use" else None
    for block in listed(answer if content is None else content):
        if member(block, "type") == "tool_use":
            yield _raw(member(block, "id"), member(block, "name"), member(block, "input"))


def _openai(answer: Any) -> Iterator[Raw]:
    """A ChatCompletion, a message of it, or its tool calls."""
    choices = listed(member(answer, "choices"))
    message = member(choices[0], "message") if choices else member(answer, "completion_message") or answer
    calls = member(message, "tool_calls")
    for call in listed(calls if calls is not None else message):
        function = member(call, "function")
        if function is not None and member(function, "name") is not None:
            yield _raw(member(call, "id"), member(function, "name"), member(function, "arguments"))


def _responses(answer: Any) -> Iterator[Raw]:
    """A Response, its output, or items of it."""
    output = member(answer, "output") if member(answer, "type") is None else None
    for item in listed(answer if output is None else output):
        if member(item, "type") == "function_call":
            yield _raw(member(item, "call_id"), member(item, "name"), member(item, "arguments"))


def _gemini(answer: Any) -> Iterator[Raw]:
    """A GenerateContentResponse, a Content, parts, or function calls; of the Live API, a tool call."""
    candidates = listed(member(answer, "candidates"))
    content = member(candidates[0], "content") if candidates else member(answer, "content") or answer
    parts = member(content, "parts")
    if parts is None:
        parts = member(content, "function_calls", "functionCalls")
    for part in listed(content if parts is None else parts):
        call = member(part, "function_call", "functionCall") or (part if member(part, "type") is None else None)
        if isinstance(member(call, "name"), str) and member(call, "response") is None:
            yield _raw(member(call, "id"), member(call, "name"), plain(member(call, "args")))


def _llama(answer: Any) -> Iterator[Raw]:
    """As OpenAI and Meta's own API have it; or the text of the model, where nobody has read it yet."""
    if isinstance(answer, str):
        for name, arguments in calls_in(answer):
            yield _raw(None, name, arguments)
    else:
        yield from _openai(answer)


def _mcp(answer: Any) -> Iterator[Raw]:
    """A `tools/call` request, or its params."""
    for one in listed(answer):
        params = member(one, "params") or one
        if member(params, "name") is not None:
            call_id = member(one, "id")
            yield _raw(None if call_id is None else str(call_id), member(params, "name"), member(params, "arguments"))


_READERS: dict[str, Callable[[Any], Iterator[Raw]]] = {
    "anthropic": _anthropic,
    "openai": _openai,
    "openai-responses": _responses,
    "gemini": _gemini,
    "llama": _llama,
    "mcp": _mcp,
}
