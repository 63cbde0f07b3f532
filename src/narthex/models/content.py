"""What a tool gave back, as parts that any provider's form can be made of.

Knows: the content blocks of MCP, and the text that stands for those that a provider cannot show. Refuses to know:
providers. A part is good: its text can be encoded, its base64 decoded; a provider refuses a whole conversation else,
for ever.
"""

import binascii
import json
from typing import Any, NamedTuple

from narthex.models.shapes import Tree, listed, member, plain, sendable, text_of

EMPTY = "(The tool answered without content.)"
_ASKS = "The tool asks something back, and nobody here can answer it. Call it otherwise, or do without it."


class Text(NamedTuple):
    text: str


class Blob(NamedTuple):
    """Something in base64: an image, a sound, a document."""

    mime: str
    data: str
    name: str

    def in_words(self) -> str:
        return f"[{self.name}: {self.mime}, {len(self.data) * 3 // 4} bytes, which cannot be shown here]"


Part = Text | Blob


class Outcome(NamedTuple):
    """The parts, in order; `structured` is None where the tool gave nothing for machines, or one part says the same."""

    parts: list[Part]
    structured: Any
    is_error: bool

    @property
    def text(self) -> str:
        """All that is text, with a line for each other part."""
        said = [part.text if isinstance(part, Text) else part.in_words() for part in self.parts]
        if self.structured is not None:
            said.append(text_of(self.structured))
        return "\n".join(said)


def outcome_of(result: Any) -> Outcome:
    """The outcome of a `tools/call`: its result, an error of JSON-RPC, or an exception."""
    if isinstance(result, BaseException):
        return Outcome([Text(sendable(str(result)) or type(result).__name__)], None, True)
    tree = plain(result)
    error = member(tree, "error")
    if error is None and member(tree, "code") is not None and member(tree, "content") is None:
        error = tree
    if error is not None:
        said = member(error, "message")
        return Outcome([Text(sendable(said if isinstance(said, str) else text_of(error)))], None, True)
    if member(tree, "resultType") not in (None, "complete"):
        return Outcome([Text(_ASKS)], None, True)
    parts = [part for block in listed(member(tree, "content")) for part in _parts_of(block)]
    structured = member(tree, "structuredContent", "structured_content")
    if any(_says(part, structured) for part in parts):
        structured = None
    return Outcome(parts, structured, member(tree, "isError", "is_error") is True)


def _says(part: Part, structured: Any) -> bool:
    """Whether a text is the copy of the structured content that servers send for older clients."""
    if structured is None or not isinstance(part, Text) or part.text[:1] not in "{[":
        return False
    try:
        return bool(json.loads(part.text) == structured)
    except (ValueError, RecursionError):
        return False


def _parts_of(block: Any) -> list[Part]:
    match member(block, "type"):
        case "text":
            said = member(block, "text")
            return [Text(sendable(said))] if isinstance(said, str) and said.strip() else []
        case "image" | "audio" as kind:
            return [_blob(block, member(block, "data"), kind)]
        case "resource":
            return _resource(member(block, "resource"))
        case "resource_link":
            words = (member(block, "title", "name"), member(block, "uri"), member(block, "description"))
            return [Text(sendable(": ".join(str(word) for word in words if word)))]
        case kind:
            return [Text(f"[A block of type {text_of(kind)}, which cannot be shown here]")]


def _resource(resource: Any) -> list[Part]:
    uri = sendable(str(member(resource, "uri") or "a resource"))
    said = member(resource, "text")
    if isinstance(said, str):
        return [Text(f"{uri}:\n{sendable(said)}")] if said.strip() else []
    return [_blob(resource, member(resource, "blob"), uri)]


def _blob(holder: Any, data: Any, name: str) -> Part:
    mime = member(holder, "mimeType", "mime_type")
    mime = mime.partition(";")[0].strip().lower() if isinstance(mime, str) else "application/octet-stream"
    if isinstance(data, (bytes, bytearray)):
        data = binascii.b2a_base64(data, newline=False).decode()
    try:
        clean = "".join(data.split()) if isinstance(data, str) else ""
        binascii.a2b_base64(clean, strict_mode=True)
    except (ValueError, binascii.Error):
        clean = ""
    return Blob(mime, clean, name) if clean else Text(f"[{name}: {mime}, which cannot be read]")


def as_tree(result: Any) -> Tree:
    """A result as a dict, for MCP itself."""
    tree = plain(result)
    if isinstance(tree, dict) and "content" in tree:
        return tree
    outcome = outcome_of(result)
    return {"content": [{"type": "text", "text": outcome.text}], "isError": outcome.is_error}
