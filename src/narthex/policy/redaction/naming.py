"""Names of people and places, which have no form: what was found in the texts of a message, by somebody who was asked
before.

Knows: the texts, and the stretches of them that are names. Refuses to know: who finds them, and to wait. A text that
nobody has looked at does not pass.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from narthex.policy.redaction import disguise

Span = tuple[int, int, str]  # from, to (in signs), kind
Findings = list[tuple[int, int, int]]  # start, end (in bytes), place

_decode = msgspec.json.Decoder(str).decode
_SIGN = re.compile(rb"\\u[0-9a-fA-F]{4}|\\.|[\x00-\x7f]|[\xc0-\xff][\x80-\xbf]*", re.DOTALL)
# Members' names as programs write them are no names of people, and neither are the protocol's own words.
_IDENTIFIER = re.compile(rb'"[a-z][a-z0-9]*(?:_[a-z0-9]+|[A-Z][a-z0-9]*)*"')
_OF_THE_PROTOCOL = frozenset(
    b'"%b"' % word
    for word in (b"text", b"image", b"audio", b"resource", b"resource_link", b"user", b"assistant", b"complete")
)
_COLON = re.compile(rb"[ \t\r\n]*:")


class Unnamed(Exception):
    """Whoever looks for names has not looked at all of it. The text says why, to be read by a caller."""


class Informed:
    """What is known of one call. It stands where `Pseudonyms` does (`model.call.Call.pseudonyms`), and is one, too."""

    __slots__ = ("found", "gone", "hashed", "lenient", "token", "wanted")

    def __init__(self, pseudonyms: Any) -> None:
        """`pseudonyms` None: said outside of any call, where there are none."""
        self.hashed = pseudonyms.hashed if pseudonyms is not None else None
        self.token = pseudonyms.token if pseudonyms is not None else None
        self.found: dict[str, tuple[Span, ...]] = {}
        self.wanted: set[str] | None = None  # while it is found out what would be asked for
        self.gone = ""  # why nobody can be asked
        self.lenient = False  # what nobody has looked at passes, by the operator's choice

    def __repr__(self) -> str:
        return "<Informed>"

    def of(self, text: str) -> tuple[Span, ...]:
        """The names in a text. Raises `Unnamed`."""
        known = self.found.get(text)
        if known is not None:
            return known
        if self.wanted is not None:
            self.wanted.add(text)
        elif not self.lenient:
            raise Unnamed(self.gone)
        return ()


def names(text: bytes, view: bytes, informed: Informed, places: Mapping[str, int], *, bare: bool) -> Findings:
    """What is a name in a JSON text, as `Engine` has it. `bare`: no sign of it looks like another any more."""
    found: Findings = []
    for start, end in _strings(view):
        quoted = text[start:end]
        if not _may_hold(quoted, view, end) or (not bare and not quoted.isascii() and disguise.occurs(quoted)):
            continue  # what is disguised is looked at without its disguise (`Engine`)
        spans = [(first, last, places[kind]) for first, last, kind in informed.of(_decode(quoted)) if kind in places]
        if spans:
            at = _places(quoted)
            found += [(start + at[first], start + at[last], place) for first, last, place in spans]
    return found


def _strings(view: bytes) -> Iterator[tuple[int, int]]:
    """Every string of it, quotes included, but for those that are JSON themselves: they are looked at as such."""
    position = view.find(b'"')
    while position >= 0:
        end = view.find(b'"', position + 1) + 1
        if not end:
            return
        if view[position + 1]:
            yield position, end
        position = view.find(b'"', end)


def _may_hold(quoted: bytes, view: bytes, end: int) -> bool:
    if quoted in _OF_THE_PROTOCOL:
        return False
    if _IDENTIFIER.fullmatch(quoted) is not None and _COLON.match(view, end) is not None:
        return False
    return not quoted.isascii() or any(sign.isalpha() for sign in quoted.decode())


def _places(quoted: bytes) -> list[int] | range:
    """Where each sign of a string begins in its JSON text; one more for its end."""
    if b"\\" not in quoted and quoted.isascii():
        return range(1, len(quoted))
    return [*(sign.start() for sign in _SIGN.finditer(quoted, 1, len(quoted) - 1)), len(quoted) - 1]
