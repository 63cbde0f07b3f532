"""What a tool's return value becomes: blocks for the model, and the same for machines.

Knows: pictures, sound, files, text, and everything JSON can say. Refuses to know: which function returned it.
"""

import base64
import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from narthex.libraries.schemas import encode
from narthex.libraries.server import Answer, Tree, text

_BLOCKS = ("text", "image", "audio", "resource", "resource_link")


@dataclass(frozen=True, slots=True)
class Image:
    """A picture for the model to look at: bytes, or a file."""

    data: bytes | str | Path
    mime_type: str = ""

    def block(self) -> Tree:
        return _media("image", self.data, self.mime_type or "image/png")


@dataclass(frozen=True, slots=True)
class Audio:
    """Sound: bytes, or a file."""

    data: bytes | str | Path
    mime_type: str = ""

    def block(self) -> Tree:
        return _media("audio", self.data, self.mime_type or "audio/wav")


@dataclass(frozen=True, slots=True)
class File:
    """A whole document in the answer, under a URI of its own."""

    uri: str
    data: bytes | str
    mime_type: str = ""

    def block(self) -> Tree:
        return {"type": "resource", "resource": contents(self.uri, self.data, self.mime_type)}


MEDIA = (Image, Audio, File)


def contents(uri: str, data: bytes | str, mime_type: str) -> Tree:
    """The contents of a resource."""
    if isinstance(data, str):
        return {"uri": uri, "mimeType": mime_type or "text/plain", "text": data}
    mime_type = mime_type or "application/octet-stream"
    return {"uri": uri, "mimeType": mime_type, "blob": base64.b64encode(data).decode()}


def answer_of(value: Any, *, structured: bool, wrapped: bool) -> Answer:
    """`structured`: an output schema promises an object. `wrapped`: it has the value under `result`."""
    if isinstance(value, Answer):
        return value
    if structured:
        said = encode(value)
        shown = b'{"result":' + said + b"}" if wrapped else said
        return Answer([text(value if type(value) is str else said.decode())], msgspec.Raw(shown))
    if value is None:
        return Answer([])
    if type(value) is str:
        return Answer([text(value)])
    if isinstance(value, list | tuple) and any(_is_block(one) for one in value):
        return Answer(_blocks(value))
    if _is_block(value):
        return Answer(_blocks([value]))
    if isinstance(value, bytes):
        return Answer([File("data:,", value).block()])
    said = encode(value)
    return Answer([text(said.decode())], msgspec.Raw(said) if said.startswith(b"{") else None)


def _blocks(values: Sequence[Any]) -> list[Tree]:
    return [_block(value) for value in values]


def _block(value: Any) -> Tree:
    if isinstance(value, MEDIA):
        return value.block()
    if _is_block(value):
        block: Tree = value
        return block
    return text(value if isinstance(value, str) else encode(value).decode())


def _is_block(value: Any) -> bool:
    return isinstance(value, MEDIA) or (isinstance(value, dict) and value.get("type") in _BLOCKS)


def _media(kind: str, data: bytes | str | Path, mime_type: str) -> Tree:
    if not isinstance(data, bytes):
        mime_type = mimetypes.guess_type(str(data))[0] or mime_type
        data = Path(data).read_bytes()
    return {"type": kind, "data": base64.b64encode(data).decode(), "mimeType": mime_type}
