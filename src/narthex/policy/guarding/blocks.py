"""The parts of a result's content, as many as fit: texts are cut, pictures, sound and files stay whole or stay away.

Knows: the shapes of content blocks and of resource contents (2026-07-28, server/tools, server/resources). Refuses to
know: the rule, and the words of the note.
"""

from typing import Any, NamedTuple

import msgspec

from narthex.limits import result_cut_bytes_min, result_values_max
from narthex.policy.guarding.shorten import shortened
from narthex.policy.guarding.text import cut, written
from narthex.wire.strict import encode, more_values_than

Fields = dict[str, msgspec.Raw]

_several: Any = msgspec.json.Decoder(list[msgspec.Raw]).decode
_fields: Any = msgspec.json.Decoder(Fields).decode
_string: Any = msgspec.json.Decoder(str).decode
_UNREAD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_TRIES = 6


class Fitted(NamedTuple):
    """What is left of a list of parts."""

    parts: list[bytes]
    left_out: int  # parts that are not there at all
    open_end: bool  # the last one is a plain text that was cut: the note may follow in it


def fitted(raw: bytes, room: int) -> Fitted | None:
    """The parts that fit into so many bytes of JSON. None: it is no list, or has too many parts to be looked at."""
    if more_values_than(raw, result_values_max):
        return None
    try:
        items = [bytes(item).strip() for item in _several(raw)]
    except _UNREAD:
        return None
    parts: list[bytes] = []
    left_out, open_end, left = 0, False, room - 1
    for item in items:
        done, is_plain = (item, False) if len(item) + 1 <= left else _smaller(item, left - 1)
        if done is None:
            left_out += 1
            continue
        parts.append(done)
        left -= len(done) + 1
        open_end = is_plain
    return Fitted(parts, left_out, open_end)


def with_note(part: bytes, note: str) -> bytes:
    """A part whose text ends with the note, in a line of its own."""
    fields = _fields(part)
    if "resource" in fields:
        inner = _fields(fields["resource"])
        return encode({**fields, "resource": {**inner, "text": f"{_string(inner['text'])}\n{note}"}})
    return encode({**fields, "text": f"{_string(fields['text'])}\n{note}"})


def note_part(note: str) -> bytes:
    return encode({"type": "text", "text": note})


def _smaller(item: bytes, room: int) -> tuple[bytes | None, bool]:
    """A part with less text, and whether it is plain text; None: it cannot be made smaller."""
    try:
        fields = _fields(item)
        if "text" in fields:
            return _cut(fields, room)
        if "resource" in fields:
            inner = _fields(fields["resource"])
            if "text" in inner:
                around = len(encode({**fields, "resource": None})) - 4
                done, is_plain = _cut(inner, room - around)
                return (None, False) if done is None else (encode({**fields, "resource": msgspec.Raw(done)}), is_plain)
    except _UNREAD:
        pass  # not of the shape that the protocol has here
    return None, False


def _cut(fields: Fields, room: int) -> tuple[bytes | None, bool]:
    text = _string(fields["text"])
    inside = room - len(encode({**fields, "text": ""}))
    if inside < result_cut_bytes_min:
        return None, False
    found = _json(text, inside) if text[:1] in ("{", "[") else None
    return encode({**fields, "text": cut(text, inside) if found is None else found}), found is None


def _json(text: str, room: int) -> str | None:
    """A text that is JSON as a smaller one; None: it is none, or it cannot be made so small."""
    raw = text.encode()
    inner = room
    for _ in range(_TRIES):  # inside of a string every quote takes one byte more, and how many are left is not known
        found = shortened(raw, inner)
        if found is None:
            return None
        smaller = found.text.decode()
        size = written(smaller)
        if size <= room:
            return smaller
        inner = min(inner - 1, len(found.text) * room // size)
    return None
