"""A JSON text made smaller, and still JSON: lists keep their first entries, long texts their start, objects all keys.

Knows: sizes. What fits whole stays, byte for byte, as it came. Refuses to know: schemas, and what the values mean.
"""

from typing import Any, NamedTuple

import msgspec

from narthex.limits import (
    result_cut_bytes_min,
    result_effort_times_max,
    result_levels_opened_max,
    result_values_max,
)
from narthex.policy.guarding.text import cut, fitting
from narthex.wire.strict import encode, more_values_than

_items: Any = msgspec.json.Decoder(list[msgspec.Raw]).decode
_members: Any = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_string: Any = msgspec.json.Decoder(str).decode
_ELLIPSIS = "…"
_ELLIPSIS_BYTES = len(_ELLIPSIS.encode())
_SPACE = b" \t\r\n"


class Cut(NamedTuple):
    """One place where something was left out."""

    pointer: str  # RFC 6901
    kind: str  # "entries" of a list, "bytes" of a text
    shown: int
    of: int


class Shortened(NamedTuple):
    text: bytes
    cuts: tuple[Cut, ...] = ()


class _TooMuch(Exception):
    """It would take too long to find out."""


def shortened(text: bytes, room: int) -> Shortened | None:
    """At most `room` bytes of JSON; None: it cannot be made so small."""
    if len(text) > room and more_values_than(text, result_values_max):
        return None
    try:
        return _Shortening(result_effort_times_max * (len(text) + 1)).value(text.strip(_SPACE), room, "", 0)
    except (_TooMuch, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


class _Shortening:
    """One text. `effort`: bytes that may be read for it."""

    def __init__(self, effort: int) -> None:
        self._left = effort

    def value(self, text: bytes, room: int, pointer: str, level: int) -> Shortened | None:
        if len(text) <= room:
            return Shortened(text)
        self._left -= len(text)
        if self._left < 0:
            raise _TooMuch
        first = text[:1]
        if first == b'"':
            return _text(text, room, pointer)
        if level >= result_levels_opened_max:
            return None
        if first == b"[":
            return self._list(text, room, pointer, level)
        return self._object(text, room, pointer, level) if first == b"{" else None

    def _list(self, text: bytes, room: int, pointer: str, level: int) -> Shortened | None:
        if room < 2:
            return None
        items = [bytes(item).strip(_SPACE) for item in _items(text)]
        kept: list[bytes] = []
        cuts: tuple[Cut, ...] = ()
        left = room - 1  # an entry takes itself and a comma, or the closing bracket
        for item in items:
            if len(item) + 1 > left:
                break
            kept.append(item)
            left -= len(item) + 1
        if len(kept) < len(items) and left > room // 2:  # one large entry must not cost all of it
            last = self.value(items[len(kept)], left - 1, f"{pointer}/{len(kept)}", level + 1)
            if last is not None:
                kept.append(last.text)
                cuts = last.cuts
        if len(kept) < len(items):
            cuts = (Cut(pointer, "entries", len(kept), len(items)), *cuts)
        return Shortened(b"[" + b",".join(kept) + b"]", cuts)

    def _object(self, text: bytes, room: int, pointer: str, level: int) -> Shortened | None:
        members = {name: bytes(value).strip(_SPACE) for name, value in _members(text).items()}
        names = {name: encode(name) for name in members}
        rest = room - 1 - max(1, sum(len(name) + 2 for name in names.values()))
        sizes = {name: len(value) for name, value in members.items()}
        rigid = {name for name, value in members.items() if not _yields(value)}
        done: dict[str, Shortened] = {}
        while True:
            share = _share(sizes, rigid, rest)
            if share is None:
                return None
            stiff = set()
            for name in sizes.keys() - rigid:
                found = self.value(members[name], share, f"{pointer}/{_escaped(name)}", level + 1)
                if found is None:
                    stiff.add(name)
                else:
                    done[name] = found
            if not stiff:
                break
            rigid |= stiff
        pieces = [names[name] + b":" + (members[name] if name in rigid else done[name].text) for name in members]
        cuts = tuple(one for name in members if name not in rigid for one in done[name].cuts)
        return Shortened(b"{" + b",".join(pieces) + b"}", cuts)


def _share(sizes: dict[str, int], rigid: set[str], rest: int) -> int | None:
    """What each member that yields may take, so that all fit: those that need less leave the rest to the others."""
    left = rest - sum(sizes[name] for name in rigid)
    several = sorted(size for name, size in sizes.items() if name not in rigid)
    for place, size in enumerate(several):
        share = left // (len(several) - place)
        if size > share:
            return share if share >= 0 else None
        left -= size
    return (several[-1] if several else 0) if left >= 0 else None


def _yields(value: bytes) -> bool:
    """Whether it can be made smaller, as far as one can tell from the outside."""
    return value[:1] in (b"[", b"{") or (value[:1] == b'"' and len(value) - 2 >= result_cut_bytes_min)


def _text(text: bytes, room: int, pointer: str) -> Shortened | None:
    inside = room - 2 - _ELLIPSIS_BYTES
    if len(text) - 2 < result_cut_bytes_min or inside < result_cut_bytes_min // 2:
        return None
    whole = _string(text)
    piece = cut(whole, inside)
    if piece == whole:  # it was written with more escapes than it needs
        return Shortened(encode(whole))
    return Shortened(encode(piece + _ELLIPSIS), (Cut(pointer, "bytes", len(piece.encode()), len(whole.encode())),))


def _escaped(name: str) -> str:
    return fitting(name, 60).replace("~", "~0").replace("/", "~1")
