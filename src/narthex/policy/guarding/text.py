"""A text cut where it hurts least: at the end of a line, of a word, and never inside of a sign.

Knows: what a text takes once it is written as JSON. Refuses to know: what it says.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from narthex.wire.strict import encode

# Whole signs of a JSON string as `encode` writes them: none of them is ever torn apart.
_WHOLE = re.compile(
    rb"(?:[^\"\\\x80-\xff]++|\\(?:u[0-9a-fA-F]{4}|[^u])|[\xc0-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}"
    rb"|[\xf0-\xf7][\x80-\xbf]{3})*+",
    re.DOTALL,
)
_read: Any = msgspec.json.Decoder(str).decode


def written(text: str) -> int:
    """Bytes of it in a JSON string, without the quotes."""
    return len(encode(text)) - 2


def fitting(text: str, room: int) -> str:
    """As much of the start as fits into so many bytes of a JSON string."""
    piece = text[: max(room, 0)]
    raw = encode(piece)
    if len(raw) - 2 <= room:
        return piece
    found = _WHOLE.match(raw, 1, 1 + room)
    assert found is not None, "an empty text always fits"
    fits: str = _read(b'"' + raw[1 : found.end()] + b'"')
    return fits


def cut(text: str, room: int) -> str:
    """The same, up to the end of a line where the second half has one, or of a word where the last eighth has."""
    piece = fitting(text, room)
    if len(piece) == len(text):
        return piece
    end = piece.rfind("\n", len(piece) // 2)
    if end < 0:
        end = piece.rfind(" ", len(piece) - len(piece) // 8)
    return piece[:end] if end > 0 else piece


def pages(text: str, room: int) -> Iterator[str]:
    """The whole text in pieces that fit; put together they are the text again.

    Each ends with a line where its second half has an end of one, else behind a comma where its last eighth has one:
    a JSON text without lines is more readable so.
    """
    start = 0
    while start < len(text):
        piece = fitting(text[start : start + room], room)
        assert piece, "a page has room for one sign"
        if start + len(piece) < len(text):
            end = piece.rfind("\n", len(piece) // 2)
            if end < 0:
                end = piece.rfind(",", len(piece) - len(piece) // 8)
            piece = piece[: end + 1] if end >= 0 else piece
        yield piece
        start += len(piece)
