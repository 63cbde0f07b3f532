"""Members that may pass, and members that may not: chosen by path, whatever they hold.

Knows: objects and lists, as JSON text. Refuses to guess: what is no JSON has no members, and whether it passes is the
operator's word. Numbers keep their very digits: what is kept is not decoded.
"""

from collections.abc import Iterable

import msgspec

from narthex.model.json_path import Paths, Places
from narthex.wire.strict import encode

_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_EMPTY = {b"{": b"{}", b"[": b"[]"}


class Fields:
    """The choice of one rule."""

    __slots__ = ("_drop", "_keep")

    def __init__(self, keep: Iterable[str] | None, drop: Iterable[str]) -> None:
        self._keep = None if keep is None else Paths(keep)
        self._drop = Paths(drop)

    @property
    def chooses(self) -> bool:
        """Only what somebody named passes."""
        return self._keep is not None

    def chosen(self, raw: bytes) -> bytes:
        """The JSON value without what may not pass. Raises `msgspec.DecodeError`."""
        keeping = self._keep.start if self._keep is not None else None
        value = raw.strip(b" \t\r\n")
        found = self._walk(value, keeping, self._drop.start)
        return found if found is not None else _EMPTY.get(value[:1], b"null")

    def _walk(self, raw: bytes, keeping: Places | None, dropping: Places) -> bytes | None:
        """`keeping` None: whatever is not dropped is kept. None: nothing is left."""
        if keeping is None and not self._drop:
            return raw
        sign = raw[:1]
        if sign == b"{":
            return self._members(raw, keeping, dropping)
        if sign == b"[":
            items = _list(raw)
            kept = [self._walk(bytes(item), keeping, dropping) for item in items]
            left = [msgspec.Raw(item) for item in kept if item is not None]
            return encode(left) if left or not items else None
        return raw if keeping is None else None

    def _members(self, raw: bytes, keeping: Places | None, dropping: Places) -> bytes | None:
        left: dict[str, msgspec.Raw] = {}
        members = _object(raw)
        for name, value in members.items():
            dropped, below = self._drop.down(dropping, name)
            if dropped:
                continue
            further = keeping
            if keeping is not None and self._keep is not None:
                kept, further = self._keep.down(keeping, name)
                further = None if kept else further
            found = self._walk(bytes(value), further, below)
            if found is not None:
                left[name] = msgspec.Raw(found)
        return encode(left) if left or not members or keeping is None else None
