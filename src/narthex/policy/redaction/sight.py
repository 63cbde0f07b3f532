"""JSON as the patterns see it: a text of the same length, in which nothing is an escape any more.

Knows: how JSON writes strings (RFC 8259, 7), and what of it could hide a thing or cut it in two. Refuses to decode: the
text is changed where something was found and nowhere else, so that numbers, order and white space stay what they are.
"""

import re
from functools import lru_cache

import msgspec

from narthex.limits import redaction_signs_known_max
from narthex.wire.strict import encode

# Control signs may stand in no JSON text as themselves.
_ESCAPED = re.compile(rb"(?:\\u(?!00[01])[0-9a-fA-F]{4})+|\\.", re.DOTALL)
_UNICODE = re.compile(rb"(?:\\u(?!00[01])[0-9a-fA-F]{4})+")
_STILL = re.compile(rb"\\u[0-9a-fA-F]{4}")
_decode = msgspec.json.Decoder(str).decode

# First half and rest of what was an escape. Neither can stand in a JSON text, and no pattern of a kind needs them.
FIRST, REST = 1, 2
_ESCAPES = (
    (b'\\"', b"\x01\x02"),
    (b"\\n", b"\x01\n"),
    (b"\\t", b"\x01\t"),
    (b"\\r", b"\x01\n"),
    (b"\\b", b"\x01\x02"),
    (b"\\f", b"\x01\x02"),
)
_BLOT = b"\x01" + 5 * b"\x02"
_SECOND = frozenset((REST, 9, 10))
_CONTINUES, _CONTINUED = 0b1100_0000, 0b1000_0000  # UTF-8: every byte of a sign but its first


def sighted(raw: bytes) -> tuple[bytes, bytes, bool]:
    """The text with every sign written as itself that can be; what patterns see of it; whether it holds backslashes
    that are escaped themselves. The very same objects where they do not differ."""
    if b"\\" not in raw:
        return raw, raw, False
    if b"\\\\" not in raw:
        view = raw.replace(b'\\"', b"\x01\x02")
        if b"\\" not in view:  # JSON in text mostly has no other escapes
            return raw, view, False
    text = plain(raw)
    return text, seen(text), b"\\\\" in text


def plain(raw: bytes) -> bytes:
    """The same JSON with every sign written as itself that can be. The very same object where all are."""
    if b"\\" not in raw or (b"\\u" not in raw and b"\\/" not in raw):
        return raw
    if b"\\\\" in raw:  # then only reading from the start tells which backslash escapes what
        return _ESCAPED.sub(_unescaped, raw)
    return _UNICODE.sub(_unescaped, raw).replace(b"\\/", b"/")


def _unescaped(match: re.Match[bytes]) -> bytes:
    return _signs(match.group())


@lru_cache(maxsize=redaction_signs_known_max)
def _signs(escaped: bytes) -> bytes:
    """What one escape, or a row of those that name signs by number, stands for."""
    if escaped == b"\\/":
        return b"/"
    if escaped[1:2] != b"u":
        return escaped
    try:
        return encode(_decode(b'"' + escaped + b'"'))[1:-1]
    except (msgspec.DecodeError, UnicodeError):
        return escaped  # half of a pair: no sign at all


def seen(text: bytes) -> bytes:
    """Escapes blotted out, byte for byte. `text` is what `plain` returned."""
    if b"\\" not in text:
        return text
    if b"\\\\" in text:
        text = text.replace(b"\\\\", b"\x01\x02")
    for escape, blot in _ESCAPES:
        text = text.replace(escape, blot)
    return _STILL.sub(_BLOT, text) if b"\\u" in text else text


def whole(view: bytes, start: int, end: int) -> tuple[int, int]:
    """The stretch with the escapes, and the signs of several bytes, that it begins and ends in."""
    while start and (
        view[start] & _CONTINUES == _CONTINUED or (view[start] in _SECOND and view[start - 1] in (FIRST, REST))
    ):
        start -= 1
    while end < len(view) and (
        view[end] & _CONTINUES == _CONTINUED or view[end - 1] == FIRST or (view[end] == REST and view[end - 1] == REST)
    ):
        end += 1
    return start, end
