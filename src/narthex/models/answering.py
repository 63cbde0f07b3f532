"""Results of tools as the messages that a provider's API wants after its model's calls.

Knows: the form of each API, and which kinds of content it shows its model. Refuses to know: which tool it was.
"""

from collections.abc import Sequence
from typing import Any

from narthex.models.call import Call
from narthex.models.content import EMPTY, Blob, Outcome, Part, Text, as_tree, outcome_of
from narthex.models.shapes import text_of

Tree = dict[str, Any]
Answered = Sequence[tuple[Call, Any]]

_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_TITLE_CHARS_MAX = 200
_GEMINI_BLOBS = frozenset({"image/png", "image/jpeg", "image/webp", "application/pdf"})


def messages_of(form: str, answered: Answered) -> list[Tree]:
    """What to append to the conversation after the model's own message, in the order of the calls."""
    return _WRITERS[form]([(call, outcome_of(result)) for call, result in answered], answered)


_Outcomes = Sequence[tuple[Call, Outcome]]


def _said(outcome: Outcome) -> str:
    """One text, for APIs that know no errors."""
    text = outcome.text or EMPTY
    return f"Error: {text}" if outcome.is_error and not text.lower().startswith("error") else text


def _anthropic(outcomes: _Outcomes, _: Answered) -> list[Tree]:
    blocks = [
        {
            "type": "tool_result",
            "tool_use_id": call.id or "",
            "content": _anthropic_content(outcome),
            **({"is_error": True} if outcome.is_error else {}),
        }
        for call, outcome in outcomes
    ]
    return [{"role": "user", "content": blocks}] if blocks else []


def _anthropic_content(outcome: Outcome) -> list[Tree]:
    if outcome.is_error:  # this API takes nothing but text in an error
        return [{"type": "text", "text": outcome.text or EMPTY}]
    blocks = [_anthropic_block(part) for part in outcome.parts]
    if outcome.structured is not None or not blocks:
        blocks.append({"type": "text", "text": EMPTY if outcome.structured is None else text_of(outcome.structured)})
    return blocks


def _anthropic_block(part: Part) -> Tree:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    source = {"type": "base64", "media_type": part.mime, "data": part.data}
    if part.mime in _IMAGES:
        return {"type": "image", "source": source}
    if part.mime == "application/pdf":
        return {"type": "document", "source": source, "title": part.name[:_TITLE_CHARS_MAX]}
    return {"type": "text", "text": part.in_words()}


def _openai(outcomes: _Outcomes, _: Answered) -> list[Tree]:
    """Tool messages hold text alone, so images follow in a message of the user, after the last of them."""
    messages: list[Tree] = []
    shown: list[Tree] = []
    for call, outcome in outcomes:
        role = {"role": "tool", "tool_call_id": call.id} if call.id is not None else {"role": "ipython"}
        pictures = [part for part in outcome.parts if isinstance(part, Blob) and part.mime in _IMAGES]
        rest = [part for part in outcome.parts if part not in pictures]
        words = [Text(f"[image {number} of this call follows]") for number in range(1, len(pictures) + 1)]
        messages.append({**role, "content": _said(outcome._replace(parts=[*rest, *words]))})
        for number, part in enumerate(pictures, 1):
            shown.append({"type": "text", "text": f"Image {number} of the call {call.id or ''} of {call.as_called}:"})
            shown.append({"type": "image_url", "image_url": {"url": _data_url(part)}})
    return [*messages, {"role": "user", "content": shown}] if shown else messages


def _responses(outcomes: _Outcomes, _: Answered) -> list[Tree]:
    return [
        {"type": "function_call_output", "call_id": call.id or "", "output": _responses_output(outcome)}
        for call, outcome in outcomes
    ]


def _responses_output(outcome: Outcome) -> str | list[Tree]:
    shown = [part for part in outcome.parts if isinstance(part, Blob) and _responses_block(part) is not None]
    if not shown or outcome.is_error:
        return _said(outcome)
    rest = outcome._replace(parts=[part for part in outcome.parts if part not in shown]).text
    words: list[Tree] = [{"type": "input_text", "text": rest}] if rest else []
    return [*words, *(block for part in shown if (block := _responses_block(part)) is not None)]


def _responses_block(part: Blob) -> Tree | None:
    if part.mime in _IMAGES:
        return {"type": "input_image", "detail": "auto", "image_url": _data_url(part)}
    if part.mime == "application/pdf":
        return {"type": "input_file", "filename": "document.pdf", "file_data": _data_url(part)}
    return None


def _gemini(outcomes: _Outcomes, _: Answered) -> list[Tree]:
    parts = []
    for call, outcome in outcomes:
        shown = [part for part in outcome.parts if isinstance(part, Blob) and part.mime in _GEMINI_BLOBS]
        rest = outcome._replace(parts=[part for part in outcome.parts if part not in shown])
        response: Tree = {"name": call.as_called, "response": _gemini_response(rest, outcome)}
        if call.id is not None:
            response["id"] = call.id
        if shown and not outcome.is_error:
            response["parts"] = [{"inlineData": {"mimeType": part.mime, "data": part.data}} for part in shown]
        parts.append({"functionResponse": response})
    return [{"role": "user", "parts": parts}] if parts else []


def _gemini_response(rest: Outcome, whole: Outcome) -> Tree:
    if whole.is_error:
        return {"error": whole.text or EMPTY}
    if rest.structured is not None and not rest.parts:
        return {"output": rest.structured}
    if rest.structured is not None:
        return {"output": rest._replace(structured=None).text, "structured": rest.structured}
    return {"output": rest.text or ("(see the parts)" if whole.parts else EMPTY)}


def _mcp(_: _Outcomes, answered: Answered) -> list[Tree]:
    return [as_tree(result) for _, result in answered]


def _data_url(part: Blob) -> str:
    return f"data:{part.mime};base64,{part.data}"


_WRITERS = {
    "anthropic": _anthropic,
    "openai": _openai,
    "openai-responses": _responses,
    "gemini": _gemini,
    "llama": _openai,
    "mcp": _mcp,
}
