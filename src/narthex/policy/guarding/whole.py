"""A result that does not fit, as pages to be read one by one.

Knows: what of a result is text, and where a page may end. Refuses to know: addresses, and who reads.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from narthex.limits import result_compared_bytes_max
from narthex.policy.guarding.text import pages

_decode: Any = msgspec.json.Decoder().decode
_UNREAD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_JSON, _TEXT = "application/json", "text/plain"
_LISTS = ("content", "contents")


class Page(NamedTuple):
    """One answer of `resources/read`."""

    kind: str  # its MIME type
    content: bytes  # UTF-8, or base64 where it is a blob
    is_blob: bool = False


def pages_of(members: dict[str, Any], room: int) -> tuple[Page, ...]:
    """All of a result that somebody could read, in its order. `room`: bytes of JSON that the text of one may take."""
    parts = [part for name in _LISTS for part in _parts(_opened(members.get(name)))]
    structured = members.get("structuredContent")
    if structured is not None and not any(_same(text, structured) for _, text, _ in parts):
        parts.insert(0, (_JSON, _text_of(structured), False))
    return tuple(_paged(parts, room))


def _paged(parts: list[tuple[str, str, bool]], room: int) -> Iterator[Page]:
    for kind, text, is_blob in parts:
        if is_blob:
            yield Page(kind, text.encode(), is_blob=True)
        else:
            yield from (Page(kind, piece.encode()) for piece in pages(text, room))


def _parts(content: Any) -> Iterator[tuple[str, str, bool]]:
    for block in content if type(content) is list else ():
        if type(block) is not dict:
            continue
        inner = block.get("resource")
        fields = inner if type(inner) is dict else block
        kind = fields.get("mimeType")
        if type(fields.get("text")) is str:
            text = fields["text"]
            yield (kind if type(kind) is str else _kind_of(text)), text, False
        else:
            blob = fields.get("blob", fields.get("data"))
            if type(blob) is str:
                yield (kind if type(kind) is str else "application/octet-stream"), blob, True


def _kind_of(text: str) -> str:
    if text[:1] not in ("{", "["):
        return _TEXT
    if len(text) > result_compared_bytes_max:
        return _JSON if text.rstrip()[-1:] in ("}", "]") else _TEXT
    return _TEXT if _read(text.encode()) is None else _JSON


def _same(text: str, structured: Any) -> bool:
    """Whether a text part says what the structured content says, as servers do for clients that read only text."""
    if text[:1] not in ("{", "[") or len(text) > result_compared_bytes_max:
        return False
    return bool(_read(text.encode()) == _opened(structured))


def _text_of(value: Any) -> str:
    return bytes(value).decode() if type(value) is msgspec.Raw else msgspec.json.encode(value).decode()


def _opened(value: Any) -> Any:
    return _read(value) if type(value) is msgspec.Raw else value


def _read(text: Any) -> Any:
    try:
        return _decode(text)
    except _UNREAD:
        return None
