"""What is written where something was found.

Knows: the actions, and the signs that are safe inside any JSON string. Refuses to know: where it is written.

    mask      [email]
    drop      nothing; null for a number
    hash      [email#1f0c9a52e8b7]: the same for the same value, to whoever has it from this gateway
    tokenise  ‹email:7h2k9m4xq0›: the same, and it can be given back (`policy/reveal`)
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import NamedTuple

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"  # without i, l, o and u: whoever copies it, model or human, errs less
TOKEN_CHARS = 10  # fifty bits, and only of one's own: nobody guesses one among them
_HASH_CHARS = 12

OPENING, CLOSING = "‹", "›"


class Minted(NamedTuple):
    """A token that was given out, and what it stands for."""

    kind: str
    name: str  # the part that tells tokens of one kind apart
    value: str
    seconds: int  # how long it is good


class Pseudonyms:
    """Names for values that say nothing of them. One secret: equal values get equal names, in every process."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "<Pseudonyms>"

    def hashed(self, tenant: str, kind: str, value: str) -> str:
        """For the callers of one tenant alike."""
        return self._mac("hash", tenant, kind, value).hex()[:_HASH_CHARS]

    def token(self, holder: str, endpoint: str, kind: str, value: str) -> str:
        """For one caller at one endpoint alone."""
        number = int.from_bytes(self._mac("token", holder, endpoint, kind, value)[:8], "big")
        return "".join(_LETTERS[number >> 5 * place & 31] for place in range(TOKEN_CHARS))

    def _mac(self, *parts: str) -> bytes:
        text = b"".join(
            b"%d:%b" % (len(part), part) for part in (part.encode("utf-8", "surrogatepass") for part in parts)
        )
        return hmac.digest(self._key, text, hashlib.sha256)


def token_text(kind: str, name: str) -> str:
    return f"{OPENING}{kind}:{name}{CLOSING}"


Write = Callable[[str, str, str], str]  # (kind, action, value) -> what stands there instead
