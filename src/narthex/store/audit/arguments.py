"""What is written down of a call's arguments: a digest that only the house can compare.

Knows: a key and a hash. Refuses to know: what arguments mean.

A plain hash of `{"id": 17}` is no secret: whoever has the log tries every number. So it is keyed. The same arguments
have the same digest in whatever order a client wrote their keys, so that they can be looked for.
"""

from hashlib import blake2b
from pathlib import Path

import msgspec

from narthex.store.keys import load_keys

FILE = "audit-digest-key.json"
DIGEST_BYTES = 16

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(order="sorted").encode


class ArgumentsDigest:
    """Makes digests with the key of one state folder."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "<ArgumentsDigest>"

    @classmethod
    def load(cls, state: Path) -> "ArgumentsDigest":
        """Raises `StateFault`."""
        return cls(load_keys(state, FILE)[0])

    def of(self, arguments: object) -> str:
        """Of decoded arguments."""
        try:
            text = _encode(arguments)
        except (ValueError, OverflowError, TypeError):  # a number without end, half a character: nobody sent that
            return ""
        return blake2b(text, key=self._key, digest_size=DIGEST_BYTES).hexdigest()

    def of_json(self, arguments: bytes | msgspec.Raw) -> str:
        """Of arguments as JSON. Raises `msgspec.DecodeError`."""
        return self.of(_decode(arguments))
