"""Sealed rows: what is kept on a disk, unreadable there, and of use only in the very place it was written for.

Knows: purposes, places, AES-256-GCM. Refuses to know: where rows and keys are kept, and what they say.

A sealed row is one byte for the form, the key's id (4 bytes), a nonce (12) and the ciphertext. The place (its column
values) is authenticated with it, so that no row can be moved to another owner, server or issuer.
"""

import os
from collections.abc import Sequence

import msgspec
from cryptography.exceptions import InvalidTag

from narthex.wire.ring import KEY_ID_BYTES, NONCE_BYTES, Ring

GRANT, FLOW, CLIENT = b"grant", b"flow", b"client"
_PURPOSES = (GRANT, FLOW, CLIENT)
_FORM = b"\x01"
_HEAD_BYTES = len(_FORM) + KEY_ID_BYTES + NONCE_BYTES


class Damaged(Exception):
    """This row was not written here, with these keys, for this place. It never says which."""

    def __init__(self) -> None:
        super().__init__("What was kept there cannot be opened.")


class Safe:
    """Seals with the first key of a ring, opens with all."""

    __slots__ = ("_ring",)

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ring = Ring(b"narthex/vault/1/", keys, _PURPOSES)

    def __repr__(self) -> str:
        return f"<Safe {len(self._ring.keys[GRANT])} keys>"

    def seal(self, purpose: bytes, place: Sequence[str | bytes], content: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        head = _FORM + self._ring.first + nonce
        return head + self._ring.keys[purpose][self._ring.first].encrypt(nonce, content, _bound(head, place))

    def open(self, purpose: bytes, place: Sequence[str | bytes], sealed: bytes) -> bytes:
        """Raises Damaged."""
        head = sealed[:_HEAD_BYTES]
        key = self._ring.keys[purpose].get(head[1 : 1 + KEY_ID_BYTES])
        if key is None or len(head) < _HEAD_BYTES or not head.startswith(_FORM):
            raise Damaged
        try:
            return key.decrypt(head[-NONCE_BYTES:], sealed[_HEAD_BYTES:], _bound(head, place))
        except InvalidTag:
            raise Damaged from None


def _bound(head: bytes, place: Sequence[str | bytes]) -> bytes:
    """Each part with its length, so that no two places read the same."""
    return head + msgspec.msgpack.encode(list(place))
